"""A number is found by the whole of it, by whoever does not see it; a part of it finds nothing."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from kchat_search.chats.masking import hidden_form, whole_form
from kchat_search.chats.private_texts import find
from kchat_search.models.plan import (
    WHOLE_BEGINS,
    AllOf,
    AnyOf,
    Contains,
    FileNamed,
    Near,
    Node,
    NoneOf,
)
from kchat_search.search.marks import needles_of
from kchat_search.search.plan import Context, parts_alone
from kchat_search.search.plan import whole as whole_query
from kchat_search.search.related import related
from kchat_search.search.syntax import parse
from kchat_search.search.whole_numbers import count_whole_numbers
from kchat_search.text.fold import RESERVED, fold
from tests.search.words import by_twos

TODAY = date(2019, 7, 2)
MASKED = Context({}, TODAY, ZoneInfo("Asia/Shanghai"), masked=True)
CLEAR = Context({}, TODAY, ZoneInfo("Asia/Shanghai"))


def node_of(q: str, context: Context = MASKED) -> Node:
    return whole_query(parse(q, by_twos, TODAY).tree, context)


def literals(node: Node) -> list[str]:
    match node:
        case AllOf(parts) | AnyOf(parts):
            return [text for part in parts for text in literals(part)]
        case NoneOf(part):
            return literals(part)
        case Contains(text) | FileNamed(text):
            return [text]
        case Near(texts):
            return [*texts]
        case _:
            return []


def finds(q: str, text: str) -> bool:
    """Does some literal of the query stand in what a masked principal can look into?"""
    folded = fold(text)
    private = find(folded)
    forms = (hidden_form(folded, private), whole_form(folded, private))
    return any(
        literal in (forms[1] if WHOLE_BEGINS in literal else forms[0])
        for literal in literals(node_of(q))
    )


@pytest.mark.parametrize(
    ("q", "text"),
    [
        ("13800138845", "电话13800138845。"),
        ('"13800138845"', "电话13800138845。"),
        ("138 0013 8845", "电话13800138845。"),
        ("138-0013-8845", "电话+86 138 0013 8845。"),
        ("+86 13800138845", "13800138845"),
        ('"电话13800138845"', "电话138-0013-8845。"),
        ("１３８００１３８８４５", "13800138845"),
        ("010-87654321", "(010) 8765 4321"),
        ("11010519491231002X", "110105 19491231 002x"),
        ("6222 0213 8001 3884 569", "6222021380013884569"),
        ("zhang@x.com", "Zhang@X.com"),
        ("zhang@x.com", "图zhang@x.com.png"),
        ("110105491231002", "身份证110105491231002"),
        ('"110105491231002"', "身份证号：110105 491231 002"),
        # cut by blanks, or by jieba
        ("13800 138845", "电话13800138845"),
        ("1 3 8 0 0 1 3 8 8 4 5", "电话13800138845"),
        ("622202 1380013884569", "6222 0213 8001 3884 569"),
        ("11010519491231002 X 你好", "110105 19491231 002x 你好"),
        ("一三八零零一三八八四五", "电话13800138845"),
        ("电话13800 138845退款", "13800138845"),
        ("发票 OR (退款 13800 138845)", "13800138845"),
        ("from:visitor 13800 138845", "13800138845"),
        # near
        ('"13800138845 退款"~8', "电话138 0013 8845退款"),
        ('"138 0013 8845 退款"~8', "13800138845退款"),
        ('"138 0013 8845"~8', "13800138845"),
        ('"写到zhang@x.com"', "写到zhang@x.com吧"),
        ("NOT 13800138845", "13800138845"),
        ("file:13800138845.png", "13800138845.png"),
        ('file:"图13800138845"', "图138 0013 8845.png"),
        # what a page shows
        ("138****8845", "电话13800138845"),
        ('"138****8845"', "电话13800138845"),
        ('"138 **** 8845"', "138 0013 8845"),
        ('"****8845"', "电话13800138845"),
        ("z***@x.com", "zhang@x.com"),
        ('"z***@x.com"', "z@x.com"),
        ("file:138****8845.png", "13800138845.png"),
        # what anybody sees of it
        ("8845", "电话13800138845"),
        ("x.com", "zhang@x.com"),
    ],
)
def test_a_whole_number_is_found(q: str, text: str) -> None:
    assert finds(q, text)


@pytest.mark.parametrize(
    ("q", "text"),
    [
        ("1380013", "电话13800138845"),
        ("00138845", "电话13800138845"),
        ("0013", "电话13800138845"),
        ("13800138846", "电话13800138845"),
        ('"1380013884"', "13800138845"),
        ("zhang", "zhang@x.com"),
        ("hang@x.com", "zhang@x.com"),
        ("zhangs@x.com", "zhang@x.com"),
        ("138****0013", "13800138845"),
        ("1380 0138", "13800138845"),
        ("11010549123100", "身份证110105491231002"),
        ("11010519491231", "11010519491231002X"),
        ("file:0013", "13800138845.png"),
        *((chr(code), "13800138845 zhang@x.com") for code in RESERVED),
        *((f'"138{chr(code) * 4}8845"', "13800138845 zhang@x.com") for code in RESERVED),
    ],
)
def test_a_part_of_a_number_finds_nothing(q: str, text: str) -> None:
    assert not finds(q, text)


@pytest.mark.parametrize(
    "q",
    ["13800138845", '"13800138845"', "138****8845", "z***@x.com", "file:13800138845", "退款",
     "8845", '"退款 到账"~8', "agent:李雷 -退款"],
)  # fmt: skip
def test_who_sees_all_asks_for_what_was_typed_alone(q: str) -> None:
    reserved = {chr(code) for code in RESERVED}
    assert not any(reserved & set(text) for text in literals(node_of(q, CLEAR)))


@pytest.mark.parametrize("q", ["退款", "退款 流程", '"退款 到账"~8', "8845", "iph*", "file:a.png"])
def test_a_query_without_a_whole_number_is_planned_as_for_all(q: str) -> None:
    assert node_of(q) == node_of(q, CLEAR)


@pytest.mark.parametrize(
    ("q", "count"),
    [
        ("退款 8845", 0),
        ("13800138845", 1),
        ("13800 138845", 1),
        ('"138 0013 8845 退款"~8', 1),
        ("138 0013 8845 OR 13800138845", 1),
        ("13800138845 OR 13800138846 OR 13800138847", 3),
        ('-"13800138845"', 1),
        ("file:13800138845", 1),
        ("visitor:13800138845", 1),
        ("from:张13800138845 退款", 1),
        ('"13800138845 退款"~8', 1),
        ("zhang@x.com OR li@x.com", 2),
        ("138****8845", 0),
    ],
)
def test_whole_numbers_are_counted(q: str, count: int) -> None:
    assert count_whole_numbers(node_of(q)) == count


def test_parts_and_related_chats_follow_the_same_rule() -> None:
    tree = parse("13800138845 退款 发票", by_twos, TODAY).tree
    marked = [text for _, node in parts_alone(tree, MASKED) for text in literals(node)]
    assert sum(WHOLE_BEGINS in text for text in marked) == 1
    also = related(tree, MASKED, 20)
    assert also is not None
    assert sum(WHOLE_BEGINS in text for part in also.parts for text in literals(part)) == 1
    # what is shown of a part is what was typed
    first = needles_of(also.parts[0])[0]
    assert isinstance(first, Contains)
    assert first.text == "13800138845"
