"""What a chat said before and does not say now, by cases and by an oracle."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kchat_search.chats import former
from kchat_search.chats.former import FormerMessage, differing, former_messages
from kchat_search.chats.passages import passages_of
from kchat_search.chats.reader import ChatReader
from kchat_search.kchat.json_codec import encode
from kchat_search.kchat.parse import ChatParser
from kchat_search.models.chats import StoredVersion
from kchat_search.models.damage import DamagedRow

READER = ChatReader(ChatParser(ZoneInfo("Asia/Shanghai")).parse_archived)
AGENTS = {"2192": "李雷"}
NOW = datetime(2016, 5, 20, 4, 0, tzinfo=UTC)
Json = dict[str, Any]


def message(number: int | None, msg: object, **fields: Any) -> Json:
    sent = {"id": number, "type": "chat.msg", "name": "访客5", "msg": msg}
    return sent | {"created_at": "2019-07-02 00:05:00"} | fields


def file(number: int, name: str, **fields: Any) -> Json:
    upload = {"id": 9, "name": name, "url": "https://a.b/c"} | fields
    return message(number, "", type="chat.upload", upload=upload)


def chat(*messages: object) -> Json:
    return {"id": 1, "agent_id": 2192, "messages": list(messages)}


def stored(*versions: Json | DamagedRow) -> list[StoredVersion | DamagedRow]:
    return [
        one if isinstance(one, DamagedRow) else StoredVersion(1, number, encode(one), "", NOW)
        for number, one in enumerate(versions, 1)
    ]


def said_before(*versions: Json | DamagedRow) -> tuple[FormerMessage, ...]:
    """What the versions before the last one said, and the last one does not."""
    *earlier, present = stored(*versions)
    assert isinstance(present, StoredVersion)
    found = differing(present.raw, reversed(earlier))
    return former_messages(READER.read(present.raw, AGENTS), found, READER, AGENTS)


SECRET = message(11, "琥珀色长颈鹿是密钥")


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([chat(SECRET)], []),
        ([chat(SECRET), chat(SECRET, message(12, "好"))], []),
        (
            [chat(SECRET), chat(message(11, "消息已撤回", recalled=True))],
            [(1, "琥珀色长颈鹿是密钥")],
        ),
        ([chat(SECRET), chat(message(11, "", recalled=1))], [(1, "琥珀色长颈鹿是密钥")]),
        ([chat(SECRET), chat()], [(1, "琥珀色长颈鹿是密钥")]),
        # recalled, but Kchat still sends the text, and the page shows it
        ([chat(SECRET), chat(SECRET | {"recalled": True})], []),
        # the newest version that has a text, each text once
        (
            [chat(SECRET), chat(SECRET, message(12, "好")), chat()],
            [(2, "琥珀色长颈鹿是密钥"), (2, "好")],
        ),
        (
            [chat(message(11, "一")), chat(message(11, "二")), chat(message(11, "三"))],
            [(2, "二"), (1, "一")],
        ),
        # said again: it is said now
        ([chat(message(11, "一")), chat(message(11, "二")), chat(message(11, "一"))], [(2, "二")]),
        # people saw the same
        ([chat(message(11, "退款")), chat(message(11, "<p>退款</p>"))], []),
        ([chat(message(11, "退款")), chat(message(11, "退 款") | {"id": "11"})], [(1, "退款")]),
        ([chat(SECRET), chat(SECRET | {"name": "王先生", "is_read": 0})], []),
        # another message may say the same
        ([chat(SECRET, message(12, "好")), chat(message(12, "琥珀色长颈鹿是密钥"))],
         [(1, "琥珀色长颈鹿是密钥"), (1, "好")]),
        # without ids, any message counts
        ([chat(message(None, "一")), chat(message(None, "好"), message(None, "一"))], []),
        ([chat(message(None, "一")), chat(message(None, "好"))], [(1, "一")]),
        # files
        ([chat(file(11, "报告.PDF")), chat(message(11, "", recalled=True))], [(1, "报告.PDF")]),
        ([chat(file(11, "a.png", token="x")), chat(file(11, "a.png", token="y"))], []),
        # what PHP sends in the place of a list
        ([chat() | {"messages": {"1": SECRET}}, chat()], [(1, "琥珀色长颈鹿是密钥")]),
        ([chat() | {"messages": None}, chat(SECRET)], []),
        # what is damaged is left out, and the others are looked into
        (
            [chat(SECRET), DamagedRow("versions", "its row is missing", "none", 1, 2), chat()],
            [(1, "琥珀色长颈鹿是密钥")],
        ),
    ],
)  # fmt: skip
def test_what_a_chat_said_before_and_does_not_say_now(
    versions: Sequence[Json | DamagedRow], expected: list[tuple[int, str]]
) -> None:
    assert [(each.version, each.visible) for each in said_before(*versions)] == expected


def test_who_said_it_and_when_are_those_of_that_version() -> None:
    joined = [
        message(n, "", type="chat.memberjoin", name=x) for n, x in ((1, "王先生"), (2, "小林"))
    ]
    talk = [message(3, "我是客户", name="王先生"), message(4, "账号是 88", name="小林")]
    found = said_before(chat(*joined, *talk), chat(*joined))
    assert [(each.passage.speaker, each.passage.sender) for each in found] == [
        ("visitor", "王先生"),
        ("agent", "小林"),
    ]
    assert {each.passage.said for each in found} == {1561997100}
    assert found[1].passage.joined == ("账号是88",)
    assert [each.message.id for each in found] == [3, 4]


def test_of_very_many_former_messages_the_newest_are_looked_into_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(former, "MAX_CHARACTERS", 600)
    versions = [chat(message(11, f"文{n}" * 30)) for n in range(9)]
    found = said_before(*versions)
    assert [each.version for each in found] == [8]
    assert "versions up to 7 are not searched" in caplog.text


@pytest.mark.parametrize("seed", range(60))
def test_it_is_what_reading_every_version_whole_gives(seed: int) -> None:
    rng = random.Random(seed)
    texts = ("", "一", "二", "<p>二</p>", "三 三", "消息已撤回")

    def some(number: int) -> Json:
        given = rng.choice((number, number, number, None))
        if rng.random() < 0.2:
            return file(number, rng.choice(("a.png", "b.png")), token=rng.random())
        return message(given, rng.choice(texts), is_read=rng.random())

    versions = [chat(*(some(n) for n in range(1, rng.randint(1, 6)))) for _ in range(6)]
    read = [READER.read(encode(each), AGENTS) for each in versions]
    pairs = [
        {
            (one.chat.messages[place].id, passage.text)
            for place, passage in passages_of(one)
            if place is not None
        }
        for one in read
    ]
    anywhere = {text for _, text in pairs[-1]}
    before = {
        (number, text)
        for number, text in set().union(*pairs[:-1])
        if text and (text not in anywhere if number is None else (number, text) not in pairs[-1])
    }
    found = [(each.message.id, each.passage.text) for each in said_before(*versions)]
    assert set(found) == before
    assert len(found) == len(before)
