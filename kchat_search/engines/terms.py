"""What all engines make of a value to filter by, and of a literal with whole numbers.

The terms of filter fields begin with a mark («=») before the value, and «-» stands for no value. So
«none» differs from every value that a server may send, the empty string included.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

from kchat_search.fields import FALSE, FIELDS, ONLY_RECALLED, TRUE
from kchat_search.models.plan import WHOLE_BEGINS, WHOLE_ENDS

NONE = "-"
"""The term that stands for no value."""
LONGEST_VALUE = 1_000
"""Characters of a value. Nobody can type more."""

_ID = re.compile("0|-?[1-9][0-9]{0,18}")

FILTERS = tuple(field.name for field in FIELDS if field.name != "id")
"""Fields whose values are terms."""


def filter_term(value: str | None) -> str:
    """The term for a value of a filter field; `None` means no value. Of one that is longer than
    `LONGEST_VALUE`, the beginning and a digest of the whole."""
    if value is None:
        return NONE
    if len(value) > LONGEST_VALUE:
        return f"={value[:LONGEST_VALUE]}…{sha256(value.encode()).hexdigest()}"
    return "=" + value


def filter_value(term: str) -> str | None:
    """The value that a term of a filter field stands for. The reverse of `filter_term`, but for a
    value that is too long."""
    return None if term == NONE else term[1:]


def asked_ids(values: Iterable[str | None]) -> list[int]:
    """The ids of chats that a filter asks for. What is none, or does not fit into 64 bits, is in no
    chat."""
    numbers = [int(value) for value in values if value is not None and _ID.fullmatch(value)]
    return [number for number in numbers if abs(number) < 2**63]


def seen_term(field: str, term: str, *, masked: bool) -> str:
    """The term of a filter field as it is for who sees all, or who sees masked."""
    if field == "has_upload" and term == filter_term(ONLY_RECALLED):
        return filter_term(FALSE if masked else TRUE)
    return term


def asked_terms(field: str, values: tuple[str | None, ...], *, masked: bool) -> set[str]:
    """The terms that fulfil a filter for one of these values, for who sees all or masked."""
    asked = {filter_term(value) for value in values}
    if field == "has_upload":
        known = map(filter_term, (TRUE, FALSE, ONLY_RECALLED))
        asked = {term for term in known if seen_term(field, term, masked=masked) in asked}
    return asked


def has_whole_numbers(literal: str) -> bool:
    """Has it numbers in marks, all of them whole? What else stands in it can only be outside of a
    number then, so that no part of a number is found out by it."""
    opened, *parts = literal.split(WHOLE_BEGINS)
    return (
        bool(parts)
        and WHOLE_ENDS not in opened
        and all(part.count(WHOLE_ENDS) == 1 for part in parts)
    )
