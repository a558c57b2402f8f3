"""Facets: how many matches have each value of a field, and how many were created in each month and
on each day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, count
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.days import days_between
from kchat_search.engines.terms import filter_value, seen_term
from kchat_search.engines.whoosh.array_file import Array
from kchat_search.engines.whoosh.postings import DocNumbers, PostingsDamaged, concatenated_ranges
from kchat_search.engines.whoosh.schema import LISTS, ORDINALS
from kchat_search.engines.whoosh.segment_file import SegmentFile
from kchat_search.fields import FACETS
from kchat_search.models.plan import NO_TIME

_DAY = "created_day"
_COUNTED = tuple(name for name in FACETS if name != _DAY)
_MOST_MARKED = 1 << 22
"""Up to so many numbers, marking those that occur costs less than sorting."""

FacetRows = tuple[tuple[str | None, int], ...]
"""(value, how many matches have it). None stands for no value."""


class Sets(NamedTuple):
    """Sets of values: some documents of a segment have the same ones."""

    ordinals: NDArray[np.int64]
    """The values of each set, set after set."""
    starts: NDArray[np.int64]
    """Where each set begins in `ordinals`."""
    counts: NDArray[np.int64]
    """How many values each set has."""


class FacetTable(NamedTuple):
    """The values of a segment's documents. The values of all facets share one numbering: first
    those of the first facet, then those of the second, and so on. Where a document may have several
    values, its set of values has a number."""

    numbers: Array
    """The number of each document's value or set in each facet. Shape: (documents, facets)."""
    terms: list[list[str]]
    """For each facet, its values, by ordinal."""
    sets: list[Sets | None]
    """For each facet, its sets of values, by number. None where a number is an ordinal."""
    starts: list[int]
    """For each facet, its first number; and at the end, how many numbers there are."""

    @classmethod
    def of(cls, file: SegmentFile) -> FacetTable:
        """The table of a segment. Raises `PostingsDamaged`."""
        terms = [_terms(file, name) for name in _COUNTED]
        columns = [(_several if name in LISTS else _one)(file, name) for name in _COUNTED]
        sets = [sets for _, sets in columns]
        sizes = [len(t if s is None else s.counts) for t, s in zip(terms, sets, strict=True)]
        starts = [0, *accumulate(sizes)]
        numbers = np.empty((file.size, len(columns)), np.min_scalar_type(starts[-1]))
        for n, (column, _) in enumerate(columns):
            numbers[:, n] = column
            numbers[:, n] += starts[n]
        return cls(numbers, terms, sets, starts)

    def counts(self, facet: int, by_number: NDArray[np.int64]) -> Iterator[tuple[str, int]]:
        """(value, how many documents have it), for the values of a facet that some document has.
        `by_number`: how many documents have each number."""
        begin, end = self.starts[facet : facet + 2]
        found = by_number[begin:end]
        sets = self.sets[facet]
        if sets is not None:
            used = np.flatnonzero(found)
            counts = sets.counts[used]
            ordinals = sets.ordinals[concatenated_ranges(sets.starts[used], counts)]
            found = np.bincount(ordinals, np.repeat(found[used], counts)).astype(np.int64)
        having = np.flatnonzero(found)
        for ordinal, number in zip(having.tolist(), found[having].tolist(), strict=True):
            yield self.terms[facet][ordinal], number


def _one(file: SegmentFile, field: str) -> tuple[Array, None]:
    """For each document the ordinal of its value."""
    terms = file.term_count(field)
    if field not in ORDINALS:
        column = np.zeros(file.size, np.min_scalar_type(terms))
        for ordinal in range(terms):
            column[file.docs(field, ordinal)] = ordinal
        return column, None
    ordinals = file.arrays[f"{field}.ordinals"]
    if len(ordinals) and int(ordinals.max()) >= terms:
        raise PostingsDamaged(f"{field} has no value {ordinals.max()}")
    return ordinals, None


