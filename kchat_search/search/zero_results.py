"""Why nothing was found: what each part has alone, what each filter cuts away, and what may have
been meant."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from itertools import islice, takewhile
from time import perf_counter

from kchat_search.models.plan import AllOf, Contains, EngineAnswer, HasWord, Node, Plan
from kchat_search.models.search import FilterCut, PartCount, QueryReading, Suggestion
from kchat_search.ports import Engine
from kchat_search.search.did_you_mean import suggested_queries
from kchat_search.search.plan import Context, parts_alone, relaxed, to_node
from kchat_search.search.tree import And, Field, Not, Tree

PATIENCE = 0.3
"""Seconds for the reasons: they are asked of the whole index, some once a word, and where a
speaker is named each is a look into thousands of texts. What takes longer is left open, and said to
be."""
_MOST_PARTS = 64
"""A text of a thousand characters has some 500 words."""
_SUGGESTIONS = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZeroResults:
    """A search that no chat answers whole, or too few."""

    engine: Engine
    plan: Plan
    tree: Tree | None
    context: Context
    q: str
    split: Callable[[str], list[str]]
    read: Callable[[str], Tree | None]
    """Query text to tree."""

    def explained(self, reading: QueryReading, found: EngineAnswer) -> QueryReading:
        """The reading with the reasons; after `PATIENCE` seconds nothing more is counted."""
        deadline = perf_counter() + PATIENCE

        def in_time() -> bool:
            return perf_counter() < deadline

        parts = () if found.all else tuple(self._parts(in_time))
        cuts = () if found.total else tuple(self._cuts(in_time))
        without = None
        if not found.total and self.plan.filters and in_time():
            without = self._total(self.plan.match, self.plan.some, {})
        near = tuple(islice(self._suggestions(in_time), _SUGGESTIONS))
        return dataclasses.replace(
            reading, parts=parts, cuts=cuts, without_filters=without, suggestions=near
        )

    def _parts(self, in_time: Callable[[], bool]) -> Iterator[PartCount]:
        for text, part in parts_alone(self.tree, self.context)[:_MOST_PARTS]:
            yield PartCount(text, self.engine.count(part) if in_time() else None)

    def _cuts(self, in_time: Callable[[], bool]) -> Iterator[FilterCut]:
        """Each filter, in the query and beside it, with what would be found without it alone."""
        filters = self.plan.filters
        for name in takewhile(lambda _: in_time(), filters):
            others = {n: f for n, f in filters.items() if n != name}
            total = self._total(self.plan.match, self.plan.some, others)
            yield FilterCut(name, None, self.q, total)
        parts = self.tree.parts if isinstance(self.tree, And) else ()
        for place, part in takewhile(lambda _: in_time(), enumerate(parts)):
            if isinstance(part, Field | Not):
                rest = _joined(parts[:place] + parts[place + 1 :])
                yield FilterCut("q", str(part), str(rest), self._total_of(rest))

    def _suggestions(self, in_time: Callable[[], bool]) -> Iterator[Suggestion]:
        def nowhere(each: Contains | HasWord) -> bool:
            return in_time() and not self.engine.count(each)

        queries = suggested_queries(self.tree, self.split, nowhere, self.engine.similar)
        for query in takewhile(lambda _: in_time(), queries):
            tree = self.read(query)
            if tree is not None and self._count(to_node(tree, self.context), self.plan.filters):
                yield Suggestion(query, self._total_of(tree))

    def _total_of(self, tree: Tree) -> int:
        some = relaxed(tree, self.context) if self.plan.some is not None else None
        return self._total(to_node(tree, self.context), some, self.plan.filters)

    def _total(self, match: Node, some: Node | None, filters: Mapping[str, Node]) -> int:
        """As many as a search for it would find."""
        whole = self._count(match, filters)
        widens = some is not None and self.plan.sort == "relevance" and whole < self.plan.enough
        return self._count(some, filters) if widens and some is not None else whole

    def _count(self, match: Node, filters: Mapping[str, Node]) -> int:
        return self.engine.count(AllOf((*filters.values(), match)))


def _joined(parts: tuple[Tree, ...]) -> Tree:
    return parts[0] if len(parts) == 1 else And(parts)
