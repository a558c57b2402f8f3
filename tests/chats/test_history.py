from __future__ import annotations

import copy
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kchat_search.chats.history import (
    Difference,
    FieldDifference,
    History,
    MessageDifference,
    Reading,
    differences,
    value_text,
)
from kchat_search.kchat.json_codec import encode
from kchat_search.kchat.parse import ChatParser
from kchat_search.kchat.upload_tokens import content_digest, stable_content, without_upload_tokens
from kchat_search.models.chats import StoredVersion

PARSER = ChatParser(ZoneInfo("Asia/Shanghai"))
READING = Reading(
    sent_messages=PARSER.sent_messages,
    parse_messages=PARSER.parse_messages,
    without_upload_tokens=without_upload_tokens,
    stable_content=stable_content,
)
NOW = datetime(2016, 5, 20, 4, 0, tzinfo=UTC)


def message(number: int | None, msg: object = "你好", **fields: Any) -> dict[str, Any]:
    return {"id": number, "type": "chat.msg", "name": "访客5", "msg": msg, "is_read": 1} | fields


def upload(token: str, **fields: Any) -> dict[str, Any]:
    url = f"https://files.example.com/9?Expires=1&Signature={token}&token={token}"
    return {"id": 9, "name": "发票.pdf", "url": url, "token": token, "oss_token": token} | fields


def chat(*messages: object, **fields: Any) -> dict[str, Any]:
    return {"id": 290, "status": "open", "rating": None, "messages": list(messages)} | fields


def diff(before: dict[str, Any], after: dict[str, Any]) -> tuple[Difference, ...]:
    return differences(before, after, READING)


def told(found: tuple[Difference, ...]) -> list[tuple[object, ...]]:
    """Differences in short: (name, before, after), or (kind, id, position, text before, text
    after)."""
    return [
        (one.name, one.before, one.after)
        if isinstance(one, FieldDifference)
        else (
            one.kind,
            one.message.id,
            one.message.position,
            one.before and one.before.text,
            one.after and one.after.text,
        )
        for one in found
    ]


A, B, C, D = (message(number, text) for number, text in enumerate("甲乙丙丁", start=1))
FILE = message(5, "", upload=upload("old"))


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (chat(A, B), chat(A, B, C), [("added", 3, 2, None, "丙")]),
        (chat(A, B), chat(B), [("removed", 1, 0, "甲", None)]),
        (chat(A, B), chat(C, A, B), [("added", 3, 0, None, "丙")]),
        (chat(A, B), chat(A, B | {"msg": "乙!"}), [("changed", 2, 1, "乙", "乙!")]),
        (chat(A, B), chat(A, B | {"is_read": 0}), [("changed", 2, 1, "乙", "乙")]),
        (
            chat(A, B, C),
            chat(A, B | {"msg": "", "recalled": True}, C, D),
            [("recalled", 2, 1, "乙", ""), ("added", 4, 3, None, "丁")],
        ),
        # some servers keep the text of a recalled message, some write 1 for true
        (chat(A), chat(A | {"recalled": 1}), [("recalled", 1, 0, "甲", "甲")]),
        (chat(A | {"recalled": True}), chat(A), [("changed", 1, 0, "甲", "甲")]),
        (
            chat(A, B, C),
            chat(B, C | {"msg": "丙?"}),
            [("removed", 1, 0, "甲", None), ("changed", 3, 1, "丙", "丙?")],
        ),
        # as few messages as possible count as moved
        (chat(A, B, C, D), chat(B, C, D, A), [("changed", 1, 3, "甲", "甲")]),
        (
            chat(A, B, C),
            chat(D, B, A),
            [
                ("added", 4, 0, None, "丁"),
                ("changed", 2, 1, "乙", "乙"),
                ("removed", 3, 2, "丙", None),
            ],
        ),
        # an id as text is the same id
        (chat(A), chat(A | {"id": "1", "msg": "x"}), [("changed", 1, 0, "甲", "x")]),
        # of two messages with one id, the first stays the first
        (chat(A, A), chat(A, A | {"msg": "x"}), [("changed", 1, 1, "甲", "x")]),
        # without ids: by position, without the messages that both begin and end with
        (
            chat(message(None, "1"), message(None, "2"), message(None, "3")),
            chat(message(None, "1"), message(None, "3")),
            [("removed", None, 1, "2", None)],
        ),
        (
            chat(message(None, "1"), message(None, "2")),
            chat(message(None, "1"), message(None, "x"), message(None, "y")),
            [("changed", None, 1, "2", "x"), ("added", None, 2, None, "y")],
        ),
        (
            chat(A),
            chat(A, status="close", rating=1),
            [("status", "open", "close"), ("rating", None, 1)],
        ),
        (chat(A, later="x"), chat(A, sooner=[1]), [("sooner", None, [1]), ("later", "x", None)]),
        (chat(A, agent_id="1"), chat(A, agent_id=1), [("agent_id", "1", 1)]),
        (chat(messages=None), chat(A), [("added", 1, 0, None, "甲")]),
        (chat(messages=None), chat(), [("messages", None, [])]),
        (chat(None, A), chat(A, None), [("messages", [None, {}], [{}, None])]),
        (chat(None, A), chat(None, A, B), [("added", 2, 1, None, "乙")]),
        (chat(FILE), chat(FILE | {"msg": "!"}), [("changed", 5, 0, "", "!")]),
    ],
)
def test_what_changed_is_named(
    before: dict[str, Any], after: dict[str, Any], says: list[tuple[object, ...]]
) -> None:
    assert told(diff(before, after)) == says


