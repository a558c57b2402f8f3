"""The file of one segment: terms, posting lists, columns and texts, read where they lie.

For each field F with terms the file has these arrays:

    F.terms       the terms in UTF-8, ascending, end to end
    F.ends        where each term ends in `F.terms`
    F.df          how many documents have the term
    F.places      where its posting list begins in `F.lists`; or its only document
    F.lists       the posting lists, in the forms of `postings.py`
    F.ordinals    for each document, the ordinal of its value (only fields of `schema.ORDINALS`)

Nearly all words occur once in each of their documents. For the others there are:

    words.freq_rows    the ordinals of the words that occur more than once in some document
    words.freq_places  where in `words.lists` the frequencies of such a word begin
    words.freq_widths  how many bytes each of its frequencies takes: 1, 2 or 4

For each document: the columns of `inversion.COLUMNS`. For each text T of `inversion.TEXTS`: `T`,
the encoded texts end to end, and `T.ends`. `alphabet` has the segment's characters by rank.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
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
from kchat_search.engines.whoosh.text_encoding import MARKS, Alphabet, Codes

EXTENSION = ".arrays"
_SAMPLE = 1 << 20
"""How many bytes of the texts `byte_counts` counts."""
_KNOWN_TERMS = 1_024
"""How many results of `find` are remembered."""


class SegmentFile:
    """An open segment file. It never changes (deletions are kept elsewhere) and is safe to share
    between threads.

    Methods raise `PostingsDamaged` or `TextDamaged` for bytes that no writer has written.
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
            fields = self.arrays.meta["fields"]
            self._terms = {name: _TermTable(self.arrays, name) for name in fields}
        except (LookupError, TypeError, ValueError) as error:
            raise ArrayFileDamaged(f"{path.name} lacks {error}") from error
        characters = self.alphabet.characters
        if len(characters) < len(MARKS) or int(characters.max()) > sys.maxunicode:
            raise ArrayFileDamaged(f"{path.name} has an alphabet of no characters")
        self._find = _remembering_find(self._terms)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that have terms in this segment."""
        return tuple(self._terms)

    # -- terms -------------------------------------------------------------

    def term_count(self, field: str) -> int:
        """How many terms a field has; 0 for a field that is not here."""
        return self._terms[field].count if field in self._terms else 0

    def find(self, field: str, term: bytes) -> int | None:
        """The ordinal of a term; None if no document has it.

        Cost: a binary search. A plan asks for each term some three times, so the last thousand
        answers are remembered.
        """
        return self._find(field, term)

    def lower_bound(self, field: str, term: bytes) -> int:
        """The ordinal of the first term that is not below `term`; `term_count` if there is none."""
        terms = self._terms.get(field)
        return 0 if terms is None else terms.lower_bound(term)

    def term(self, field: str, ordinal: int) -> bytes:
        """The term with this ordinal, in UTF-8."""
        return self._terms[field].term(ordinal)

    # -- posting lists --------------------------------------------------------------------------

    def df(self, field: str, ordinal: int) -> int:
        """How many documents have the term, deleted ones included."""
        return self._terms[field].df[ordinal]

    def docs(self, field: str, ordinal: int) -> DocNumbers:
        """The posting list of the term, deleted documents included."""
        terms = self._terms[field]
        df, place = terms.df[ordinal], terms.places[ordinal]
        if df == 1:
            if place >= self.size:
                raise PostingsDamaged(f"a list names document {place} of {self.size}")
            return np.array([place], np.int64)
        return decode(terms.lists[place:], df, self.size)

    def frequencies(self, ordinal: int) -> Array | None:
        """How often a word occurs in each of its documents, as a view of the file. Shape: that of
        the word's posting list. None means once in each."""
        ordinals, places, widths = self._frequencies
        entry = int(np.searchsorted(ordinals, ordinal))
        if entry == len(ordinals) or ordinals[entry] != ordinal:
            return None
        width, place = int(widths[entry]), int(places[entry])
        end = place + self.df("words", ordinal) * width
        if width not in (1, 2, 4) or end > len(self._terms["words"].lists):
            raise PostingsDamaged("the frequencies of a word are not where they should be")
        return self._terms["words"].lists[place:end].view(f"<u{width}")

    def postings_range(
        self, field: str, first: int, last: int
    ) -> tuple[DocNumbers, NDArray[np.int64]]:
        """(the posting lists of the terms `first` to `last` - 1 end to end, their lengths)."""
        df = self.arrays[f"{field}.df"][first:last].astype(np.int64)
        places = self.arrays[f"{field}.places"][first:last].astype(np.int64)
        return decode_many(self._terms[field].lists, places, df, self.size), df

    def frequencies_range(self, first: int, last: int) -> NDArray[np.int64]:
        """The frequencies of the words `first` to `last` - 1. Shape: that of the lists which
        `postings_range` returns."""
        df = self.arrays["words.df"][first:last].astype(np.int64)
        starts = np.cumsum(df) - df
        freqs = np.ones(int(df.sum()), np.int64)
        ordinals, places, widths = self._frequencies
        low, high = np.searchsorted(ordinals, (first, last))
        chosen = ordinals[low:high].astype(np.int64) - first
        for width in np.unique(widths[low:high]).tolist():
            same_width = widths[low:high] == width
            lengths = df[chosen[same_width]]
            begin = places[low:high][same_width].astype(np.int64)
            where = concatenated_ranges(begin, lengths * width)
            values = self._terms["words"].lists[where].view(f"<u{width}")
            freqs[concatenated_ranges(starts[chosen[same_width]], lengths)] = values
        return freqs

    @cached_property
    def _frequencies(self) -> tuple[Array, Array, Array]:
        """(ordinals, places, widths) of the words that occur more than once in some document."""
        return (
            self.arrays["words.freq_rows"],
            self.arrays["words.freq_places"],
            self.arrays["words.freq_widths"],
        )

    # -- texts ----------------------------------------------------------------------------------

    def text(self, name: str, doc: int) -> bytes:
        """A document's `text` or `files`, in this segment's alphabet. `name`: which of the two."""
        ends = self.arrays[f"{name}.ends"]
        offset = self.arrays.offset(name)
        start = int(ends[doc - 1]) if doc else 0
        return self.arrays.map[offset + start : offset + int(ends[doc])]

    @cached_property
    def longest(self) -> Mapping[str, int]:
        """How many bytes the longest `text` and the longest `files` of a document has."""
        return {
            name: int(
                np.diff(self.arrays[f"{name}.ends"].astype(np.int64), prepend=0).max(initial=0)
            )
            for name in ("text", "files")
        }

    @cached_property
    def byte_counts(self) -> NDArray[np.int64]:
        """How often each byte value occurs in the texts, estimated from the first megabyte. Shape:
        (256,)."""
        return np.bincount(self.arrays["text"][:_SAMPLE], minlength=256)

    def characters(self, name: str, first: int, last: int) -> tuple[Codes, NDArray[np.int64]]:
        """(the code points of the texts of documents `first` to `last` - 1 end to end, how many
        each document has)."""
        ends = self.arrays[f"{name}.ends"][first:last].astype(np.int64)
        begin = int(self.arrays[f"{name}.ends"][first - 1]) if first else 0
        data = self.arrays[name][begin : int(ends[-1]) if len(ends) else begin]
        heads = np.concatenate(([0], np.cumsum((data & 0xC0) != 0x80)))
        chars = np.diff(heads[np.concatenate(([0], ends - begin))])
        return self.alphabet.decode(data.tobytes()), chars

    def damage(self) -> str | None:
        """Read every byte: what is wrong, or None."""
        return self.arrays.damage()


def _remembering_find(terms: Mapping[str, _TermTable]) -> Callable[[str, bytes], int | None]:
    """`SegmentFile.find`, with its last results remembered. It refers to the tables and not to the
    segment, so that the segment's maps are closed as soon as nobody uses it."""

    @lru_cache(_KNOWN_TERMS)
    def find(field: str, term: bytes) -> int | None:
        table = terms.get(field)
        if table is None:
            return None
        ordinal = table.lower_bound(term)
        return ordinal if ordinal < table.count and table.term(ordinal) == term else None

    return find


class _TermTable:
    """The terms of one field, with what is known of each.

    Single numbers are read from memoryviews, which is faster than reading them from arrays: a
    binary search over 200,000 terms takes 5 µs instead of 20.
    """

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

    def lower_bound(self, term: bytes) -> int:
        """The ordinal of the first term that is not below `term`; `count` if there is none."""
        return bisect_left(range(self.count), term, key=self.term)
