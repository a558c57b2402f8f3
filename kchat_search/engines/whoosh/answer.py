"""From a plan to an answer: matches, tiers, order, facets, all of one state of the index."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh import rank
from kchat_search.engines.whoosh.array_file import Array
from kchat_search.engines.whoosh.evaluate import matching
from kchat_search.engines.whoosh.facets import FacetCounts, FacetRows
from kchat_search.engines.whoosh.postings import DocNumbers
from kchat_search.engines.whoosh.rank import Positions, SortKey
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.engines.whoosh.sets import intersect, is_member
from kchat_search.models.plan import NO_TIME, EngineAnswer, EngineHit, Node, Plan


class _Matches(NamedTuple):
    """What matches in one segment."""

    segment: Segment
    docs: DocNumbers
    facets: Mapping[str, DocNumbers]
    """By name of a facet that is filtered by: what matches without that filter."""


class _Ranked(NamedTuple):
    """The best matches in order; arrays of one shape."""

    ids: NDArray[np.int64]
    scores: rank.Scores
    created: NDArray[np.int64]


def answer(segments: Sequence[Segment], plan: Plan) -> EngineAnswer:
    """Carry out a plan. Cost: the lists of its terms, and some 50 ns a chat that matches."""
    found = [_match(segment, plan.match, plan) for segment in segments]
    full = [each.docs for each in found]
    all_count = sum(map(len, full))
    widened = plan.some is not None and plan.sort == "relevance" and all_count < plan.enough
    if widened and plan.some is not None:
        found = [_match(segment, plan.some, plan) for segment in segments]
    total = sum(len(each.docs) for each in found)
    by_relevance = plan.sort == "relevance" and found
    if by_relevance:
        ranked = _by_relevance(found, full, plan, widened=widened)
    else:
        ranked = _by_time(found, plan)
    first = plan.offset if plan.after is None else 0
    window = slice(first, first + plan.limit)
    hits = tuple(
        EngineHit(i, s, None if c == NO_TIME else c)
        for i, s, c in zip(*(column[window].tolist() for column in ranked), strict=True)
    )
    return EngineAnswer(
        total=total,
        all=all_count,
        match="some" if total > all_count else "all",
        hits=hits,
        facets=_facets(found, plan),
        documents=sum(segment.count for segment in segments),
    )


def ids(segments: Sequence[Segment], plan: Plan) -> array[int]:
    """Every chat that fulfils `match` and the filters, by date. Cost: 8 bytes a chat, and some 40
    more while they are sorted; as hits they would be 200."""
    everything = replace(plan, facets=(), offset=0, limit=2**62, after=None)
    found = [_match(segment, plan.match, everything) for segment in segments]
    return array("q", _by_time(found, everything).ids.tobytes())


def _match(segment: Segment, match: Node, plan: Plan) -> _Matches:
    within: DocNumbers | None = None
    loose: dict[str, DocNumbers] = {}
    for name, node in plan.filters.items():
        if name in plan.facets:
            loose[name] = matching(segment, node)
        else:
            within = matching(segment, node, within)
    matched = matching(segment, match, within)

    def both(a: DocNumbers, b: DocNumbers) -> DocNumbers:
        return intersect(a, b, segment.size)

    docs = reduce(both, loose.values(), matched)
    facets = {
        name: reduce(both, (d for n, d in loose.items() if n != name), matched) for name in loose
    }
    return _Matches(segment, docs, facets)


def _by_relevance(
    found: Sequence[_Matches], full: Sequence[DocNumbers], plan: Plan, *, widened: bool
) -> _Ranked:
    """The first `offset + limit`, in tiers (all of the query before some of it), then by score,
    then newest first. Each segment gives its best; the best of those are looked at closely."""
    segments = [each.segment for each in found]
    query = rank.Query.of(segments, plan.words, plan.phrases)
    wanted = max(plan.offset + plan.limit, rank.RESCORE_WINDOW)
    parts = [
        _top_of_segment(each, whole if widened else None, query, number, wanted)
        for number, (each, whole) in enumerate(zip(found, full, strict=True))
        if len(each.docs) or not number  # there is always one, of whatever length
    ]
    all_ = _TopHits.joined(parts)
    order = all_.order()
    first = order[: rank.RESCORE_WINDOW]
    if query.idf:
        for number in np.unique(all_.segment[first]).tolist():
            here = first[all_.segment[first] == number]
            all_.scores[here] += rank.proximity(segments[number], all_.docs[here], query.idf)
        order[: len(first)] = first[all_.at(first).order()]
    return _Ranked(all_.ids[order], all_.scores[order], all_.created[order])


class _TopHits(NamedTuple):
    """The best matches of some segments; columns of one shape."""

    tier: NDArray[np.int64]
    scores: rank.Scores
    created: NDArray[np.int64]
    ids: NDArray[np.int64]
    segment: NDArray[np.int64]
    """Which segment, by number."""
    docs: DocNumbers

    @classmethod
    def joined(cls, parts: Sequence[_TopHits]) -> _TopHits:
        """One after the other."""
        return cls(*map(np.concatenate, zip(*parts, strict=True)))

    def at(self, places: Positions) -> _TopHits:
        """Those at these places."""
        return _TopHits(*(column[places] for column in self))  # type: ignore[arg-type]  # each its own

    def order(self) -> Positions:
        """Their places, best first."""
        return np.lexsort((self.ids, self.created, self.scores, self.tier))[::-1]


def _top_of_segment(
    found: _Matches, full: DocNumbers | None, query: rank.Query, number: int, wanted: int
) -> _TopHits:
    """The `wanted` best of one segment, in no order. `full`: those that match all of the query,
    where the answer was widened; None where all do."""
    segment, docs = found.segment, found.docs
    scores = rank.scores(segment, number, docs, query)
    keys: list[SortKey] = [_of(scores), *_newest(segment, docs)]
    tier = np.ones(len(docs), np.int64)
    if full is not None:
        tier = is_member(docs, full, segment.size).astype(np.int64)
        keys.insert(0, _of(tier))
    best = rank.top_k(len(docs), wanted, keys)
    docs = docs[best]
    return _TopHits(
        tier[best],
        scores[best],
        segment.created[docs],
        segment.ids[docs],
        np.full(len(docs), number),
        docs,
    )


def _by_time(found: Sequence[_Matches], plan: Plan) -> _Ranked:
    """The first `offset + limit`, or those behind `after`."""
    newest = plan.sort == "newest"
    wanted = plan.limit if plan.after is not None else plan.offset + plan.limit
    ids, created = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for each in found:
        docs = each.docs if plan.after is None else _after(each, plan.after, newest=newest)
        if each.segment.sorted_by_time:  # nothing to compare: the last documents are the newest
            docs = docs[-wanted:][::-1] if newest and wanted else docs[:wanted]
        else:
            keys = _newest(each.segment, docs)
            docs = docs[rank.top_k(len(docs), wanted, keys if newest else list(map(_minus, keys)))]
        ids.append(each.segment.ids[docs])
        created.append(each.segment.created[docs])
    all_ids, all_created = np.concatenate(ids), np.concatenate(created)
    order = np.lexsort((all_ids, all_created))
    order = order[::-1] if newest else order
    return _Ranked(all_ids[order], np.zeros(len(order)), all_created[order])


def _after(found: _Matches, place: tuple[int, int], *, newest: bool) -> DocNumbers:
    """The matches behind a place in the order of time."""
    created, chat_id = place
    here, ids = found.segment.created[found.docs], found.segment.ids[found.docs]
    if newest:
        behind = (here < created) | ((here == created) & (ids < chat_id))
    else:
        behind = (here > created) | ((here == created) & (ids > chat_id))
    docs: DocNumbers = found.docs[behind]
    return docs


def _newest(segment: Segment, docs: DocNumbers) -> list[SortKey]:
    """Sort keys: by time, then by id."""

    def column(values: Array) -> SortKey:
        return lambda places: np.asarray(values[docs if places is None else docs[places]])

    return [column(segment.created), column(segment.ids)]


def _of(values: NDArray[np.int64] | rank.Scores) -> SortKey:
    return lambda places: values if places is None else values[places]


def _minus(key: SortKey) -> SortKey:
    return lambda places: -key(places)


def _facets(found: Sequence[_Matches], plan: Plan) -> Mapping[str, FacetRows]:
    counts = FacetCounts(plan.facets)
    for each in found:
        segment = each.segment
        together = [name for name in plan.facets if name not in each.facets]
        counts.add(segment.cache.facets, segment.created, each.docs, together)
        for name, docs in each.facets.items():
            counts.add(segment.cache.facets, segment.created, docs, [name])
    return counts.rows(plan.zone)
