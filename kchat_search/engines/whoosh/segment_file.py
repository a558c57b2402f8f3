"""The file of one segment: terms, lists, columns and texts, read where they lie.

Arrays by field of terms: `F.terms` (UTF-8, ascending, joined), `F.ends`, `F.df`, `F.places` (where
a term's list begins in `F.lists`, or its only document), `F.lists`; for `words` also
`words.freq_rows`, `words.freq_places`, `words.freq_widths`: the terms that occur more than once in
some document, and where in `words.lists` their frequencies are, in so many bytes each. All other
frequencies are 1. By document: the columns, the ordinals, and the texts with where each ends.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.array_file import Array, ArrayFile, ArrayFileDamaged
from kchat_search.engines.whoosh.postings import (
    DocNumbers,
    PostingsDamaged,
    concatenated_ranges,
    decode,
    decode_many,
)
from kchat_search.engines.whoosh.text_encoding import Alphabet, Codes

EXTENSION = ".arrays"
_SAMPLE = 1 << 20
_KNOWN_TERMS = 1_024


class SegmentFile:
    """An open segment. Immutable, and safe to share between threads: deletions are not its own.

    Methods raise `PostingsDamaged` and `TextDamaged` where they meet bytes that were never written.
    """

    def __init__(self, path: Path) -> None:
        """Raises `ArrayFileDamaged`, and OSError where the file can't be opened."""
        self.arrays = ArrayFile(path)
        try:
            self.size = int(self.arrays.meta["size"])
            self.total_words = int(self.arrays.meta["words"])
            self.alphabet = Alphabet(self.arrays["alphabet"])
            for name in ("id", "version", "created", "length", "text.ends", "files.ends"):
                if len(self.arrays[name]) != self.size:
                    raise ArrayFileDamaged(f"column {name} of {path.name} has another length")
        except (KeyError, TypeError) as error:
            raise ArrayFileDamaged(f"{path.name} lacks {error}") from error
        self._terms = {name: _TermTable(self.arrays, name) for name in self.arrays.meta["fields"]}
        self._found: dict[tuple[str, bytes], int | None] = {}

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that have terms here."""
        return tuple(self._terms)

    # -- terms: a row each, ascending -------------------------------------------------------------

    def term_count(self, field: str) -> int:
        """How many terms a field has."""
        return self._terms[field].count if field in self._terms else 0

    def find(self, field: str, term: bytes) -> int | None:
        """The row of a term. Cost: a binary search; a plan asks for each term some three times, so
        a thousand of them are remembered."""
        key = (field, term)
        try:
            return self._found[key]
        except KeyError:
            ordinal = self.lower_bound(field, term)
            there = ordinal < self.term_count(field) and self.term(field, ordinal) == term
            if len(self._found) >= _KNOWN_TERMS:
                self._found.clear()
            return self._found.setdefault(key, ordinal if there else None)

    def lower_bound(self, field: str, term: bytes) -> int:
        """The first row whose term is not below this one; `rows` if there is none."""
        terms = self._terms.get(field)
        return 0 if terms is None else bisect_left(range(terms.count), term, key=terms.term)

    def term(self, field: str, ordinal: int) -> bytes:
        """The term of a row."""
        return self._terms[field].term(ordinal)

    # -- lists ----------------------------------------------------------------------------------

    def df(self, field: str, ordinal: int) -> int:
        """How many documents have the term, deleted ones too."""
        return self._terms[field].df[ordinal]

    def docs(self, field: str, ordinal: int) -> DocNumbers:
        """The documents that have the term, deleted ones too."""
        terms = self._terms[field]
        df, place = terms.df[ordinal], terms.places[ordinal]
        if df == 1:
            if place >= self.size:
                raise PostingsDamaged(f"a list names document {place} of {self.size}")
            return np.array([place], np.int64)
        return decode(terms.lists[place:], df, self.size)

    def frequencies(self, ordinal: int) -> Array | None:
        """How often a word occurs in each of its documents, a view; None: once in each."""
        rows, places, widths = self._frequencies
        found = int(np.searchsorted(rows, ordinal))
        if found == len(rows) or rows[found] != ordinal:
            return None
        width, place = int(widths[found]), int(places[found])
        end = place + self.df("words", ordinal) * width
        if width not in (1, 2, 4) or end > len(self._terms["words"].lists):
            raise PostingsDamaged("the frequencies of a word are not where they should be")
        return self._terms["words"].lists[place:end].view(f"<u{width}")

    def postings_range(
        self, field: str, first: int, last: int
    ) -> tuple[DocNumbers, NDArray[np.int64]]:
        """(the lists of rows `first` to `last` joined, their lengths)."""
        df = self.arrays[f"{field}.df"][first:last].astype(np.int64)
        places = self.arrays[f"{field}.places"][first:last].astype(np.int64)
        return decode_many(self._terms[field].lists, places, df, self.size), df

    def frequencies_range(self, first: int, last: int) -> NDArray[np.int64]:
        """The frequencies of words in rows `first` to `last`, joined as `many` joins the lists."""
        df = self.arrays["words.df"][first:last].astype(np.int64)
        starts = np.cumsum(df) - df
        found = np.ones(int(df.sum()), np.int64)
        rows, places, widths = self._frequencies
        low, high = np.searchsorted(rows, (first, last))
        chosen = rows[low:high].astype(np.int64) - first
        for width in np.unique(widths[low:high]).tolist():
            mine = widths[low:high] == width
            lengths = df[chosen[mine]]
            where = concatenated_ranges(places[low:high][mine].astype(np.int64), lengths * width)
            values = self._terms["words"].lists[where].view(f"<u{width}")
            found[concatenated_ranges(starts[chosen[mine]], lengths)] = values
        return found

    @cached_property
    def _frequencies(self) -> tuple[Array, Array, Array]:
        return (
            self.arrays["words.freq_rows"],
            self.arrays["words.freq_places"],
            self.arrays["words.freq_widths"],
        )

    # -- texts ----------------------------------------------------------------------------------

    def text(self, name: str, doc: int) -> bytes:
        """A document's `text` or `files`, in this segment's alphabet."""
        ends = self.arrays[f"{name}.ends"]
        offset = self.arrays.offset(name)
        start = int(ends[doc - 1]) if doc else 0
        return self.arrays.map[offset + start : offset + int(ends[doc])]

    @cached_property
    def byte_counts(self) -> NDArray[np.int64]:
        """How often each byte is in the texts, by a sample."""
        return np.bincount(self.arrays["text"][:_SAMPLE], minlength=256)

    def characters(self, name: str, first: int, last: int) -> tuple[Codes, NDArray[np.int64]]:
        """(the code points of the texts of documents `first` to `last`, how many each has)."""
        ends = self.arrays[f"{name}.ends"][first:last].astype(np.int64)
        begin = int(self.arrays[f"{name}.ends"][first - 1]) if first else 0
        data = self.arrays[name][begin : int(ends[-1]) if len(ends) else begin]
        heads = np.concatenate(([0], np.cumsum((data & 0xC0) != 0x80)))
        chars = np.diff(heads[np.concatenate(([0], ends - begin))])
        return self.alphabet.decode(data.tobytes()), chars

    def damage(self) -> str | None:
        """Look at every byte: what is wrong, or None."""
        return self.arrays.damage()


class _TermTable:
    """The table of one field's terms. Plain numbers come faster from a memoryview than from an
    array: a binary search over 200,000 terms takes 5 µs in place of 20."""

    def __init__(self, arrays: ArrayFile, field: str) -> None:
        ends = arrays[f"{field}.ends"]
        self.count = len(ends)
        self.df = arrays[f"{field}.df"].data
        self.places = arrays[f"{field}.places"].data
        self.lists = arrays[f"{field}.lists"]
        self._ends = ends.data
        self._map = arrays.map
        self._offset = arrays.offset(f"{field}.terms")
        if len(self.df) != self.count or len(self.places) != self.count:
            raise ArrayFileDamaged(f"the terms of {field} have tables of different lengths")

    def term(self, ordinal: int) -> bytes:
        start = self._ends[ordinal - 1] if ordinal else 0
        return self._map[self._offset + start : self._offset + self._ends[ordinal]]