def test_what_else_changed_of_a_message_is_named_field_by_field() -> None:
    before = chat(A | {"is_read": 0, "reply_timeout": 5}, B, FILE)
    after = chat(A | {"is_read": 1, "msg": "x"}, B, FILE | {"upload": upload("new", name="b.pdf")})
    first, second = diff(before, after)
    assert isinstance(first, MessageDifference)
    assert isinstance(second, MessageDifference)
    assert first.fields == (
        FieldDifference("is_read", 0, 1),
        FieldDifference("reply_timeout", 5, None),
    )
    assert first.text_changed
    assert [field.name for field in second.fields] == ["upload"]
    assert not second.text_changed
    assert second.message.upload
    assert second.message.upload.name == "b.pdf"
    moved = diff(chat(A, B, C), chat(C, A, B))[0]
    assert isinstance(moved, MessageDifference)
    assert moved.fields == (FieldDifference("position", 2, 0),)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (chat(A, B), chat(A, B)),
        (chat(A), dict(reversed(chat(dict(reversed(A.items()))).items()))),
        (chat(FILE), chat(FILE | {"upload": upload("new")})),
        (chat(A, token="old"), chat(A, token="new")),
        (chat(A, avatar_url="https://a/?token=1"), chat(A, avatar_url="https://a/?token=2")),
        (chat(A), chat(A, later=None)),
        (chat(A | {"upload": None}), chat(A)),
        (chat(A | {"is_read": 1}), chat(A | {"is_read": True})),
    ],
)
def test_what_is_no_change_is_not_named(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert diff(before, after) == ()


def test_no_token_is_in_a_change() -> None:
    secret = "s3cr3t"
    files = [FILE | {"upload": upload(secret + str(n), name=str(n))} for n in range(2)]
    pairs = [
        (chat(), chat(files[0])),
        (chat(files[0]), chat()),
        (chat(files[0]), chat(files[1])),
        (chat(files[0]), chat(FILE | {"upload": None})),
        (chat(extra={"token": secret}), chat(extra={"a": 1})),
        (chat(img_url=f"https://a/?token={secret}"), chat(img_url="https://a/")),
        (chat(A | {"msg": {"token": secret}}), chat(A | {"msg": {"token": secret, "x": 1}})),
    ]
    for before, after in pairs:
        found = diff(before, after)
        assert found or before.get("img_url")
        # a signature is no token, because a link to the file is dead without it
        assert secret not in str(found).replace(f"Signature={secret}", "")


def test_every_version_says_when_it_was_seen_and_until_when() -> None:
    sent = [chat(A), chat(A, B), chat(A, B, status="close")]
    stored = [
        StoredVersion(290, n, encode(one), content_digest(one), NOW + timedelta(days=n))
        for n, one in enumerate(sent, start=1)
    ]
    history = History(stored, READING)
    walked = list(history.walk())
    assert [one.number for one in walked] == [1, 2, 3]
    assert [told(one.differences) for one in walked] == [
        [],
        [("added", 2, 1, None, "乙")],
        [("status", "open", "close")],
    ]
    assert [one.until for one in walked] == [stored[1].seen_at, stored[2].seen_at, None]
    assert list(history.walk(1, 2)) == walked[1:2]
    assert list(history.walk(2)) == walked[2:]
    assert [history.index_of(number) for number in (0, 1, 3, 4)] == [None, 0, 2, None]
    assert history.sent(1) == sent[1]
    assert (len(history), history.size([0, 2])) == (3, len(stored[0].raw) + len(stored[2].raw))


@pytest.mark.parametrize(
    ("value", "text"),
    [("退款", "退款"), (None, ""), (5, "5"), (True, "true"), ({"a": ["退"]}, '{"a": ["退"]}')],
)
def test_a_value_is_shown_as_text(value: object, text: str) -> None:
    assert value_text(value) == text


# -- properties ------------------------------------------------------------------------------

small = st.sampled_from(["", "甲", "乙", "\ud83d", "\x00"])
tokens = st.sampled_from(["1", "2"])
said = st.fixed_dictionaries(
    {"id": st.sampled_from([1, 2, 3, 4, "4", None]), "msg": small},
    optional={
        "recalled": st.sampled_from([True, False, None]),
        "upload": st.one_of(st.none(), tokens.map(upload)),
        "is_read": st.integers(0, 2),
    },
)
sent_chats = st.fixed_dictionaries(
    {"id": st.just(290), "status": small},
    optional={
        "messages": st.one_of(st.none(), st.lists(st.one_of(st.none(), said, said), max_size=7)),
        "upload": tokens.map(upload),
        "extra": st.sampled_from([None, "", [], {"token": "1"}, {"token": "2"}]),
    },
)


def plain(sent: dict[str, Any]) -> object:
    """Everything of a chat that may count as a change. Two chats are alike if and only if these are
    equal."""

    def without_null(one: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in one.items() if value is not None}

    kept = without_null(sent)
    if "messages" in kept:
        kept["messages"] = [one and without_null(one) for one in kept["messages"]]
    return stable_content(without_upload_tokens(kept))


@given(sent_chats, sent_chats)
def test_there_are_changes_if_and_only_if_something_changed(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert (diff(before, after) == ()) == (plain(before) == plain(after))


@given(sent_chats, st.integers())
def test_order_of_keys_and_new_tokens_are_no_change(before: dict[str, Any], seed: int) -> None:
    def again(value: Any) -> Any:
        if isinstance(value, dict):
            keys = list(value)
            random.Random(seed).shuffle(keys)
            return {k: "new" if "token" in k else again(value[k]) for k in keys}
        return [again(one) for one in value] if isinstance(value, list) else value

    after = again(copy.deepcopy(before))
    assert diff(before, after) == ()


@given(sent_chats, sent_chats)
def test_the_messages_before_with_the_changes_made_are_the_messages_after(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    found = [one for one in diff(before, after) if isinstance(one, MessageDifference)]
    gone = {one.before.position for one in found if one.before}
    placed = {one.after.position: one.after for one in found if one.after}
    olds, news = (PARSER.parse_archived(json.dumps(one)).messages for one in (before, after))
    kept = iter([one for one in olds if one.position not in gone])
    made = [placed.get(place) or next(kept) for place in range(len(news))]
    assert next(kept, None) is None
    assert [one._replace(position=0, upload=None) for one in made] == [
        one._replace(position=0, upload=None) for one in news
    ]


@given(sent_chats, sent_chats)
def test_a_recall_is_named_so_and_nothing_else_is(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    for one in diff(before, after):
        if isinstance(one, MessageDifference):
            is_recall = bool(
                one.before and one.after and one.after.recalled and not one.before.recalled
            )
            assert (one.kind == "recalled") == is_recall
            assert (one.kind == "added") == (one.before is None)
            assert (one.kind == "removed") == (one.after is None)
