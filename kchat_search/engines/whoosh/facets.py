"""Facets: how many matches have each value of a field, and how many were created in each month and
on each day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.array_file import Array
from kchat_search.engines.whoosh.postings import DocNumbers, PostingsDamaged
from kchat_search.engines.whoosh.schema import ORDINALS, filter_value
from kchat_search.engines.whoosh.segment_file import SegmentFile
from kchat_search.fields import BY_NAME, FACETS
from kchat_search.models.plan import MOST_DAYS, NO_TIME

_DAY = "created_day"
_COUNTED = tuple(name for name in FACETS if name != _DAY)

FacetRows = tuple[tuple[str | None, int], ...]
"""(value, how many matches have it). None stands for no value."""


class FacetTable(NamedTuple):
    """The values of a segment's documents. The values of all facets share one numbering: first
    those of the first facet, then those of the second, and so on."""

    numbers: Array
    """The number of each document's value in each facet. Shape: (documents, facets)."""
    terms: list[list[list[str]]]
    """For each facet, for each of its numbers: the terms that the number stands for. One term, or a
    set of terms if a document may have several values."""
    starts: list[int]
    """For each facet, its first number; and at the end, how many numbers there are."""

    @classmethod
    def of(cls, file: SegmentFile) -> FacetTable:
        """The table of a segment. Raises `PostingsDamaged`."""
        columns = [
            (_several if name in BY_NAME and BY_NAME[name].many else _one)(file, name)
            for name in _COUNTED
        ]
        starts = [0, *accumulate(len(terms) for _, terms in columns)]
        numbers = np.empty((file.size, len(columns)), np.min_scalar_type(starts[-1]))
        for n, (column, _) in enumerate(columns):
            numbers[:, n] = column
            numbers[:, n] += starts[n]
        return cls(numbers, [terms for _, terms in columns], starts)


def _one(file: SegmentFile, field: str) -> tuple[Array, list[list[str]]]:
    """(for each document the ordinal of its value, for each ordinal its term)."""
    terms = _terms(file, field)
    if field not in ORDINALS:
        column = np.zeros(file.size, np.min_scalar_type(len(terms)))
        for ordinal in range(len(terms)):
            column[file.docs(field, ordinal)] = ordinal
        return column, [[term] for term in terms]
    ordinals = file.arrays[f"{field}.ordinals"]
    if len(ordinals) and int(ordinals.max()) >= len(terms):
        raise PostingsDamaged(f"{field} has no value {ordinals.max()}")
    return ordinals, [[term] for term in terms]


def _several(file: SegmentFile, field: str) -> tuple[Array, list[list[str]]]:
    """(for each document the number of its set of values, for each number its terms)."""
    terms = _terms(file, field)
    column = np.zeros(file.size, np.uint32)
    sets: list[list[str]] = [[]]
    for ordinal, term in enumerate(terms):
        docs = file.docs(field, ordinal)
        before, inverse = np.unique(column[docs], return_inverse=True)
        column[docs] = len(sets) + inverse
        sets += [[*sets[number], term] for number in before.tolist()]
    numbers, inverse = np.unique(column, return_inverse=True)
    return inverse, [sets[number] for number in numbers.tolist()]


def _terms(file: SegmentFile, field: str) -> list[str]:
    try:
        return [file.term(field, n).decode() for n in range(file.term_count(field))]
    except UnicodeDecodeError as error:
        raise PostingsDamaged(f"a value of {field} is not text") from error


class FacetCounts:
    """The counts of some facets, over all segments."""

    def __init__(self, names: Sequence[str]) -> None:
        self._counts: dict[str, dict[str, int]] = {n: {} for n in names if n != _DAY}
        self._times: list[NDArray[np.int64]] | None = [] if _DAY in names else None

    def add(
        self, table: FacetTable, created: Array, docs: DocNumbers, names: Sequence[str]
    ) -> None:
        """Count a segment's documents in these facets.

        `created`: the segment's column. `docs`: the documents to count. All facets are counted in
        one pass, which takes a third to a half of the time of one pass each. Cost: some ns for each
        document and facet.
        """
        if _DAY in names and self._times is not None:
            self._times.append(created[docs])
        names = [name for name in names if name != _DAY]
        if not len(docs) or not names:
            return
        columns = [_COUNTED.index(name) for name in names]
        numbers = table.numbers
        if len(docs) < len(numbers):
            numbers = numbers.take(docs, axis=0)
        if len(names) < len(_COUNTED):
            numbers = numbers[:, columns]
        by_number = np.bincount(numbers.ravel(), minlength=table.starts[-1]).tolist()
        for name, column in zip(names, columns, strict=True):
            counts = self._counts[name]
            begin, end = table.starts[column : column + 2]
            for terms, count in zip(table.terms[column], by_number[begin:end], strict=True):
                for term in terms if count else ():
                    counts[term] = counts.get(term, 0) + count

    def rows(self, zone: str) -> dict[str, FacetRows]:
        """By facet: the values, those with the most matches first, then by value; months and days
        ascending. `zone`: the IANA name of the time zone of the days."""
        rows = {name: _rows(name, counts) for name, counts in self._counts.items()}
        days = None if self._times is None else _days(self._times, ZoneInfo(zone))
        return rows if days is None else rows | {_DAY: days}


def _rows(name: str, counts: Mapping[str, int]) -> FacetRows:
    if name == "created_month":
        rows = sorted(counts.items())
    else:
        rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    return tuple((filter_value(term), number) for term, number in rows)


def _days(times: Sequence[NDArray[np.int64]], zone: ZoneInfo) -> FacetRows | None:
    """How many of these times (seconds since 1970 UTC) lie in each day of the zone. None if they
    lie more than `MOST_DAYS` apart."""
    created = np.concatenate([np.empty(0, np.int64), *times])
    known = created[created != NO_TIME]
    without: FacetRows = ((None, len(created) - len(known)),) if len(known) < len(created) else ()
    if not len(known):
        return without
    low, high = int(known.min()), int(known.max())
    if high - low > (MOST_DAYS + 1) * 86_400:  # a day may have 25 hours; days are counted below
        return None
    try:
        first, last = (_in_zone(seconds, zone).date() for seconds in (low, high))
    except OverflowError:  # near the ends of the calendar, a local day may have no UTC time
        return None
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if len(days) > MOST_DAYS:
        return None
    starts = [int(datetime(d.year, d.month, d.day, tzinfo=zone).timestamp()) for d in days]
    places = np.searchsorted(starts, known, side="right") - 1
    numbers = np.bincount(places, minlength=len(days)).tolist()
    named = zip(days, numbers, strict=True)
    return without + tuple((day.isoformat(), number) for day, number in named if number)


def _in_zone(seconds: int, zone: ZoneInfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(zone)
