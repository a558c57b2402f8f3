"""What ranks, said once for all engines: the constants, and what a word of a query weighs.

Relevance is BM25 over jieba's words (Robertson and Zaragoza 2009, with the idf that is never
negative). A chat with the whole phrase ranks before all chats without it. The best of these are
rescored by proximity: a chat gains if one message has the words, more if that message is short and
stands early, because such a message says what the chat is about.

The constants are those that rank best on the judged sets, and on what people type over the demo's
conversations (`python -m benchmarks.relevance`, `tests/search/test_as_people_type.py`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from kchat_search.models.plan import Plan

K1 = 1.2
B = 0.25
"""BM25's b: how strongly a chat is scored down for its length. Low, because a long chat is about
one matter too; it only takes longer over it."""
INNER_WORD_WEIGHT = 0.25
"""The weight of a word that lies inside another word of the query. For 怎么办 jieba's search mode
also gives 怎么, and for 手续费 it gives three words. Without this, such words outweigh the rest."""
MESSAGE_B = 0.75
MEAN_MESSAGE = 20
SHORTEST_MESSAGE = 10
"""The length normalisation of a message, in characters: as b, mean length and shortest length. The
mean is fixed, so that all parts of an index score alike. Three characters are no better than
ten."""
POSITION_DECAY = 0.03
"""The weight of a message is divided by 1 + this × its place in the chat (0, 1, 2 ...)."""
RESCORE_WINDOW = 200
"""So many of the best are rescored by proximity. It is the same number for every page, so all pages
have one order."""
TELLING = 40
"""So many words of a chat are looked up, to find chats like it. With 20 as with 80, fewer of the
chats found are right."""
CONSIDERED = 4_000
"""Of so many different words at most, the most telling ones are looked for."""
COMPARED = 200
"""So many of the best by words are compared by their vectors."""
VECTOR_WEIGHT = 0.5
"""What the nearness of two openings counts beside the words."""
COSINE_DIGITS = 4
"""A cosine has so many decimals: the rest is noise of the codes."""


def looked_up(plan: Plan) -> tuple[str, ...]:
    """The words of a plan, each once: its own, then their other written forms."""
    return tuple(dict.fromkeys((*plan.words, *(form for form, _ in plan.forms))))


def idfs(plan: Plan, dfs: Mapping[str, int], total: int) -> dict[str, float]:
    """By word: its idf times its weight. A word that the query has twice counts twice; a word
    inside another one counts a quarter (`INNER_WORD_WEIGHT`). `dfs`: how many of the `total`
    documents have each word of `looked_up`."""
    known = set(plan.words)
    others = {form: word for form, word in plan.forms if form not in known}
    idf = {
        word: weight * idf_of(dfs[word], total)
        for word, weight in (word_weights(plan.words) | dict.fromkeys(others, 1.0)).items()
    }
    for form, word in others.items():
        idf[form] = min(idf[form], idf.get(word, idf[form]))
    return idf


def average_length(words: int, total: int) -> float:
    """The mean number of words of a document, at least 1. `words`: of all together."""
    return max(words / total, 1.0) if total else 1.0


def idf_of(df: int, total: int) -> float:
    """The idf of a word that `df` of `total` documents have."""
    return math.log(1 + (total - df + 0.5) / (df + 0.5))


def word_weights(words: Sequence[str]) -> dict[str, float]:
    """By word: how often the query has it, where a word inside another one counts less."""
    counts = Counter(words)
    weights = {}
    for word, count in counts.items():
        containing = 0
        if not word.isascii():  # jieba gives the words inside a word only for Han words
            containing = sum(n for other, n in counts.items() if other != word and word in other)
        independent = max(0, count - containing)
        weights[word] = independent + INNER_WORD_WEIGHT * (count - independent)
    return weights


def phrase_bonus(idf: Mapping[str, float]) -> float:
    """An upper bound of all that these words can add to a score. To BM25, a word adds less than its
    idf × (k1 + 1). To the proximity, it adds at most its idf in the shortest possible message."""
    shortest = 1 - MESSAGE_B + MESSAGE_B * SHORTEST_MESSAGE / MEAN_MESSAGE
    return sum(idf.values()) * (K1 + 1 + 1 / shortest) or 1.0
