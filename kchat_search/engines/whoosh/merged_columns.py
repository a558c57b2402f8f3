"""What a merge writes of a field beside its terms and posting lists: the values of each document,
and how often words occur."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.array_file import ArrayFileWriter
from kchat_search.engines.whoosh.postings import DocNumbers
from kchat_search.engines.whoosh.schema import LISTS


class ValuesByDocument:
    """The ordinals of each document's values, the other way round than posting lists have them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._docs = [np.empty(0, np.uint32)]
        self._ordinals = [np.empty(0, np.uint32)]

    def add(self, docs: DocNumbers, df: NDArray[np.int64], ordinal: int) -> None:
        """Add the posting lists of some terms. `ordinal`: of the first of them."""
        self._docs.append(docs.astype(np.uint32))
        self._ordinals.append(np.repeat(np.arange(ordinal, ordinal + len(df), dtype=np.uint32), df))

    def write(self, writer: ArrayFileWriter, field: str) -> None:
        """Write the arrays of the field. See `segment_file`."""
        docs = np.concatenate(self._docs)
        order = np.argsort(docs, kind="stable")
        writer.add(f"{field}.ordinals", np.concatenate(self._ordinals)[order])
        if field in LISTS:
            writer.add(f"{field}.counts", np.bincount(docs, minlength=self._size))


class Frequencies:
    """The frequencies of the words that occur more than once in some document."""

    def __init__(self) -> None:
        self._ordinals: list[NDArray[np.int64]] = []
        self._places: list[NDArray[np.int64]] = []
        self._widths: list[NDArray[np.int64]] = []

    def add(
        self, freqs: NDArray[np.int64], df: NDArray[np.int64], ordinal: int, offset: int
    ) -> NDArray[np.uint8]:
        """Add the frequencies of some words; the bytes to write for them.

        `freqs`, `df`: as in `Postings`. `ordinal`: of the first of these words. `offset`: where the
        bytes will begin in `words.lists`.
        """
        if not len(df):
            return np.empty(0, np.uint8)
        most = np.maximum.reduceat(freqs, np.cumsum(df) - df)
        out = []
        for width, least, limit in (
            (1, 1, 1 << 8),
            (2, (1 << 8) - 1, 1 << 16),
            (4, (1 << 16) - 1, 1 << 32),
        ):
            chosen = np.flatnonzero((most > least) & (most < limit))
            if not len(chosen):
                continue
            is_chosen = np.zeros(len(df), np.bool_)
            is_chosen[chosen] = True
            data = freqs[np.repeat(is_chosen, df)].astype(f"<u{width}").view(np.uint8)
            lengths = df[chosen] * width
            self._ordinals.append(chosen + ordinal)
            self._places.append(offset + np.cumsum(lengths) - lengths)
            self._widths.append(np.full(len(chosen), width, np.int64))
            out.append(data)
            offset += len(data)
        return np.concatenate(out) if out else np.empty(0, np.uint8)

    def write(self, writer: ArrayFileWriter) -> None:
        """Write the arrays that say where the frequencies are. See `segment_file`."""
        ordinals = end_to_end(self._ordinals)
        order = np.argsort(ordinals)
        writer.add("words.freq_rows", ordinals[order])
        writer.add("words.freq_places", end_to_end(self._places)[order])
        writer.add("words.freq_widths", end_to_end(self._widths)[order])


def end_to_end(arrays: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """These arrays as one."""
    return np.concatenate(arrays) if arrays else np.empty(0, np.int64)
