"""Which chats match: each claim about one kind of node, with chats made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kchat_search.models.plan import (
    Contains,
    CreatedIn,
    FieldIs,
    HasWord,
    Messages,
    Near,
    Node,
    NoneOf,
    Passage,
    Plan,
    Said,
)
from kchat_search.ports import Engine
from tests.engines.documents import make


def ids(engine: Engine, node: Node) -> list[int]:
    """The chats that match, oldest first."""
    plan = Plan(match=node, sort="oldest", limit=1000)
    return [hit.id for hit in engine.search(plan).hits]


def test_a_literal_never_matches_across_two_messages(engine: Engine) -> None:
    engine.write([make(1, "我要退", "款流程"), make(2, "我要退款流程")])
    assert ids(engine, Contains("退款")) == [2]
    assert ids(engine, Contains("退款流程")) == [2]


def test_pairs_in_another_order_are_no_match(engine: Engine) -> None:
    engine.write([make(1, "bca ab bc"), make(2, "xabcx"), make(3, "ab", "bc")])
    assert ids(engine, Contains("abc")) == [2]


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ("5678", "手机号13800135678,请回电"),
        ("3.6.0", "客户端版本是3.6.0吗"),
        ("a@b.com", "发到 a@b.com 吧"),
        ("😀", "好的😀"),
        ("👍🏽", "可以👍🏽"),
        ("?", "在吗?"),
        ("\0", "a\0b"),
        ("的", "我的"),
    ],
)
def test_any_string_is_found_letter_for_letter(engine: Engine, literal: str, text: str) -> None:
    engine.write([make(1, text), make(2, "别的内容")])
    matched = ids(engine, Contains(literal))
    assert 1 in matched
    assert (2 in matched) == (literal in "别的内容")


def test_a_word_is_a_whole_run_of_letters_of_any_length(engine: Engine) -> None:
    long = "a" * 600
    engine.write([make(1, "iPhone6坏了"), make(2, "iPhones"), make(3, long), make(4, long + "b")])
    assert ids(engine, HasWord("iphone")) == [1]
    assert ids(engine, HasWord("iph", prefix=True)) == [1, 2]
    assert ids(engine, HasWord(long)) == [3]
    assert ids(engine, HasWord(long, prefix=True)) == [3, 4]


def test_a_prefix_is_of_letters_only(engine: Engine) -> None:
    engine.write([make(1, "退款 123")])
    assert ids(engine, HasWord("1", prefix=True)) == []
    assert ids(engine, HasWord("退", prefix=True)) == []


def test_what_one_side_said_is_not_what_the_other_said(engine: Engine) -> None:
    engine.write([make(1, "要退款 refund", "好的", speakers=("visitor", "agent"))])
    assert ids(engine, Contains("退款", Messages("visitor"))) == [1]
    assert ids(engine, Contains("退", Messages("agent"))) == []
    assert ids(engine, HasWord("refund", messages=Messages("visitor"))) == [1]
    assert ids(engine, HasWord("refund", messages=Messages("agent"))) == []


def passage(text: str, **more: Any) -> Passage:
    return Passage(text, more.pop("speaker", "visitor"), **more)


def test_a_joined_form_is_looked_at_where_it_is_asked_for(engine: Engine) -> None:
    grouped = passage("138-1111-2222吗", speaker="agent", joined=("13811112222吗",))
    engine.write([make(1, passages=(grouped,)), make(2, "13811112222"), make(3, "38", "11")])
    for literal in ("13811112222", "811", "811112", "81"):
        assert ids(engine, Contains(literal)) == [2]
        assert ids(engine, Contains(literal, joined=True)) == [1, 2]
    assert ids(engine, Contains("81", Messages("agent"), joined=True)) == [1]
    assert ids(engine, Contains("8-1", joined=True)) == [1]


def test_what_nobody_said_is_found_only_everywhere(engine: Engine) -> None:
    name = passage("kevin 退款", speaker=None, joined=("kevin退款",))
    engine.write([make(1, "你好", passages=(name, passage("好的", speaker="agent")))])
    for node in (Contains("退款"), Contains("n退", joined=True), HasWord("kevin")):
        assert ids(engine, node) == [1]
        for messages in (Messages("visitor"), Messages(senders=("",)), Messages("agent")):
            assert ids(engine, replace(node, messages=messages)) == []
    assert ids(engine, Contains("好的", Messages("agent"))) == [1]


@pytest.fixture(scope="module")
def said(engine_to_read: Engine) -> Engine:
    engine_to_read.write(
        [
            make(
                1,
                created=100,
                passages=(
                    passage("退款 a", sender="访客5", said=100),
                    passage("退款 a", speaker="agent", sender="#1"),
                ),
            ),
            make(
                2,
                created=None,
                passages=(
                    passage("退款 a", speaker="agent", sender="#1", said=199),
                    passage("退款 a", speaker="agent", sender="#1", said=2**50),
                ),
            ),
            make(3, created=2**40, passages=(passage("退款 a", sender="#2", said=200),)),
            make(4, created=150),
        ]
    )
    return engine_to_read


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        (Messages(senders=("#1",)), [1, 2]),
        (Messages("agent", ("#1",)), [1, 2]),
        (Messages("visitor", ("#1",)), []),
        (Messages(senders=("访客5", "#2")), [1, 3]),
        (Messages(start=100, end=200), [1, 2]),
        (Messages(start=100, end=101), [1]),
        (Messages(start=101, end=150), []),
        (Messages(start=200), [2, 3]),
        (Messages(end=100), []),
        (Messages("agent", ("#1",), 200, None), [2]),
        (Messages("visitor", (), None, 150), [1]),
        (Messages(start=-(10**30), end=10**30), [1, 2, 3]),
        (Messages(start=300, end=200), []),
    ],
)
def test_messages_by_their_sender_and_their_time(
    said: Engine, messages: Messages, found: list[int]
) -> None:
    """The chat is said to contain it only where one message has all of it."""
    asked: tuple[Contains | HasWord | Near, ...] = (
        Contains("退款"),
        Contains("退款 a"),
        HasWord("a"),
        Near(("退", "a"), 2),
    )
    for node in asked:
        assert sorted(ids(said, replace(node, messages=messages))) == found, node
    if messages != Messages():
        assert sorted(ids(said, Said(messages))) == found


@pytest.mark.parametrize(
    ("text", "texts", "distance", "near"),
    [
        ("退款还没有到账", ("退款", "到账"), 3, True),
        ("退款还没有到账", ("到账", "退款"), 3, True),
        ("退款还没有到账", ("到账", "退款"), 2, False),
        ("退款到账", ("退款", "到账"), 0, True),
        ("退款到", ("退款", "款到"), 9, False),  # one over the other
        ("退退款", ("退", "退款"), 0, True),
        ("退款", ("退款", "退款"), 9, False),  # twice is asked for
        ("退款退款", ("退款", "退款"), 0, True),
        ("a 退款 b 到账 c 物流", ("物流", "退款", "到账"), 3, True),
        ("a 退款 b 到账 c 物流", ("物流", "退款", "到账"), 2, False),
        ("退款退款xx到账", ("退款", "到账"), 2, True),  # the nearer of two
        ("退款" * 3_000 + "到账", ("退款", "到账"), 0, True),
        ("退款" * 3_000 + "xx到账", ("退款", "到账"), 1, False),
    ],
)
def test_texts_near_one_another(
    engine: Engine, text: str, texts: tuple[str, ...], distance: int, near: bool
) -> None:
    engine.write([make(1, text), make(2, *texts), make(3, "别的")])
    assert ids(engine, Near(texts, distance)) == ([1] if near else [])


def test_texts_in_two_messages_are_not_near(engine: Engine) -> None:
    engine.write([make(1, "退款", "到账"), make(2, "退款", speakers=("agent",))])
    assert ids(engine, Near(("退款", "到账"), 10**30)) == []


def test_former_passages_are_found_only_with_history(engine: Engine) -> None:
    old = (
        passage("要退款 kevin", sender="#1", said=50, speaker="agent"),
        passage("单号 1 2", joined=("单号12",)),
    )
    engine.write([make(1, "你好", former=old), make(2, "退款 kevin 12", created=9)])
    asked: tuple[tuple[Node, list[int]], ...] = (
        (Contains("退款"), [1, 2]),
        (Contains("要退款"), [1]),
        (Contains("12", joined=True), [1, 2]),
        (Contains("12"), [2]),
        (HasWord("kevin"), [1, 2]),
        (HasWord("kev", prefix=True, messages=Messages("agent")), [1]),
        (Near(("退", "kevin"), 2), [1, 2]),
        (Said(Messages(senders=("#1",), start=50, end=51)), [1]),
        (NoneOf(Contains("要退款")), [2]),
    )
    for node, found in asked:
        assert set(engine.ids(Plan(node, history=True))) == set(found), node
        assert engine.count(node, history=True) == len(found)
        only = len(set(found) - set(ids(engine, node)))
        assert engine.search(Plan(node)).former == only, node
        assert engine.search(Plan(node, filters={"": Contains("你")})).former == (
            1 in found and only
        )


def test_none_and_the_empty_and_odd_values_stay_apart(engine: Engine) -> None:
    engine.write([make(1, "x", status=None), make(2, "x", status="-"), make(3, "x", status="none")])
    assert ids(engine, FieldIs("status", (None,))) == [1]
    assert ids(engine, FieldIs("status", ("-",))) == [2]
    assert ids(engine, FieldIs("status", ("none",))) == [3]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("7", [7]), ("-5", [-5]), ("007", []), ("--7", []), ("-", []), ("", []), ("7" * 30, [])],
)
def test_an_id_is_a_number_as_it_is_written(
    engine: Engine, value: str, expected: list[int]
) -> None:
    engine.write([make(7, "x"), make(-5, "x")])
    assert ids(engine, FieldIs("id", (value,))) == expected
    assert ids(engine, FieldIs("id", (None,))) == []


def test_a_chat_without_a_time_is_in_no_range(engine: Engine) -> None:
    engine.write([make(1, "x", created=None), make(2, "x", created=5), make(3, "x", created=-5)])
    assert ids(engine, CreatedIn(None, None)) == [3, 2]
    assert ids(engine, NoneOf(CreatedIn(0, 9))) == [1, 3]
