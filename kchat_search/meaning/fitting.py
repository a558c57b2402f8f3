"""Ridge regression: the vectors of features with which texts get the vectors that they should have.

A text is the row of a sparse matrix X: each feature's count times its idf, brought to unit length.
The vectors W of the features solve (X'X + penalty) W = X'Y, where Y are the targets. Conjugate
gradients find them without ever making X'X. Everything is done in blocks of texts, so that memory
holds X and a few arrays of W's size; the targets are asked for block by block, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kchat_search.meaning.features import bags
from kchat_search.meaning.table import Table

TEXTS_AT_ONCE = 2_048
_NEAR_ENOUGH = 1e-3
"""What is left of the residual when no step is worth its time."""

Targets = Callable[[int, int], NDArray[np.float32]]
"""The target vectors of the texts from one number up to another, without the latter."""


class Vocabulary(NamedTuple):
    """The features that are fitted."""

    keys: NDArray[np.uint64]
    """Ascending."""
    idf: NDArray[np.float32]
    frequencies: NDArray[np.int64]
    """How many of the texts have each."""

    def only(self, chosen: NDArray[np.bool_]) -> Vocabulary:
        """Those for which `chosen` is true."""
        return Vocabulary(self.keys[chosen], self.idf[chosen], self.frequencies[chosen])


def vocabulary(texts: Sequence[str], least: int) -> Vocabulary:
    """The features that at least so many of the folded texts have."""
    keys, frequencies = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    for start, end in _blocks(len(texts)):
        bag = bags(texts[start:end])
        of_text = np.repeat(np.arange(end - start), bag.counts)
        once = np.unique(np.stack([bag.keys, of_text.astype(np.uint64)]), axis=1)[0]
        both = np.concatenate([keys, once])
        times = np.concatenate([frequencies, np.ones(len(once), np.int64)])
        keys, places = np.unique(both, return_inverse=True)
        frequencies = np.bincount(places, times, len(keys)).astype(np.int64)
    idf = np.log((len(texts) + 1) / (frequencies + 0.5)).astype(np.float32)
    return Vocabulary(keys, idf, frequencies).only(frequencies >= least)


def ridge(
    texts: Sequence[str],
    targets: Targets,
    words: Vocabulary,
    penalty: float,
    *,
    steps: int = 20,
    check: Callable[[], None] = lambda: None,
) -> NDArray[np.float32]:
    """The vector of each feature of `words` (features, size of a target).

    `check` is called for each block of texts, and may raise what ends the work. Measured: 20 steps
    over 100,000 messages of 15 characters, 256 components, take 2 minutes of processor time.
    """
    matrix: list[_Block] = []
    left: NDArray[np.float32] | None = None
    for start, end in _blocks(len(texts)):
        check()
        block = _block(texts[start:end], words)
        wanted = targets(start, end)
        left = np.zeros((len(words.keys), wanted.shape[1]), np.float32) if left is None else left
        block.add_transposed(wanted, left)
        matrix.append(block)
    if left is None:
        raise ValueError("no texts")
    fitted, direction = np.zeros_like(left), left.copy()
    size = first = _squares(left)
    for _ in range(steps):
        image = penalty * direction
        for block in matrix:
            check()
            block.add_transposed(block.times(direction), image)
        step = _ratio(size, np.einsum("ij,ij->j", direction, image))
        fitted += step * direction
        left -= step * image
        former, size = size, _squares(left)
        if (size <= _NEAR_ENOUGH**2 * first).all():
            break
        direction *= _ratio(size, former)
        direction += left
    return fitted


def products(
    texts: Sequence[str], words: Vocabulary, vectors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What these vectors of `words` give the texts: the rows of X times `vectors`."""
    return _block(texts, words).times(vectors)


def table(words: Vocabulary, vectors: NDArray[np.float32], *, fitted: bool) -> Table:
    """The table that gives texts these vectors."""
    return Table.made(words.keys, words.idf, vectors, fitted=fitted)


class _Block(NamedTuple):
    """Some rows of X, by text and by feature."""

    columns: NDArray[np.int64]
    values: NDArray[np.float32]
    ends: list[int]
    """Of each text's part of both."""
    features: NDArray[np.int64]
    """Those that occur here."""
    texts_of: NDArray[np.int64]
    values_of: NDArray[np.float32]
    feature_ends: list[int]
    """Of each feature's part of both."""

    def times(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return _sums(self.values, self.columns, self.ends, vectors)

    def add_transposed(self, vectors: NDArray[np.float32], to: NDArray[np.float32]) -> None:
        to[self.features] += _sums(self.values_of, self.texts_of, self.feature_ends, vectors)


def _block(texts: Sequence[str], words: Vocabulary) -> _Block:
    bag = bags(texts)
    places = np.minimum(np.searchsorted(words.keys, bag.keys), len(words.keys) - 1)
    known = words.keys[places] == bag.keys
    of_text = np.repeat(np.arange(len(texts)), bag.counts)[known]
    cells, counts = np.unique(of_text * len(words.keys) + places[known], return_counts=True)
    rows, columns = np.divmod(cells, len(words.keys))
    values = counts * words.idf[columns]
    lengths = np.sqrt(np.bincount(rows, values**2, len(texts)))
    values = (values / np.maximum(lengths[rows], 1e-9)).astype(np.float32)
    order = np.argsort(columns, kind="stable")
    features, per_feature = np.unique(columns, return_counts=True)
    return _Block(
        columns,
        values,
        np.cumsum(np.bincount(rows, minlength=len(texts))).tolist(),
        features,
        rows[order],
        values[order],
        np.cumsum(per_feature).tolist(),
    )


def _sums(
    values: NDArray[np.float32],
    places: NDArray[np.int64],
    ends: list[int],
    vectors: NDArray[np.float32],
) -> NDArray[np.float32]:
    """For each part of `places`, the sum of the vectors there, each times its value."""
    sums = np.zeros((len(ends), vectors.shape[1]), np.float32)
    start = 0
    for number, end in enumerate(ends):
        if end > start:
            sums[number] = values[start:end] @ vectors[places[start:end]]
        start = end
    return sums


def _squares(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    squares: NDArray[np.float32] = np.einsum("ij,ij->j", vectors, vectors)
    return squares


def _ratio(above: NDArray[np.float32], below: NDArray[np.float32]) -> NDArray[np.float32]:
    ratio = np.zeros_like(above)
    np.divide(above, below, out=ratio, where=below > 0)
    return ratio


def _blocks(count: int) -> Iterator[tuple[int, int]]:
    for start in range(0, count, TEXTS_AT_ONCE):
        yield start, min(start + TEXTS_AT_ONCE, count)
