"""In which order: scores of the documents that matched, and the best of them.

Relevance is BM25 over jieba's words (Robertson and Zaragoza 2009; k1 1.2, b 0.75, the idf that
can't be negative). A chat that has the whole phrase ranks before all that have not; among the
best, those whose words stand together in one message rank before those whose words are scattered.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.arrays import Array
from kchat_search.engines.whoosh.evaluate import matching
from kchat_search.engines.whoosh.lists import Docs
from kchat_search.engines.whoosh.look import joined_texts
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.engines.whoosh.sets import among
from kchat_search.engines.whoosh.texts import MARKS
from kchat_search.models.query import Contains

K1 = 1.2
B = 0.75
CLOSENESS_WINDOW = 200
"""So many of the best are looked at for closeness. The window is the same for every page, so the
order is one order."""

Scores = NDArray[np.float64]
Places = NDArray[np.int64]
SortKey = Callable[[Places | None], NDArray[np.int64] | Scores]
"""The values to sort by, of the documents at these places of a list; None: of all."""


class Query(NamedTuple):
    """What ranks, over all segments."""

    idf: dict[str, float]
    """By word; a word asked for twice counts twice."""
    postings: Sequence[dict[str, tuple[Docs, Array | None]]]
    """By segment and word: the documents that have it, and how often."""
    average: float
    """Words a live document, on average; never 0."""
    phrases: Sequence[str]

    @classmethod
    def of(cls, segments: Sequence[Segment], words: Sequence[str], phrases: Sequence[str]) -> Query:
        """Look the words up."""
        postings = [{word: segment.postings(word) for word in words} for segment in segments]
        total = sum(segment.count for segment in segments)
        idf = {}
        for word in dict.fromkeys(words):
            with_it = sum(len(each[word][0]) for each in postings)
            rarity = math.log(1 + (total - with_it + 0.5) / (with_it + 0.5))
            idf[word] = rarity * words.count(word)
        length = sum(segment.words for segment in segments)
        return cls(idf, postings, max(length / total, 1.0) if total else 1.0, phrases)


def scores(segment: Segment, number: int, docs: Docs, query: Query) -> Scores:
    """BM25 of each of `docs` (same shape), and for each whole phrase more than BM25 can give.
    `number` is the segment's among the query's. Cost: some 10 ns a document and word."""
    result = np.zeros(len(docs))
    if not len(docs):
        return result
    norm = segment.lengths[docs] * (K1 * B / query.average)
    norm += K1 * (1 - B)
    for word, weight in query.idf.items():
        frequency = _frequencies(segment, query.postings[number][word], docs)
        if frequency is not None:
            result += weight * (K1 + 1) * frequency / (frequency + norm)
    for phrase in query.phrases:
        with_it = matching(segment, Contains(phrase), docs)
        result[among(docs, with_it, segment.size)] += phrase_bonus(query.idf)
    return result


def _frequencies(
    segment: Segment, postings: tuple[Docs, Array | None], docs: Docs
) -> NDArray[np.int64] | Scores | None:
    """How often each document has a word; None where none has it."""
    having, frequencies = postings
    if not len(having):
        return None
    if len(docs) * 12 < len(having) + segment.size // 4:
        places = np.searchsorted(having, docs)
        places[places == len(having)] = 0
        there: NDArray[np.int64] = (having[places] == docs).astype(np.int64)
        return there if frequencies is None else there * frequencies[places]
    spread = np.zeros(segment.size)
    spread[having] = 1 if frequencies is None else frequencies
    found: Scores = spread[docs]
    return found


def phrase_bonus(idf: dict[str, float]) -> float:
    """An upper bound of BM25 for these words: each adds less than its idf times (k1 + 1)."""
    return sum(idf.values()) * (K1 + 1) or 1.0


def closeness(segment: Segment, docs: Docs, idf: dict[str, float]) -> Scores:
    """Of each document, the largest share of the words' weight that one message has, times half
    that weight. Cost: some µs a document; a message is told by the mark before it."""
    if not len(docs):
        return np.zeros(0)
    text, starts = joined_texts(segment.stored, "text", docs)
    marks = np.flatnonzero(np.frombuffer(text, np.uint8) < len(MARKS))
    weight = np.zeros(len(marks) + 1)  # one more, so that a document without messages has a place
    for word, idf_of_word in idf.items():
        needle = segment.stored.alphabet.needle(word)
        if needle is not None:
            places = [match.start() for match in re.finditer(re.escape(needle), text)]
            said = np.zeros(len(weight), np.bool_)
            said[np.searchsorted(marks, places) - 1] = True
            weight[said] += idf_of_word
    firsts = np.searchsorted(marks, starts)
    found = np.maximum.reduceat(weight, firsts)
    found[np.diff(firsts, append=len(marks)) == 0] = 0
    return found / 2


def _greatest(values: NDArray[np.int64] | Scores, number: int) -> float:
    """The `number`th greatest value. Those that have the least one are often most of all (a score
    of 0), and numpy's partition takes 50 ns each for many that are the same: so they go first."""
    least = values.min()
    more = values[values > least]
    if len(more) < number:
        return float(least) if values.dtype.kind == "f" else int(least)
    place = len(more) - number
    found: float = np.partition(more, place)[place]
    return found


def best(count: int, wanted: int, keys: Sequence[SortKey]) -> Places:
    """The places of the `wanted` greatest of `count`, greatest first, by the first key, then by
    the next; no two may have all keys the same.

    Cost: a few ns each, by partition: only what is shown is sorted, and a later key is only asked
    of what the earlier ones leave in doubt.
    """
    if wanted <= 0 or not count:
        return np.empty(0, np.int64)
    places: Places | None = None if wanted < count else np.arange(count)
    sure: list[Places] = []
    missing = wanted
    if places is None:
        for key in keys:
            values = key(places)
            if len(values) <= missing:
                break
            limit = _greatest(values, missing)
            above, level = np.flatnonzero(values > limit), np.flatnonzero(values == limit)
            sure.append(above if places is None else places[above])
            places = level if places is None else places[level]
            missing -= len(above)
    assert places is not None
    chosen = np.concatenate([*sure, places])
    order = np.lexsort([key(chosen) for key in reversed(keys)])[::-1]
    return chosen[order]
