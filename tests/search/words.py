"""What tests of the search use: a day, a zone, a split without a dictionary, random queries."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from kchat_search.models.plan import FieldIs
from kchat_search.search.syntax import Parsed, parse
from kchat_search.search.tree import Tree
from tests.text.difficult_texts import ALPHABET

TODAY = date(2026, 3, 15)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def by_twos(han: str) -> list[str]:
    """Han text, cut after every second character."""
    return [han[start : start + 2] for start in range(0, len(han), 2)]


def is_known(values: FieldIs) -> bool:
    """The values that some chat has, on that day."""
    known = {
        "id": {"290", "7"},
        "user_id": {"45190"},
        "type": {"chat"},
        "status": {"x"},
        "rating": {"Great", "great"},
    }
    return bool(known.get(values.field, set()) & set(values.values))


def read(query: str) -> Parsed:
    """A query, read on that day."""
    return parse(query, by_twos, TODAY, is_known)


def tree(query: str) -> Tree | None:
    """The tree of a query."""
    return read(query).tree


TOKENS = [
    *(
        "退款",
        "a",
        "b*",
        "3.6",
        "，",
        "。",
        '"',
        "“",
        "”",
        "＂",
        "\\",
        "(",
        "）",
        "-",
        "－",
        "*",
        " ",
    ),
    *(" ", "AND ", " OR ", "NOT ", "：", "agent:", "from:visitor ", "from:agent", "id:7", "id:x"),
    *(
        "date:2015",
        "date:x",
        "rating:",
        "file:",
        '"退 款"',
        "😀",
        "~",
        "・",
        "⑴",
        "﹣",
        "﹕",
        "、",
        "ｓｔａｔｕｓ：close",
        "x_y:",
    ),
    *(
        "said:昨天 ",
        "from:李雷 ",
        "in:history ",
        "status:200",
        "5",
        "月",
        "第",
        "%",
        "#",
        "C",
        "恤",
    ),
    *("iPhone ", "138 ", "1111", "2222", "+86", "1,299", "~8", '"a b"~2', "。", "个", "하"),
]
queries = st.lists(
    st.sampled_from(TOKENS) | st.sampled_from(sorted(set(ALPHABET))), max_size=25
).map("".join)
