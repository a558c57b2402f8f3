"""From JSON to records: tables of what servers send, and properties of any JSON."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kchat_search.chats.addresses import _without_dangling_separators, url_without_tokens
from kchat_search.errors import KchatBadAnswer
from kchat_search.kchat.json_codec import decode, decode_answer, encode
from kchat_search.kchat.parse import MAX_CHAT, ChatParser
from kchat_search.kchat.upload_tokens import (
    chat_without_upload_tokens,
    content_digest,
)
from kchat_search.models.chats import Chat, FetchedChat, Message, RejectedChat, Upload

SHANGHAI = ZoneInfo("Asia/Shanghai")
PARSER = ChatParser(SHANGHAI)
MORNING = datetime(2015, 4, 25, 0, 4, 12, tzinfo=UTC)


def understood(**fields: object) -> Chat:
    parsed = PARSER.parse_chat({"id": 290, **fields})
    assert isinstance(parsed, FetchedChat), parsed
    return parsed.chat


def refused(item: object) -> RejectedChat:
    parsed = PARSER.parse_chat(item)
    assert isinstance(parsed, RejectedChat), parsed
    return parsed


def message(**fields: object) -> Message:
    return understood(messages=[fields]).messages[0]


# -- JSON ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>\x00\x1b[31m</html>", b'{"chats": [', b"[" * 100_000, b"{} {}", b"\xff\xfe"],
)
def test_a_body_that_is_not_json_is_a_bad_answer_whose_error_shows_the_beginning(
    body: bytes,
) -> None:
    with pytest.raises(KchatBadAnswer) as caught:
        decode_answer(body)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"\xef\xbb\xbf[1]", [1]),
        (b"1" * 640, int("1" * 640)),
        (b"1" * 641, "1" * 641),
        (b"1" * 5000, "1" * 5000),
        (b"[NaN, Infinity, -Infinity, 1e999]", ["NaN", "Infinity", "-Infinity", "1e999"]),
        (rb'"a\ud800b\u0000"', "a\ud800b\0"),
        (b'"a\xffb"', "a\udcffb"),
    ],
)
def test_unusual_values_are_kept_and_survive_a_round_trip(body: bytes, value: object) -> None:
    assert decode_answer(body) == value
    assert decode(encode(value).encode()) == value


# -- ids, texts, times -----------------------------------------------------------------------


@pytest.mark.parametrize("sent", [290, "290", 290.0, " 290 ", "290.0"])
def test_a_chat_id_becomes_a_number_in_whatever_form_it_is_sent(sent: object) -> None:
    assert understood(id=sent).id == 290


@pytest.mark.parametrize(
    "sent", [None, True, 0, -1, 2**63, "", "x", "２９０", 2.5, 1e300, [], {}, "9" * 5000]
)
def test_a_chat_without_a_usable_id_is_rejected_with_its_raw_json(sent: object) -> None:
    reject = refused({"id": sent, "status": "open"})
    assert reject.reason.startswith("id must be")
    assert reject.key.startswith("raw:")
    assert json.loads(reject.raw) == {"id": sent, "status": "open"}


@pytest.mark.parametrize("field", ["agent_id", "visitor_id", "user_id"])
@pytest.mark.parametrize(
    ("sent", "id_"),
    [
        (2192, "2192"),
        ("2192", "2192"),
        (2192.0, "2192"),
        (" u-7 ", "u-7"),
        ("a\ud800", "a\ufffd"),
        (None, None),
        ("", None),
        (0, None),
        ("0", None),
    ],
)
def test_ids_of_people_have_one_text_form(field: str, sent: object, id_: str | None) -> None:
    assert getattr(understood(**{field: sent}), field) == id_


@pytest.mark.parametrize("field", ["agent_id", "visitor_id", "user_id"])
@pytest.mark.parametrize("sent", [{"id": 1}, [1], True, "x" * 256])
def test_a_chat_with_an_invalid_id_of_a_person_is_rejected_and_the_reason_names_the_field(
    field: str, sent: object
) -> None:
    reject = refused({"id": 290, field: sent})
    assert field in reject.reason
    assert (reject.key, reject.chat_id) == ("chat:290", 290)


@pytest.mark.parametrize(
    ("sent", "moment"),
    [
        ("2015-04-25 08:04:12", MORNING),
        ("2015-04-25T08:04:12", MORNING),
        ("2015-04-25T00:04:12Z", MORNING),
        ("2015-04-25T02:04:12.000+02:00", MORNING),
        (1429920252, MORNING),
        ("1429920252", MORNING),
        (1429920252000, MORNING),
        (None, None),
        ("", None),
        ("  ", None),
        (0, None),
        ("0", None),
        ("0000-00-00 00:00:00", None),
        ("0000-00-00", None),
    ],
)
def test_times_are_read_in_the_zone_and_kept_in_utc(sent: object, moment: datetime | None) -> None:
    assert understood(created_at=sent).created_at == moment


@pytest.mark.parametrize(
    "sent",
    [
        "yesterday",
        "2015-13-01 00:00:00",
        "0001-01-01 00:00:00",
        True,
        [1],
        10**30,
        -(10**18),
        1e300,
    ],
)
def test_a_chat_with_an_unreadable_creation_time_is_rejected_and_other_unreadable_times_are_none(
    sent: object,
) -> None:
    assert "created_at" in refused({"id": 290, "created_at": sent}).reason
    chat = understood(assigned_at=sent, end_at=sent, messages=[{"created_at": sent}])
    assert (chat.assigned_at, chat.end_at, chat.messages[0].created_at) == (None, None, None)


def test_fields_that_were_not_sent_have_the_documented_defaults() -> None:
    assert understood() == Chat(290, "chat", "", "", None, None, None, None, None, None, None, ())


@pytest.mark.parametrize(
    ("sent", "rating"),
    [(1, "1"), ("1", "1"), (1.0, "1"), (0, "0"), ("满意", "满意"), (None, None), (" ", None)],
)
def test_a_rating_is_kept_as_the_text_that_was_sent(sent: object, rating: str | None) -> None:
    assert understood(rating=sent).rating == rating


# -- messages --------------------------------------------------------------------------------


@pytest.mark.parametrize(("fields", "has"), [({}, False), ({"messages": None}, False)])
def test_a_chat_that_was_sent_without_messages_says_so(
    fields: dict[str, object], has: object
) -> None:
    parsed = PARSER.parse_chat({"id": 1, **fields})
    assert isinstance(parsed, FetchedChat)
    assert parsed.has_messages is has
    whole = PARSER.parse_chat({"id": 1, "messages": []})
    assert isinstance(whole, FetchedChat)
    assert whole.has_messages


@pytest.mark.parametrize("sent", [{"id": 1}, "x", "[]", 0, True])
def test_a_chat_whose_messages_are_not_a_list_is_rejected(sent: object) -> None:
    assert "messages must be a list" in refused({"id": 1, "messages": sent}).reason


def test_a_message_that_is_not_an_object_is_rejected_with_its_index_and_null_is_skipped() -> None:
    assert "messages[1]" in refused({"id": 1, "messages": [{}, "x"]}).reason
    texts = understood(messages=[None, {"msg": "a"}, None, {"msg": "b"}]).messages
    assert [(m.position, m.text) for m in texts] == [(0, "a"), (1, "b")]


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("  你好\ud800\0", "  你好\ud800\0"),
        (None, ""),
        (12, "12"),
        (True, "true"),
        (["你"], '["你"]'),
        ({"title": "卡片", "token": "secret"}, '{"title":"卡片"}'),
    ],
)
def test_a_message_text_is_kept_as_sent(sent: object, text: str) -> None:
    assert message(msg=sent).text == text


def test_a_message_has_its_fields_and_none_where_they_cannot_be_read() -> None:
    sent = message(id="2620", type="chat.answer", name="李", role=" Agent ", recalled="1", new=[1])
    assert (sent.id, sent.type, sent.name, sent.role, sent.recalled) == (
        2620,
        "chat.answer",
        "李",
        "agent",
        True,
    )
    odd = message(id={}, role=None, recalled="0")
    assert (odd.id, odd.type, odd.name, odd.role, odd.recalled) == (None, "", "", None, False)


@pytest.mark.parametrize(
    ("fields", "upload"),
    [
        ({"upload": None}, None),
        ({"upload": "x"}, None),
        ({"upload": []}, None),
        ({"upload": {}, "upload_id": 0}, None),
        ({"upload_id": 7}, Upload("7", "", None, "", None)),
        (
            {"upload": {"id": 5, "name": "发票.pdf", "size": "120", "type": "pdf", "width": "3"}},
            Upload("5", "发票.pdf", 120, "pdf", None, 3),
        ),
        *(
            (
                {"upload": {"id": 5, "duration": sent}},
                Upload("5", "", None, "", None, duration=read),
            )
            for sent, read in (
                (12, 12.0),
                ("12.5", 12.5),
                (0, 0.0),
                (-1, None),
                (True, None),
                ("1e9", None),
                (10**400, None),
                ("12:30", None),
            )
        ),
        (
            {"upload": [{"id": 5, "name": "a.png", "size": "1 KB"}, {"name": "b.png"}]},
            Upload("5", "a.png, b.png", None, "", None),
        ),
        (
            {"upload": {"url": "https://h/f?token=a&x=1&oss_token=b", "token": "c"}},
            Upload(None, "", None, "", "https://h/f?x=1"),
        ),
    ],
)
def test_an_upload_has_no_tokens(fields: dict[str, object], upload: Upload | None) -> None:
    assert message(**fields).upload == upload


# -- depth -----------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [150, 900, 5000, 200_000])
def test_a_chat_that_is_nested_too_deeply_is_rejected_with_its_id(depth: int) -> None:
    deep: Any = []
    for _ in range(depth):
        deep = [deep]
    reject = refused({"id": 290, "status": "open", "odd": deep})
    assert reject.key == "chat:290"
    assert "nested" in reject.reason
    assert '"status":"open"' in reject.raw
    while deep:  # else Python would free it recursively
        deep = deep.pop()
    assert isinstance(PARSER.understand(reject.raw), RejectedChat)


@pytest.mark.parametrize(
    "odd",
    [
        lambda: {"messages": [{"id": 1, "msg": "x" * MAX_CHAT}]},
        lambda: {"messages": [{"id": n, "msg": "错" * 1000} for n in range(3000)]},
        lambda: {"x": "x" * MAX_CHAT},
        lambda: {"x" * MAX_CHAT: 1},
        lambda: {str(n): n for n in range(1_100_000)},
    ],
)
def test_a_chat_that_is_too_long_is_rejected_with_its_id(odd: Callable[[], dict[str, Any]]) -> None:
    """Indexing it would take many times its length of memory."""
    reject = refused({"id": 290, "status": "open", **odd()})
    assert (reject.key, reject.chat_id) == ("chat:290", 290)
    assert "longer than 16,777,216 bytes" in reject.reason
    assert '"status":"open"' in reject.raw
    assert len(reject.raw) < 50_000
    assert isinstance(PARSER.understand(reject.raw), RejectedChat)


def test_a_chat_with_20_000_messages_is_read() -> None:
    said = [{"id": n, "chat_id": 1, "type": "chat.msg", "name": "访客547", "role": "visitor",
             "msg": "你好，请问退款多久到账？订单号" * 3, "is_read": 1, "upload_id": None,
             "created_at": "2015-04-25 08:04:12"} for n in range(1, 20_001)]  # fmt: skip
    assert len(understood(messages=said).messages) == 20_000


def test_raw_json_that_is_nested_too_deeply_is_a_value_error() -> None:
    for raw in ("[" * 100_000, '{"id": 1, "messages": [{"msg": ' + "[" * 500 + "]" * 500 + "}]}"):
        with pytest.raises(ValueError, match="nested"):
            PARSER.parse_archived(raw)


# -- upload tokens and the digest --------------------------------------------------------------

SENT: dict[str, Any] = {
    "id": 1,
    "token": "kept in the digest",
    "messages": [
        {
            "msg": "see https://h/?token=mine",
            "upload": {
                "name": "a",
                "token": "t1",
                "url": "https://h/f?oss_token=t2&v=1&Signature=s1",
                "thumb": [{"oss_token": "t3", "size": 1}],
            },
        }
    ],
}


DANGLING = re.compile(r"(?:&amp;|[?&])+(?=#|$)")
"""What goes from an address that has lost a parameter. As a pattern it takes quadratic time."""


@given(st.text(st.sampled_from("?&#;amp\nx="), max_size=12))
def test_separators_that_nothing_follows_go_with_the_parameter_before_them(rest: str) -> None:
    without = url_without_tokens(f"https://h/f?token=a&{rest}")
    if "token=" not in without and not rest.startswith(("amp;", ";", "#")):
        assert without == DANGLING.sub("", f"https://h/f?{rest}")
    for text in (rest, rest * 2, f"{rest}&amp;", f"&{rest}"):
        assert _without_dangling_separators(text) == DANGLING.sub("", text)


def test_a_chat_without_upload_tokens_keeps_its_texts_letter_for_letter() -> None:
    shown = chat_without_upload_tokens(json.dumps(SENT))
    assert shown == chat_without_upload_tokens(SENT)
    sent: Any = shown["messages"]
    assert sent[0]["msg"] == "see https://h/?token=mine"
    assert sent[0]["upload"] == {
        "name": "a",
        "url": "https://h/f?v=1&Signature=s1",
        "thumb": [{"size": 1}],
    }
    assert "token" not in shown
    assert SENT["messages"][0]["upload"]["token"] == "t1"
    with pytest.raises(ValueError, match="object"):
        chat_without_upload_tokens("[]")


def test_the_digest_ignores_what_kchat_renews_and_nothing_else() -> None:
    renewed = copy.deepcopy(SENT)
    upload = renewed["messages"][0]["upload"]
    upload.update(token="new", url="https://h/f?v=1&Signature=s2&oss_token=n")
    upload["thumb"][0]["oss_token"] = "new"
    assert content_digest(renewed) == content_digest(SENT)
    assert content_digest(dict(reversed(SENT.items()))) == content_digest(SENT)
    for change in ({"token": "other"}, {"rating": None}, {"id": "1"}):
        assert content_digest(SENT | change) != content_digest(SENT)
    upload["url"] = "https://h/f?v=2"
    assert content_digest(renewed) != content_digest(SENT)


# -- properties ------------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=()), max_size=8),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "name", "token", "url", "k"]), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = ["id", "type", "name", "msg", "role", "created_at", "upload_id", "upload", "recalled"]
MESSAGES = st.lists(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5), max_size=3)
CHATS = st.fixed_dictionaries(
    {"id": st.integers(1, 2**63 - 1)},
    optional=dict.fromkeys(("type", "status", "rating", "visitor_id", "end_at"), SCALARS)
    | {"messages": MESSAGES, "extra": JSON},
)


@given(JSON | st.dictionaries(st.sampled_from(["id", "messages", "agent_id"]), JSON))
def test_any_json_is_parsed_or_rejected_and_never_raises(value: object) -> None:
    parsed = PARSER.parse_chat(value)
    assert parsed.raw.isascii()
    assert decode_answer(parsed.raw.encode()) is not ...
    if isinstance(parsed, FetchedChat):
        assert PARSER.parse_archived(parsed.raw) == parsed.chat
    for answer in (value, {"chats": [value], "next_page": value, "count": value}, {"chat": value}):
        try:
            PARSER.parse_list_page(answer, 1, 100)
            PARSER.parse_single_chat(answer, 290)
        except KchatBadAnswer:
            continue


@given(CHATS)
def test_a_chat_parsed_from_its_raw_json_is_the_same_chat(sent: dict[str, Any]) -> None:
    parsed = PARSER.parse_chat(sent)
    if isinstance(parsed, FetchedChat):
        assert PARSER.parse_archived(parsed.raw) == parsed.chat
        again = PARSER.parse_chat(json.loads(parsed.raw))
        assert isinstance(again, FetchedChat)
        assert (again.digest, again.raw) == (parsed.digest, parsed.raw)


def test_two_surrogates_sent_apart_are_parsed_as_the_archive_will_parse_them() -> None:
    parsed = PARSER.parse_chat({"id": 1, "messages": [{"msg": "\ud83d" + "\ude00"}]})
    assert isinstance(parsed, FetchedChat)
    assert parsed.chat.messages[0].text == "\U0001f600"
    assert PARSER.parse_archived(parsed.raw) == parsed.chat


@given(st.binary(max_size=40))
def test_any_bytes_are_json_or_a_bad_answer(body: bytes) -> None:
    with suppress(KchatBadAnswer):
        decode_answer(body)
