"""From a plan to an answer: matches, tiers, order, facets, all of one state of the index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh import rank
from kchat_search.engines.whoosh.evaluate import matching
from kchat_search.engines.whoosh.lists import Docs
from kchat_search.engines.whoosh.rank import Places, SortKey
from kchat_search.engines.whoosh.schema import filter_value
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.engines.whoosh.sets import among, intersect
from kchat_search.models.query import NO_TIME, EngineAnswer, EngineHit, Node, Plan

Number = TypeVar("Number", np.int64, np.float64)


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
    ranked = _by_relevance(found, full, plan) if plan.sort == "relevance" else _by_time(found, plan)
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
        facets={name: _facet(found, name) for name in plan.facets},
        documents=sum(segment.count for segment in segments),
    )


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


def _by_relevance(found: Sequence[_Found], full: Sequence[Docs], plan: Plan) -> _Ranked:
    """The first `offset + limit`, in tiers (all of the query before some of it), then by score,
    then newest first. Each segment gives its best; the best of those are looked at closely."""
    segments = [each.segment for each in found]
    idf = rank.weights(segments, plan.words)
    average = rank.average_length(segments)
    wanted = max(plan.offset + plan.limit, rank.CLOSENESS_WINDOW)
    parts = []
    for number, (each, whole) in enumerate(zip(found, full, strict=True)):
        scores = rank.scores(each.segment, each.docs, idf, average, plan.phrases)
        keys: list[SortKey] = [_of(scores), *_newest(each)]
        tier = np.ones(len(each.docs), np.int64)
        if each.docs is not whole:
            tier = among(each.docs, whole, each.segment.size).astype(np.int64)
            keys.insert(0, _of(tier))
        chosen = rank.best(len(each.docs), wanted, keys)
        docs = each.docs[chosen]
        parts.append(_columns(each.segment, docs, tier[chosen], scores[chosen], number))
    tier, scores, created, ids, which, docs = (
        map(np.concatenate, zip(*parts, strict=True)) if parts else [np.empty(0, np.int64)] * 6
    )
    order = np.lexsort((ids, created, scores, tier))[::-1]
    best = order[: rank.CLOSENESS_WINDOW]
    if len(idf) > 1:
        scores = scores.astype(np.float64)
        for number, segment in enumerate(segments):
            here = best[which[best] == number]
            scores[here] += rank.closeness(segment, docs[here], idf)
        again = np.lexsort((ids[best], created[best], scores[best], tier[best]))[::-1]
        order[: len(best)] = best[again]
    return _Ranked(ids[order], scores[order], created[order])


def _columns(
    segment: Segment, docs: Docs, tier: NDArray[np.int64], scores: rank.Scores, number: int
) -> tuple[NDArray[Any], ...]:
    return (
        tier,
        scores,
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
            keys = _newest(_Found(each.segment, docs, {}))
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
        return found.docs[(here < created) | ((here == created) & (ids < chat_id))]
    return found.docs[(here > created) | ((here == created) & (ids > chat_id))]


def _newest(found: _Found) -> list[SortKey]:
    """Sort keys: by time, then by id."""
    docs, segment = found.docs, found.segment

    def created(places: Places | None) -> NDArray[np.int64]:
        return segment.created[docs if places is None else docs[places]]

    def ids(places: Places | None) -> NDArray[np.int64]:
        return segment.ids[docs if places is None else docs[places]]

    return [created, ids]


def _of(values: NDArray[np.int64] | rank.Scores) -> SortKey:
    return lambda places: values if places is None else values[places]


def _minus(key: SortKey) -> SortKey:
    return lambda places: -key(places)


def _facet(found: Sequence[_Found], name: str) -> tuple[tuple[str | None, int], ...]:
    """How many matches have each value. Cost: a ns or two a match."""
    counts: Counter[str] = Counter()
    for each in found:
        docs = each.facets.get(name, each.docs)
        ordinals = each.segment.ordinals(name)
        if len(docs) < each.segment.size:
            ordinals = ordinals[docs]
        numbers = np.bincount(ordinals)
        for ordinal in np.flatnonzero(numbers).tolist():
            counts[each.segment.value(name, ordinal)] += int(numbers[ordinal])
    if name == "created_month":
        rows = sorted(counts.items())
    else:
        rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    return tuple((filter_value(term), number) for term, number in rows)
