"""Facets: aggregations, and what they count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any
from zoneinfo import ZoneInfo

from kchat_search.engines.days import Day, days_between
from kchat_search.engines.opensearch.mapping import Json
from kchat_search.engines.opensearch.queries import EVERY, every
from kchat_search.engines.opensearch.snapshot import Snapshot
from kchat_search.engines.terms import filter_value, seen_term
from kchat_search.models.plan import NO_TIME

_DAY, _MONTH = "created_day", "created_month"
_MOST_VALUES = 5_000
"""Of one facet with the others. A server gives some 65,000 of all facets together."""
_VALUES_AT_ONCE = 10_000
"""Of one facet alone."""
_VALUES, _NONE, _LOW, _HIGH, _OF = "values", "none", "low", "high", "of"

FacetRows = tuple[tuple[str | None, int], ...]
"""(value, how many matches have it). None stands for no value."""


def aggregations(names: Sequence[str], filters: Mapping[str, Json]) -> Json:
    """The aggregations of some facets. `filters`: the query of each facet that is also filtered by;
    each facet is counted without its own."""
    made: Json = {}
    for name in names:
        others = every(_others(name, filters))
        for part, counted in _days().items() if name == _DAY else [(_VALUES, _terms(name))]:
            # A condition that all fulfil would be tried on each chat.
            filtered = {"filter": others, "aggs": {_OF: counted}}
            made[_key(name, part)] = counted if others == EVERY else filtered
    return made


def _others(name: str, filters: Mapping[str, Json]) -> Iterator[Json]:
    return (query for other, query in filters.items() if other != name)


def _key(name: str, part: str) -> str:
    return f"{name}.{part}"


def _terms(name: str) -> Json:
    return {"terms": {"field": name, "size": _MOST_VALUES, "shard_size": _MOST_VALUES}}


def _days() -> Json:
    known: Json = {"range": {"time": {"gt": NO_TIME}}}
    return {
        _NONE: {"filter": {"term": {"time": NO_TIME}}},
        _VALUES: {
            "filter": known,
            "aggs": {_LOW: {"min": {"field": "time"}}, _HIGH: {"max": {"field": "time"}}},
        },
    }


class Facets:
    """The facets of a plan, as the server counted them."""

    def __init__(
        self,
        names: Sequence[str],
        filters: Mapping[str, Json],
        found: Mapping[str, Any],
        *,
        masked: bool,
    ) -> None:
        """`found`: the answer to `aggregations` of these. `masked`: of who sees masked."""
        self._names = names
        self._filters = filters
        self._found = found
        self._masked = masked

    def rows(self, snapshot: Snapshot, passing: Json, zone: str) -> dict[str, FacetRows]:
        """By facet: the values, those with the most matches first, then by value; months and days
        ascending. `passing`: the query for what matches, without the filters. `zone`: the IANA name
        of the time zone of the days."""
        rows: dict[str, FacetRows] = {}
        for name in self._names:
            query = every([passing, *_others(name, self._filters)])
            if name == _DAY:
                days = self._day_rows(snapshot, query, zone)
                if days is not None:
                    rows[name] = days
            else:
                rows[name] = self._value_rows(name, self._counts(name, snapshot, query))
        return rows

    def _counts(self, name: str, snapshot: Snapshot, query: Json) -> Iterable[tuple[str, int]]:
        """(term, how many have it) of all terms of a facet. `query`: for what is counted."""
        found = self._part(name, _VALUES)
        if found["sum_other_doc_count"]:
            return chain.from_iterable(snapshot.terms(query, name, _VALUES_AT_ONCE))
        return ((bucket["key"], bucket["doc_count"]) for bucket in found["buckets"])

    def _part(self, name: str, part: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._found[_key(name, part)]
        inner: Mapping[str, Any] = found.get(_OF, found)
        return inner

    def _value_rows(self, name: str, found: Iterable[tuple[str, int]]) -> FacetRows:
        counts: dict[str, int] = {}
        for each, number in found:
            term = seen_term(name, each, masked=self._masked)
            counts[term] = counts.get(term, 0) + number
        if name == _MONTH:
            ordered = sorted(counts.items())
        else:
            ordered = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
        return tuple((filter_value(term), number) for term, number in ordered)

    def _day_rows(self, snapshot: Snapshot, matching: Json, zone: str) -> FacetRows | None:
        """The days of the matches; None if they lie too far apart."""
        none = self._part(_DAY, _NONE)["doc_count"]
        without: FacetRows = ((None, none),) if none else ()
        known = self._part(_DAY, _VALUES)
        if not known["doc_count"]:
            return without
        days = days_between(int(known[_LOW]["value"]), int(known[_HIGH]["value"]), ZoneInfo(zone))
        if days is None:
            return None
        body: Json = {
            "query": matching,
            "size": 0,
            "aggs": {"days": {"range": {"field": "time", "keyed": True, "ranges": _ranges(days)}}},
        }
        buckets = snapshot.search(body)["aggregations"]["days"]["buckets"]
        numbers = ((day.name, int(buckets[day.name]["doc_count"])) for day in days)
        return without + tuple((day, number) for day, number in numbers if number)


def _ranges(days: Sequence[Day]) -> list[Json]:
    ranges: list[Json] = [
        {"key": day.name, "from": day.start, "to": behind.start} for day, behind in pairwise(days)
    ]
    return [*ranges, {"key": days[-1].name, "from": days[-1].start}]
