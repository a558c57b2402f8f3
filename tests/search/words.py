"""What tests of the search use: a day, a zone, a split without a dictionary, random queries."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from kchat_search.search.syntax import Parsed, parse
from kchat_search.search.tree import Tree
from tests.text.difficult_texts import ALPHABET

TODAY = date(2026, 3, 15)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def by_twos(han: str) -> list[str]:
    """Han text, cut after every second character."""
    return [han[start : start + 2] for start in range(0, len(han), 2)]


def read(query: str) -> Parsed:
    """A query, read on that day."""
    return parse(query, by_twos, TODAY, SHANGHAI)


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
]
queries = st.lists(
    st.sampled_from(TOKENS) | st.sampled_from(sorted(set(ALPHABET))), max_size=25
).map("".join)
