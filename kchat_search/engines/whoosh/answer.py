"""From a plan to an answer: matches, tiers, order, facets, all of one state of the index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh import rank
from kchat_search.engines.whoosh.evaluate import intersect, matching
from kchat_search.engines.whoosh.schema import filter_value
from kchat_search.engines.whoosh.segment import Docs, Segment
from kchat_search.models.query import NO_TIME, EngineAnswer, EngineHit, Node, Plan

Number = TypeVar("Number", np.int64, np.float64)


class _Found(NamedTuple):
    """What matches in one segment."""

    segment: Segment
    docs: Docs
    facets: Mapping[str, Docs]
    """By name of a facet that is filtered by: what matches without that filter."""


class _Ranked(NamedTuple):
    """All matches in order; three arrays of one shape."""

    ids: NDArray[np.int64]
    scores: rank.Scores
    created: NDArray[np.int64]


def answer(segments: Sequence[Segment], plan: Plan) -> EngineAnswer:
    """Carry out a plan. Cost: the postings of its terms, and a sort of what matches."""
    found = [_find(segment, plan.match, plan) for segment in segments]
    full = [each.docs for each in found]
    all_count = sum(map(len, full))
    widened = plan.some is not None and plan.sort == "relevance" and all_count < plan.enough
    if widened and plan.some is not None:
        found = [_find(segment, plan.some, plan) for segment in segments]
    ranked = _by_relevance(found, full, plan) if plan.sort == "relevance" else _by_time(found, plan)
    window = _window(ranked, plan)
    hits = tuple(
        EngineHit(int(i), float(s), None if c == NO_TIME else int(c))
        for i, s, c in zip(
            ranked.ids[window], ranked.scores[window], ranked.created[window], strict=True
        )
    )
    total = sum(len(each.docs) for each in found)
    return EngineAnswer(
        total=total,
        all=all_count,
        match="some" if total > all_count else "all",
        hits=hits,
        facets={name: _facet(found, name) for name in plan.facets},
    )


def _find(segment: Segment, match: Node, plan: Plan) -> _Found:
    within = segment.live
    loose: dict[str, Docs] = {}
    for name, node in plan.filters.items():
        if name in plan.facets:
            loose[name] = matching(segment, node, segment.live)
        else:
            within = matching(segment, node, within)
    if not plan.facets:
        within = reduce(intersect, loose.values(), within)
    matched = matching(segment, match, within)
    docs = reduce(intersect, loose.values(), matched)
    facets = {
        name: reduce(intersect, (d for n, d in loose.items() if n != name), matched)
        for name in loose
    }
    return _Found(segment, docs, facets)


def _by_relevance(found: Sequence[_Found], full: Sequence[Docs], plan: Plan) -> _Ranked:
    segments = [each.segment for each in found]
    idf = rank.weights(segments, plan.words)
    average = rank.average_length(segments)
    parts = [rank.scores(e.segment, e.docs, idf, average, plan.phrases) for e in found]
    scores = _joined(parts, np.float64)
    tier = _joined(
        [np.isin(e.docs, f, assume_unique=True) for e, f in zip(found, full, strict=True)], np.int64
    )
    ids = _joined([e.segment.ids[e.docs] for e in found], np.int64)
    created = _joined([e.segment.created[e.docs] for e in found], np.int64)
    order = np.lexsort((ids, created, scores, tier))[::-1]
    best = order[: rank.CLOSENESS_WINDOW]
    if len(idf) > 1:
        scores[best] += _closeness(found, best, idf)
        again = np.lexsort((ids[best], created[best], scores[best], tier[best]))[::-1]
        order[: len(best)] = best[again]
    return _Ranked(ids[order], scores[order], created[order])


def _closeness(
    found: Sequence[_Found], places: NDArray[np.int64], idf: dict[str, float]
) -> rank.Scores:
    """Closeness of the documents at `places` of all matches joined together."""
    ends = np.cumsum([len(each.docs) for each in found])
    result = np.zeros(len(places))
    for n, place in enumerate(places.tolist()):
        which = int(np.searchsorted(ends, place, side="right"))
        each = found[which]
        doc = int(each.docs[place - (ends[which] - len(each.docs))])
        result[n] = rank.closeness(each.segment, doc, idf)
    return result


def _by_time(found: Sequence[_Found], plan: Plan) -> _Ranked:
    ids = _joined([e.segment.ids[e.docs] for e in found], np.int64)
    created = _joined([e.segment.created[e.docs] for e in found], np.int64)
    order = np.lexsort((ids, created))
    if plan.sort == "newest":
        order = order[::-1]
    return _Ranked(ids[order], np.zeros(len(order)), created[order])


def _window(ranked: _Ranked, plan: Plan) -> slice:
    """Which of the ordered matches to show."""
    first = plan.offset
    if plan.after is not None:
        created, chat_id = plan.after
        behind = (ranked.created > created) | ((ranked.created == created) & (ranked.ids > chat_id))
        if plan.sort == "newest":
            here = (ranked.created == created) & (ranked.ids == chat_id)
            behind = ~behind & ~here
        first = int(np.argmax(behind)) if behind.any() else len(ranked.ids)
    return slice(first, first + plan.limit)


def _facet(found: Sequence[_Found], name: str) -> tuple[tuple[str | None, int], ...]:
    counts: Counter[str] = Counter()
    for each in found:
        base = each.facets.get(name, each.docs)
        for term in each.segment.terms(name):
            number = len(intersect(each.segment.docs(name, term), base))
            if number:
                counts[term] += number
    if name == "created_month":
        rows = sorted(counts.items())
    else:
        rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    return tuple((filter_value(term), number) for term, number in rows)


def _joined(parts: Sequence[NDArray[Any]], kind: type[Number]) -> NDArray[Number]:
    return np.concatenate(parts).astype(kind) if parts else np.empty(0, kind)
