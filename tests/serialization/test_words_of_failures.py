"""What failed is said in one language: errors, rejects, and what a sync could not prove."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import pytest

from kchat_search import errors
from kchat_search.kchat.parse import ChatParser
from kchat_search.models.chats import RejectedChat
from kchat_search.serialization.reasons import _EN, _OTHER, _WORDS, _ZH, reason_words
from kchat_search.serialization.rejects import _OTHER as _OTHER_DATA
from kchat_search.serialization.rejects import reject_words
from kchat_search.serialization.sync_notes import sync_note
from kchat_search.sync.decide import Pass, after_pass

HAN = re.compile(r"[\u4e00-\u9fff]")
CAUSES = {
    "KchatUnreachable": [
        "name", "tls", "time-out", "connection", "proxy", "network", "broken", "address",
    ],
    "KchatRefused": ["401", "403"],
    "KchatNotFound": [],
    "KchatBusy": ["pause"],
    "KchatBadAnswer": ["page", "redirect"],
}  # fmt: skip


@pytest.mark.parametrize("name", [*CAUSES, "SettingsError", "ArchiveError", "ArchiveFull"])
def test_every_failure_of_a_sync_has_words_and_a_way_on(name: str) -> None:
    error = getattr(errors, name)("text")
    for kind in (error.kind, *(f"{name}.{cause}" for cause in CAUSES.get(name, ()))):
        for language, table in _WORDS.items():
            assert kind in table
            what, todo = reason_words(kind, language)
            assert bool(HAN.search(what + todo)) == (language == "zh")
            assert what, kind
            assert todo, kind


def test_both_languages_know_the_same_kinds() -> None:
    assert _ZH.keys() == _EN.keys()
    assert reason_words("KchatBusy.new", "en") == _EN["KchatBusy"]
    for unknown in ("new", "", None):
        assert reason_words(unknown, "zh") == _OTHER["zh"]


@pytest.mark.parametrize(
    "sent",
    [
        "text",
        {"id": "x"},
        {"id": 1, "created_at": "tomorrow"},
        {"id": 1, "messages": "none"},
        {"id": 1, "messages": [1]},
        {"id": 1, "agent_id": {"a": 1}},
        {"id": 1, "agent_id": "9" * 500},
    ],
    ids=["text", "id", "time", "messages", "message", "agent", "long"],
)
def test_every_reason_of_the_parser_has_words(sent: object) -> None:
    rejected = ChatParser(ZoneInfo("Asia/Shanghai")).parse_chat(sent)
    assert isinstance(rejected, RejectedChat)
    for language, other in _OTHER_DATA.items():
        what, todo = reject_words(rejected.reason, language)
        assert not what.startswith(other), rejected.reason
        assert bool(HAN.search(todo)) == (language == "zh")
    assert reject_words("odd", "en").what == "Data that the program does not know."


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("created_at can't be read as a time: \"明天\"", '创建时间无法识别："明天"。'),
        ("messages[3] must be an object, this is", "第 3 条消息（从 0 数起）不是一个对象。"),
        ("Kchat is busy. https://a answered 503: x", "没有取到。"),
        ("the answer is longer than 9 bytes: set a lower KCHAT_PER_PAGE; x", "Kchat 的回答太大。"),
    ],
    ids=["time", "message", "busy", "large"],
)  # fmt: skip
def test_a_reject_says_what_is_wrong_with_it(reason: str, words: str) -> None:
    assert reject_words(reason, "zh").what == words


@pytest.mark.parametrize(
    ("state", "count", "whole"),
    [
        (Pass(number=5, seen=24), 25, True),
        (Pass(number=5, seen=25, failed=2), 25, True),
        (Pass(number=5, seen=25, missed=2), 25, True),
        (Pass(number=5, seen=25), 25, False),
    ],
    ids=["short", "failed pages", "missed chats", "no end"],
)
def test_what_a_sync_could_not_prove_is_said_in_chinese(
    state: Pass, count: int, whole: bool
) -> None:
    note = after_pass(state, count, whole=whole).note
    assert note is not None
    said = sync_note(note, "zh")
    assert said is not None
    assert said.startswith("尚不能证明对话列表完整：")
    assert not re.search(r"[A-Za-z]{3}", said.replace("Kchat", ""))
    assert sync_note(note, "en") == note
    assert sync_note(note + " And more.", "zh") is None
