"""From a plan to an answer: matches, order, hits, facets, all of one state of the index.

Where too few chats match the whole query (`Plan.match`), a search by relevance has a second list:
the chats that match a part of it (`Plan.related`); and a third: those that are about the same
matter (`Plan.meant`).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.ranking import RESCORE_WINDOW
from kchat_search.engines.whoosh import rank
from kchat_search.engines.whoosh.array_file import Array
from kchat_search.engines.whoosh.evaluate import matching
from kchat_search.engines.whoosh.facets import FacetCounts, FacetRows
from kchat_search.engines.whoosh.meant import Candidates, meant_hits
from kchat_search.engines.whoosh.postings import EMPTY, DocNumbers
from kchat_search.engines.whoosh.rank import Positions, SortKey
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.engines.whoosh.sets import difference, intersect, union
from kchat_search.models.plan import (
    AllOf,
    AnyOf,
    EngineAnswer,
    EngineHit,
    Meant,
    MeantHit,
    Node,
    Plan,
    Related,
    RelatedHit,
)


class _Matches(NamedTuple):
    """What matches in one segment."""

    segment: Segment
    docs: DocNumbers
    without_filter: Mapping[str, DocNumbers]
    """By name of a facet that is also filtered by: what matches without that filter."""


class _Ranked(NamedTuple):
    """The best matches, in order. All arrays have one shape."""

    ids: NDArray[np.int64]
    scores: rank.Scores
    created: NDArray[np.int64]


def answer(segments: Sequence[Segment], plan: Plan) -> EngineAnswer:
    """Carry out a plan. Cost: the posting lists of its terms, and some 50 ns a matching chat.

    Raises `PostingsDamaged`, `TextDamaged`.
    """
    matches = [_match(segment, plan.match, plan) for segment in segments]
    total = sum(len(m.docs) for m in matches)
    by_relevance = plan.sort == "relevance" and bool(segments)
    ranked = _by_relevance(matches, plan) if by_relevance else _by_time(matches, plan)
    related: tuple[RelatedHit, ...] = ()
    related_total = 0
    few = by_relevance and total < plan.enough
    if few and plan.related is not None:
        related, related_total = _related(matches, plan, plan.related)
    meant = _meant(matches, plan, plan.meant, related) if few and plan.meant is not None else ()
    return EngineAnswer(
        total=total,
        hits=_page(ranked, plan),
        facets=_facets(matches, plan),
        documents=sum(segment.live_count for segment in segments),
        related=related,
        related_total=related_total,
        meant=meant,
        former=None if plan.history else _count_former(matches, plan),
        before=min(plan.offset, total)
        if plan.after is None
        else _count_before(matches, plan.after, plan),
    )


def ids(segments: Sequence[Segment], plan: Plan) -> array[int]:
    """The ids of all chats that fulfil `match` and the filters, by date.

    Cost: 8 bytes a chat, and some 40 more while they are sorted. As hits they would take 200.
    Raises `PostingsDamaged`, `TextDamaged`.
    """
    everything = replace(plan, facets=(), offset=0, limit=2**62, after=None)
    matches = [_match(segment, plan.match, everything) for segment in segments]
    return array("q", _by_time(matches, everything).ids.tobytes())


def _page(ranked: _Ranked, plan: Plan) -> tuple[EngineHit, ...]:
    """The hits from `offset` on, at most `limit`. With `after`, `ranked` begins behind it."""
    first = plan.offset if plan.after is None else 0
    page = slice(first, first + plan.limit)
    return tuple(
        EngineHit.at(chat_id, score, created)
        for chat_id, score, created in zip(
            *(column[page].tolist() for column in ranked), strict=True
        )
    )


def _count_former(matches: Sequence[_Matches], plan: Plan) -> int:
    """How many documents match only with former passages. Cost: nothing where none has any."""
    plan = replace(plan, history=True, facets=())
    found = 0
    for without in matches:
        segment = without.segment
        if len(segment.with_former):
            docs = _match(segment, plan.match, plan, segment.with_former).docs
            found += len(difference(docs, without.docs, segment.size))
    return found


def _match(segment: Segment, match: Node, plan: Plan, within: DocNumbers | None = None) -> _Matches:
    """The documents of `within` that match a node and the plan's filters.

    A facet that is also filtered by is counted without its own filter, so its filter is evaluated
    by itself. All other filters narrow the candidates for `match`.
    """
    facet_filters: dict[str, DocNumbers] = {}
    for name, node in plan.filters.items():
        if name in plan.facets:
            facet_filters[name] = matching(segment, node, history=plan.history)
        else:
            within = matching(segment, node, within, history=plan.history)
    matched = matching(segment, match, within, history=plan.history)

    def both(a: DocNumbers, b: DocNumbers) -> DocNumbers:
        return intersect(a, b, segment.size)

    docs = reduce(both, facet_filters.values(), matched)
    without_filter = {
        name: reduce(both, (d for n, d in facet_filters.items() if n != name), matched)
        for name in facet_filters
    }
    return _Matches(segment, docs, without_filter)


def _related(
    whole: Sequence[_Matches], plan: Plan, related: Related
) -> tuple[tuple[RelatedHit, ...], int]:
    """(the best chats that match a part of the query, how many there are). `whole`: for each
    segment, what matches the whole query and the filters; it is left out."""
    part = AllOf((related.required, AnyOf(related.parts)))
    plan = replace(plan, tails=(), offset=0, limit=related.limit, after=None, facets=())
    found = []
    for matches in whole:
        some = _match(matches.segment, part, plan)
        docs = difference(some.docs, matches.docs, matches.segment.size)
        found.append(some._replace(docs=docs))
    hits = _page(_by_relevance(found, plan), plan)
    with_parts = _with_parts(hits, found, related.parts, history=plan.history)
    return tuple(with_parts), sum(len(m.docs) for m in found)


def _meant(
    whole: Sequence[_Matches], plan: Plan, meant: Meant, related: Sequence[RelatedHit]
) -> tuple[MeantHit, ...]:
    """The best chats by meaning. `whole`: for each segment, what matches the whole query and the
    filters; it is left out, and so is what is shown as `related`."""
    plan = replace(plan, facets=())
    shown = np.array([each.hit.id for each in related], np.int64)
    found = []
    for segment, docs, _ in whole:
        may = _match(segment, meant.required, plan).docs
        also = may[np.isin(segment.ids[may], shown)] if len(shown) else EMPTY
        found.append(Candidates(segment, may, union([docs, also], segment.size)))
    if meant.beside is not None and any(len(matches.docs) for matches in whole):
        meant = replace(meant, floor=meant.beside)
    return meant_hits(found, meant)


def _with_parts(
    hits: Sequence[EngineHit], found: Sequence[_Matches], parts: Sequence[Node], *, history: bool
) -> Iterator[RelatedHit]:
    """Each hit with the parts that it fulfils."""
    ids = np.array([hit.id for hit in hits], np.int64)
    has: dict[int, list[bool]] = {hit.id: [False] * len(parts) for hit in hits}
    for matches in found:
        segment = matches.segment
        docs = matches.docs[np.isin(segment.ids[matches.docs], ids)]
        for number, part in enumerate(parts):
            fulfilling = matching(segment, part, docs, history=history)
            for chat_id in segment.ids[fulfilling].tolist():
                has[chat_id][number] = True
    return (RelatedHit(hit, tuple(has[hit.id])) for hit in hits)


# -- by relevance ------------------------------------------------------------------------------


def _by_relevance(matches: Sequence[_Matches], plan: Plan) -> _Ranked:
    """The first `offset + limit` matches, by score, then newest first.

    Each segment gives its top k by BM25 and phrases. The best of all of them are rescored by
    proximity.
    """
    segments = [m.segment for m in matches]
    query = rank.Query.of(segments, plan)
    k = max(plan.offset + plan.limit, RESCORE_WINDOW)
    top = _TopHits.joined(
        [
            _top_of_segment(m, query, number, k)
            for number, m in enumerate(matches)
            if len(m.docs) or not number  # at least one, so that there is something to join
        ]
    )
    order = top.order()
    window = order[:RESCORE_WINDOW]
    if query.idf:
        for number in np.unique(top.segment[window]).tolist():
            of_segment = window[top.segment[window] == number]
            docs = top.docs[of_segment]
            top.scores[of_segment] += rank.proximity(segments[number], docs, query.idf)
        order[: len(window)] = window[top.at(window).order()]
    return _Ranked(top.ids[order], top.scores[order], top.created[order])


class _TopHits(NamedTuple):
    """The best matches of some segments. All columns have one shape."""

    scores: rank.Scores
    created: NDArray[np.int64]
    ids: NDArray[np.int64]
    segment: NDArray[np.int64]
    """The place of the segment among all segments."""
    docs: DocNumbers

    @classmethod
    def joined(cls, parts: Sequence[_TopHits]) -> _TopHits:
        """Those of all parts, one part after the other."""
        return cls(*map(np.concatenate, zip(*parts, strict=True)))

    def at(self, positions: Positions) -> _TopHits:
        """Those at these positions."""
        return _TopHits(*(column[positions] for column in self))  # type: ignore[arg-type]  # each its own

    def order(self) -> Positions:
        """Their positions, best first."""
        return np.lexsort((self.ids, self.created, self.scores))[::-1]


def _top_of_segment(matches: _Matches, query: rank.Query, number: int, k: int) -> _TopHits:
    """The `k` best matches of one segment, in no particular order. `number`: the place of the
    segment among those of the query."""
    segment, docs = matches.segment, matches.docs
    scores = rank.scores(segment, number, docs, query)
    keys: list[SortKey] = [_values_key(scores), *_time_keys(segment, docs)]
    top = rank.top_k(len(docs), k, keys)
    docs = docs[top]
    return _TopHits(
        scores[top],
        segment.created[docs],
        segment.ids[docs],
        np.full(len(docs), number),
        docs,
    )


# -- by time -----------------------------------------------------------------------------------


def _by_time(matches: Sequence[_Matches], plan: Plan) -> _Ranked:
    """The first `offset + limit` matches by (created, id); with `after`, the first `limit` behind
    it."""
    newest = plan.sort == "newest"
    k = plan.limit if plan.after is not None else plan.offset + plan.limit
    ids, created = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for m in matches:
        docs = m.docs if plan.after is None else _after(m, plan.after, newest=newest)
        if m.segment.sorted_by_time:  # nothing to compare: the last documents are the newest
            docs = docs[-k:][::-1] if newest and k else docs[:k]
        else:
            keys = _time_keys(m.segment, docs)
            docs = docs[rank.top_k(len(docs), k, keys if newest else list(map(_negated, keys)))]
        ids.append(m.segment.ids[docs])
        created.append(m.segment.created[docs])
    all_ids, all_created = np.concatenate(ids), np.concatenate(created)
    order = np.lexsort((all_ids, all_created))
    order = order[::-1] if newest else order
    return _Ranked(all_ids[order], np.zeros(len(order)), all_created[order])


def _after(matches: _Matches, last_seen: tuple[int, int], *, newest: bool) -> DocNumbers:
    """The matches that follow `last_seen`, (created, id), in the order of time."""
    last_created, last_id = last_seen
    created, ids = matches.segment.created[matches.docs], matches.segment.ids[matches.docs]
    if newest:
        follows = (created < last_created) | ((created == last_created) & (ids < last_id))
    else:
        follows = (created > last_created) | ((created == last_created) & (ids > last_id))
    docs: DocNumbers = matches.docs[follows]
    return docs


def _count_before(matches: Sequence[_Matches], last_seen: tuple[int, int], plan: Plan) -> int:
    """How many matches do not follow `last_seen`, in the order of time."""
    newest = plan.sort == "newest"
    return sum(len(m.docs) - len(_after(m, last_seen, newest=newest)) for m in matches)


# -- sort keys, facets -------------------------------------------------------------------------


def _time_keys(segment: Segment, docs: DocNumbers) -> list[SortKey]:
    """Sort keys by which the newest is the greatest: by time, then by id."""

    def column(values: Array) -> SortKey:
        return lambda positions: np.asarray(values[docs if positions is None else docs[positions]])

    return [column(segment.created), column(segment.ids)]


def _values_key(values: NDArray[np.int64] | rank.Scores) -> SortKey:
    return lambda positions: values if positions is None else values[positions]


def _negated(key: SortKey) -> SortKey:
    return lambda positions: -key(positions)


def _facets(matches: Sequence[_Matches], plan: Plan) -> Mapping[str, FacetRows]:
    """The counts of the plan's facets, each without the filter of its own name."""
    counts = FacetCounts(plan.facets, masked=any(m.segment.masked for m in matches))
    for m in matches:
        segment = m.segment
        together = [name for name in plan.facets if name not in m.without_filter]
        counts.add(segment.cache.facets, segment.created, m.docs, together)
        for name, docs in m.without_filter.items():
            counts.add(segment.cache.facets, segment.created, docs, [name])
    return counts.rows(plan.zone)
