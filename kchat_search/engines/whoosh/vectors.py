"""The vectors of what visitors asked first: up to three a document, as columns of codes.

A segment has these arrays:

    meaning.counts      for each document, how many vectors it has: one for each of its openings
    meaning.place       for each vector, the place of its passage (from 0) among the document's
    meaning.features    for each vector, of how many features it is the sum; 255 stands for more
    meaning.signs_0     for each vector, the signs of its components, 64 in each of these (see
    ... _3              `meaning.codes`)
    meaning.magnitudes  their sizes, `codes.BYTES` bytes a vector, end to end

They are made with the table that stands in the folder of the generation, from what everybody sees.
Where a generation has no table, no document has a vector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kchat_search import processor_time
from kchat_search.engines.whoosh.array_file import Array
from kchat_search.engines.whoosh.passages import starts
from kchat_search.engines.whoosh.postings import DocNumbers, concatenated_ranges
from kchat_search.meaning.codes import BYTES, SIZE, WORDS, Codes, decode, encode
from kchat_search.meaning.codes import Vectors as FloatVectors
from kchat_search.meaning.table import Meanings, Table
from kchat_search.models.plan import IndexDocument, Passage

COUNTS = "meaning.counts"
SIGNS = tuple(f"meaning.signs_{word}" for word in range(WORDS))
COLUMNS: Mapping[str, tuple[str, int]] = {
    "meaning.place": ("u4", 1),
    "meaning.features": ("u1", 1),
    **dict.fromkeys(SIGNS, ("u8", 1)),
    "meaning.magnitudes": ("u1", BYTES),
}
"""The arrays with numbers for each vector: their type, and how many numbers a vector has."""

Rows = NDArray[np.int64]
"""Vectors of a segment, counted from the first one of the first document."""
Distances = NDArray[np.uint16]
"""In how many signs vectors differ from another."""


def vector_arrays(documents: Sequence[IndexDocument], table: Table | None) -> dict[str, Array]:
    """The arrays of these documents' vectors."""
    openings = [d.openings if table is not None else () for d in documents]
    texts = [
        document.passages[place].text
        for document, places in zip(documents, openings, strict=True)
        for place in places
    ]
    meanings = _NOTHING if table is None else table.meanings(texts)
    codes = encode(meanings.vectors) if texts else _NO_CODES
    places = [
        _arranged_place(document.passages, place)
        for document, asked in zip(documents, openings, strict=True)
        for place in asked
    ]
    return {
        COUNTS: np.array(list(map(len, openings)), np.uint8),
        "meaning.place": np.array(places, np.uint32),
        "meaning.features": np.minimum(meanings.features, _MOST_FEATURES).astype(np.uint8),
        **{name: codes.signs[:, word] for word, name in enumerate(SIGNS)},
        "meaning.magnitudes": codes.magnitudes.reshape(-1),
    }


_MOST_FEATURES = 255
_NOTHING = Meanings(np.empty((0, SIZE), np.float32), np.empty(0, np.int64))
_NO_CODES = Codes(np.empty((0, WORDS), np.uint64), np.empty((0, BYTES), np.uint8))


def _arranged_place(passages: Sequence[Passage], place: int) -> int:
    """The place of a passage that somebody said, where they are `text_encoding.arranged`."""
    return sum(passage.speaker is not None for passage in passages[:place])


def unsound(arrays: Mapping[str, Array]) -> str | None:
    """Do the numbers of these arrays fit together? What does not, or None."""
    counts = arrays[COUNTS].astype(np.int64)
    vectors = int(counts.sum())
    if any(len(arrays[name]) != vectors * width for name, (_, width) in COLUMNS.items()):
        return "vectors"
    passages = np.repeat(arrays["text.counts"], counts)
    return "places of vectors" if (arrays["meaning.place"] >= passages).any() else None


class Vectors:
    """The vectors of a segment. Safe to share between threads."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.counts: Array = arrays[COUNTS]
        self.places: Array = arrays["meaning.place"]
        """For each vector, the place of its passage."""
        self.features: Array = arrays["meaning.features"]
        """For each vector, of how many features it is the sum."""
        self._signs = [arrays[name] for name in SIGNS]
        self._magnitudes: Array = arrays["meaning.magnitudes"]

    @cached_property
    def starts(self) -> Array:
        """The first vector of each document."""
        return starts(self.counts)

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def documents(self) -> DocNumbers:
        """For each vector, its document."""
        return np.repeat(
            np.arange(len(self.counts), dtype=np.min_scalar_type(len(self.counts))), self.counts
        )

    def rows(self, docs: DocNumbers) -> Rows:
        """The vectors of these documents, in order."""
        counts = self.counts[docs].astype(np.int64)
        return concatenated_ranges(self.starts[docs].astype(np.int64), counts)

    def codes(self, rows: Rows) -> Codes:
        """The codes of these vectors."""
        signs = np.stack([column[rows] for column in self._signs], axis=1)
        return Codes(signs, self._magnitudes.reshape(-1, BYTES)[rows])

    def cosines(self, rows: Rows, vectors: FloatVectors) -> NDArray[np.float32]:
        """The cosines of these vectors with others. Shape: (`rows`, `vectors`)."""
        out = np.empty((len(rows), len(vectors)), np.float32)
        for first in range(0, len(rows), _AT_ONCE):
            processor_time.check()
            some = rows[first : first + _AT_ONCE]
            # A product of matrices would sum in an order that depends on their shapes.
            decoded = decode(self.codes(some))
            for number, vector in enumerate(vectors):
                out[first : first + _AT_ONCE, number] = np.einsum("ij,j->i", decoded, vector)
        return out

    def distances(self, signs: NDArray[np.uint64], rows: Rows | None) -> Distances:
        """For each of these vectors (None: all of the segment), in how many signs it differs from
        these (`WORDS` numbers)."""
        out = np.zeros(len(self) if rows is None else len(rows), np.uint16)
        for first in range(0, len(out), _SIGNS_AT_ONCE):
            processor_time.check()
            block = slice(first, first + _SIGNS_AT_ONCE)
            for column, word in zip(self._signs, signs, strict=True):
                of_block = column[block] if rows is None else column[rows[block]]
                out[block] += np.bitwise_count(of_block ^ word)
        return out


_AT_ONCE = 2_048
"""So many vectors are decoded at once: 2 MB."""
_SIGNS_AT_ONCE = 1 << 15
