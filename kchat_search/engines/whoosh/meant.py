"""The chats that are about the same matter, by the vectors of what their visitors asked first.

The signs of all vectors are compared with those of the query. The nearest by that are decoded, and
their cosines decide, each by what it counts (`meaning.floor`). Where few may be shown at all, all
of them are decoded. (Measured over 300,000 vectors: none of the ten that are truly nearest was
lost, of the next forty one in a hundred.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kchat_search import processor_time
from kchat_search.engines.ranking import COSINE_DIGITS
from kchat_search.engines.whoosh.message_filter import MessageFilter
from kchat_search.engines.whoosh.postings import DocNumbers
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.engines.whoosh.sets import is_member, mask
from kchat_search.engines.whoosh.vectors import Distances, Rows
from kchat_search.engines.whoosh.vectors import Vectors as VectorColumns
from kchat_search.meaning.codes import SIZE, Vectors, signs
from kchat_search.meaning.floor import OF_OPENINGS, certainty
from kchat_search.meaning.table import Meanings
from kchat_search.models.plan import EVERYWHERE, NO_TIME, EngineHit, Meant, MeantHit, Messages

_NEAR = 16_384
"""So many vectors of a segment are the nearest by their signs; more where several are equally
near."""
_DECODED = 1_024
"""So many of these, which may score best, are decoded; more where several may as well."""
_FEW = 2 * _DECODED
"""So many are decoded without a look at their signs."""
_SAMPLED = 16
"""One distance in so many is looked at to learn how far most vectors are."""
_WIDE = 8
"""If more than one in so many documents may be shown, the signs of all vectors are compared: it
costs less than to pick some."""
_PASSAGES_AT_ONCE = 1 << 17


class Candidates(NamedTuple):
    """What may be shown of one segment."""

    segment: Segment
    docs: DocNumbers
    without: DocNumbers
    """Those that stand elsewhere on the page."""


def meant_hits(found: Sequence[Candidates], meant: Meant) -> tuple[MeantHit, ...]:
    """The best of these by meaning, at most `meant.limit`. None where there is no table, or it
    knows nothing of the text."""
    table = next((each.segment.cache.table.table for each in found), None)
    asked = None if table is None else table.meanings([meant.text])
    if asked is None or not asked.vectors.any():
        return ()
    hits = [hit for each in found for hit in _of_segment(each, asked, meant)]
    hits.sort(key=lambda hit: _order(hit.hit), reverse=True)
    return tuple(hits[: meant.limit])


def _order(hit: EngineHit) -> tuple[float, int, int]:
    return hit.score, NO_TIME if hit.created is None else hit.created, hit.id


def _of_segment(candidates: Candidates, asked: Meanings, meant: Meant) -> Iterator[MeantHit]:
    """The best hits of a segment, at most `meant.limit`."""
    segment, columns = candidates.segment, candidates.segment.file.vectors
    rows = _rows(segment, candidates.docs, meant.scopes)
    if rows is None or len(rows) > _FEW:
        rows, distances = _nearest(segment, candidates.docs, rows, asked.vectors)
        rows = _likeliest(columns, rows, distances)
    docs = columns.documents[rows].astype(np.int64)
    stays = ~is_member(docs, candidates.without, segment.size)
    rows, docs = rows[stays], docs[stays]
    scores = columns.cosines(rows, asked.vectors)[:, 0].astype(np.float64)
    scores *= _weights(columns, rows) * certainty(asked.features)
    scores = scores.round(COSINE_DIGITS)
    # The best vector of each document first; of several equally good ones the first.
    order = np.lexsort((rows, -scores, docs))
    best = order[np.diff(docs[order], prepend=-1) > 0]
    best = best[scores[best] >= meant.floor]
    order = np.lexsort((segment.ids[docs[best]], segment.created[docs[best]], scores[best]))
    best = best[order[::-1][: meant.limit]]
    for doc, row, score in zip(
        docs[best].tolist(), rows[best].tolist(), scores[best].tolist(), strict=True
    ):
        hit = EngineHit.at(int(segment.ids[doc]), score, int(segment.created[doc]))
        yield MeantHit(hit, row - int(columns.starts[doc]))


def _rows(segment: Segment, docs: DocNumbers, scopes: Sequence[Sequence[Messages]]) -> Rows | None:
    """The vectors of these documents that lie in these messages; None for those of many documents,
    which nobody has picked."""
    vectors = segment.file.vectors
    scopes = [scope for scope in scopes if EVERYWHERE not in scope]
    if len(docs) * _WIDE > segment.size and not scopes:
        return None
    rows = vectors.rows(docs)
    for scope in scopes:
        filters = [MessageFilter(segment.file, "text", messages) for messages in scope]
        kept = [np.empty(0, np.int64)]
        for first in range(0, len(rows), _PASSAGES_AT_ONCE):
            processor_time.check()
            some = rows[first : first + _PASSAGES_AT_ONCE]
            of_each = vectors.documents[some].astype(np.int64)
            places = vectors.places[some].astype(np.int64)
            passes = [one.passes(of_each, places) for one in filters]
            kept.append(some[np.logical_or.reduce(passes)])
        rows = np.concatenate(kept)
    return rows


def _weights(columns: VectorColumns, rows: Rows) -> NDArray[np.float64]:
    """What a cosine with each of these vectors counts."""
    places = rows - columns.starts[columns.documents[rows]]
    weights: NDArray[np.float64] = OF_OPENINGS[places] * certainty(columns.features[rows])
    return weights


def _likeliest(columns: VectorColumns, rows: Rows, distances: Distances) -> Rows:
    """Those of these vectors that may score best, `_DECODED` of them, and all that may as well."""
    if len(rows) <= _DECODED:
        return rows
    guessed = np.cos(distances * (np.pi / SIZE)) * _weights(columns, rows)
    likely: Rows = rows[guessed >= np.partition(guessed, -_DECODED)[-_DECODED]]
    return likely


def _nearest(
    segment: Segment, docs: DocNumbers, rows: Rows | None, vectors: Vectors
) -> tuple[Rows, Distances]:
    """Those of these vectors (None: all of these documents) whose signs differ least, `_NEAR` of
    them, and all that differ as little as the last of these; and in how many they differ."""
    columns = segment.file.vectors
    distances = columns.distances(signs(vectors)[0], rows)
    may: NDArray[np.bool_] | None = None
    sample = distances[::_SAMPLED]
    if rows is None and len(docs) < segment.size:
        may = mask(docs, segment.size)
        sample = sample[may[columns.documents[::_SAMPLED]]]

    def near(farthest: int) -> Rows:
        found = np.flatnonzero(distances <= farthest)
        return found if may is None else found[may[columns.documents[found]]]

    nearest = near(_within(sample, 2 * _NEAR // _SAMPLED))
    if len(nearest) < _NEAR:
        nearest = near(SIZE)
    of_nearest = distances[nearest]
    stays = of_nearest <= _within(of_nearest, _NEAR)
    nearest = nearest[stays]
    return nearest if rows is None else rows[nearest], of_nearest[stays]


def _within(distances: Distances, count: int) -> int:
    """The least distance within which are so many of these, or all if they are fewer."""
    return int(np.searchsorted(np.cumsum(np.bincount(distances)), count))
