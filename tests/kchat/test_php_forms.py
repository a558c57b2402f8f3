"""Kchat as PHP sends it: lists with holes, nothing in five forms, numbers as texts, any order."""

from __future__ import annotations

import itertools
import json
import random
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kchat_search.errors import KchatBadAnswer
from kchat_search.kchat.answer_limits import first_id
from kchat_search.kchat.json_codec import decode
from kchat_search.kchat.message_order import Moment, sorted_places
from kchat_search.kchat.parse import ChatParser, message_objects, parse_agents_page
from kchat_search.kchat.php_values import as_list, is_nothing
from kchat_search.kchat.same_content import SameContent
from kchat_search.models.chats import Chat, FetchedChat, RejectedChat, Upload

PARSER = ChatParser(ZoneInfo("Asia/Shanghai"))
SAME = SameContent(PARSER)
TEN = datetime(2019, 6, 3, 2, tzinfo=UTC)  # 10:00 in Shanghai
NOTHING: list[Any] = [None, False, "", [], {}]


def parsed(listed: bool = False, **fields: Any) -> FetchedChat:
    sent = {"id": 290, **fields}
    found: Any = PARSER.parse_chat(sent)
    if listed:
        found = PARSER.parse_list_page({"chats": [sent]}, 1, 100).chats[0]
    assert isinstance(found, FetchedChat), found
    return found


def understood(**fields: Any) -> Chat:
    return parsed(**fields).chat


def said(
    number: int | None, text: str, time: str | None = "10:00:00", **more: Any
) -> dict[str, Any]:
    created = time and f"2019-06-03 {time}"
    return {"id": number, "msg": text, "created_at": created} | more


# -- lists -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "items"),
    [
        ([1, 2], [1, 2]),
        ([], []),
        ({}, []),
        ({"0": "a", "2": "b"}, ["a", "b"]),
        ({"10": "c", "2": "b", "0": "a"}, ["a", "b", "c"]),  # not «0, 10, 2»
        ({"-1": "a", "0": "b"}, ["a", "b"]),
        ({"5": {"0": 1}}, [{"0": 1}]),
        ({"0": "a", "x": "b"}, None),
        ({"01": "a"}, None),  # a text to PHP
        ({"１": "a"}, None),
        ({"1.0": "a"}, None),
        ({"": "a"}, None),
        ("", None),
        ("[]", None),
        (None, None),
        (False, None),
        (0, None),
    ],
    ids=repr,
)
def test_an_object_with_numbers_as_keys_is_a_list_in_their_order(
    sent: object, items: list[Any] | None
) -> None:
    assert as_list(sent) == items


def test_nothing_has_five_forms_and_zero_is_something() -> None:
    assert all(map(is_nothing, NOTHING))
    assert not any(map(is_nothing, [0, 0.0, "0", " ", True, [None], {"0": None}]))


HOLES = {"0": said(21, "缺口己一"), "2": said(23, "缺口己二"), "10": said(25, "缺口己三")}


@pytest.mark.parametrize("keys", list(itertools.permutations(HOLES)), ids=",".join)
def test_messages_with_holes_are_messages_and_the_raw_json_stays_as_sent(
    keys: tuple[str, ...],
) -> None:
    sent = {key: HOLES[key] for key in keys}
    found = parsed(messages=sent)
    assert [m.text for m in found.chat.messages] == ["缺口己一", "缺口己二", "缺口己三"]
    assert [m.position for m in found.chat.messages] == [0, 1, 2]
    assert list(json.loads(found.raw)["messages"]) == list(keys)
    assert PARSER.parse_archived(found.raw) == found.chat
    assert found.has_messages


@pytest.mark.parametrize("sent", NOTHING, ids=repr)
def test_no_messages_in_each_form(sent: object) -> None:
    found = parsed(messages=sent)
    assert found.chat.messages == ()
    assert found.has_messages is isinstance(sent, list | dict)  # else they were only left out


@pytest.mark.parametrize("sent", NOTHING, ids=repr)
def test_a_message_that_is_nothing_does_not_hide_the_others(sent: object) -> None:
    texts = [m.text for m in understood(messages=[said(1, "甲"), sent, said(2, "乙")]).messages]
    assert [text for text in texts if text] == ["甲", "乙"]


