"""«Did you mean»: which words are strange, and which queries are suggested."""

from __future__ import annotations

import pytest

from kchat_search.models.plan import Contains, HasWord
from kchat_search.search.did_you_mean import suggested_queries
from tests.search.words import tree

THERE = {"退款", "流程", "发票", "iphone", "退", "宽", "我", "要"}
NEAR = {
    "退宽": ["退款", "退货"],
    "发漂": ["发票"],
    "iphnoe": ["iphone"],
    "退": ["不该问"],
    "我退": ["不该问"],
}


def by_words(han: str) -> list[str]:
    """Cut as jieba would: a known word stays whole, other text is cut into characters."""
    found: list[str] = []
    while han:
        word = next((han[:n] for n in (4, 3, 2) if han[:n] in THERE | {"发漂"}), han[0])
        found.append(word)
        han = han[len(word) :]
    return found


def nowhere(each: Contains | HasWord) -> bool:
    return each.text not in THERE


def queries(query: str) -> list[str]:
    return list(suggested_queries(tree(query), by_words, nowhere, lambda w, n: NEAR.get(w, [])[:n]))


@pytest.mark.parametrize(
    ("query", "instead"),
    [
        ("退宽", ["退款", "退货"]),
        ("退宽流程", ["退款流程", "退货流程"]),
        ("发漂", ["发票"]),
        ('"退宽流程"', ['"退款流程"', '"退货流程"']),
        ("iphnoe", ["iphone"]),
        ("发漂 iphnoe", ["发票 iphone"]),
        ("退宽 发漂", ["退款 发票", "退货 发票"]),
        ("退宽 OR 流程", ["退款 OR 流程", "退货 OR 流程"]),
        ("agent:李雷 退宽", ["agent:李雷 退款", "agent:李雷 退货"]),
        ("流程 -退宽", []),  # an excluded word is not asked for
        ("退款流程", []),
        ("12345", []),
        ("", []),
    ],
)
def test_strange_words_are_replaced_and_nothing_else(query: str, instead: list[str]) -> None:
    assert queries(query) == instead


def test_no_query_makes_it_look_without_end() -> None:
    looks = []

    def seldom(each: Contains | HasWord) -> bool:
        looks.append(each)
        return True

    many = "".join(chr(0x4E00 + i) for i in range(900))
    found = list(suggested_queries(tree(many), list, seldom, lambda w, _: [w[::-1]] * 9))
    assert len(looks) <= 64
    assert 0 < len(found) <= 12
