"""In which order: scores of the documents that matched, and the best of them.

Relevance is BM25 over jieba's words (Robertson and Zaragoza 2009, the idf that can't be negative).
A chat that has the whole phrase ranks before all that have not; among the best, those rank higher
that have the words in one message, a short one, and early: in it they say what the chat is about.

The constants are those that rank best on the judged sets and on what people type over the demo's
conversations (`python -m benchmarks.relevance`, `tests/search/test_as_people_type.py`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.array_file import Array
from kchat_search.engines.whoosh.evaluate import matching
from kchat_search.engines.whoosh.postings import DocNumbers
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.engines.whoosh.sets import is_member
from kchat_search.engines.whoosh.text_encoding import MARKS
from kchat_search.engines.whoosh.text_scan import make_finder, read_texts
from kchat_search.models.plan import Contains

K1 = 1.2
B = 0.25
"""How much a long chat is taken for one that says more of everything. Little: long chats are about
one matter too, but with more patience."""
INNER_WORD_WEIGHT = 0.25
"""What a word counts that lies within another one of the query. jieba's search mode gives both 怎么
and 怎么办, and of 手续费 three: without this such words outweigh what was asked about."""
MESSAGE_B = 0.75
MEAN_MESSAGE = 20
SHORTEST_MESSAGE = 10
"""Characters. A fixed mean, so that all segments score alike; and three characters are no better
than ten."""
POSITION_DECAY = 0.03
"""A message's weight is divided by 1 and this times its place in the chat."""
RESCORE_WINDOW = 200
"""So many of the best are looked at for closeness. The window is the same for every page, so the
order is one order."""

Scores = NDArray[np.float64]
Positions = NDArray[np.int64]
SortKey = Callable[[Positions | None], NDArray[np.int64] | Scores]
"""The values to sort by, of the documents at these places of a list; None: of all."""


class Query(NamedTuple):
    """What ranks, over all segments."""

    idf: dict[str, float]
    """By word; a word asked for twice counts twice, one within another a quarter."""
    postings: Sequence[dict[str, tuple[DocNumbers, Array | None]]]
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
        for word, times in _word_weights(words).items():
            with_it = sum(len(each[word][0]) for each in postings)
            idf[word] = times * math.log(1 + (total - with_it + 0.5) / (with_it + 0.5))
        length = sum(segment.words for segment in segments)
        return cls(idf, postings, max(length / total, 1.0) if total else 1.0, phrases)


def _word_weights(words: Sequence[str]) -> dict[str, float]:
    """How often each word counts."""
    counts = Counter(words)
    found = {}
    for word, count in counts.items():
        around = 0
        if not word.isascii():  # only of Han words does jieba give the words within
            around = sum(n for other, n in counts.items() if other != word and word in other)
        alone = max(0, count - around)
        found[word] = alone + INNER_WORD_WEIGHT * (count - alone)
    return found


def scores(segment: Segment, number: int, docs: DocNumbers, query: Query) -> Scores:
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
        result[is_member(docs, with_it, segment.size)] += phrase_bonus(query.idf)
    return result


def _frequencies(
    segment: Segment, postings: tuple[DocNumbers, Array | None], docs: DocNumbers
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
    """An upper bound of all that these words can add: to BM25 each adds less than its idf times
    (k1 + 1), to the best message at most its idf in the shortest of all."""
    shortest = 1 - MESSAGE_B + MESSAGE_B * SHORTEST_MESSAGE / MEAN_MESSAGE
    return sum(idf.values()) * (K1 + 1 + 1 / shortest) or 1.0


def proximity(segment: Segment, docs: DocNumbers, idf: dict[str, float]) -> Scores:
    """Of each document, the weight of its best message: that of the words it has, the more the
    shorter it is and the earlier it stands. Cost: some µs a document; a message is told by the mark
    before it."""
    if not len(docs):
        return np.zeros(0)
    text, starts = read_texts(segment.file, "text", docs)
    data = np.frombuffer(text, np.uint8)
    marks = np.flatnonzero(data < len(MARKS))
    weight = np.zeros(len(marks) + 1)  # one more, so that a document without messages has a place
    for word, idf_of_word in idf.items():
        find = make_finder(segment.file, word)
        if find is not None:
            said = np.zeros(len(weight), np.bool_)
            said[np.searchsorted(marks, find(data)) - 1] = True
            weight[said] += idf_of_word
    firsts = np.searchsorted(marks, starts)
    messages = np.diff(firsts, append=len(marks))
    weight[:-1] /= _norm(data, marks)
    weight[:-1] /= 1 + POSITION_DECAY * (np.arange(len(marks)) - np.repeat(firsts, messages))
    found: Scores = np.maximum.reduceat(weight, firsts)
    found[messages == 0] = 0
    return found


def _norm(data: NDArray[np.uint8], marks: Positions) -> Scores:
    """Of each message, by how much its length divides its weight; 1 for one of the mean length."""
    heads = np.concatenate(([0], np.cumsum((data & 0xC0) != 0x80)))
    characters = np.diff(heads[marks], append=heads[-1]) - 1
    long = np.maximum(characters, SHORTEST_MESSAGE) / MEAN_MESSAGE
    norm: Scores = 1 - MESSAGE_B + MESSAGE_B * long
    return norm


def _kth_greatest(values: NDArray[np.int64] | Scores, number: int) -> float:
    """The `number`th greatest value. Those that have the least one are often most of all (a score
    of 0), and numpy's partition takes 50 ns each for many that are the same: so they go first."""
    least = values.min()
    more = values[values > least]
    if len(more) < number:
        return float(least) if values.dtype.kind == "f" else int(least)
    place = len(more) - number
    found: float = np.partition(more, place)[place]
    return found


def top_k(count: int, wanted: int, keys: Sequence[SortKey]) -> Positions:
    """The places of the `wanted` greatest of `count`, greatest first, by the first key, then by
    the next; no two may have all keys the same.

    Cost: a few ns each, by partition: only what is shown is sorted, and a later key is only asked
    of what the earlier ones leave in doubt.
    """
    if wanted <= 0 or not count:
        return np.empty(0, np.int64)
    places: Positions | None = None if wanted < count else np.arange(count)
    sure: list[Positions] = []
    missing = wanted
    if places is None:
        for key in keys:
            values = key(places)
            if len(values) <= missing:
                break
            limit = _kth_greatest(values, missing)
            above, level = np.flatnonzero(values > limit), np.flatnonzero(values == limit)
            sure.append(above if places is None else places[above])
            places = level if places is None else places[level]
            missing -= len(above)
    assert places is not None
    chosen = np.concatenate([*sure, places])
    order = np.lexsort([key(chosen) for key in reversed(keys)])[::-1]
    return chosen[order]