@pytest.mark.parametrize(
    "sent",
    [{"id": 1, "msg": "甲"}, {"0": "甲"}, {"0": {"msg": "甲"}, "n": 1}, "甲", 7, True, [["甲"]]],
    ids=repr,
)
def test_what_is_no_list_of_objects_stays_a_reject_with_the_reason(sent: object) -> None:
    reject = PARSER.parse_chat({"id": 290, "messages": sent})
    assert isinstance(reject, RejectedChat)
    assert "must be" in reject.reason
    assert json.loads(reject.raw)["messages"] == sent


@pytest.mark.parametrize(
    "chats",
    [
        [{"id": 1}, {"id": 2}],
        {"0": {"id": 1}, "2": {"id": 2}},
        {"10": {"id": 2}, "9": {"id": 1}},
    ],
    ids=repr,
)
def test_the_list_of_chats_may_have_holes(chats: object) -> None:
    page = PARSER.parse_list_page({"chats": chats, "count": "2"}, 1, 100)
    assert [one.chat.id for one in page.chats] == [1, 2]
    assert (page.size, page.count, page.last) == (2, 2, False)


def test_a_chat_in_a_list_with_holes_that_cannot_be_understood_is_a_reject() -> None:
    page = PARSER.parse_list_page({"chats": {"0": {"id": 1}, "3": {"id": "x"}}}, 1, 100)
    assert (len(page.chats), len(page.rejects)) == (1, 1)


def test_an_empty_page_in_each_form_and_an_error_that_looks_like_one() -> None:
    for empty in NOTHING[3:]:
        assert PARSER.parse_list_page({"chats": empty}, 1, 100).last
    for sent in NOTHING[:3]:
        assert PARSER.parse_list_page({"chats": sent, "count": 0}, 1, 100).last
        assert PARSER.parse_list_page({"chats": sent, "count": "100"}, 2, 100).last
        for answer in ({"chats": sent}, {"chats": sent, "count": 101}, {"count": 0}):
            with pytest.raises(KchatBadAnswer, match="no list «chats»"):
                PARSER.parse_list_page(answer, 2, 100)


def test_the_list_of_agents_may_have_holes() -> None:
    users = {"1": {"id": "2192", "name": "李雷"}, "0": {"id": 2193.0, "name": "韩梅梅"}}
    assert parse_agents_page({"users": users}, 1)[:2] == (
        {"2192", "2193"},
        {"2192": "李雷", "2193": "韩梅梅"},
    )
    assert parse_agents_page({"users": {}}, 1) == (set(), {}, True)
    with pytest.raises(KchatBadAnswer):
        parse_agents_page({"users": None}, 1)


def test_the_first_id_of_a_list_that_is_too_long() -> None:
    assert first_id(b'{"chats": {"0": {"id": 77, ') == 77
    assert first_id(b'{"chats": [{"id": 77, ') == 77


FILE = {"id": 5, "name": "发票.pdf", "size": "120", "type": "pdf"}
OTHER = {"id": 6, "name": "b.png"}


@pytest.mark.parametrize(
    ("sent", "upload"),
    [
        ({"upload": FILE}, Upload("5", "发票.pdf", 120, "pdf", None)),
        ({"upload": {"0": FILE}}, Upload("5", "发票.pdf", 120, "pdf", None)),
        ({"upload": {"1": OTHER, "0": FILE}}, Upload("5", "发票.pdf, b.png", 120, "pdf", None)),
        ({"upload": json.dumps(FILE)}, Upload("5", "发票.pdf", 120, "pdf", None)),
        ({"upload": json.dumps([FILE])}, Upload("5", "发票.pdf", 120, "pdf", None)),
        ({"upload": "{broken"}, None),
        ({"upload": "x"}, None),
        *(({"upload": nothing}, None) for nothing in NOTHING),
        *(({"upload": n, "upload_id": "7"}, Upload("7", "", None, "", None)) for n in NOTHING),
        *(({"upload": None, "upload_id": n}, None) for n in [*NOTHING, 0, "0"]),
    ],
    ids=repr,
)
def test_an_upload_in_each_form(sent: dict[str, Any], upload: Upload | None) -> None:
    assert understood(messages=[sent]).messages[0].upload == upload


