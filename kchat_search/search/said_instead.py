"""Where a search by when chats were created leaves out chats that began before and said it within:
the search by when it was said, and how many more it finds.

People look for what was said in a month, and a chat may go on for weeks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date

from kchat_search import processor_time
from kchat_search.errors import RequestTooExpensive
from kchat_search.models.plan import EVERYWHERE, AllOf, Node, NoneOf, Plan
from kchat_search.models.search import SaidInstead, SearchRequest
from kchat_search.ports import IndexReader
from kchat_search.search import conditions
from kchat_search.search.plan import Context, said_in, says_something, to_node, whole
from kchat_search.search.tree import And, FieldCondition, Tree, names_times

PATIENCE = 0.1
"""Seconds of processor time that the counts may take, at most."""
_DATED = ("date", "after", "before")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dated:
    """A search by when chats were created."""

    request: SearchRequest
    tree: Tree | None
    plan: Plan
    context: Context
    parse: Callable[[str], Tree | None]
    """From query text to tree."""

    def instead(self, index: IndexReader) -> SaidInstead | None:
        """The same search by when it was said. None where the search is by nothing or by both,
        looks for no text, or would find no more; and where counting takes too long."""
        found = self._by_parameters() or self._by_query()
        if found is None:
            return None
        request, match, created = found
        others = [node for name, node in self.plan.filters.items() if name != "created"]

        def count(node: Node) -> int:
            return index.count(AllOf((*others, node, match)), history=self.plan.history)

        try:
            with processor_time.limited(PATIENCE):
                more = count(NoneOf(created))
                # What is shown beside the link must be what the link finds.
                total = more + count(created) if more else 0
        except RequestTooExpensive:
            return None
        if not more:
            return None
        return SaidInstead(request.q, request.said_start, request.said_end, total, more)

    def _by_parameters(self) -> tuple[SearchRequest, Node, Node] | None:
        """(the other search, what it must match, what this search asks of the creation)."""
        created = self.plan.filters.get("created")
        if created is None or self._dates() or not self._may_be_said():
            return None
        request = dataclasses.replace(
            self.request,
            start=None,
            end=None,
            said_start=self.request.start,
            said_end=self.request.end,
        )
        context = dataclasses.replace(self.context, said=said_in(request, self.context.zone))
        return request, whole(self.tree, context), created

    def _by_query(self) -> tuple[SearchRequest, Node, Node] | None:
        dates = self._dates()
        if not dates or "created" in self.plan.filters or not self._may_be_said():
            return None
        value = _as_one(dates, self.context.today)
        if value is None:
            return None
        rest = tuple(part for part in self._parts() if part not in dates)
        q = str(And((*rest, FieldCondition("said", value))))
        created = AllOf(tuple(to_node(each, self.context) for each in dates))
        request = dataclasses.replace(self.request, q=q)
        return request, whole(self.parse(q), self.context), created

    def _parts(self) -> tuple[Tree, ...]:
        if self.tree is None:
            return ()
        return self.tree.parts if isinstance(self.tree, And) else (self.tree,)

    def _dates(self) -> list[FieldCondition]:
        return [p for p in self._parts() if isinstance(p, FieldCondition) and p.name in _DATED]

    def _may_be_said(self) -> bool:
        """Does it look for a text, and not yet by when that was said?"""
        parts = self._parts()
        by_time = self.context.said != EVERYWHERE or any(map(names_times, parts))
        return not by_time and any(map(says_something, parts))


def _as_one(dates: list[FieldCondition], today: date) -> str | None:
    """The value of `said:` for the same days: `after:2019-07 before:2019-08` is
    `said:2019-07..2019-08`. None where they can't be written as one."""
    by_name = {each.name: conditions.folded(each.value) for each in dates}
    if len(by_name) < len(dates) or (len(dates) > 1 and "date" in by_name):
        return None
    value = by_name.get("date") or f"{by_name.get('after', '')}..{by_name.get('before', '')}"
    return value if conditions.is_date(value, today) else None
