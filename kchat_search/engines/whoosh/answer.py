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
from kchat_search.engines.whoosh.facets import Counts, Rows
from kchat_search.engines.whoosh.postings import Docs
from kchat_search.engines.whoosh.rank import Places, SortKey
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.engines.whoosh.sets import among, intersect
from kchat_search.models.plan import NO_TIME, EngineAnswer, EngineHit, Node, Plan


class _Found(NamedTuple):
    """What matches in one segment."""

    segment: Segment
    docs: Docs
    facets: Mapping[str, Docs]
    """By name of a facet that is filtered by: what matches without that filter."""


class _Ranked(NamedTuple):
    """The best matches in order; arrays of one shape."""

    ids: NDArray[np.int64]
    scores: rank.Scores
    created: NDArray[np.int64]


def answer(segments: Sequence[Segment], plan: Plan) -> EngineAnswer:
    """Carry out a plan. Cost: the lists of its terms, and some 50 ns a chat that matches."""
    found = [_find(segment, plan.match, plan) for segment in segments]
    full = [each.docs for each in found]
    all_count = sum(map(len, full))
    widened = plan.some is not None and plan.sort == "relevance" and all_count < plan.enough
    if widened and plan.some is not None:
        found = [_find(segment, plan.some, plan) for segment in segments]
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
    found = [_find(segment, plan.match, everything) for segment in segments]
    return array("q", _by_time(found, everything).ids.tobytes())


def _find(segment: Segment, match: Node, plan: Plan) -> _Found:
    within: Docs | None = None
    loose: dict[str, Docs] = {}
    for name, node in plan.filters.items():
        if name in plan.facets:
            loose[name] = matching(segment, node)
        else:
            within = matching(segment, node, within)
    matched = matching(segment, match, within)

    def both(a: Docs, b: Docs) -> Docs:
        return intersect(a, b, segment.size)

    docs = reduce(both, loose.values(), matched)
    facets = {
        name: reduce(both, (d for n, d in loose.items() if n != name), matched) for name in loose
    }
    return _Found(segment, docs, facets)


def _by_relevance(
    found: Sequence[_Found], full: Sequence[Docs], plan: Plan, *, widened: bool
) -> _Ranked:
    """The first `offset + limit`, in tiers (all of the query before some of it), then by score,
    then newest first. Each segment gives its best; the best of those are looked at closely."""
    segments = [each.segment for each in found]
    query = rank.Query.of(segments, plan.words, plan.phrases)
    wanted = max(plan.offset + plan.limit, rank.CLOSENESS_WINDOW)
    parts = [
        _best_of(each, whole if widened else None, query, number, wanted)
        for number, (each, whole) in enumerate(zip(found, full, strict=True))
        if len(each.docs) or not number  # there is always one, of whatever length
    ]
    all_ = _Best.joined(parts)
    order = all_.order()
    first = order[: rank.CLOSENESS_WINDOW]
    if query.idf:
        for number in np.unique(all_.segment[first]).tolist():
            here = first[all_.segment[first] == number]
            all_.scores[here] += rank.closeness(segments[number], all_.docs[here], query.idf)
        order[: len(first)] = first[all_.at(first).order()]
    return _Ranked(all_.ids[order], all_.scores[order], all_.created[order])


class _Best(NamedTuple):
    """The best matches of some segments; columns of one shape."""

    tier: NDArray[np.int64]
    scores: rank.Scores
    created: NDArray[np.int64]
    ids: NDArray[np.int64]
    segment: NDArray[np.int64]
    """Which segment, by number."""
    docs: Docs

    @classmethod
    def joined(cls, parts: Sequence[_Best]) -> _Best:
        """One after the other."""
        return cls(*map(np.concatenate, zip(*parts, strict=True)))

    def at(self, places: Places) -> _Best:
        """Those at these places."""
        return _Best(*(column[places] for column in self))  # type: ignore[arg-type]  # each its own

    def order(self) -> Places:
        """Their places, best first."""
        return np.lexsort((self.ids, self.created, self.scores, self.tier))[::-1]


def _best_of(
    found: _Found, full: Docs | None, query: rank.Query, number: int, wanted: int
) -> _Best:
    """The `wanted` best of one segment, in no order. `full`: those that match all of the query,
    where the answer was widened; None where all do."""
    segment, docs = found.segment, found.docs
    scores = rank.scores(segment, number, docs, query)
    keys: list[SortKey] = [_of(scores), *_newest(segment, docs)]
    tier = np.ones(len(docs), np.int64)
    if full is not None:
        tier = among(docs, full, segment.size).astype(np.int64)
        keys.insert(0, _of(tier))
    best = rank.best(len(docs), wanted, keys)
    docs = docs[best]
    return _Best(
        tier[best],
        scores[best],
        segment.created[docs],
        segment.ids[docs],
        np.full(len(docs), number),
        docs,
    )


def _by_time(found: Sequence[_Found], plan: Plan) -> _Ranked:
    """The first `offset + limit`, or those behind `after`."""
    newest = plan.sort == "newest"
    wanted = plan.limit if plan.after is not None else plan.offset + plan.limit
    ids, created = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for each in found:
        docs = each.docs if plan.after is None else _behind(each, plan.after, newest=newest)
        if each.segment.by_time:  # nothing to compare: the last documents are the newest
            docs = docs[-wanted:][::-1] if newest and wanted else docs[:wanted]
        else:
            keys = _newest(each.segment, docs)
            docs = docs[rank.best(len(docs), wanted, keys if newest else list(map(_minus, keys)))]
        ids.append(each.segment.ids[docs])
        created.append(each.segment.created[docs])
    all_ids, all_created = np.concatenate(ids), np.concatenate(created)
    order = np.lexsort((all_ids, all_created))
    order = order[::-1] if newest else order
    return _Ranked(all_ids[order], np.zeros(len(order)), all_created[order])


def _behind(found: _Found, place: tuple[int, int], *, newest: bool) -> Docs:
    """The matches behind a place in the order of time."""
    created, chat_id = place
    here, ids = found.segment.created[found.docs], found.segment.ids[found.docs]
    if newest:
        behind = (here < created) | ((here == created) & (ids < chat_id))
    else:
        behind = (here > created) | ((here == created) & (ids > chat_id))
    docs: Docs = found.docs[behind]
    return docs


def _newest(segment: Segment, docs: Docs) -> list[SortKey]:
    """Sort keys: by time, then by id."""

    def column(values: Array) -> SortKey:
        return lambda places: np.asarray(values[docs if places is None else docs[places]])

    return [column(segment.created), column(segment.ids)]


def _of(values: NDArray[np.int64] | rank.Scores) -> SortKey:
    return lambda places: values if places is None else values[places]


def _minus(key: SortKey) -> SortKey:
    return lambda places: -key(places)


def _facets(found: Sequence[_Found], plan: Plan) -> Mapping[str, Rows]:
    counts = Counts(plan.facets)
    for each in found:
        segment = each.segment
        together = [name for name in plan.facets if name not in each.facets]
        counts.add(segment.lists.facets, segment.created, each.docs, together)
        for name, docs in each.facets.items():
            counts.add(segment.lists.facets, segment.created, docs, [name])
    return counts.rows(plan.zone)
