"""A search, from what was asked to what is shown: parse, plan, ask the engine, read the hits."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from zoneinfo import ZoneInfo

from kchat_search.chats import ratings
from kchat_search.chats.masked_transcript import masked_names
from kchat_search.chats.reader import ChatReader
from kchat_search.errors import INDEX_SILENT, BadRequest, Forbidden
from kchat_search.fields import BY_NAME, FACETS
from kchat_search.models.people import Viewer
from kchat_search.models.plan import (
    EVERYTHING_SEEN,
    NO_TIME,
    AllOf,
    EngineAnswer,
    EngineHit,
    Everything,
    FieldIs,
    Node,
    Plan,
)
from kchat_search.models.reports import ArchiveFacts, Coverage
from kchat_search.models.search import (
    MAX_HITS_BY_PAGE,
    FacetValue,
    QueryReading,
    RelatedChat,
    SearchPage,
    SearchRequest,
    Suggestion,
)
from kchat_search.ports import Clock, Engine, IndexReader, StoredChats
from kchat_search.search import cursor as cursors
from kchat_search.search.coverage import SYNC_CURSORS, coverage_of
from kchat_search.search.hits import Hits
from kchat_search.search.hot import chats_of, kept_question, words_seen
from kchat_search.search.marks import Needle, needles_of
from kchat_search.search.not_seen import SeenChats, not_seen
from kchat_search.search.plan import (
    Context,
    excludes,
    filters,
    notes_of_filters,
    ranking,
    said_in,
    whole,
)
from kchat_search.search.recent_chats import RecentChats
from kchat_search.search.related import meant, related
from kchat_search.search.request_limits import check_request
from kchat_search.search.said_instead import Dated
from kchat_search.search.syntax import Parsed, parse
from kchat_search.search.tree import FieldCondition, Tree, asks_history
from kchat_search.search.understood import understood
from kchat_search.search.whole_numbers import count_whole_numbers
from kchat_search.search.zero_results import ZeroResults
from kchat_search.text.fold import fold
from kchat_search.text.segmentation import Segmenter

Agents = Mapping[str, str]
"""The agents' names by id."""

