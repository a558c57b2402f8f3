"""Which chats are like one: by the words that both have, and by what their visitors asked first.

Of the words of the chat only the most telling ones are looked up. A chat's score is the sum of what
each of them adds, as a share of what they add to the chat itself: the product of the word's BM25 in
both. This is the cosine of the two without the length of the second one. Measured over the demo's
conversations and over CrossWOZ, it finds better than the cosine, because what else a chat says is
no reason to doubt that it says the same; and no lengths need be kept.

To the best by words, a part of the nearness of their openings is added (`meaning.floor`): of the
two that are nearest.
It finds more chats of the same matter, and fewer that speak of the same hotel or film.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kchat_search import processor_time
from kchat_search.engines.ranking import (
    COMPARED,
    CONSIDERED,
    COSINE_DIGITS,
    K1,
    TELLING,
    VECTOR_WEIGHT,
    B,
    average_length,
    idf_of,
)
from kchat_search.engines.whoosh.array_file import Array
from kchat_search.engines.whoosh.postings import DocNumbers
from kchat_search.engines.whoosh.rank import Positions, Scores, frequencies_in, kth_greatest
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.engines.whoosh.vectors import Rows
from kchat_search.meaning.codes import SIZE, Vectors, decode
from kchat_search.meaning.floor import OF_OPENINGS, certainty
from kchat_search.models.plan import Alike, AlikeHit, EngineHit

_Postings = Mapping[str, tuple[DocNumbers, Array | None]]
"""Of one segment, by word: see `Segment.postings`."""


class _Words(NamedTuple):
    """The most telling words of a chat."""

    idf: Mapping[str, float]
    weights: Mapping[str, float]
    """What each adds to a document of which its BM25 is 1: its BM25 in the chat, as a share of the
    sum of their squares."""
    average_length: float


class _Candidates(NamedTuple):
    """Documents like the chat. All columns have one shape."""

    scores: Scores
    created: NDArray[np.int64]
    ids: NDArray[np.int64]
    segment: NDArray[np.int64]
    """The place of the segment among all segments."""
    docs: DocNumbers

    def at(self, positions: Positions) -> _Candidates:
        """Those at these positions."""
        return _Candidates(*(column[positions] for column in self))  # type: ignore[arg-type]  # each its own


def alike(segments: Sequence[Segment], asked: Alike) -> tuple[AlikeHit, ...]:
    """See `ports.IndexReader.alike`. Cost: the posting lists of `TELLING` words,
    and the vectors of the `COMPARED` best.

    Raises `PostingsDamaged`.
    """
    words = _telling(segments, asked)
    postings = [{word: segment.postings(word) for word in words.weights} for segment in segments]
    found = [
        _of_segment(segment, n, words, postings[n], asked.id) for n, segment in enumerate(segments)
    ]
    if not words.weights or not found:
        return ()
    joined = _Candidates(*map(np.concatenate, zip(*found, strict=True)))
    candidates = joined.at(_best(joined.scores, max(COMPARED, asked.limit)))
    places = _add_nearness(segments, candidates, _openings(segments, asked.id))
    order = np.lexsort((candidates.ids, candidates.created, candidates.scores))[::-1]
    order = order[: asked.limit]
    best = candidates.at(order)
    common = _common(segments, best, words, postings)
    return tuple(
        AlikeHit(
            EngineHit.at(chat_id, score, created),
            has,
            None if place < 0 else place,
        )
        for chat_id, score, created, has, place in zip(
            *(column.tolist() for column in (best.ids, best.scores, best.created)),
            common,
            places[order].tolist(),
            strict=True,
        )
    )


def _telling(segments: Sequence[Segment], asked: Alike) -> _Words:
    """The words of the chat that weigh most. A word that only the chat itself has tells nothing."""
    total = sum(segment.live_count for segment in segments)
    length = sum(segment.live_words for segment in segments)
    average = average_length(length, total)
    frequencies = dict(Counter(asked.words).most_common(CONSIDERED))
    dfs = dict.fromkeys(frequencies, 0)
    for segment in segments:
        ordinals = {word: segment.find("words", word) for word in frequencies}
        known = {word: ordinal for word, ordinal in ordinals.items() if ordinal is not None}
        live = segment.live_dfs("words", np.array(list(known.values()), np.int64))
        for word, df in zip(known, live, strict=True):
            dfs[word] += df
    in_index = any(len(_own(segment, asked.id)) for segment in segments)
    idf = {word: idf_of(df, total) for word, df in dfs.items() if df > in_index}
    norm = _norms(np.array([len(asked.words)]), average)
    own = {w: i * float(_saturated(frequencies[w], norm)[0]) for w, i in idf.items()}
    chosen = sorted(own, key=lambda word: (-own[word], word))[:TELLING]
    square = sum(own[word] ** 2 for word in chosen)
    return _Words(
        {word: idf[word] for word in chosen},
        {word: own[word] / square for word in chosen},
        average,
    )


def _own(segment: Segment, chat_id: int) -> DocNumbers:
    """The document of a chat, if it is here."""
    return segment.only_live(np.flatnonzero(segment.ids == chat_id))


def _norms(lengths: NDArray[np.int64], average: float) -> Scores:
    """For each document, what its length adds below the line in BM25."""
    return np.asarray(lengths * (K1 * B / average) + K1 * (1 - B), np.float64)


def _saturated(frequency: NDArray[np.int64] | Scores | int, norm: Scores) -> Scores:
    """BM25 without the idf."""
    saturated: Scores = (K1 + 1) * frequency / (frequency + norm)
    return saturated


def _of_segment(
    segment: Segment, number: int, words: _Words, postings: _Postings, chat_id: int
) -> _Candidates:
    """The best documents of one segment, in no particular order. `number`: its place."""
    scores = np.zeros(segment.size)
    norms = _norms(segment.lengths, words.average_length)
    for word, weight in words.weights.items():
        processor_time.check()
        docs, frequencies = postings[word]
        of_word = _saturated(1 if frequencies is None else frequencies, norms[docs])
        scores[docs] += weight * words.idf[word] * of_word
    scores[_own(segment, chat_id)] = 0
    docs = np.flatnonzero(scores)
    docs = docs[_best(scores[docs], COMPARED)]
    return _Candidates(
        scores[docs], segment.created[docs], segment.ids[docs], np.full(len(docs), number), docs
    )


def _best(scores: Scores, k: int) -> Positions:
    """The positions of the `k` greatest scores, and of those that equal the last of them."""
    if len(scores) <= k:
        return np.arange(len(scores))
    return np.flatnonzero(scores >= kth_greatest(scores, k))


class _Openings(NamedTuple):
    """The openings of the chat that the table knows something of. Both columns have one shape."""

    vectors: Vectors
    weights: NDArray[np.float64]
    """What a cosine with each counts."""


def _openings(segments: Sequence[Segment], chat_id: int) -> _Openings:
    """Those of the chat; none where it is not in the index."""
    for segment in segments:
        columns = segment.file.vectors
        rows, weights, _ = _known(segment, _own(segment, chat_id))
        if len(rows):
            return _Openings(decode(columns.codes(rows)), weights)
    return _Openings(np.empty((0, SIZE), np.float32), np.empty(0))


def _known(
    segment: Segment, docs: DocNumbers
) -> tuple[Rows, NDArray[np.float64], NDArray[np.int64]]:
    """(the vectors of these documents that the table knows something of, what a cosine with each
    counts, their documents)."""
    columns = segment.file.vectors
    rows = columns.rows(docs)
    rows = rows[columns.features[rows] > 0]
    of_each = columns.documents[rows].astype(np.int64)
    places = rows - columns.starts[of_each]
    return rows, OF_OPENINGS[places] * certainty(columns.features[rows]), of_each


def _add_nearness(
    segments: Sequence[Segment], candidates: _Candidates, openings: _Openings
) -> Positions:
    """Add to each score its part of what the nearest pair of openings counts. For each candidate:
    which of its openings is the nearest, from 0; -1 where there is nothing to compare."""
    nearest_places = np.full(len(candidates.docs), -1)
    if not len(openings.vectors):
        return nearest_places
    for number in np.unique(candidates.segment).tolist():
        columns = segments[number].file.vectors
        here = np.flatnonzero(candidates.segment == number)
        here = here[np.argsort(candidates.docs[here])]
        rows, weights, docs = _known(segments[number], candidates.docs[here])
        pairs = columns.cosines(rows, openings.vectors) * openings.weights * weights[:, None]
        best = pairs.max(axis=1, initial=-1).round(COSINE_DIGITS)
        # The nearest opening of each document first; of several equally near ones the first.
        order = np.lexsort((rows, -best, docs))
        nearest = order[np.diff(docs[order], prepend=-1) > 0]
        which = here[np.searchsorted(candidates.docs[here], docs[nearest])]
        candidates.scores[which] += VECTOR_WEIGHT * np.maximum(best[nearest], 0)
        nearest_places[which] = rows[nearest] - columns.starts[docs[nearest]]
    return nearest_places


def _common(
    segments: Sequence[Segment],
    best: _Candidates,
    words: _Words,
    postings: Sequence[_Postings],
) -> list[dict[str, float]]:
    """For each of the best: the words that it has, with what each adds to its score."""
    common: list[dict[str, float]] = [{} for _ in best.docs]
    for number in np.unique(best.segment).tolist():
        segment = segments[number]
        places = np.flatnonzero(best.segment == number)
        docs = best.docs[places]
        norms = _norms(segment.lengths[docs], words.average_length)
        for word, weight in words.weights.items():
            frequencies = frequencies_in(segment, postings[number][word], docs)
            if frequencies is None:
                continue
            adds = weight * words.idf[word] * _saturated(frequencies, norms)
            for place in np.flatnonzero(adds).tolist():
                common[int(places[place])][word] = float(adds[place])
    return common