# -- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", NOTHING, ids=repr)
@pytest.mark.parametrize(
    "name",
    ["agent_id", "visitor_id", "user_id", "rating", "created_at", "assigned_at", "end_at"],
)
def test_a_field_that_is_nothing(name: str, sent: object) -> None:
    assert getattr(understood(**{name: sent}), name) is None


@pytest.mark.parametrize("sent", NOTHING, ids=repr)
def test_texts_that_are_nothing(sent: object) -> None:
    chat = understood(status=sent, started_by=sent, messages=[{"msg": sent, "name": sent}])
    assert (chat.status, chat.started_by) == ("", "")
    assert (chat.messages[0].text, chat.messages[0].name) == ("", "")


def test_a_rating_of_zero_is_a_rating() -> None:
    assert [understood(rating=sent).rating for sent in (0, "0", 0.0)] == ["0"] * 3


@pytest.mark.parametrize(
    ("sent", "moment"),
    [
        ("2019-06-03 10:00:00", TEN),
        (1559527200, TEN),
        ("1559527200", TEN),
        (1559527200.0, TEN),
        ("2019-06-03T10:00:00+08:00", TEN),
        (
            {"date": "2019-06-03 10:00:00.000000", "timezone_type": 3, "timezone": "Asia/Shanghai"},
            TEN,
        ),
        ({"date": "2019-06-03 02:00:00.000000", "timezone_type": 3, "timezone": "UTC"}, TEN),
        ({"date": "2019-06-03 04:00:00.000000", "timezone_type": 1, "timezone": "+02:00"}, TEN),
        ({"date": "2019-06-03 10:00:00"}, TEN),
        ("0000-00-00 00:00:00", None),
        ("-0001-11-30 00:00:00", None),
        ("-0001-11-30T00:00:00+00:00", None),
    ],
    ids=repr,
)
def test_times_in_each_form(sent: object, moment: datetime | None) -> None:
    assert understood(created_at=sent).created_at == moment


@pytest.mark.parametrize(
    "zone", ["Nowhere/Land", "../../etc/passwd", "/etc/passwd", "", "x\0", "\ud800", "a" * 5000]
)
def test_a_time_in_no_zone_is_a_reject(zone: str) -> None:
    sent = {"date": "2019-06-03 10:00:00", "timezone": zone}
    assert isinstance(PARSER.parse_chat({"id": 1, "created_at": sent}), RejectedChat)


NOTICE = b"<br />\n<b>Notice</b>:  Undefined index: x in <b>/a.php</b> on line <b>3</b><br />\n"


@pytest.mark.parametrize(
    "body",
    [
        b'{"chats":[]}',
        b'\xef\xbb\xbf{"chats":[]}',
        b' \r\n\t{"chats":[]}\n\n',
        NOTICE + b'{"chats":[]}',
        NOTICE + NOTICE.replace(b"Notice", b"Warning") + b'\xef\xbb\xbf{"chats":\n[]}',
        b'\nDeprecated: Function x() is deprecated in /a.php on line 3\n{"chats":[]}',
        b'PHP Notice:  Undefined index: x in /a.php on line 3\n{"chats":[]}',
        b'{"chats":[]}\n' + NOTICE,
        rb'{"ch\u0061ts":[]}',
    ],
)
def test_what_php_writes_around_the_json_is_left_out(body: bytes) -> None:
    assert decode(body) == {"chats": []}


@pytest.mark.parametrize(
    "body",
    [NOTICE, NOTICE + b"<html>", NOTICE + b'{"chats":[', b"x\n{}", b"<html>\n{}", NOTICE + b"1",
     b"<b>Fatal error</b>: x\n{}", NOTICE + b"{}\n{}"],
)  # fmt: skip
def test_what_is_no_notice_is_no_json(body: bytes) -> None:
    with pytest.raises(ValueError, match="line"):
        decode(body)


def test_escaped_slashes_are_slashes() -> None:
    assert decode(rb'{"url": "https:\/\/h\/f"}') == {"url": "https://h/f"}


