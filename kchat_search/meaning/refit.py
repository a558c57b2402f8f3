"""The table, fitted on an archive's own chats, without a teacher.

Each message of a visitor is to come nearer to its own chat: it gets the direction of its vector by
the shipped table plus that of all that was said around it. Ridge regression finds the least change
of the shipped rows that does it. So words that the shipped table does not know, such as names of
goods, get rows from what they stand beside; and what the archive does not say keeps its row.

Chats that were held back decide which table is better: what a visitor asked first has to find what
the same visitor asked next, and what the agent answered, among all of theirs.

Measured, mean reciprocal ranks of chats held back, shipped and fitted: docs/benchmarks has them.
Targets without the chat around them changed nothing, and rows that were fitted from nothing (not
from the shipped ones) lost half of what the table had known of words that the archive lacks.

Invariant: a feature that the shipped table does not have occurs in `LEAST_CHATS_OF_A_FEATURE` chats
or more. So a name or a code that only one chat has is in no table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kchat_search.meaning import fitting
from kchat_search.meaning.fitting import Vocabulary
from kchat_search.meaning.table import Table

LEAST_CHATS_OF_A_FEATURE = 5
MOST_TALKS = 10_000
"""So many chats tell enough. More take longer than a minute."""
MOST_FEATURES = 30_000
"""Of a fitted table: 8 MB."""
_PENALTY = 1.0
_STEPS = 10
MESSAGES, ANSWERS = 5, 6
"""Of a chat, at most."""
_HELD_BACK = 10
"""Every so many-th chat decides, and teaches nothing."""
_MORE_THAN_CHANCE = 2.0
"""Standard errors."""

Array = NDArray[np.float32]
Check = Callable[[], None]


class Talk(NamedTuple):
    """What is learned from one chat: folded texts, as everybody sees them. Of the visitor,
    `MESSAGES` are enough, and `ANSWERS` of the agents."""

    openings: tuple[str, ...]
    """What the visitor asked first."""
    further: tuple[str, ...]
    """What else the visitor said."""
    answers: tuple[str, ...]

    @property
    def messages(self) -> tuple[str, ...]:
        """Of the visitor."""
        return self.openings + self.further


@dataclass(frozen=True, slots=True)
class Refit:
    """Which table is better, and by how much."""

    table: Table
    """The fitted one, or the shipped one."""
    talks: int
    """Chats that were held back and decided."""
    shipped: float
    """The mean reciprocal rank with the shipped table."""
    fitted: float
    """And with the fitted one."""


def refit(talks: Sequence[Talk], shipped: Table, check: Check = lambda: None) -> Refit:
    """Fit the shipped table on these chats, and take the fitted one where it is better by more than
    chance. `check` is called now and then, and may raise what ends the work."""
    held_back = [talk for talk in talks[::_HELD_BACK] if talk.openings]
    learned = [talk for number, talk in enumerate(talks) if number % _HELD_BACK and talk.messages]
    if not learned or len(held_back) < 2:
        return Refit(shipped, len(held_back), 0.0, 0.0)
    fitted = _fitted(learned, shipped, check)
    check()
    before, after = _reciprocal_ranks(held_back, shipped), _reciprocal_ranks(held_back, fitted)
    gain = after - before
    error = float(gain.std(ddof=1)) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
    better = len(gain) > 1 and gain.mean() > _MORE_THAN_CHANCE * error
    means = (float(ranks.mean()) if len(ranks) else 0.0 for ranks in (before, after))
    return Refit(fitted if better else shipped, len(gain), *means)


def _fitted(talks: Sequence[Talk], shipped: Table, check: Check) -> Table:
    texts = [text for talk in talks for text in talk.messages]
    words, rows = _features(talks, texts, shipped)
    if not len(words.keys):
        return shipped
    scale = _scale(texts, words, rows)
    rows *= scale
    chats = _chats(talks, shipped)
    chat_of = np.repeat(np.arange(len(talks)), [len(talk.messages) for talk in talks])

    def missing(start: int, end: int) -> Array:
        wanted = _unit(shipped.vectors(texts[start:end]) + chats[chat_of[start:end]])
        return wanted - fitting.products(texts[start:end], words, rows)

    change = fitting.ridge(texts, missing, words, _PENALTY, steps=_STEPS, check=check)
    others = ~np.isin(shipped.keys, words.keys)
    all_words = Vocabulary(
        np.concatenate([words.keys, shipped.keys[others]]),
        np.concatenate([words.idf, shipped.idf[others]]),
        np.concatenate([words.frequencies, np.zeros(others.sum(), np.int64)]),
    )
    vectors = np.concatenate([rows + change, _rows(shipped)[others] * scale])
    return fitting.table(all_words, vectors, fitted=True)


def _features(
    talks: Sequence[Talk], texts: Sequence[str], shipped: Table
) -> tuple[Vocabulary, Array]:
    """The features that are fitted, and their rows in the shipped table: 0 for a new one. Known
    ones keep their idf. Of the new ones those that the most chats have, as many as a table may
    have."""
    chats = fitting.vocabulary(
        ["\n".join(talk.messages) for talk in talks], LEAST_CHATS_OF_A_FEATURE
    )
    new = ~np.isin(chats.keys, shipped.keys)
    room = max(0, MOST_FEATURES - len(shipped.keys))
    best = np.argsort(-chats.frequencies[new], kind="stable")[:room]
    chosen = np.concatenate([chats.keys[~new], chats.keys[new][best]])
    words = fitting.vocabulary(texts, 1)
    words = words.only(np.isin(words.keys, chosen))
    places = np.minimum(np.searchsorted(shipped.keys, words.keys), len(shipped.keys) - 1)
    known = shipped.keys[places] == words.keys
    rows = np.where(known[:, None], _rows(shipped)[places], 0).astype(np.float32)
    ratio = np.median(shipped.idf[places[known]] / words.idf[known]) if known.any() else 1.0
    idf = np.where(known, shipped.idf[places], words.idf * ratio).astype(np.float32)
    return words._replace(idf=idf), rows


def _scale(texts: Sequence[str], words: Vocabulary, rows: Array) -> float:
    """By which the rows give texts vectors of about unit length."""
    some = texts[:: 1 + len(texts) // fitting.TEXTS_AT_ONCE]
    lengths = np.linalg.norm(fitting.products(some, words, rows), axis=1)
    return float(1 / np.median(lengths[lengths > 0])) if lengths.any() else 1.0


def _rows(table: Table) -> Array:
    rows: Array = table.rows * table.scales[:, None]
    return rows


def _chats(talks: Sequence[Talk], table: Table) -> Array:
    """The direction of all that was said in each chat."""
    sums = np.zeros((len(talks), table.rows.shape[1]), np.float32)
    for start in range(0, len(talks), fitting.TEXTS_AT_ONCE):
        block = talks[start : start + fitting.TEXTS_AT_ONCE]
        said = [talk.messages + talk.answers for talk in block]
        vectors = table.vectors(list(chain.from_iterable(said)))
        sums[start : start + len(block)] = np.add.reduceat(vectors, _starts(said))
    return _unit(sums)


def _reciprocal_ranks(talks: Sequence[Talk], table: Table) -> Array:
    """For each chat in which more was said than its first opening: the mean reciprocal rank of what
    the visitor asked next, and of the answers, among those of all chats."""
    asked = [talk.openings[0] for talk in talks]
    sides = (
        [talk.openings[1:] for talk in talks],
        [talk.answers for talk in talks],
    )
    sums, tries = np.zeros(len(talks), np.float32), np.zeros(len(talks), np.float32)
    for offered in sides:
        has = np.array([bool(texts) for texts in offered])
        if has.sum() > 1:
            chosen = np.flatnonzero(has)
            sums[chosen] += _ranks([asked[n] for n in chosen], [offered[n] for n in chosen], table)
            tries[chosen] += 1
    means: Array = sums[tries > 0] / tries[tries > 0]
    return means


def _ranks(asked: Sequence[str], offered: Sequence[Sequence[str]], table: Table) -> Array:
    """1 / the rank of each chat for its own question. Equal ones share the middle of their
    ranks."""
    vectors = table.vectors(list(chain.from_iterable(offered)))
    cosines = table.vectors(asked) @ vectors.T
    best = np.maximum.reduceat(cosines, _starts(offered), axis=1)
    own = np.diagonal(best)[:, None]
    above, equal = (best > own).sum(axis=1), (best == own).sum(axis=1)
    ranks: Array = (1 / (above + (equal + 1) / 2)).astype(np.float32)
    return ranks


def _starts(parts: Sequence[Sequence[str]]) -> list[int]:
    """Where each part begins, end to end. No part is empty."""
    return [0, *accumulate(len(part) for part in parts)][:-1]


def _unit(vectors: Array) -> Array:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: Array = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return units
