"""Why nothing was found: what each part has alone, what each filter cuts away, and what may have
been meant."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from kchat_search.models.query import (
    AllOf,
    EngineAnswer,
    FilterCut,
    Node,
    PartCount,
    Plan,
    QueryReading,
    Suggestion,
)
from kchat_search.ports import Engine
from kchat_search.search.plan import Context, node, parts_alone, wider
from kchat_search.search.respell import respelled
from kchat_search.search.tree import And, Field, Not, Tree

_MOST_PARTS = 64
"""A text of a thousand characters has some 500 words."""
_MOST_CUTS = 16
_SUGGESTIONS = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Nothing:
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
        """The reading with the reasons."""
        near = tuple(islice(self._suggestions(), _SUGGESTIONS))
        if found.all:
            return dataclasses.replace(reading, suggestions=near)
        parts = parts_alone(self.tree, self.context)[:_MOST_PARTS]
        counted = tuple(PartCount(text, self.engine.count(part)) for text, part in parts)
        if found.total:
            return dataclasses.replace(reading, suggestions=near, parts=counted)
        return dataclasses.replace(
            reading,
            suggestions=near,
            parts=counted,
            cuts=tuple(islice(self._cuts(), _MOST_CUTS)),
            without_filters=self._total(self.plan.match, self.plan.some, {})
            if self.plan.filters
            else None,
        )

    def _cuts(self) -> Iterator[FilterCut]:
        """Each filter, in the query and beside it, with what would be found without it alone."""
        filters = self.plan.filters
        for name in filters:
            others = {n: f for n, f in filters.items() if n != name}
            total = self._total(self.plan.match, self.plan.some, others)
            yield FilterCut(name, None, self.q, total)
        parts = self.tree.parts if isinstance(self.tree, And) else ()
        for place, part in enumerate(parts):
            if isinstance(part, Field | Not):
                rest = _joined(parts[:place] + parts[place + 1 :])
                yield FilterCut("q", str(part), str(rest), self._total_of(rest))

    def _suggestions(self) -> Iterator[Suggestion]:
        for query in respelled(
            self.tree, self.split, lambda each: not self.engine.count(each), self.engine.similar
        ):
            tree = self.read(query)
            matching = self._count(node(tree, self.context), self.plan.filters)
            if matching:
                yield Suggestion(query, matching)

    def _total_of(self, tree: Tree) -> int:
        some = wider(tree, self.context) if self.plan.some is not None else None
        return self._total(node(tree, self.context), some, self.plan.filters)

    def _total(self, match: Node, some: Node | None, filters: Mapping[str, Node]) -> int:
        """As many as a search for it would find."""
        whole = self._count(match, filters)
        widens = some is not None and self.plan.sort == "relevance" and whole < self.plan.enough
        return self._count(some, filters) if widens and some is not None else whole

    def _count(self, match: Node, filters: Mapping[str, Node]) -> int:
        return self.engine.count(AllOf((*filters.values(), match)))


def _joined(parts: tuple[Tree, ...]) -> Tree:
    return parts[0] if len(parts) == 1 else And(parts)
