"""From a plan to an answer: matches, order, hits, facets, all of one state of the index.

Where too few chats match the whole query (`Plan.match`), a search by relevance has a second list:
the chats that match a part of it (`Plan.related`); and a third: those that are about the same
matter (`Plan.meant`).
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, NamedTuple

from kchat_search.engines.opensearch import facets, scripts
from kchat_search.engines.opensearch.mapping import MOST_HITS, Json
from kchat_search.engines.opensearch.meant import meant_hits
from kchat_search.engines.opensearch.queries import Compiler, every, none, restriction
from kchat_search.engines.opensearch.scoring import Scoring
from kchat_search.engines.opensearch.snapshot import (
    BY_SCORE,
    NOTHING_STORED,
    Snapshot,
    Statistics,
)
from kchat_search.engines.ranking import RESCORE_WINDOW, looked_up
from kchat_search.meaning.table import Table
from kchat_search.models.plan import (
    AnyOf,
    EngineAnswer,
    EngineHit,
    Meant,
    MeantHit,
    Plan,
    Related,
    RelatedHit,
    Sight,
)


class _Ranked(NamedTuple):
    """A hit on its way to its place. They compare as they are ranked, the best being greatest."""

    score: float
    time: int
    id: int
    parts: tuple[str, ...] = ()
    """The names of the parts of the query that it fulfils."""

    @property
    def hit(self) -> EngineHit:
        return EngineHit.at(self.id, self.score, self.time)


@dataclass(frozen=True)
class Answering:
    """One plan, one state of the index, one who looks."""

    snapshot: Snapshot
    sight: Sight
    plan: Plan
    table: Table | None = None

    def answer(self) -> EngineAnswer:
        """Carry out the plan. Raises as `Snapshot.search` does."""
        plan = self.plan
        by_relevance = plan.sort == "relevance"
        statistics = self._statistics(looked_up(plan) if by_relevance else ())
        scoring = Scoring.of(plan, statistics) if by_relevance else None
        found, ranked = self._by_relevance(scoring) if scoring else self._by_time()
        total = int(found["hits"]["total"]["value"])
        few = scoring is not None and total < plan.enough
        related: tuple[RelatedHit, ...] = ()
        related_total = 0
        if few and scoring and plan.related is not None:
            related, related_total = self._related(scoring, plan.related)
        meant: tuple[MeantHit, ...] = ()
        if few and plan.meant is not None:
            meant = self._meant(plan.meant, related, beside=total > 0)
        counted = facets.Facets(found.get("aggregations", {}), masked=self.sight.masked)
        return EngineAnswer(
            total=total,
            hits=tuple(one.hit for one in ranked),
            facets=counted.rows(self.snapshot, self.matching(), plan.zone),
            documents=statistics.documents,
            related=related,
            related_total=related_total,
            meant=meant,
            former=self._count_former(statistics),
            before=min(plan.offset, total)
            if plan.after is None
            else total - self._count_behind(plan.after),
        )

    def ids(self) -> array[int]:
        """The ids of all chats that fulfil `match` and the filters, by date."""
        found: array[int] = array("q")
        body = {"query": self.matching(), "sort": _by_time(self.plan), **NOTHING_STORED}
        for hits in self.snapshot.pages(body, 2**62):
            found.extend(hit["sort"][1] for hit in hits)
        return found

    # -- what matches ------------------------------------------------------------------------------

    @property
    def _compiler(self) -> Compiler:
        return Compiler(self.sight.masked, self.plan.history)

    @property
    def _facet_filters(self) -> Mapping[str, Json]:
        """The queries of the facets that are filtered by, too."""
        plan = self.plan
        return {n: self._compiler.query(f) for n, f in plan.filters.items() if n in plan.facets}

    def _passing(self) -> Json:
        """What passes all filters but those of `_facet_filters`, of what is seen."""
        others = (node for name, node in self.plan.filters.items() if name not in self.plan.facets)
        return every([restriction(self.sight), *map(self._compiler.query, others)])

    def _filtered(self) -> Json:
        """What passes all filters."""
        return every([self._passing(), *self._facet_filters.values()])

    def _match(self) -> Json:
        return self._compiler.query(self.plan.match)

    def matching(self) -> Json:
        """What fulfils the whole query and all filters."""
        return every([self._filtered(), self._match()])

    def _statistics(self, words: Sequence[str]) -> Statistics:
        return self.snapshot.statistics(self.sight, words)

    def _first(self, query: Json) -> Json:
        """The body of the request that counts: total and facets."""
        plan = self.plan
        body: Json = {"query": query, "track_total_hits": True, **NOTHING_STORED}
        if plan.facets:
            body["aggs"] = facets.aggregations(plan.facets, self._facet_filters)
        if self._facet_filters:
            body["post_filter"] = every(self._facet_filters.values())
        return body

    def _count_former(self, statistics: Statistics) -> int | None:
        """How many chats match only with former passages."""
        if self.plan.history or self.sight.masked:
            return None
        if not statistics.former:
            return 0
        with_history = replace(self, plan=replace(self.plan, history=True)).matching()
        only: Json = {"term": {"has_former": True}}
        return self.snapshot.count(every([only, with_history, none(self.matching())]))

    # -- by relevance ------------------------------------------------------------------------------

    def _by_relevance(self, scoring: Scoring) -> tuple[Mapping[str, Any], Sequence[_Ranked]]:
        """(the answer of the server, the page of hits)."""
        plan = self.plan
        body = self._first(scoring.over(every([self._passing(), self._match()])))
        found, ranked = self._ranked(body, scoring, plan.offset + plan.limit)
        return found, ranked[plan.offset : plan.offset + plan.limit]

    def _ranked(
        self, body: Json, scoring: Scoring, wanted: int
    ) -> tuple[Mapping[str, Any], list[_Ranked]]:
        """(the answer of the server, the best hits by score, then newest first). The first
        `RESCORE_WINDOW` are rescored by proximity; the last are not."""
        body = {**body, "sort": BY_SCORE, "size": RESCORE_WINDOW}
        if scoring.idf:
            body["script_fields"] = {"near": scripts.proximity(scoring.idf)}
        found = self.snapshot.search(body)
        hits = found["hits"]["hits"]
        ranked = sorted(map(_rescored, hits), reverse=True)
        if wanted > len(hits) == RESCORE_WINDOW:
            body = {**body, "search_after": hits[-1]["sort"]}
            for name in ("script_fields", "aggs", "track_total_hits", "size"):
                body.pop(name, None)
            for page in self.snapshot.pages(body, wanted - RESCORE_WINDOW):
                ranked += map(_rescored, page)
        return found, ranked

    def _related(self, scoring: Scoring, related: Related) -> tuple[tuple[RelatedHit, ...], int]:
        """(the best chats that match a part of the query, how many there are). What matches the
        whole query is left out."""
        if self.plan.tails:
            plan = replace(self.plan, tails=())
            scoring = Scoring.of(plan, self._statistics(looked_up(plan)))
        parts = [self._compiler.query(part) for part in related.parts]
        named: list[Json] = [
            {"bool": {"filter": [query], "_name": str(n)}} for n, query in enumerate(parts)
        ]
        part = every(
            [
                self._filtered(),
                self._compiler.query(related.required),
                self._compiler.query(AnyOf(related.parts)),
                none(self._match()),
            ]
        )
        query = scoring.over(part)
        # Which parts a hit fulfils: clauses that find all, so that they change nothing.
        query["bool"]["filter"].append({"bool": {"should": [{"match_all": {}}, *named]}})
        body: Json = {"query": query, "track_total_hits": True, **NOTHING_STORED}
        found, ranked = self._ranked(body, scoring, related.limit)
        hits = (
            RelatedHit(one.hit, tuple(str(n) in one.parts for n in range(len(parts))))
            for one in ranked[: related.limit]
        )
        return tuple(hits), int(found["hits"]["total"]["value"])

    def _meant(
        self, meant: Meant, related: Sequence[RelatedHit], *, beside: bool
    ) -> tuple[MeantHit, ...]:
        if self.table is None:
            return ()
        if beside and meant.beside is not None:
            meant = replace(meant, floor=meant.beside)
        shown = [one.hit.id for one in related]
        may = every(
            [
                self._filtered(),
                self._compiler.query(meant.required),
                none(self._match()),
                none({"terms": {"id": shown}}) if shown else {"match_all": {}},
            ]
        )
        return meant_hits(self.snapshot, self.table, may, meant)

    # -- by time -----------------------------------------------------------------------------------

    def _by_time(self) -> tuple[Mapping[str, Any], Sequence[_Ranked]]:
        """(the answer of the server, the page of hits)."""
        plan = self.plan
        body = self._first(every([self._passing(), self._match()]))
        body["sort"] = _by_time(plan)
        if plan.after is not None:
            wanted, first = plan.limit, 0
            body["search_after"] = list(plan.after)
        else:
            wanted, first = plan.offset + plan.limit, plan.offset
        found = self.snapshot.search({**body, "size": min(wanted, MOST_HITS)})
        hits = found["hits"]["hits"]
        if wanted > len(hits) == MOST_HITS:
            body = {k: v for k, v in body.items() if k not in ("aggs", "track_total_hits")}
            body["search_after"] = hits[-1]["sort"]
            hits = [*hits, *chain.from_iterable(self.snapshot.pages(body, wanted - MOST_HITS))]
        return found, [_Ranked(0.0, *hit["sort"]) for hit in hits[first:wanted]]

    def _count_behind(self, last_seen: tuple[int, int]) -> int:
        """How many matches follow `last_seen`, (created, id), in the order of time."""
        created, chat_id = last_seen
        beyond = "lt" if self.plan.sort == "newest" else "gt"
        behind: Json = {
            "bool": {
                "should": [
                    {"range": {"time": {beyond: created}}},
                    every([{"term": {"time": created}}, {"range": {"id": {beyond: chat_id}}}]),
                ],
                "minimum_should_match": 1,
            }
        }
        return self.snapshot.count(every([self.matching(), behind]))


def _rescored(hit: Mapping[str, Any]) -> _Ranked:
    """A hit with the weight of its best message, where the server was asked for it."""
    score, time, chat_id = hit["sort"]
    near = hit.get("fields", {}).get("near", [0.0])[0]
    return _Ranked(score + near, time, chat_id, tuple(hit.get("matched_queries", ())))


def _by_time(plan: Plan) -> list[Json]:
    order = "desc" if plan.sort == "newest" else "asc"
    return [{"time": order}, {"id": order}]