# -- the order of messages ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "texts"),
    [
        ([said(1, "a"), said(2, "b")], "ab"),
        ([said(2, "b"), said(1, "a")], "ab"),  # ids where the times are equal
        ([said(1, "b", "10:00:02"), said(2, "a", "10:00:01")], "ab"),  # time before id
        ([said(3, "c"), said(1, "a"), said(2, "b")], "abc"),
        ([said("10", "b"), said("9", "a")], "ab"),  # type: ignore[arg-type]  # as texts
        # what has no time stays behind the message before it; newest first, before it
        ([said(2, "b", "10:00:01"), said(9, "c", None), said(1, "a")], "acb"),
        ([said(1, "a"), said(9, "x", None), said(2, "b", "10:00:01")], "axb"),
        # or before the first that has one
        ([said(9, "x", None), said(1, "a"), said(2, "b")], "xab"),
        # newest first: behind is before
        ([said(3, "c", "10:00:03"), said(9, "x", None), said(1, "a")], "axc"),
        # what has no id stays behind the message before it, of the same time
        ([said(5, "b"), said(None, "c"), said(3, "a"), said(6, "d")], "abcd"),
        ([said(None, "a"), said(None, "b")], "ab"),
        # without any time, as they were sent
        ([said(2, "b", None), said(1, "a", None)], "ba"),
        # the same id twice, as they were sent
        ([said(1, "a"), said(1, "b")], "ab"),
    ],
)
def test_messages_stand_in_order_of_time(messages: list[dict[str, Any]], texts: str) -> None:
    found = understood(messages=messages).messages
    assert "".join(m.text for m in found) == texts
    assert [m.position for m in found] == list(range(len(found)))
    assert [item["msg"] for item in PARSER.sent_messages(messages)] == list(texts)


MOMENTS: st.SearchStrategy[list[Moment]] = st.lists(
    st.tuples(
        st.none() | st.integers(0, 3).map(lambda n: TEN.replace(minute=n)),
        st.none() | st.integers(1, 4),
    ),
    max_size=8,
)


@given(MOMENTS)
def test_the_order_is_a_permutation_and_settles_at_once(moments: list[Moment]) -> None:
    places = sorted_places(moments)
    found = moments if places is None else [moments[place] for place in places]
    assert sorted(places or range(len(moments))) == list(range(len(moments)))
    times = [time for time, _ in found if time is not None]
    assert times == sorted(times)
    again = sorted_places(found)
    assert again is None or [found[place] for place in again] == found


@given(st.permutations(range(6)))
def test_messages_with_times_and_ids_have_one_order(order: list[int]) -> None:
    messages = [said(n + 1, str(n), f"10:00:0{n // 2}") for n in range(6)]
    shuffled = [messages[n] for n in order]
    assert PARSER.sent_messages(shuffled) == messages
    assert [m.text for m in understood(messages=shuffled).messages] == list("012345")


@given(MOMENTS)
def test_the_sent_messages_are_in_the_order_of_the_parsed(moments: list[Moment]) -> None:
    sent = [
        {"id": number, "created_at": time and f"{time:%Y-%m-%d %H:%M:%S}", "msg": str(place)}
        for place, (time, number) in enumerate(moments)
    ]
    ordered = [item["msg"] for item in PARSER.sent_messages(sent)]
    assert ordered == [m.text for m in understood(messages=sent).messages]
    assert message_objects(sent) == sent


# -- what is the same content ------------------------------------------------------------------

BASE: dict[str, Any] = {
    "status": "close",
    "agent_id": 2192,
    "rating": None,
    "created_at": "2019-06-03 10:00:00",
    "end_at": None,
    "message_count": 2,
    "messages": [
        said(1, "你好", is_read=1, upload=None, upload_id=None),
        said(2, "在的", "10:00:05", is_read=0, upload={"id": 5, "name": "a", "size": 3}),
    ],
}
FIRST, SECOND = BASE["messages"]


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in BASE.items() if name not in names}


