"""Vectors that lie together: mini-batch k-means over vectors of unit length.

The number of clusters comes from the data: k-means begins with many centres, those that lie near
each other become one, and a vector that is near none is in no cluster. The same vectors give the
same clusters: all chance has a fixed seed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]
Read = Callable[[NDArray[np.int64]], Vectors]
"""Gives the vectors of these numbers, each of unit length or all 0."""

NONE = -1
"""The label of a vector that is in no cluster."""
NEAREST = 0.45
"""The least cosine of a vector and the centre of its cluster."""
ALIKE = 0.55
"""Centres with at least this cosine become one."""
_MOST_CENTRES = 160
_PER_CENTRE = 5
"""So many vectors have a centre at first. Of the demo's openings, about 55 situations: with fewer
centres, the clusters mix more of them."""
_SAMPLE = 16_384
"""So many vectors say where the centres are, at most."""
_BATCH = 1_024
_STEPS = 60
_ROUNDS = 4
"""Over the whole sample, at the end."""
_AT_ONCE = 8_192
_SEED = 15
_IN_COMMON = np.float32(0.8)
"""This part of what all have in common is taken away. Not all: else nothing were left where all ask
the same."""


class Openings(NamedTuple):
    """What the visitors of some chats asked first."""

    ids: NDArray[np.int64]
    """Of the chats, each once."""
    read: Read
    """Gives the vectors of some of the openings, by their places in `ids`."""


class Clusters(NamedTuple):
    """Which vector is in which cluster."""

    labels: Labels
    """The number of each vector's cluster, or `NONE`. The largest cluster is 0."""
    nearness: NDArray[np.float32]
    """The cosine of each vector and the centre of the nearest cluster."""


def clusters(count: int, read: Read, least: int) -> Clusters:
    """The clusters of `count` vectors, each with `least` or more of them.

    Time: some 2 s for 100,000 vectors on one processor. Memory: some 50 MB.
    """
    chance = np.random.default_rng(_SEED)
    sample, middle = _sample(count, read, chance)
    if len(sample) < 2:
        return _nowhere(count)
    centres = _fitted(sample, chance)
    centres = _merged(centres, _members(sample, centres))
    labels, nearness = _assigned(count, lambda which: _from(middle, read(which)), centres)
    return _by_size(labels, nearness, least)


def _nowhere(count: int) -> Clusters:
    return Clusters(np.full(count, NONE), np.zeros(count, np.float32))


def _sample(count: int, read: Read, chance: np.random.Generator) -> tuple[Vectors, Vectors]:
    """(some of the vectors, seen from their middle; their middle)."""
    numbers = np.arange(count)
    if count > _SAMPLE:
        numbers = np.sort(chance.choice(count, _SAMPLE, replace=False))
    vectors = read(numbers)
    vectors = vectors[vectors.any(axis=1)]
    middle: Vectors = _IN_COMMON * vectors.sum(axis=0) / max(1, len(vectors))
    return _from(middle, vectors), middle


def _from(middle: Vectors, vectors: Vectors) -> Vectors:
    """In which directions the vectors lie from their middle: what all have in common, such as a
    trade, tells none from the others. One that is all 0 stays so."""
    moved = _unit(vectors - middle)
    moved[~np.asarray(vectors.any(axis=1))] = 0
    return moved


def _fitted(sample: Vectors, chance: np.random.Generator) -> Vectors:
    """The centres, of unit length."""
    centres = _first_centres(sample, chance)
    weights = np.zeros(len(centres), np.float32)
    for _ in range(_STEPS if len(sample) > _BATCH else 0):
        batch = sample[chance.choice(len(sample), _BATCH, replace=False)]
        sums, sizes = _sums(batch, centres)
        weights += sizes
        there = sizes > 0
        # Each centre is the mean of all that it ever had: the more, the less it moves.
        moved = centres[there] * (weights - sizes)[there, None] + sums[there]
        centres[there] = _unit(moved)
    for _ in range(_ROUNDS):
        sums, sizes = _sums(sample, centres)
        centres = _unit(sums[sizes > 0])
    return centres


def _first_centres(sample: Vectors, chance: np.random.Generator) -> Vectors:
    """k-means++: each is drawn from those that are far from the ones before."""
    wanted = min(_MOST_CENTRES, max(2, len(sample) // _PER_CENTRE))
    chosen = [int(chance.integers(len(sample)))]
    far = np.ones(len(sample))
    while len(chosen) < wanted:
        far = np.minimum(far, np.maximum(0, 1 - sample @ sample[chosen[-1]]))
        if not far.any():
            break
        chosen.append(int(chance.choice(len(sample), p=far / far.sum())))
    return sample[chosen].copy()


def _sums(vectors: Vectors, centres: Vectors) -> tuple[Vectors, NDArray[np.float32]]:
    """(for each centre the sum of the vectors that are nearest to it, how many these are)."""
    labels = (vectors @ centres.T).argmax(axis=1)
    sizes = np.bincount(labels, minlength=len(centres)).astype(np.float32)
    order = np.argsort(labels, kind="stable")
    (there,) = np.nonzero(sizes)
    firsts = np.searchsorted(labels[order], there)
    sums = np.zeros_like(centres)
    sums[there] = np.add.reduceat(vectors[order], firsts)
    return sums, sizes


def _members(sample: Vectors, centres: Vectors) -> NDArray[np.float32]:
    """For each centre, how many of the sample are in its cluster."""
    nearness = sample @ centres.T
    near = nearness.max(axis=1) >= NEAREST
    labels = nearness.argmax(axis=1)[near]
    return np.bincount(labels, minlength=len(centres)).astype(np.float32)


def _merged(centres: Vectors, weights: NDArray[np.float32]) -> Vectors:
    """Centres that are `ALIKE` as one, the nearest two first."""
    centres, weights = centres[weights > 0], weights[weights > 0]
    while len(centres) > 1:
        alike = centres @ centres.T
        np.fill_diagonal(alike, -1)
        one, other = np.unravel_index(int(alike.argmax()), alike.shape)
        if alike[one, other] < ALIKE:
            break
        both = centres[one] * weights[one] + centres[other] * weights[other]
        centres[one] = both / np.linalg.norm(both)
        weights[one] += weights[other]
        centres, weights = np.delete(centres, other, 0), np.delete(weights, other)
    return centres


def _assigned(count: int, read: Read, centres: Vectors) -> tuple[Labels, NDArray[np.float32]]:
    labels = np.full(count, NONE)
    nearness = np.zeros(count, np.float32)
    for start in range(0, count if len(centres) else 0, _AT_ONCE):
        numbers = np.arange(start, min(count, start + _AT_ONCE))
        cosines = read(numbers) @ centres.T
        nearness[numbers] = cosines.max(axis=1)
        labels[numbers] = cosines.argmax(axis=1)
    labels[nearness < NEAREST] = NONE
    return labels, nearness


def _by_size(labels: Labels, nearness: NDArray[np.float32], least: int) -> Clusters:
    """The clusters that are large enough, numbered by their size."""
    sizes = np.bincount(labels[labels != NONE], minlength=1)
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] >= max(1, least)]
    number = np.full(len(sizes) + 1, NONE)  # the last one stands for NONE
    number[order] = np.arange(len(order))
    return Clusters(number[labels], nearness)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)
