"""A search, from what was asked to what is shown."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from kchat_search.chats import ratings
from kchat_search.chats.reader import ChatReader, Transcript
from kchat_search.errors import BadRequest, LimitExceeded
from kchat_search.fields import FACETS, PARAMETERS
from kchat_search.models.chats import StoredChat
from kchat_search.models.plan import (
    NO_TIME,
    EngineAnswer,
    EngineHit,
    Everything,
    Match,
    Plan,
)
from kchat_search.models.reports import ArchiveFacts, Coverage
from kchat_search.models.search import (
    MAX_HITS_BY_PAGE,
    MAX_PER_PAGE,
    MAX_SNIPPETS,
    FacetValue,
    Hit,
    QueryReading,
    SearchPage,
    SearchRequest,
    Snippet,
)
from kchat_search.ports import Clock, Engine, StoredChats
from kchat_search.search import cursor as cursors
from kchat_search.search.plan import ENOUGH, Context, filters, ranking, relaxed, to_node
from kchat_search.search.recent_chats import RecentChats
from kchat_search.search.snippets import Needle, needles_of, snippets
from kchat_search.search.syntax import Parsed, parse
from kchat_search.search.tree import Tree
from kchat_search.search.zero_results import ZeroResults
from kchat_search.text.segmentation import Segmenter

Agents = Mapping[str, str]
"""Names by id."""

_CURSORS = ("backfill", "synced")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Searcher:
    """Answers `SearchRequest`s. Safe to share between threads."""

    archive: StoredChats
    engine: Engine
    segmenter: Segmenter
    chat_reader: ChatReader
    zone: ZoneInfo
    clock: Clock

    def search(self, request: SearchRequest) -> SearchPage:
        """Carry out a search.

        Raises `BadRequest` or `LimitExceeded` for what can't be asked, `IndexDamaged` and
        `ArchiveError` where it can't be answered.
        """
        began = time.perf_counter()
        _check(request)
        # Before the engine is asked: what is archived meanwhile is not taken for missing.
        facts = self.archive.facts(*_CURSORS)
        context = self._context(facts.agents)
        parsed = self._parse(request.q, context)
        plan = self._plan(request, parsed.tree, context)
        found = self.engine.search(plan)
        more = len(found.hits) > request.per_page
        hits = found.hits[: request.per_page]
        shown = self._show(request, hits, plan, context.agents)
        return SearchPage(
            query=self._reading(request, parsed, plan, found, context),
            total=found.total,
            page=request.page,
            per_page=request.per_page,
            has_next=more
            and request.cursor is None
            and (request.page + 1) * request.per_page <= MAX_HITS_BY_PAGE,
            cursor=cursors.encode(request, _place(plan, hits)) if more else None,
            hits=shown,
            facets={
                name: _labelled(name, rows, context.agents) for name, rows in found.facets.items()
            },
            coverage=_coverage(facts, found.documents),
            took_ms=(time.perf_counter() - began) * 1000,
        )

    def all_ids(self, request: SearchRequest) -> set[int]:
        """Every chat that matches, in no order; page and cursor aside. Raises as `search`."""
        return set(self.ids(dataclasses.replace(request, sort="newest")))

    def ids(self, request: SearchRequest) -> Sequence[int]:
        """Every chat that has all the words, newest or oldest first; `match`, page and cursor
        aside. Raises as `search`, and `BadRequest` for an order that is not by date."""
        if request.sort == "relevance":
            raise BadRequest("every hit comes by date: sort is newest or oldest", "sort")
        asked = dataclasses.replace(request, match="all", page=1, cursor=None)
        context = self._context(self.archive.agents())
        return self.engine.ids(self._plan(asked, self._parse(asked.q, context).tree, context))

    def needles(self, q: str) -> tuple[Needle, ...]:
        """What a query looks for, to mark it in a whole chat. Raises `LimitExceeded`."""
        context = self._context(self.archive.agents())
        return needles_of(to_node(self._parse(q, context).tree, context))

    def coverage(self) -> Coverage:
        """Can an answer be trusted to be of everything?"""
        facts = self.archive.facts(*_CURSORS)
        return _coverage(facts, self.engine.count(Everything()))

    @cached_property
    def _recent_chats(self) -> RecentChats:
        return RecentChats(self.chat_reader)

    def _context(self, agents: Mapping[str, str]) -> Context:
        today = self.clock().astimezone(self.zone).date()
        return Context(agents, today, self.zone)

    def _parse(self, q: str, context: Context) -> Parsed:
        return parse(q, self.segmenter.segment_han, context.today, context.zone)

    def _plan(self, request: SearchRequest, tree: Tree | None, context: Context) -> Plan:
        place = None if request.cursor is None else cursors.decode(request, request.cursor)
        words, phrases = ranking(tree, self.segmenter.tokens)
        match: Match = request.match
        return Plan(
            match=to_node(tree, context),
            some=relaxed(tree, context) if match == "auto" else None,
            enough=ENOUGH,
            filters=filters(request, self.zone),
            words=words,
            phrases=phrases,
            sort=request.sort,
            offset=place if isinstance(place, int) else 0 if place else _offset(request),
            limit=request.per_page + 1,
            after=place if isinstance(place, tuple) else None,
            facets=FACETS if request.facets is None else request.facets,
            zone=self.zone.key,
        )

    def _show(
        self, request: SearchRequest, hits: Sequence[EngineHit], plan: Plan, agents: Agents
    ) -> tuple[Hit, ...]:
        wanted = tuple(dict.fromkeys((*needles_of(plan.match), *needles_of(plan.some))))
        stored = self.archive.get([hit.id for hit in hits])

        def shown(transcript: Transcript) -> tuple[Snippet, ...]:
            return snippets(
                transcript,
                wanted,
                phrases=plan.phrases,
                limit=request.snippets,
            )

        return tuple(
            self._hit(stored[hit.id], hit.score, agents, shown)
            for hit in hits
            # The archive never drops a chat, but for one that was erased a moment ago.
            if hit.id in stored
        )

    def _hit(
        self,
        stored: StoredChat,
        score: float,
        agents: Agents,
        shown: Callable[[Transcript], tuple[Snippet, ...]],
    ) -> Hit:
        transcript = self._recent_chats.read(stored, agents)
        return Hit(
            chat=transcript.chat,
            speakers=transcript.speakers,
            agent_name=transcript.agent_name,
            visitor_name=transcript.visitor_name,
            gone_at=stored.gone_at,
            score=score,
            snippets=shown(transcript),
        )

    def _reading(
        self,
        request: SearchRequest,
        parsed: Parsed,
        plan: Plan,
        found: EngineAnswer,
        context: Context,
    ) -> QueryReading:
        reading = QueryReading(
            q=request.q,
            understood="" if parsed.tree is None else str(parsed.tree),
            match=found.match,
            all=found.all,
            sort=request.sort,
            notes=parsed.notes,
        )
        if found.all and found.match == "all":
            return reading
        nothing = ZeroResults(
            engine=self.engine,
            plan=plan,
            tree=parsed.tree,
            context=context,
            q=request.q,
            split=self.segmenter.segment_han,
            read=lambda q: self._parse(q, context).tree,
        )
        return nothing.explained(reading, found)


def _coverage(facts: ArchiveFacts, documents: int) -> Coverage:
    counts = facts.counts
    # The index may have been removed, and is not built anew yet.
    pending = max(counts.pending, counts.chats - documents)
    synced = facts.cursors.get("synced", {}).get("at")
    backfilled = bool(facts.cursors.get("backfill", {}).get("proven"))
    return Coverage(
        complete=backfilled and not pending and not counts.rejected,
        backfilled=backfilled,
        chats=counts.chats,
        pending=pending,
        rejected=counts.rejected,
        synced_at=datetime.fromisoformat(synced) if synced else None,
    )


def _check(request: SearchRequest) -> None:
    if request.page < 1:
        raise BadRequest("page counts from 1", "page")
    if not 1 <= request.per_page <= MAX_PER_PAGE:
        text = f"per_page must be from 1 to {MAX_PER_PAGE}"
        raise LimitExceeded(text, "per_page", MAX_PER_PAGE)
    if not 0 <= request.snippets <= MAX_SNIPPETS:
        text = f"snippets must be from 0 to {MAX_SNIPPETS}"
        raise LimitExceeded(text, "snippets", MAX_SNIPPETS)
    if request.cursor is None and request.page * request.per_page > MAX_HITS_BY_PAGE:
        raise LimitExceeded(
            f"page reaches the first {MAX_HITS_BY_PAGE:,} hits; walk further with cursor",
            "page",
            MAX_HITS_BY_PAGE,
        )
    for name in request.filters:
        if name not in PARAMETERS:
            raise BadRequest(
                f"there is no filter {name!r}; there are {', '.join(PARAMETERS)}", name
            )
    for name in request.facets or ():
        if name not in FACETS:
            raise BadRequest(f"there is no facet {name!r}; there are {', '.join(FACETS)}", "facets")


def _offset(request: SearchRequest) -> int:
    return (request.page - 1) * request.per_page


def _place(plan: Plan, hits: Sequence[EngineHit]) -> int | tuple[int, int]:
    if plan.sort == "relevance":
        return plan.offset + len(hits)
    last = hits[-1]
    return (NO_TIME if last.created is None else last.created), last.id


def _labelled(
    name: str, rows: Sequence[tuple[str | None, int]], agents: Mapping[str, str]
) -> tuple[FacetValue, ...]:
    def label(value: str | None) -> str | None:
        if value is None:
            return None
        return agents.get(value) if name == "agent_id" else ratings.label(value)

    named = name in ("agent_id", "rating")
    return tuple(FacetValue(value, label(value) if named else None, n) for value, n in rows)
