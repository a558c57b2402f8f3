"""«Not this one»: the query that leaves out the chats with one value of a field.

Pure functions. Invariant: of the hits of a query, the query that `excluding` gives finds exactly
those without the value; where that is not sure, it gives none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from kchat_search.fields import BY_OPERATOR, NONE
from kchat_search.models.search import MAX_QUERY_CHARACTERS, QueryReading
from kchat_search.search.conditions import values
from kchat_search.search.tree import BETWEEN, FieldCondition, Not
from kchat_search.text.fold import fold

_LAST = re.compile(
    rf"""(?:\A|(?<=\s))-({"|".join(BY_OPERATOR)}):(?:"([^"\\]+)"|([\w.@+-]+))\s*\Z"""
)
"""An exclusion at the end of a query, as `excluding` writes it."""
_PIECES = re.compile(rf'(["“”„‟＂()（）]|[\s{BETWEEN}]+)')
_MOST_CLAUSES = 30
"""Of a query that has so many conditions and groups, none more is offered."""


def excluding(
    reading: QueryReading,
    operator: str,
    value: str | None,
    others: Collection[str | None],
    agents: Mapping[str, str],
) -> str | None:
    """The query of `reading` without the chats whose field has `value` (None: no value). None where
    that can't be written, or where it would also leave out one of the `others` values of the hits.
    `agents`: names by id."""
    typed = NONE if value is None else value
    if '"' in typed or "\\" in typed + reading.q:
        return None
    left_out = set(values(operator, typed, agents))
    if value not in left_out or left_out & (set(others) - {value}):
        return None  # «agent:2192» is also whoever is called so
    before = _closed(reading)
    if before is None:
        return None
    q = f"{before} {Not(FieldCondition(operator, typed))}".strip()
    return q if len(q) <= MAX_QUERY_CHARACTERS else None


def _closed(reading: QueryReading) -> str | None:
    """The query as one group, so that what is written behind it is asked for too."""
    typed = reading.q.strip()
    if not typed:
        return ""
    if not any(map(str.isalnum, typed)) or sum(map(typed.count, '():"“”（）：＂')) > _MOST_CLAUSES:
        return None  # punctuation is dropped beside something else
    # Operators, and what was not taken as it was typed, may be read otherwise beside a condition.
    as_typed = not reading.notes and not any(_operators(typed))
    text = typed if as_typed else reading.understood.strip()
    has_or = any(word == "or" and depth <= 0 for word, depth in _operators(text))
    return f"({text})" if has_or else text


def _operators(query: str) -> Iterator[tuple[str, int]]:
    """(the word, in how many brackets it stands) of each AND, OR and NOT outside of quotes."""
    depth, is_quoted = 0, False
    for piece in _PIECES.split(query):
        if piece in tuple('"“”„‟＂'):
            is_quoted = not is_quoted
        elif piece in ("(", "（"):
            depth += not is_quoted
        elif piece in (")", "）"):
            depth -= not is_quoted
        elif fold(piece) in ("and", "or", "not") and piece.isupper() and not is_quoted:
            yield fold(piece), depth


def exclusions(q: str) -> list[tuple[str, str, str]]:
    """(operator, value, the query without it) of each exclusion at the end of a query."""
    found = []
    rest, after = q.rstrip(), ""
    while last := _LAST.search(rest):
        before = rest[: last.start()].rstrip()
        found.append((last[1], last[2] or last[3], f"{before} {after}".strip()))
        rest, after = before, f"{last[0]} {after}".strip()
    return found[::-1]


def without_exclusions(q: str) -> str:
    """The query without the exclusions at its end."""
    rest = q.rstrip()
    while last := _LAST.search(rest):
        rest = rest[: last.start()].rstrip()
    return rest
