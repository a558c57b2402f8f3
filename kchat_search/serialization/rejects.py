"""Why a chat could not be understood and what to do, in Chinese and in English.

A reject's reason is written where it is found (`kchat.parse`, `sync.fetcher`), in English. Here the
sentences that are known there get their words; any other is left to whoever reads it in English.
"""

from __future__ import annotations

import re

from kchat_search.serialization.notes import Language
from kchat_search.serialization.reasons import ReasonWords

_RETRIED: dict[Language, str] = {
    "zh": "每次核对都会再试；在 Kchat 中改正后，或升级程序后，它会自动归档。",
    "en": "Each reconcile tries again: once it is corrected in Kchat, or the program is upgraded, "
    "it is archived by itself.",
}
_FETCHED: dict[Language, str] = {
    "zh": "下次同步会自动再取，无需处理。",
    "en": "The next sync fetches it again; there is nothing to do.",
}
_PAGE: dict[Language, str] = {
    "zh": "请把 KCHAT_PER_PAGE 调低（例如 20）；之后会自动再取。",
    "en": "Set a lower KCHAT_PER_PAGE, such as 20; then it is fetched again.",
}
_REPAIRED: dict[Language, str] = {
    "zh": "请停止 kchat-search 后运行 kchat-search repair。",
    "en": "Stop kchat-search and run kchat-search repair.",
}
_KNOWN: tuple[tuple[str, str, str, dict[Language, str]], ...] = (
    (r"^a chat must be an object", "它不是一个对话对象", "It is no chat object", _RETRIED),
    (r"^id must be a whole number", "没有可用的对话编号", "It has no usable id", _RETRIED),
    (
        r"^created_at can't be read as a time: (.*)",
        "创建时间无法识别：{0}",
        "When it was created can't be read: {0}",
        _RETRIED,
    ),
    (r"^messages must be a list", "消息不是一个列表", "Its messages are no list", _RETRIED),
    (
        r"^messages\[([0-9]+)\] must be an object",
        "第 {0} 条消息（从 0 数起）不是一个对象",
        "Message {0} (from 0) is no object",
        _RETRIED,
    ),
    (r"^(\w+) must be a number or a text", "{0} 的值无法识别", "{0} can't be read", _RETRIED),
    (r"^(\w+) is longer than", "{0} 的值太长", "{0} is too long", _RETRIED),
    (r"^nested ", "数据的层级太深", "It is nested too deeply", _RETRIED),
    (r"^its JSON is longer than", "数据太大", "It is too large", _RETRIED),
    (r"set a lower KCHAT_PER_PAGE", "Kchat 的回答太大", "Kchat's answer is too large", _PAGE),
    (r"^(?:Kchat |https?://|There was no answer)", "没有取到", "It could not be fetched", _FETCHED),
    (r"kchat-search repair", "归档中的这条记录已损坏", "Its record is damaged", _REPAIRED),
)
_PATTERNS = [(re.compile(pattern), zh, en, todo) for pattern, zh, en, todo in _KNOWN]
_OTHER: dict[Language, str] = {
    "zh": "程序不认识的数据",
    "en": "Data that the program does not know",
}
_END: dict[Language, str] = {"zh": "。", "en": "."}
_LONGEST = 120
"""Characters of what was sent that are repeated."""


def reject_words(reason: str, language: Language) -> ReasonWords:
    """Why a chat could not be understood, and what can be done."""
    line = reason[:2_000].replace("\n", " ")
    for pattern, chinese, english, todo in _PATTERNS:
        if (found := pattern.search(line)) is not None:
            said = chinese if language == "zh" else english
            parts = [part[:_LONGEST] for part in found.groups()]
            return ReasonWords(said.format(*parts) + _END[language], todo[language])
    return ReasonWords(_OTHER[language] + _END[language], _RETRIED[language])
