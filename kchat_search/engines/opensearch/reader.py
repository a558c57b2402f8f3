"""The index as somebody sees it: `ports.IndexReader` over the newest state."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Protocol, TypeVar

import numpy as np

from kchat_search.engines.opensearch import openings
from kchat_search.engines.opensearch.alike import alike
from kchat_search.engines.opensearch.answer import Answering
from kchat_search.engines.opensearch.documents import beginning
from kchat_search.engines.opensearch.mapping import Json
from kchat_search.engines.opensearch.queries import Compiler, every, restriction
from kchat_search.engines.opensearch.similar import similar
from kchat_search.engines.opensearch.snapshot import NOTHING_STORED, Snapshot
from kchat_search.engines.terms import filter_term, filter_value
from kchat_search.meaning.clusters import Openings
from kchat_search.meaning.codes import BYTES, WORDS, Codes, decode
from kchat_search.meaning.table import Table
from kchat_search.models.plan import (
    Alike,
    AlikeHit,
    EngineAnswer,
    Everything,
    FilterField,
    Node,
    Plan,
    Sight,
)

Answer = TypeVar("Answer")


class Reading(Protocol):
    """Gives the newest state to a function; again, if the server keeps that state no more."""

    def __call__(self, answer: Callable[[Snapshot | None], Answer]) -> Answer:
        """What the function returns. None is given where nothing was built."""
        ...


_VALUES_AT_ONCE = 1_000


class SeenIndex:
    """See `ports.IndexReader`."""

    def __init__(
        self,
        reading: Reading,
        table: Callable[[Snapshot], Table | None],
        sight: Sight,
    ) -> None:
        self._read = reading
        self._table = table
        self._sight = sight

    def search(self, plan: Plan) -> EngineAnswer:
        """See `ports.IndexReader.search`."""

        def answered(snapshot: Snapshot | None) -> EngineAnswer:
            if snapshot is None:
                return _nothing(plan, masked=self._sight.masked)
            table = None if plan.meant is None else self._table(snapshot)
            return Answering(snapshot, self._sight, plan, table).answer()

        return self._read(answered)

    def ids(self, plan: Plan) -> Sequence[int]:
        """See `ports.IndexReader.ids`."""

        def found(snapshot: Snapshot | None) -> array[int]:
            if snapshot is None:
                return array("q")
            return Answering(snapshot, self._sight, plan).ids()

        return self._read(found)

    def count(self, match: Node, *, history: bool = False) -> int:
        """See `ports.IndexReader.count`."""
        query = self._query(match, history=history)

        def counted(snapshot: Snapshot | None) -> int:
            if snapshot is None:
                return 0
            if isinstance(match, Everything):  # which each search wants to know
                return snapshot.statistics(self._sight, ()).documents
            return snapshot.count(query)

        return self._read(counted)

    def values(
        self, field: FilterField, prefix: str, limit: int, shows: Callable[[str], bool]
    ) -> tuple[str, ...]:
        """See `ports.IndexReader.values`."""
        begin = filter_term(prefix)

        def found(snapshot: Snapshot | None) -> tuple[str, ...]:
            if snapshot is None:
                return ()
            shown: list[str] = []
            for terms in _pages(snapshot, self._sight, field, begin):
                values = (filter_value(term) for term in terms)
                shown += [value for value in values if value is not None and shows(value)]
                if len(shown) >= limit:
                    break
            return tuple(shown[:limit])

        return self._read(found)

    def first_characters(self, field: FilterField) -> tuple[str, ...]:
        """See `ports.IndexReader.first_characters`."""

        def found(snapshot: Snapshot | None) -> tuple[str, ...]:
            if snapshot is None:
                return ()
            begin = beginning(field, "")
            terms = chain.from_iterable(_pages(snapshot, self._sight, "beginnings", begin))
            return tuple(term.removeprefix(begin) for term in terms)

        return self._read(found)

    def openings(self, match: Node) -> Openings:
        """See `ports.IndexReader.openings`."""
        query = self._query(match, history=False)

        def found(snapshot: Snapshot | None) -> Openings:
            return _openings(snapshot, query)

        return self._read(found)

    def similar(self, word: str, limit: int) -> tuple[str, ...]:
        """See `ports.IndexReader.similar`."""

        def found(snapshot: Snapshot | None) -> tuple[str, ...]:
            return () if snapshot is None else similar(snapshot, self._sight, word, limit)

        return self._read(found)

    def alike(self, asked: Alike) -> tuple[AlikeHit, ...]:
        """See `ports.IndexReader.alike`."""

        def found(snapshot: Snapshot | None) -> tuple[AlikeHit, ...]:
            return () if snapshot is None else alike(snapshot, self._sight, asked)

        return self._read(found)

    def _query(self, match: Node, *, history: bool) -> Json:
        compiler = Compiler(self._sight.masked, history)
        return every([restriction(self._sight), compiler.query(match)])


def _nothing(plan: Plan, *, masked: bool) -> EngineAnswer:
    """The answer of an index that was never built."""
    return EngineAnswer(
        total=0,
        hits=(),
        facets=dict.fromkeys(plan.facets, ()),
        documents=0,
        former=None if plan.history or masked else 0,
    )


def _pages(
    snapshot: Snapshot, sight: Sight, field: FilterField, begin: str
) -> Iterator[Sequence[str]]:
    """The terms of a field that begin so, in the order of their code points, some at a time."""
    query = every([restriction(sight), {"prefix": {field: begin}}])
    for page in snapshot.terms(query, field, _VALUES_AT_ONCE, _before(begin)):
        terms = [term for term, _ in page]
        yield [term for term in terms if term.startswith(begin)]
        if terms and not terms[-1].startswith(begin):
            return


def _before(begin: str) -> str:
    """A text that comes before all that begin so, and hardly any other between."""
    code = ord(begin[-1]) - 1
    return begin[:-1] + chr(0xD7FF if 0xD800 <= code < 0xE000 else code) + "\U0010ffff"


def _openings(snapshot: Snapshot | None, query: Json) -> Openings:
    """The first opening of each chat that fulfils a query, in the order of the chats' ids. One
    whose opening has no word that the table knows is left out."""
    ids: list[int] = []
    firsts = []
    body = {
        "query": every([query, {"exists": {"field": "guess"}}]),
        "sort": [{"id": "asc"}],
        "docvalue_fields": ["openings"],
        **NOTHING_STORED,
    }
    for hits in snapshot.pages(body, 2**62) if snapshot else ():
        for hit in hits:
            first = next(openings.read(hit["fields"]["openings"][0]))
            if any(first.magnitudes):
                ids.append(hit["sort"][0])
                firsts.append(first)
    codes = Codes(np.empty((0, WORDS), np.uint64), np.empty((0, BYTES), np.uint8))
    if firsts:
        codes = openings.codes(firsts)
    return Openings(
        np.array(ids, np.int64),
        lambda which: decode(Codes(codes.signs[which], codes.magnitudes[which])),
    )
