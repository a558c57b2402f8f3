"""Which chats match: each claim about one kind of node, with chats made by hand."""

from __future__ import annotations

import pytest

from kchat_search.models.plan import (
    Contains,
    CreatedIn,
    FieldIs,
    HasWord,
    Messages,
    Node,
    NoneOf,
    Plan,
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
