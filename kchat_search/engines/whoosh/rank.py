"""In which order: the scores of the matching documents, and the top k.

`engines/ranking.py` says what ranks; here it is computed over arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kchat_search import processor_time
from kchat_search.engines.ranking import (
    K1,
    MEAN_MESSAGE,
    MESSAGE_B,
    POSITION_DECAY,
    SHORTEST_MESSAGE,
    B,
    average_length,
    idfs,
    looked_up,
    phrase_bonus,
)
from kchat_search.engines.whoosh.array_file import Array
from kchat_search.engines.whoosh.literals import digits_stand, in_text
from kchat_search.engines.whoosh.postings import DocNumbers
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.engines.whoosh.sets import is_member
from kchat_search.engines.whoosh.text_encoding import MARKS
from kchat_search.engines.whoosh.text_scan import in_portions, make_finder, read_texts
from kchat_search.models.plan import Plan

Scores = NDArray[np.float64]
Positions = NDArray[np.int64]
SortKey = Callable[[Positions | None], NDArray[np.int64] | Scores]
"""Gives the values to sort by, for the candidates at these positions; for all of them if None."""


class Query(NamedTuple):
    """What ranks: the words of the query over all segments, and the phrases."""

    idf: dict[str, float]
    """By word: its idf times its weight. A word that the query has twice counts twice; a word
    inside another one counts a quarter (`INNER_WORD_WEIGHT`)."""
    postings: Sequence[dict[str, tuple[DocNumbers, Array | None]]]
    """By segment, then by word: see `Segment.postings`."""
    average_length: float
    """The mean number of words of a live document; at least 1."""
    phrases: Sequence[str]
    tails: Sequence[str]
    """Texts that end in a digit."""

    @classmethod
    def of(cls, segments: Sequence[Segment], plan: Plan) -> Query:
        """Look up the words of a plan in all segments. Raises `PostingsDamaged`."""
        words = looked_up(plan)
        postings = [{word: segment.postings(word) for word in words} for segment in segments]
        total = sum(segment.live_count for segment in segments)
        dfs = {word: sum(len(by_word[word][0]) for by_word in postings) for word in words}
        length = sum(segment.live_words for segment in segments)
        average = average_length(length, total)
        return cls(idfs(plan, dfs, total), postings, average, plan.phrases, plan.tails)


def scores(segment: Segment, number: int, docs: DocNumbers, query: Query) -> Scores:
    """The score of each of `docs` (same shape): its BM25, and for each whole phrase and each
    number that ends as asked more than BM25 can give. `number`: the place of the segment among
    those of the query.

    Cost: some 10 ns for each document and word. Raises `PostingsDamaged`, `TextDamaged`.
    """
    totals = np.zeros(len(docs))
    if not len(docs):
        return totals
    norm = segment.lengths[docs] * (K1 * B / query.average_length)
    norm += K1 * (1 - B)
    for word, weight in query.idf.items():
        processor_time.check()
        frequency = frequencies_in(segment, query.postings[number][word], docs)
        if frequency is not None:
            totals += weight * (K1 + 1) * frequency / (frequency + norm)
    for phrase in query.phrases:
        with_phrase = in_text(segment, phrase, docs)
        totals[is_member(docs, with_phrase, segment.size)] += phrase_bonus(query.idf)
    for tail in query.tails:  # twice, so that a phrase does not outweigh it
        totals += 2 * phrase_bonus(query.idf) * digits_stand(segment, tail, docs)
    return totals


def frequencies_in(
    segment: Segment, postings: tuple[DocNumbers, Array | None], docs: DocNumbers
) -> NDArray[np.int64] | Scores | None:
    """How often each of `docs` has a word (same shape); None if no document has it. Takes the
    cheaper of two ways, as `sets.py` does."""
    word_docs, frequencies = postings
    if not len(word_docs):
        return None
    if len(docs) * 12 < len(word_docs) + segment.size // 4:
        places = np.searchsorted(word_docs, docs)
        places[places == len(word_docs)] = 0
        has_word: NDArray[np.int64] = (word_docs[places] == docs).astype(np.int64)
        return has_word if frequencies is None else has_word * frequencies[places]
    by_document = np.zeros(segment.size)
    by_document[word_docs] = 1 if frequencies is None else frequencies
    of_docs: Scores = by_document[docs]
    return of_docs


def proximity(segment: Segment, docs: DocNumbers, idf: dict[str, float]) -> Scores:
    """For each of `docs` (same shape): the weight of its best message.

    The weight of a message is the sum of `idf` over the words that it has; more if the message is
    short and stands early. Messages are found by the marks before them. Cost: some µs a document.
    """
    portions = [_proximity(segment, some, idf) for some in in_portions(segment.file, "text", docs)]
    return np.concatenate([np.zeros(0), *portions])


def _proximity(segment: Segment, docs: DocNumbers, idf: dict[str, float]) -> Scores:
    text, starts = read_texts(segment.file, "text", docs)
    data = np.frombuffer(text, np.uint8)
    marks = np.flatnonzero(data < len(MARKS))
    weight = np.zeros(len(marks) + 1)  # one more, for a last document without messages
    for word, idf_of_word in idf.items():
        processor_time.check()
        find = make_finder(segment.file, word)
        if find is not None:
            has_word = np.zeros(len(weight), np.bool_)
            has_word[np.searchsorted(marks, find(data)) - 1] = True
            weight[has_word] += idf_of_word
    firsts = np.searchsorted(marks, starts)
    messages = np.diff(firsts, append=len(marks))
    weight[:-1] /= _length_norm(data, marks)
    weight[:-1] /= 1 + POSITION_DECAY * (np.arange(len(marks)) - np.repeat(firsts, messages))
    best: Scores = np.maximum.reduceat(weight, firsts)
    best[messages == 0] = 0
    return best


def _length_norm(data: NDArray[np.uint8], marks: Positions) -> Scores:
    """For each message: what its weight is divided by for its length; 1 at the mean length."""
    heads = np.concatenate(([0], np.cumsum((data & 0xC0) != 0x80)))
    characters = np.diff(heads[marks], append=heads[-1]) - 1
    relative_length = np.maximum(characters, SHORTEST_MESSAGE) / MEAN_MESSAGE
    norm: Scores = 1 - MESSAGE_B + MESSAGE_B * relative_length
    return norm


def kth_greatest(values: NDArray[np.int64] | Scores, k: int) -> float:
    """The `k`th greatest value. Often most values are the least one (a score of 0), and numpy's
    partition takes 50 ns for each of many equal values. So the least value is set aside first."""
    least = values.min()
    more = values[values > least]
    if len(more) < k:
        return float(least) if values.dtype.kind == "f" else int(least)
    place = len(more) - k
    kth: float = np.partition(more, place)[place]
    return kth


def top_k(count: int, k: int, keys: Sequence[SortKey]) -> Positions:
    """The positions of the `k` greatest of `count` candidates, greatest first.

    They are compared by the first key, then by the next; no two may be equal in all keys.

    Cost: a few ns a candidate, by partition. Only the chosen ones are sorted. A later key is read
    only for candidates that the earlier keys leave undecided.
    """
    if k <= 0 or not count:
        return np.empty(0, np.int64)
    undecided: Positions | None = None if k < count else np.arange(count)
    chosen: list[Positions] = []
    missing = k
    if undecided is None:
        for key in keys:
            values = key(undecided)
            if len(values) <= missing:
                break
            limit = kth_greatest(values, missing)
            above, level = np.flatnonzero(values > limit), np.flatnonzero(values == limit)
            chosen.append(above if undecided is None else undecided[above])
            undecided = level if undecided is None else undecided[level]
            missing -= len(above)
    assert undecided is not None
    top = np.concatenate([*chosen, undecided])
    order = np.lexsort([key(top) for key in reversed(keys)])[::-1]
    return top[order]
