"""Why a search found nothing, or too little: what each part of the query finds alone, what each
filter takes away, and what may have been meant."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, islice, takewhile
from time import perf_counter
from typing import TypeVar

from kchat_search import processor_time
from kchat_search.errors import RequestTooExpensive
from kchat_search.models.plan import (
    EVERYWHERE,
    AllOf,
    Contains,
    EngineAnswer,
    Everything,
    HasWord,
    Node,
    Plan,
)
from kchat_search.models.search import FilterCut, Note, PartCount, QueryReading, Suggestion
from kchat_search.ports import IndexReader
from kchat_search.search.did_you_mean import suggested_queries
from kchat_search.search.plan import Context, parts_alone, whole
from kchat_search.search.similar_values import queries_with_similar_values
from kchat_search.search.tree import IN_HISTORY, And, FieldCondition, Not, Tree

T = TypeVar("T")
PATIENCE = 0.3
"""Seconds that all the reasons together may take.

Each reason needs a count over the whole index. Where the query names a speaker, one count may read
thousands of texts. What was not counted in time is None, and the answer says so."""
_MOST_PARTS = 64
"""A query of a thousand characters may have some 500 words."""
_SUGGESTIONS = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZeroResults:
    """A search that no chat, or too few chats, answer whole."""

    index: IndexReader
    plan: Plan
    tree: Tree | None
    context: Context
    q: str
    split: Callable[[str], list[str]]
    """Cuts Han text into words."""
    parse: Callable[[str], Tree | None]
    """From query text to tree."""
    notes: tuple[Note, ...] = ()
    """What was not taken as it was typed."""

    def explain(self, reading: QueryReading, answer: EngineAnswer) -> QueryReading:
        """The reading with the reasons added. Nothing more is counted after `PATIENCE` seconds.

        Raises what the engine raises.
        """
        deadline = perf_counter() + PATIENCE

        def in_time() -> bool:
            return perf_counter() < deadline and processor_time.left() > 0

        with processor_time.limited(PATIENCE):
            parts = () if answer.total else tuple(self._parts(in_time))
            cuts = () if answer.total else _as_far_as_time_allows(self._cuts(in_time))
            without_filters = None
            filtered = self.plan.filters or self.context.said != EVERYWHERE
            if not answer.total and filtered and in_time():
                without_filters = _none_if_too_long(lambda: self._count(self._at_any_time, {}))
            near = islice(self._suggestions(in_time), _SUGGESTIONS)
            suggestions = _as_far_as_time_allows(near)
        return dataclasses.replace(
            reading,
            parts=parts,
            cuts=cuts,
            without_filters=without_filters,
            suggestions=suggestions,
        )

    @property
    def _at_any_time(self) -> Node:
        """What the query asks for, without `said_start` and `said_end`."""
        return whole(self.tree, self._without_said)

    @property
    def _without_said(self) -> Context:
        return dataclasses.replace(self.context, said=EVERYWHERE)

    def _parts(self, in_time: Callable[[], bool]) -> Iterator[PartCount]:
        for text, part in parts_alone(self.tree, self._without_said)[:_MOST_PARTS]:
            count = partial(self.index.count, part, history=self.plan.history)
            yield PartCount(text, _none_if_too_long(count) if in_time() else None)

    def _cuts(self, in_time: Callable[[], bool]) -> Iterator[FilterCut]:
        """For each filter, in the query and outside it: what a search without it would find."""
        filters = self.plan.filters
        for name in takewhile(lambda _: in_time(), filters):
            others = {n: f for n, f in filters.items() if n != name}
            yield FilterCut(name, None, self.q, self._count(self.plan.match, others))
        if self.context.said != EVERYWHERE and in_time():
            yield FilterCut("said", None, self.q, self._count(self._at_any_time, filters))
        parts = self.tree.parts if isinstance(self.tree, And) else ()
        for index, part in takewhile(lambda _: in_time(), enumerate(parts)):
            if isinstance(part, FieldCondition | Not) and part != IN_HISTORY:
                rest = _joined(parts[:index] + parts[index + 1 :])
                yield FilterCut("q", str(part), str(rest), self._total_of(rest))

    def _suggestions(self, in_time: Callable[[], bool]) -> Iterator[Suggestion]:
        def is_nowhere(needle: Contains | HasWord) -> bool:
            return in_time() and not self.index.count(needle, history=self.plan.history)

        queries = chain(
            queries_with_similar_values(
                self.q, self.tree, self.notes, self.context.agents, self._in_use
            ),
            suggested_queries(self.tree, self.split, is_nowhere, self.index.similar),
        )
        for query in takewhile(lambda _: in_time(), queries):
            tree = self.parse(query)
            total = 0 if tree is None else self._total_of(tree)
            if total:
                yield Suggestion(query, total)

    def _in_use(self, field: str) -> list[str | None]:
        plan = Plan(Everything(), sort="newest", limit=0, facets=(field,))
        return [value for value, _ in self.index.search(plan).facets[field]]

    def _total_of(self, tree: Tree) -> int:
        return self._count(whole(tree, self.context), self.plan.filters)

    def _count(self, match: Node, filters: Mapping[str, Node]) -> int:
        match = AllOf((*filters.values(), match))
        return self.index.count(match, history=self.plan.history)


def _as_far_as_time_allows(items: Iterable[T]) -> tuple[T, ...]:
    found: list[T] = []
    try:
        found.extend(items)  # what was found before the time ran out stays
    except RequestTooExpensive:
        return tuple(found)
    return tuple(found)


def _none_if_too_long(count: Callable[[], int]) -> int | None:
    try:
        return count()
    except RequestTooExpensive:
        return None


def _joined(parts: tuple[Tree, ...]) -> Tree:
    return parts[0] if len(parts) == 1 else And(parts)