SAME_FORMS: list[dict[str, Any]] = [
    BASE,
    BASE | {"messages": [SECOND, FIRST]},
    BASE | {"messages": {"0": FIRST, "2": SECOND}},
    BASE | {"messages": {"7": SECOND, "10": FIRST}},
    BASE | {"messages": [None, FIRST, SECOND]},
    BASE | {"id": "290", "agent_id": "2192", "message_count": "2"},
    BASE | {"agent_id": 2192.0, "message_count": 2.0},
    *(BASE | {"rating": nothing, "end_at": nothing} for nothing in NOTHING),
    BASE | {"end_at": "0000-00-00 00:00:00"},
    BASE | {"created_at": 1559527200},
    BASE | {"created_at": "2019-06-03T10:00:00+08:00"},
    without("rating", "end_at"),
    without("message_count"),
    BASE | {"never_heard_of": None, "user_id": 0},
    BASE | {"messages": [FIRST | {"is_read": True, "upload_id": 0}, SECOND | {"is_read": False}]},
    BASE | {"messages": [FIRST | {"id": "1", "recalled": False}, SECOND | {"is_read": "0"}]},
    BASE | {"messages": [FIRST, SECOND | {"upload": SECOND["upload"] | {"token": "new"}}]},
    BASE | {"messages": [FIRST, SECOND | {"upload": SECOND["upload"] | {"size": "3"}}]},
]


@pytest.mark.parametrize("number", range(len(SAME_FORMS)))
def test_forms_that_mean_the_same_add_nothing(number: int) -> None:
    for listed in (False, True):
        form = parsed(listed, **SAME_FORMS[number])
        assert SAME(form, parsed(**BASE).raw), SAME_FORMS[number]


OTHER_CONTENTS: list[dict[str, Any]] = [
    BASE | {"rating": 0},
    BASE | {"rating": 1},
    BASE | {"status": "open"},
    BASE | {"agent_id": None},
    BASE | {"agent_id": 0},
    BASE | {"created_at": "2019-06-03 10:00:01"},
    BASE | {"end_at": "2019-06-03 10:00:00"},
    BASE | {"message_count": 3},
    BASE | {"never_heard_of": 0},
    BASE | {"messages": [FIRST]},
    BASE | {"messages": []},
    BASE | {"messages": [FIRST, SECOND, said(3, "")]},
    BASE | {"messages": [FIRST, SECOND, SECOND]},
    BASE | {"messages": [FIRST | {"msg": "你好 "}, SECOND]},
    BASE | {"messages": [FIRST | {"msg": ""}, SECOND]},
    BASE | {"messages": [FIRST | {"msg": "你好", "recalled": 1}, SECOND]},
    BASE | {"messages": [FIRST | {"is_read": 0}, SECOND]},
    BASE | {"messages": [FIRST | {"role": "agent"}, SECOND]},
    BASE | {"messages": [FIRST, SECOND | {"created_at": "2019-06-03 10:00:06"}]},
    BASE | {"messages": [FIRST, SECOND | {"upload": None}]},
    BASE | {"messages": [FIRST, SECOND | {"upload": SECOND["upload"] | {"name": "b"}}]},
]


@pytest.mark.parametrize("number", range(len(OTHER_CONTENTS)))
def test_other_contents_are_news(number: int) -> None:
    for listed in (False, True):
        if listed and not OTHER_CONTENTS[number]["messages"]:
            continue  # a list that leaves out the messages
        assert not SAME(parsed(listed, **OTHER_CONTENTS[number]), parsed(**BASE).raw)


def test_the_form_of_a_list_and_the_chats_own_form_settle() -> None:
    """Each has a field that the other lacks."""
    listed = parsed(listed=True, **BASE | {"only_in_lists": 1})
    own = parsed(**BASE | {"only_alone": 2})
    assert not SAME(own, listed.raw)  # the chat's own form has more to say
    assert SAME(listed, own.raw)  # then the list has no news, at any number of ticks
    assert SAME(own, own.raw)


def test_any_two_chats_can_be_compared() -> None:
    rng = random.Random(7)
    values = [*NOTHING, 0, 1, "1", 1.5, "x", True, [1], {"0": 2}, {"a": None}, [[[]]]]
    names = ["rating", "created_at", "agent_id", "messages", "upload", "x", "is_read"]
    for _ in range(300):
        chats = [
            PARSER.parse_chat({"id": 1, **{name: rng.choice(values) for name in names}})
            for _ in range(2)
        ]
        one, other = chats
        if isinstance(one, FetchedChat) and isinstance(other, FetchedChat):
            SAME(one, other.raw)
            assert SAME(one, one.raw)
