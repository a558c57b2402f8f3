"""Fits the table to the teacher's vectors."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kchat_search.meaning import fitting
from kchat_search.meaning.codes import SIZE
from kchat_search.meaning.features import PAIR
from kchat_search.meaning.table import Table

FEATURES = 19_500
"""So that the file has about 5 MB."""
PENALTY = 0.3
STEPS, FIRST_STEPS = 25, 6
_LEAST_TEXTS = 3
_SEED = 15

log = logging.getLogger(__name__)


def reduced(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vectors without their mean, in their `SIZE` principal directions, turned at random so
    that each component has about the same variance."""
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    main = directions[:, ::-1][:, :SIZE]
    turn, _ = np.linalg.qr(np.random.default_rng(_SEED).standard_normal((SIZE, SIZE)))
    made: NDArray[np.float32] = (centred @ (main @ turn)).astype(np.float32)
    return made


def train(texts: Sequence[str], vectors: NDArray[np.float32]) -> Table:
    """The table that gives these folded texts vectors like those of the teacher (texts, 512)."""
    wanted = reduced(vectors)
    words = fitting.vocabulary(texts, _LEAST_TEXTS)
    log.info("%s features", len(words.keys))
    rough = _fit(texts, wanted, words, FIRST_STEPS)
    words = words.only(_most_useful(words, rough))
    return fitting.table(words, _fit(texts, wanted, words, STEPS), fitted=False)


def _fit(
    texts: Sequence[str], wanted: NDArray[np.float32], words: fitting.Vocabulary, steps: int
) -> NDArray[np.float32]:
    log.info("fitting %s features, %s steps", len(words.keys), steps)
    return fitting.ridge(texts, lambda start, end: wanted[start:end], words, PENALTY, steps=steps)


def _most_useful(words: fitting.Vocabulary, vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which features stay: every character, and those pairs and runs that move most vectors
    farthest."""
    moved = np.sqrt(words.frequencies) * words.idf * np.linalg.norm(vectors, axis=1)
    moved[words.keys < PAIR] = np.inf
    chosen = np.zeros(len(moved), np.bool_)
    chosen[np.argsort(-moved, kind="stable")[:FEATURES]] = True
    return chosen