def _several(file: SegmentFile, field: str) -> tuple[Array, Sets]:
    """(for each document the number of its set of values, these sets).

    A set is numbered by its first value, then by the number of these and its second value, and so
    on. Cost: some ns a value.
    """
    values = file.arrays[f"{field}.ordinals"]
    terms = file.term_count(field)
    if len(values) and int(values.max()) >= terms:
        raise PostingsDamaged(f"{field} has no value {values.max()}")
    counts = file.arrays[f"{field}.counts"].astype(np.int64)
    starts = np.cumsum(counts) - counts
    numbers = np.zeros(file.size, np.int64)
    known = 1  # number 0 is the set without values
    docs = np.flatnonzero(counts)
    for place in count():
        if not len(docs):
            break
        keys = numbers[docs] * terms + values[starts[docs] + place]
        distinct, numbers[docs] = _numbered(keys, known * terms)
        numbers[docs] += known
        known += distinct
        docs = docs[counts[docs] > place + 1]
    distinct, column = _numbered(numbers, known)
    some = np.empty(distinct, np.int64)
    some[column] = np.arange(file.size)  # of each set, some document that has it
    lengths = counts[some]
    ordinals = values[concatenated_ranges(starts[some], lengths)].astype(np.int64)
    return column, Sets(ordinals, np.cumsum(lengths) - lengths, lengths)


def _numbered(keys: NDArray[np.int64], limit: int) -> tuple[int, NDArray[np.int64]]:
    """(how many distinct keys there are, the place of each key among them). All are below
    `limit`; where that is small, nothing is sorted."""
    if limit > _MOST_MARKED:
        distinct, places = np.unique(keys, return_inverse=True)
        return len(distinct), places
    present = np.zeros(limit, np.bool_)
    present[keys] = True
    return int(present.sum()), (np.cumsum(present) - 1)[keys]


def _terms(file: SegmentFile, field: str) -> list[str]:
    try:
        return [file.term(field, n).decode() for n in range(file.term_count(field))]
    except UnicodeDecodeError as error:
        raise PostingsDamaged(f"a value of {field} is not text") from error


class FacetCounts:
    """The counts of some facets, over all segments."""

    def __init__(self, names: Sequence[str], *, masked: bool = False) -> None:
        """`masked`: of who sees masked."""
        self._masked = masked
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
        by_number = np.bincount(numbers.ravel(), minlength=table.starts[-1])
        for name, column in zip(names, columns, strict=True):
            counts = self._counts[name]
            for stored, number in table.counts(column, by_number):
                term = seen_term(name, stored, masked=self._masked)
                counts[term] = counts.get(term, 0) + number

    def rows(self, zone: str) -> dict[str, FacetRows]:
        """By facet: the values, those with the most matches first, then by value; months and days
        ascending. `zone`: the IANA name of the time zone of the days."""
        rows = {name: _rows(name, counts) for name, counts in self._counts.items()}
        days = None if self._times is None else _days(self._times, zone)
        return rows if days is None else rows | {_DAY: days}


def _rows(name: str, counts: Mapping[str, int]) -> FacetRows:
    if name == "created_month":
        rows = sorted(counts.items())
    else:
        rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    return tuple((filter_value(term), number) for term, number in rows)


def _days(times: Sequence[NDArray[np.int64]], zone: str) -> FacetRows | None:
    """How many of these times (seconds since 1970 UTC) lie in each day of the zone. None if they
    lie more than `MOST_DAYS` apart."""
    created = np.concatenate([np.empty(0, np.int64), *times])
    known = created[created != NO_TIME]
    without: FacetRows = ((None, len(created) - len(known)),) if len(known) < len(created) else ()
    if not len(known):
        return without
    days = days_between(int(known.min()), int(known.max()), ZoneInfo(zone))
    if days is None:
        return None
    places = np.searchsorted([day.start for day in days], known, side="right") - 1
    numbers = np.bincount(places, minlength=len(days)).tolist()
    named = zip(days, numbers, strict=True)
    return without + tuple((day.name, number) for day, number in named if number)
