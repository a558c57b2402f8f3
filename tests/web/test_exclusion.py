"""«Not this one»: the query without the chats that have one value.

tests/system/test_counts.py holds the number beside each such link to what the link finds.
"""

from __future__ import annotations

from datetime import date

import pytest

from kchat_search.models.search import QueryReading
from kchat_search.search.syntax import parse
from kchat_search.web.pages.exclusion import excluding, exclusions, without_exclusions

AGENTS = {"2192": "李雷", "2193": "2192"}


def reading(q: str) -> QueryReading:
    """As the search reads it."""
    parsed = parse(q, lambda text: [text], date(2016, 5, 20))
    understood = "" if parsed.tree is None else str(parsed.tree)
    return QueryReading(q, understood, "relevance", parsed.notes)


def without(
    q: str, operator: str, value: str | None, others: tuple[str | None, ...] = ()
) -> str | None:
    return excluding(reading(q), operator, value, (value, *others), AGENTS)


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("", "-status:close"),
        ("退款", "退款 -status:close"),
        ("退款 物流 ", "退款 物流 -status:close"),
        ("退款 OR 物流", "(退款 OR 物流) -status:close"),
        ("退款 OR 物流 发票", "(退款 OR 物流 发票) -status:close"),
        ("退款，OR 物流", "(退款 OR 物流) -status:close"),
        ("(退款 OR 物流) 发票", "(退款 OR 物流) 发票 -status:close"),
        ("（退款 OR 物流）", "(退款 OR 物流) -status:close"),
        ("NOT 退款", "-退款 -status:close"),
        ('"退款 OR 物流"', '"退款 OR 物流" -status:close'),
        ("ＯＲ", "or -status:close"),
        ("退款 OR", "退款 -status:close"),
        ("退款 NOT", "退款 -status:close"),
        ("(退款 OR 物流", "(退款 OR 物流) -status:close"),
        ('退款 "物流', "退款 物流 -status:close"),
        ("FILE NOT FOUND", "file not found -status:close"),
        ("NOT iPhone 6", "NOT iphone 6 -status:close"),
        ("退款 -agent:2193", "退款 -agent:2193 -status:close"),
        ("。", None),
        ("a" * 995, None),
        ("(a) " * 20, None),
        ("c:\\", None),
    ],
)
def test_what_is_left_out_is_left_out_of_the_whole_query(q: str, expected: str | None) -> None:
    assert without(q, "status", "close") == expected


@pytest.mark.parametrize(
    ("operator", "value", "others", "expected"),
    [
        ("assigned", None, (), "-assigned:none"),
        ("agent", "2193", (), "-agent:2193"),
        ("agent", "张 三", (), '-agent:"张 三"'),
        ("type", "a:b", (), '-type:"a:b"'),
        ("type", 'a"b', (), None),
        ("rating", "1", ("0",), "-rating:1"),
        # these would leave out another value too, or another instead
        ("agent", "2192", ("2193",), None),
        ("status", "none", (None,), None),
        ("status", "已结束", (), None),
        ("status", "Close", ("close",), None),
    ],
)
def test_only_what_leaves_out_this_value_and_none_else_is_offered(
    operator: str, value: str | None, others: tuple[str | None, ...], expected: str | None
) -> None:
    assert without("", operator, value, others) == expected


def test_what_was_left_out_can_be_taken_back_one_by_one() -> None:
    q = '(a OR b) -status:close -agent:"张 三"'
    assert exclusions(q) == [
        ("status", "close", '(a OR b) -agent:"张 三"'),
        ("agent", "张 三", "(a OR b) -status:close"),
    ]
    assert without_exclusions(q) == "(a OR b)"
    for other in ("退款-status:close", "-status:close 退款", "-发票", "-has:upload", "-date:2016"):
        assert exclusions(other) == []
        assert without_exclusions(other) == other
