"""How a query was understood is told with the written forms of its words, and finds the same."""

from __future__ import annotations

import pytest

from kchat_search.search.plan import Context, to_node
from kchat_search.search.syntax import parse
from kchat_search.search.understood import understood
from kchat_search.text.segmentation import Segmenter
from tests.search.test_any_query import flat
from tests.search.words import SHANGHAI, TODAY, is_known

SPLIT = Segmenter().segment_han
CONTEXT = Context({}, TODAY, SHANGHAI)

ROWS = [
    ("", ""),
    ("退款", "退款"),
    ("退款流程", "退款流程"),
    ("账号", "账号 OR 帐号"),
    ("帳號", "帐号 OR 账号"),
    ("账号登录", "(账号 OR 帐号) 登录"),
    ("账号 退款", "(账号 OR 帐号) 退款"),
    ("账号iph*", "(账号 OR 帐号) iph*"),
    ("账号 OR 退款", "账号 OR 帐号 OR 退款"),
    ("账号 OR 帐号", "账号 OR 帐号"),
    ("-账号", "-(账号 OR 帐号)"),
    ("退款 (账号登录 OR 了解)", "退款 ((账号 OR 帐号) 登录 OR 了解 OR 瞭解)"),
    ("from:visitor 账号", "from:visitor (账号 OR 帐号)"),
    ("(from:visitor 账号 登录) 退款", "(from:visitor (账号 OR 帐号) 登录) 退款"),
    ('"账号登录"', '"账号登录"'),
    ("in:history 账号", "in:history (账号 OR 帐号)"),
    ("5月1日账号", "5月1日 (账号 OR 帐号)"),
    ("申请瞭解", "申请 (瞭解 OR 了解)"),
    # a name with its number stays together behind an exclusion and beside another number
    ("NOT iPhone 6", "NOT iphone 6"),
    ("FILE NOT FOUND 5月1日", "file NOT found 5月1日"),
    ("退款 -(iphone 6) 发票", "退款 NOT iphone 6 发票"),
    ("(vip 2) 3", "vip 2 AND 3"),
    ("NOT +86 138 1111 2222", "NOT +86 138 1111 2222"),
]


@pytest.mark.parametrize(("query", "expected"), ROWS)
def test_the_written_forms_of_each_word_are_told(query: str, expected: str) -> None:
    first = parse(query, SPLIT, TODAY, is_known).tree
    said = understood(first, SPLIT)
    assert said == expected
    second = parse(said, SPLIT, TODAY, is_known).tree
    assert flat(to_node(second, CONTEXT)) == flat(to_node(first, CONTEXT))
    assert understood(second, SPLIT) == said, "said back, it stays as it is"


def test_what_would_be_too_long_to_be_read_again_is_told_as_it_was_typed() -> None:
    query = "账号" * 400
    assert understood(parse(query, SPLIT, TODAY).tree, SPLIT) == "账号 OR 帐号"
    many = " ".join(["账号登录"] * 190)
    assert len(understood(parse(many, SPLIT, TODAY).tree, SPLIT)) <= 1_000
