"""What a sync could not prove, in Chinese and in English. `sync.decide` writes the sentences."""

from __future__ import annotations

import re

from kchat_search.serialization.notes import Language

_CHINESE: tuple[tuple[str, str], ...] = (
    (r"The list of chats could not be proven complete: ", "尚不能证明对话列表完整："),
    (
        r"Kchat counts ([0-9]+) chats and shows ([0-9]+)\. ?",
        "Kchat 称有 {0} 个对话，只列出 {1} 个。",
    ),
    (r"(?<![0-9])([0-9]+) pages of the list could not be fetched\. ?", "列表有 {0} 页没有取到。"),
    (r"Kchat shows the same page again and again\. ?", "Kchat 反复列出同一页。"),
    (
        r"the last pass still met ([0-9]+) chats that earlier ones had missed\. ?",
        "最近一遍仍遇到 {0} 个先前漏掉的对话。",
    ),
    (r"The next (?:reconcile|sync) tries again\. ?", "下次核对会再试。"),
    (r"Page ([0-9]+) of the list could not be fetched: .*", "列表第 {0} 页没有取到，下次再取。"),
)
_PATTERNS = [(re.compile(pattern), words) for pattern, words in _CHINESE]


def sync_note(note: str, language: Language) -> str | None:
    """A note of a report in this language; None if it is not known there."""
    if language == "en":
        return note
    said, rest = "", note[:2_000].replace("\n", " ")
    while rest:
        for pattern, words in _PATTERNS:
            if (found := pattern.match(rest)) is not None:
                said += words.format(*found.groups())
                rest = rest[found.end() :]
                break
        else:
            return None
    return said
