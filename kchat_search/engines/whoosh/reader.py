"""The index as somebody sees it: `ports.IndexReader` over the segments of the newest commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from heapq import merge
from itertools import groupby, islice

from kchat_search.engines.nearness import ranked
from kchat_search.engines.terms import filter_term, filter_value
from kchat_search.engines.whoosh.alike import alike
from kchat_search.engines.whoosh.answer import answer, ids
from kchat_search.engines.whoosh.evaluate import matching
from kchat_search.engines.whoosh.first_openings import first_openings
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.meaning.clusters import Openings
from kchat_search.models.plan import (
    EVERYTHING_SEEN,
    Alike,
    AlikeHit,
    EngineAnswer,
    Everything,
    FilterField,
    Node,
    Plan,
    Sight,
)

Reading = Callable[[], AbstractContextManager[Sequence[Segment]]]
"""Gives the segments of the newest commit, and translates the errors of reading them."""


class SeenIndex:
    """See `ports.IndexReader`. It reads nothing but the segments as they are seen."""

    def __init__(self, reading: Reading, sight: Sight) -> None:
        self._read = reading
        self._sight = sight

    def search(self, plan: Plan) -> EngineAnswer:
        """See `ports.IndexReader.search`."""
        with self._seen() as segments:
            answered = answer(segments, plan)
        return replace(answered, former=None) if self._sight.masked else answered

    def ids(self, plan: Plan) -> Sequence[int]:
        """See `ports.IndexReader.ids`."""
        with self._seen() as segments:
            return ids(segments, plan)

    def count(self, match: Node, *, history: bool = False) -> int:
        """See `ports.IndexReader.count`."""
        with self._seen() as segments:
            if isinstance(match, Everything):
                return sum(segment.live_count for segment in segments)
            return sum(len(matching(segment, match, history=history)) for segment in segments)

    def values(
        self, field: FilterField, prefix: str, limit: int, shows: Callable[[str], bool]
    ) -> tuple[str, ...]:
        """See `ports.IndexReader.values`."""
        begin = filter_term(prefix)
        with self._seen() as segments:
            terms = merge(*(segment.terms_with_prefix(field, begin) for segment in segments))
            values = (filter_value(term) for term, _ in groupby(terms))
            shown = (value for value in values if value is not None and shows(value))
            return tuple(islice(shown, limit))

    def first_characters(self, field: FilterField) -> tuple[str, ...]:
        """See `ports.IndexReader.first_characters`."""
        with self._seen() as segments:
            of_segments = (segment.next_characters(field, filter_term("")) for segment in segments)
            return tuple(sorted(set().union(*of_segments)))

    def openings(self, match: Node) -> Openings:
        """See `ports.IndexReader.openings`."""
        with self._seen() as segments:
            return first_openings([(segment, matching(segment, match)) for segment in segments])

    def similar(self, word: str, limit: int) -> tuple[str, ...]:
        """See `ports.IndexReader.similar`."""
        with self._seen() as segments:
            near = [segment.near(word) for segment in segments]
        return tuple(ranked(near)[:limit])

    def alike(self, asked: Alike) -> tuple[AlikeHit, ...]:
        """See `ports.IndexReader.alike`."""
        with self._seen() as segments:
            return alike(segments, asked)

    @contextmanager
    def _seen(self) -> Iterator[Sequence[Segment]]:
        """The segments as they are seen. The restriction is evaluated on all that is there."""
        with self._read() as segments:
            if self._sight == EVERYTHING_SEEN:
                yield segments
            else:
                yield [segment.view(self._sight, matching) for segment in segments]
