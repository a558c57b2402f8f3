"""What tests of the search ask with: a day, a zone, a split that needs no dictionary."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from kchat_search.search.syntax import Parsed, parse
from kchat_search.search.tree import Tree

TODAY = date(2026, 3, 15)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def by_twos(han: str) -> list[str]:
    """Han cut every two characters."""
    return [han[start : start + 2] for start in range(0, len(han), 2)]


def read(query: str) -> Parsed:
    """A query read on that day."""
    return parse(query, by_twos, TODAY, SHANGHAI)


def tree(query: str) -> Tree | None:
    """The tree of a query."""
    return read(query).tree
