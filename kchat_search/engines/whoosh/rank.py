"""In which order: scores and sort keys of the documents that matched.

Relevance is BM25 over jieba's words (Robertson and Zaragoza 2009; k1 1.2, b 0.75, the idf that
can't be negative). A chat that has the whole phrase ranks before all that have not; among the
best, those whose words stand together in one message rank before those whose words are scattered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.evaluate import matching
from kchat_search.engines.whoosh.segment import Docs, Segment
from kchat_search.models.query import Contains

K1 = 1.2
B = 0.75
CLOSENESS_WINDOW = 200
"""So many of the best are looked at for closeness. The window is the same for every page, so the
order is one order."""

Scores = NDArray[np.float64]


def weights(segments: Sequence[Segment], words: Sequence[str]) -> dict[str, float]:
    """The idf of each word, over all segments; a word asked for twice counts twice."""
    total = sum(len(segment.live) for segment in segments)
    found: dict[str, float] = {}
    for word in dict.fromkeys(words):
        with_it = sum(len(segment.docs("words", word)) for segment in segments)
        idf = math.log(1 + (total - with_it + 0.5) / (with_it + 0.5))
        found[word] = idf * words.count(word)
    return found


def average_length(segments: Sequence[Segment]) -> float:
    """Words a live document, on average; never 0."""
    count = sum(len(segment.live) for segment in segments)
    words = sum(int(segment.lengths[segment.live].sum()) for segment in segments)
    return max(words / count, 1.0) if count else 1.0


def scores(
    segment: Segment, docs: Docs, idf: dict[str, float], average: float, phrases: Sequence[str]
) -> Scores:
    """BM25 of each of `docs` (same shape), and for each whole phrase more than BM25 can give."""
    result = np.zeros(len(docs))
    if not len(docs):
        return result
    norm = K1 * (1 - B + B * segment.lengths[docs] / average)
    for word, weight in idf.items():
        having, frequencies = segment.postings("words", word)
        places = np.searchsorted(having, docs)
        places[places == len(having)] = 0
        if not len(having):
            continue
        frequency = np.where(having[places] == docs, frequencies[places], 0)
        result += weight * frequency * (K1 + 1) / (frequency + norm)
    bonus = phrase_bonus(idf)
    for phrase in phrases:
        with_it = matching(segment, Contains(phrase), docs)
        result[np.isin(docs, with_it, assume_unique=True)] += bonus
    return result


def phrase_bonus(idf: dict[str, float]) -> float:
    """An upper bound of BM25 for these words: each adds less than its idf times (k1 + 1)."""
    return sum(idf.values()) * (K1 + 1) or 1.0


def closeness(segment: Segment, doc: int, idf: dict[str, float]) -> float:
    """The largest share of the words' weight that one message has, times half that weight."""
    all_words = sum(idf.values())
    if len(idf) < 2 or not all_words:
        return 0.0
    needles = [(word.encode(), weight) for word, weight in idf.items()]
    best = max(
        sum(weight for needle, weight in needles if needle in line)
        for line in segment.text(doc).split(b"\n")
    )
    return best / 2
