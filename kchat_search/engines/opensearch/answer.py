"""From a plan to an answer: matches, order, hits, facets, all of one state of the index.

Where too few chats match the whole query (`Plan.match`), a search by relevance has a second list:
the chats that match a part of it (`Plan.related`); and a third: those that are about the same
matter (`Plan.meant`).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from kchat_search.engines.opensearch import facets, scripts
from kchat_search.engines.opensearch.mapping import MOST_HITS, Json
from kchat_search.engines.opensearch.meant import Asked
from kchat_search.engines.opensearch.queries import Compiler, every, none, restriction
from kchat_search.engines.opensearch.scoring import Scoring
from kchat_search.engines.opensearch.snapshot import (
    BY_SCORE,
    NOTHING_STORED,
    Snapshot,
    Statistics,
    counting,
    total_of,
)
from kchat_search.engines.ranking import RESCORE_WINDOW, looked_up
from kchat_search.meaning.table import Table
from kchat_search.models.plan import (
    AnyOf,
    EngineAnswer,
    EngineHit,
    MeantHit,
    Plan,
    Related,
    RelatedHit,
    Sight,
)

_FACETS, _FORMER, _BEHIND = "facets", "former", "behind"

Hits = Sequence[Mapping[str, Any]]
"""As the server has found them, one after the other."""


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

    def fulfils(self, number: int) -> tuple[bool, ...]:
        """Which of so many parts it fulfils."""
        return tuple(str(n) in self.parts for n in range(number))


@dataclass
class _Also:
    """The lists beside the hits."""

    related: tuple[RelatedHit, ...] = ()
    related_total: int = 0
    meant: tuple[MeantHit, ...] = ()


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
        body = self._by_relevance(scoring) if scoring else self._by_time()
        beside = self._beside(statistics)
        first, *others = self.snapshot.searches([body, *beside.values()])
        told = dict(zip(beside, others, strict=True))
        total = total_of(first)
        hits = self._page(body, first["hits"]["hits"])
        also = _Also()
        if scoring is not None and total < plan.enough:
            also = self._also(scoring, beside=total > 0)
        found = told[_FACETS]["aggregations"] if plan.facets else {}
        counted = facets.Facets(plan.facets, self._facet_filters, found, masked=self.sight.masked)
        return EngineAnswer(
            total=total,
            hits=tuple(one.hit for one in hits),
            facets=counted.rows(self.snapshot, every([self._passing(), self._match()]), plan.zone),
            documents=statistics.documents,
            related=also.related,
            related_total=also.related_total,
            meant=also.meant,
            former=self._former(told.get(_FORMER)),
            before=total - total_of(told[_BEHIND]) if plan.after else min(plan.offset, total),
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

    def _beside(self, statistics: Statistics) -> dict[str, Json]:
        """What is asked beside the hits, in the same request: by name, the body. A server keeps
        answers without hits: so the facets of the next page are there already."""
        found: dict[str, Json] = {}
        if self.plan.facets:
            query = every([self._passing(), self._match()])
            aggs = facets.aggregations(self.plan.facets, self._facet_filters)
            found[_FACETS] = {"query": query, "size": 0, "track_total_hits": False, "aggs": aggs}
        if statistics.former and not (self.plan.history or self.sight.masked):
            # what matches only with former passages
            with_history = replace(self, plan=replace(self.plan, history=True)).matching()
            only: Json = {"term": {"has_former": True}}
            found[_FORMER] = counting(every([only, with_history, none(self.matching())]))
        if self.plan.after is not None:
            found[_BEHIND] = counting(every([self.matching(), self._behind(self.plan.after)]))
        return found

    def _former(self, told: Mapping[str, Any] | None) -> int | None:
        if self.plan.history or self.sight.masked:
            return None
        return total_of(told) if told else 0

    def _page(self, body: Json, hits: Hits) -> Sequence[_Ranked]:
        """The hits of the plan's page. `hits`: those that `body` has found; the next ones are asked
        for where these are too few."""
        plan = self.plan
        first, wanted = (0, plan.limit) if plan.after else (plan.offset, plan.offset + plan.limit)
        if plan.sort == "relevance":
            return self._ranked(body, hits, wanted)[first:wanted]
        for page in self._next(body, hits, wanted):
            hits = [*hits, *page]
        return [_Ranked(0.0, *hit["sort"]) for hit in hits[first:wanted]]

    def _next(self, body: Json, hits: Hits, wanted: int) -> Iterator[Hits]:
        """The hits behind those that `body` has found, as far as so many are wanted."""
        if wanted > len(hits) == body["size"]:
            left_out = ("script_fields", "track_total_hits", "size")
            body = {name: part for name, part in body.items() if name not in left_out}
            body["search_after"] = hits[-1]["sort"]
            yield from self.snapshot.pages(body, wanted - len(hits))

    # -- by relevance ------------------------------------------------------------------------------

    def _by_relevance(self, scoring: Scoring) -> Json:
        """The body of the request for the best hits."""
        query = scoring.over(self.matching())
        return {"query": query, "track_total_hits": True, **NOTHING_STORED, **_rescoring(scoring)}

    def _ranked(self, body: Json, hits: Hits, wanted: int) -> list[_Ranked]:
        """The best hits by score, then newest first. The first `RESCORE_WINDOW` are rescored by
        proximity; the last are not."""
        ranked = sorted(map(_rescored, hits), reverse=True)
        for page in self._next(body, hits, wanted):
            ranked += map(_rescored, page)
        return ranked

    # -- also --------------------------------------------------------------------------------------

    def _also(self, scoring: Scoring, *, beside: bool) -> _Also:
        """What else may be of use, asked for at once. `beside`: does any chat match?"""
        related, asked = self.plan.related, self._asked(beside=beside)
        bodies = []
        if related is not None:
            bodies.append(self._related(scoring, related))
        if asked is not None:
            more = 0 if related is None else related.limit
            may = every(
                [self._filtered(), self._compiler.query(asked.meant.required), none(self._match())]
            )
            bodies.append(asked.body(may, more))
        answers = self.snapshot.searches(bodies) if bodies else []
        also = _Also()
        if related is not None:
            hits = self._ranked(bodies[0], answers[0]["hits"]["hits"], related.limit)[
                : related.limit
            ]
            number = len(related.parts)
            also.related = tuple(RelatedHit(one.hit, one.fulfils(number)) for one in hits)
            also.related_total = total_of(answers[0])
        if asked is not None:
            shown = {one.hit.id for one in also.related}
            also.meant = asked.hits(answers[-1]["hits"]["hits"], shown)
        return also

    def _related(self, scoring: Scoring, related: Related) -> Json:
        """The body of the request for the best chats that match a part of the query. What matches
        the whole query is left out."""
        if self.plan.tails:
            plan = replace(self.plan, tails=())
            scoring = Scoring.of(plan, self._statistics(looked_up(plan)))
        named: list[Json] = [
            {"bool": {"filter": [self._compiler.query(part)], "_name": str(n)}}
            for n, part in enumerate(related.parts)
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
        return body | _rescoring(scoring)

    def _asked(self, *, beside: bool) -> Asked | None:
        meant = self.plan.meant
        if meant is None or self.table is None:
            return None
        if beside and meant.beside is not None:
            meant = replace(meant, floor=meant.beside)
        return Asked.of(meant, self.table)

    # -- by time -----------------------------------------------------------------------------------

    def _by_time(self) -> Json:
        """The body of the request for the page of hits."""
        plan = self.plan
        body: Json = {"query": self.matching(), "track_total_hits": True, **NOTHING_STORED}
        body["sort"] = _by_time(plan)
        wanted = plan.limit
        if plan.after is not None:
            body["search_after"] = list(plan.after)
        else:
            wanted += plan.offset
        return {**body, "size": min(wanted, MOST_HITS)}

    def _behind(self, last_seen: tuple[int, int]) -> Json:
        """What follows `last_seen`, (created, id), in the order of time."""
        created, chat_id = last_seen
        beyond = "lt" if self.plan.sort == "newest" else "gt"
        return {
            "bool": {
                "should": [
                    {"range": {"time": {beyond: created}}},
                    every([{"term": {"time": created}}, {"range": {"id": {beyond: chat_id}}}]),
                ],
                "minimum_should_match": 1,
            }
        }


def _rescoring(scoring: Scoring) -> Json:
    """What the body of a request has for hits that are rescored by proximity."""
    body: Json = {"sort": BY_SCORE, "size": RESCORE_WINDOW}
    if scoring.idf:
        body["script_fields"] = {"near": scripts.proximity(scoring.idf)}
    return body


def _rescored(hit: Mapping[str, Any]) -> _Ranked:
    """A hit with the weight of its best message, where the server was asked for it."""
    score, time, chat_id = hit["sort"]
    near = hit.get("fields", {}).get("near", [0.0])[0]
    return _Ranked(score + near, time, chat_id, tuple(hit.get("matched_queries", ())))


def _by_time(plan: Plan) -> list[Json]:
    order = "desc" if plan.sort == "newest" else "asc"
    return [{"time": order}, {"id": order}]