_NUMBER = re.compile("#? ?([0-9]{1,19})")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Searcher:
    """Answers the `SearchRequest`s of one viewer. Safe to share between threads."""

    archive: StoredChats
    engine: Engine
    segmenter: Segmenter
    chat_reader: ChatReader
    zone: ZoneInfo
    clock: Clock
    recent_chats: RecentChats
    """Shared by all viewers: it keeps chats as the archive has them."""
    viewer: Viewer
    """For whose eyes the answers are."""
    seen_chats: SeenChats | None = None
    """The chats of the viewer's saved searches; None where they have none."""
    meaning: bool = True
    """Are chats found by their meaning too?"""

    @cached_property
    def index(self) -> IndexReader:
        """The index as the viewer sees it. All that is asked of the index is asked of this."""
        return self.engine.seen(self.viewer.sight)

    def sees(self, chat_id: int) -> bool:
        """Does the viewer see this chat? Of a viewer who sees all, the index is not asked: it may
        not have the chat yet."""
        if self.viewer.sees_all_chats:
            return True
        return self.index.count(FieldIs("id", (str(chat_id),))) > 0

    def known_agents(self, agents: Agents) -> Agents:
        """Those of the agents whom the viewer may know: who took part in a chat that it sees."""
        if self.viewer.sees_all_chats:
            return agents
        plan = Plan(Everything(), sort="newest", limit=0, facets=("participant",))
        found = {value for value, _ in self.index.search(plan).facets["participant"]}
        return {key: name for key, name in agents.items() if key in found}

    def shown_agents(self, agents: Agents) -> Agents:
        """The names of agents as the viewer may see them."""
        return agents if self.viewer.shows_numbers else masked_names(agents)

    def search(self, request: SearchRequest, *, meaning: bool = True) -> SearchPage:
        """One page of hits, with facets, coverage and how the query was read. Without `meaning`,
        chats by their meaning are left out, and the page says whether one may
        ask for them (`by_meaning`).

        Raises `BadRequest` or `LimitExceeded` for a request that cannot be answered,
        `RequestTooExpensive` where it may not take so long, and `IndexDamaged` or `ArchiveError`
        where the index or the archive cannot be read.
        """
        began = time.perf_counter()
        check_request(request)
        # The archive is asked before the engine. So a chat that is archived in between is not
        # counted as missing from the index.
        facts = self.archive.facts(*SYNC_CURSORS)
        context = self.context(facts.agents, request)
        parsed = self._parse(request.q, context)
        plan = self._plan(request, parsed.tree, context, with_meant=self.meaning)
        answer = self.index.search(plan if meaning else dataclasses.replace(plan, meant=None))
        more = len(answer.hits) > request.per_page
        engine_hits = answer.hits[: request.per_page]
        hits = self.hits(plan, facts.agents)
        shown, damaged = hits.read(engine_hits, request.snippets)
        also, also_damaged = hits.related(answer, request.snippets)
        return SearchPage(
            query=self._query_reading(request, parsed, plan, answer, context),
            total=answer.total,
            page=request.page,
            per_page=request.per_page,
            has_next=more
            and request.cursor is None
            and (request.page + 1) * request.per_page <= MAX_HITS_BY_PAGE,
            cursor=cursors.encode(request, _cursor_position(plan, engine_hits), self.bound_to)
            if more
            else None,
            hits=shown,
            facets={
                name: _facet_values(name, counts, self.shown_agents(context.agents))
                for name, counts in answer.facets.items()
            },
            coverage=self._coverage(facts, answer.documents),
            took_ms=(time.perf_counter() - began) * 1000
            if self.viewer.sight == EVERYTHING_SEEN
            else None,
            damaged=damaged + also_damaged,
            related=also,
            related_total=answer.related_total,
            may_mean=not meaning and plan.meant is not None and answer.total < plan.enough,
            former=self._former_count(answer, plan),
            hot_words=self._hot_words(request),
            first=answer.before + 1,
        )

    def plan_of_hits(self, request: SearchRequest, agents: Agents) -> Plan:
        """The plan of a search for its hits alone, without facets and related chats, in their
        order. Its page and cursor are ignored. Raises what `search` raises."""
        request = dataclasses.replace(
            request, page=1, cursor=None, related=0, facets=(), snippets=1
        )
        check_request(request)
        context = self.context(agents, request)
        return self._plan(request, self._parse(request.q, context).tree, context)

    def by_meaning(self, request: SearchRequest) -> tuple[tuple[RelatedChat, ...], int]:
        """(the chats by their meaning that `search` gives, alone; how many whole numbers were asked
        for, as `QueryReading` has it). Raises what `search` raises."""
        check_request(request)
        agents = self.archive.agents()
        context = self.context(agents, request)
        tree = self._parse(request.q, context).tree
        plan = self._plan(request, tree, context, with_meant=self.meaning)
        if plan.meant is None:
            return (), 0
        answer = self.index.search(dataclasses.replace(plan, limit=0, facets=()))
        chats, _ = self.hits(plan, agents).by_meaning(answer, request.snippets)
        return chats, _whole_numbers(plan.match, context)

    def hits(self, plan: Plan, agents: Agents) -> Hits:
        """What reads the hits of a plan for the viewer. `agents`: names by id."""
        return Hits(
            archive=self.archive,
            chat_reader=self.chat_reader,
            recent_chats=self.recent_chats,
            viewer=self.viewer,
            plan=plan,
            agents=agents,
        )

    def all_ids(self, request: SearchRequest) -> set[int]:
        """The ids of all chats that match, in no order. `page` and `cursor` are ignored.

        Raises what `search` raises.
        """
        return set(self.ids(dataclasses.replace(request, sort="newest")))

    def ids(self, request: SearchRequest) -> Sequence[int]:
        """The ids of all chats that have all the words, newest or oldest first, as `sort` says.
        `page` and `cursor` are ignored.

        Raises what `search` raises, and `BadRequest` for `sort="relevance"`.
        """
        if request.sort == "relevance":
            raise BadRequest("every hit comes by date: sort is newest or oldest", "sort")
        request = dataclasses.replace(request, page=1, cursor=None)
        context = self.context(self.archive.agents(), request)
        return self.index.ids(self._plan(request, self._parse(request.q, context).tree, context))

    def asks_history(self, request: SearchRequest) -> bool:
        """Does it look into earlier versions, by its parameter or its query? Raises `Forbidden`
        where the viewer may not."""
        context = self.context({}, request)
        return self._asks_history(request, self._parse(request.q, context).tree)

    def _asks_history(self, request: SearchRequest, tree: Tree | None) -> bool:
        history = request.history or asks_history(tree)
        if history and not self.viewer.versions:
            raise Forbidden("versions")
        return history

    def needles(self, q: str) -> tuple[tuple[Needle, ...], int]:
        """(the texts that a query looks for, to mark them in a whole chat; how many of them are
        whole numbers that the viewer sees masked). Raises `LimitExceeded` for a query that is too
        long."""
        context = self.context(self.archive.agents(), SearchRequest(q=q))
        try:
            parsed = self._parse(q, context)
        except INDEX_SILENT:  # then what is written like a condition is one
            parsed = parse(q, self.segmenter.segment_han, context.today)
        match = whole(parsed.tree, context)
        return needles_of(match), _whole_numbers(match, context)

    def coverage(self) -> Coverage:
        """How many chats the viewer can find, and whether these are all that it could see. Raises
        `ArchiveError` or `IndexDamaged`."""
        facts = self.archive.facts(*SYNC_CURSORS)
        return self._coverage(facts, self.index.count(Everything()))

    def coverage_of_all(self) -> Coverage:
        """The same for a viewer who sees all chats."""
        facts = self.archive.facts(*SYNC_CURSORS)
        return coverage_of(facts, self.engine.count(Everything()))

    def coverage_without_index(self) -> Coverage:
        """The same where the index can't be asked: never complete. Raises `ArchiveError`."""
        facts = self.archive.facts(*SYNC_CURSORS)
        return dataclasses.replace(coverage_of(facts, facts.counts.chats), complete=False)

    def _coverage(self, facts: ArchiveFacts, documents: int) -> Coverage:
        if self.viewer.sees_all_chats:
            return coverage_of(facts, documents)
        # What waits for the index, and what could not be understood, may be other people's: no
        # number of it is said.
        whole = coverage_of(facts, self.engine.count(Everything()))
        complete = whole.backfilled and not whole.pending
        return dataclasses.replace(
            whole, complete=complete, chats=documents, pending=0, rejected=0, counted=None
        )

    @cached_property
    def bound_to(self) -> str:
        """Whose cursors its cursors are."""
        return f"{self.viewer.key} {self.viewer.sight!r}"

    def context(self, agents: Agents, request: SearchRequest) -> Context:
        """What the meaning of a query depends on. `agents`: the names of all, by id."""
        today = self.clock().astimezone(self.zone).date()
        masked = self.viewer.sight.masked
        known = self.known_agents(agents)
        known = masked_names(known) if masked else known
        return Context(known, today, self.zone, said_in(request, self.zone), masked)

    def _parse(self, q: str, context: Context) -> Parsed:
        return parse(q, self.segmenter.segment_han, context.today, self._is_known)

    def _is_known(self, values: FieldIs) -> bool:
        return self.index.count(values) > 0

    def _plan(
        self,
        request: SearchRequest,
        tree: Tree | None,
        context: Context,
        *,
        with_meant: bool = False,
    ) -> Plan:
        # A walk by cursor is over the hits: its first answer has the related chats, and the others
        # need not look again.
        also = request.related > 0 and request.cursor is None and request.sort == "relevance"
        ranks = ranking(tree, self.segmenter.tokens)
        offset, after = (request.page - 1) * request.per_page, None
        if request.cursor is not None:
            position = cursors.decode(request, request.cursor, self.bound_to)
            offset, after = (position, None) if isinstance(position, int) else (0, position)
        return Plan(
            match=whole(tree, context),
            related=related(tree, context, request.related) if also else None,
            meant=meant(tree, context, request.related) if also and with_meant else None,
            history=self._asks_history(request, tree),
            filters=self._filters(request),
            words=ranks.words,
            forms=ranks.forms,
            phrases=ranks.phrases,
            tails=ranks.tails,
            sort=request.sort,
            offset=offset,
            limit=request.per_page + 1,  # one more than is shown tells whether any follow
            after=after,
            facets=FACETS if request.facets is None else request.facets,
            zone=self.zone.key,
        )

    def _filters(self, request: SearchRequest) -> dict[str, Node]:
        nodes = filters(request, self.zone)
        if request.hot is not None:
            nodes["hot"] = chats_of(kept_question(self.archive, request.hot))
        if request.unseen is not None:
            nodes["unseen"] = not_seen(self.seen_chats, request.unseen)
        return nodes

    def _hot_words(self, request: SearchRequest) -> tuple[str, ...]:
        if request.hot is None:
            return ()
        question = kept_question(self.archive, request.hot)
        return words_seen(question, self.index, sees_all=self.viewer.sees_all_chats)

    def _former_count(self, answer: EngineAnswer, plan: Plan) -> int | None:
        """How many chats more a search with `history` finds; None for who may not ask it. Where the
        query excludes a text, such a search also loses chats, which said it before."""
        if not self.viewer.versions:
            return None
        if not answer.former or not excludes(plan.match):
            return answer.former
        match = AllOf((*plan.filters.values(), plan.match))
        return max(0, self.index.count(match, history=True) - answer.total)

    def _query_reading(
        self,
        request: SearchRequest,
        parsed: Parsed,
        plan: Plan,
        answer: EngineAnswer,
        context: Context,
    ) -> QueryReading:
        reading = QueryReading(
            q=request.q,
            understood=understood(parsed.tree, self.segmenter.segment_han),
            sort=request.sort,
            notes=(*parsed.notes, *notes_of_filters(request, self.zone)),
            whole_numbers=_whole_numbers(plan.match, context),
        )
        if request.page == 1 and request.cursor is None:
            dated = Dated(
                request=request,
                tree=parsed.tree,
                plan=plan,
                context=context,
                parse=lambda q: self._parse(q, context).tree,
            )
            reading = dataclasses.replace(reading, said_instead=dated.instead(self.index))
        own_number = self._chat_with_number(request, plan, context)
        if answer.total and not answer.related_total:
            return dataclasses.replace(reading, suggestions=own_number)
        zero_results = ZeroResults(
            index=self.index,
            plan=plan,
            tree=parsed.tree,
            context=context,
            q=request.q,
            split=self.segmenter.segment_han,
            parse=lambda q: self._parse(q, context).tree,
            notes=parsed.notes,
        )
        reading = zero_results.explain(reading, answer)
        return dataclasses.replace(reading, suggestions=own_number + reading.suggestions)

    def _chat_with_number(
        self, request: SearchRequest, plan: Plan, context: Context
    ) -> tuple[Suggestion, ...]:
        """Whoever types the number of a chat may mean that chat."""
        number = _NUMBER.fullmatch(fold(request.q).strip())
        if number is None or request.page > 1 or request.cursor is not None:
            return ()
        named = FieldCondition("id", str(int(number[1])))
        match = AllOf((*plan.filters.values(), whole(named, context)))
        total = self.index.count(match, history=plan.history)
        return (Suggestion(str(named), total),) if total else ()


def _whole_numbers(match: Node, context: Context) -> int:
    return count_whole_numbers(match) if context.masked else 0


def _cursor_position(plan: Plan, hits: Sequence[EngineHit]) -> int | tuple[int, int]:
    """Where the walk goes on behind these hits; see `search.cursor`."""
    if plan.sort == "relevance":
        return plan.offset + len(hits)
    last = hits[-1]
    return (NO_TIME if last.created is None else last.created), last.id


def _facet_values(
    name: str, counts: Sequence[tuple[str | None, int]], agents: Agents
) -> tuple[FacetValue, ...]:
    label: Callable[[str], str | None] | None = None
    if name == "rating":
        label = ratings.label
    elif name in BY_NAME and BY_NAME[name].agent:
        label = agents.get
    return tuple(
        FacetValue(value, label(value) if label and value is not None else None, count)
        for value, count in counts
    )
