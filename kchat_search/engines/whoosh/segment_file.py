"""The file of one segment: terms, posting lists, columns and texts, read where they lie.

For each field F with terms the file has these arrays:

    F.terms       the terms in UTF-8, ascending, end to end
    F.ends        where each term ends in `F.terms`
    F.df          how many documents have the term
    F.places      where its posting list begins in `F.lists`; or its only document
    F.lists       the posting lists, in the forms of `postings.py`
    F.ordinals    for each document, the ordinal of its value (only fields of `schema.ORDINALS`),
                  or those of its values (only fields of `schema.LISTS`)
    F.counts      for each document, how many values it has (only fields of `schema.LISTS`)

Nearly all words occur once in each of their documents. For the others there are:

    words.freq_rows    the ordinals of the words that occur more than once in some document
    words.freq_places  where in `words.lists` the frequencies of such a word begin
    words.freq_widths  how many bytes each of its frequencies takes: 1, 2 or 4

For each document: the columns of `inversion.COLUMNS`. For each text T of `schema.TEXTS`: `T`,
the encoded texts end to end, and `T.ends`; for texts of passages, the columns of `passages.py`. For
vectors, those of `vectors.py`.
`alphabet` has the segment's characters by rank.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh import passages, vectors
from kchat_search.engines.whoosh.array_file import Array, ArrayFile, ArrayFileDamaged
from kchat_search.engines.whoosh.inversion import COLUMNS
from kchat_search.engines.whoosh.passages import Fragments, Passages
from kchat_search.engines.whoosh.postings import (
    DocNumbers,
    PostingsDamaged,
    choose_forms,
    concatenated_ranges,
    decode,
    decode_many,
)
from kchat_search.engines.whoosh.schema import (
    FRAGMENTS,
    LISTS,
    ORDINALS,
    SENDERS,
    TERM_FIELDS,
    TEXTS,
)
from kchat_search.engines.whoosh.text_encoding import MARKS, Alphabet, Codes

EXTENSION = ".arrays"
_SAMPLE = 1 << 20
"""How many bytes of the texts `byte_counts` counts."""
_BY_DOCUMENT = (
    *COLUMNS,
    *(f"{text}.ends" for text in TEXTS),
    *(f"{name}.counts" for name in (*passages.COLUMNS, *LISTS)),
    vectors.COUNTS,
)
"""The arrays with one number for each document."""
_KNOWN_TERMS = 4_096
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
            for name in _BY_DOCUMENT:
                if len(self.arrays[name]) != self.size:
                    raise ArrayFileDamaged(f"column {name} of {path.name} has another length")
            fields = self.arrays.meta["fields"]
            if sorted(fields) != list(TERM_FIELDS):
                raise ArrayFileDamaged(f"{path.name} has other fields")
            self._terms = {name: _TermTable(self.arrays, name) for name in fields}
            self.passages = {name: Passages(self.arrays, name) for name in SENDERS}
            self.vectors = vectors.Vectors(self.arrays)
            self.fragments = {name: Fragments(self.arrays, name) for name in FRAGMENTS}
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

        Cost: a binary search. A plan asks for each term some three times, so the last thousands
        of answers are remembered.
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

    def dfs(self, field: str, ordinals: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many documents have each of these terms, deleted ones included."""
        return self.arrays[f"{field}.df"][ordinals].astype(np.int64)

    def postings_of(
        self, field: str, ordinals: NDArray[np.int64] | slice
    ) -> tuple[DocNumbers, NDArray[np.int64]]:
        """(the posting lists of these terms end to end, their lengths)."""
        df = self.arrays[f"{field}.df"][ordinals].astype(np.int64)
        places = self.arrays[f"{field}.places"][ordinals].astype(np.int64)
        return decode_many(self._terms[field].lists, places, df, self.size), df

    def postings_range(
        self, field: str, first: int, last: int
    ) -> tuple[DocNumbers, NDArray[np.int64]]:
        """(the posting lists of the terms `first` to `last` - 1 end to end, their lengths)."""
        return self.postings_of(field, slice(first, last))

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

    def _frequencies_are_sound(self) -> bool:
        ordinals, places, widths = (array.astype(np.int64) for array in self._frequencies)
        words = self._terms["words"]
        if not len(ordinals) == len(places) == len(widths):
            return False
        if not ((ordinals >= 0) & (ordinals < words.count) & np.isin(widths, (1, 2, 4))).all():
            return False
        ends = places + np.asarray(words.df, np.int64)[ordinals] * widths
        return bool(((places >= 0) & (ends <= len(words.lists))).all())

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
        """A text of a document, in this segment's alphabet. `name`: one of `TEXTS`."""
        ends = self.arrays[f"{name}.ends"]
        offset = self.arrays.offset(name)
        start = int(ends[doc - 1]) if doc else 0
        return self.arrays.map[offset + start : offset + int(ends[doc])]

    @cached_property
    def longest(self) -> Mapping[str, int]:
        """By text: how many bytes the longest of a document has."""
        return {
            name: int(
                np.diff(self.arrays[f"{name}.ends"].astype(np.int64), prepend=0).max(initial=0)
            )
            for name in TEXTS
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

    def unsound(self) -> str | None:
        """Do the numbers of the arrays fit together? What does not, or None.

        Checksums find what has changed. This finds what was never right, whoever wrote it. Cost:
        some 20 ns a term and a document.
        """
        for name, terms in self._terms.items():
            if not terms.is_sound(self.size):
                return f"the terms of {name} in {self.arrays.path.name} do not fit together"
        for name in (*ORDINALS, *LISTS):
            ordinals = self.arrays[f"{name}.ordinals"]
            values = int(self.arrays[f"{name}.counts"].sum()) if name in LISTS else self.size
            if len(ordinals) != values or (ordinals >= self.term_count(name)).any():
                return f"{name} in {self.arrays.path.name} has values that are no terms"
        for name in TEXTS:
            if not _ascends(self.arrays[f"{name}.ends"], len(self.arrays[name])):
                return f"{name} in {self.arrays.path.name} has texts that end elsewhere"
        part = passages.unsound(self.arrays) or vectors.unsound(self.arrays)
        if part is not None:
            return f"the {part} in {self.arrays.path.name} do not fit together"
        if not self._frequencies_are_sound():
            return f"the frequencies of words in {self.arrays.path.name} are elsewhere"
        if int(self.arrays["length"].sum(dtype=np.int64)) != self.total_words:
            return f"{self.arrays.path.name} has another number of words"
        return None


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


def _ascends(ends: Array, size: int) -> bool:
    """Do these offsets ascend to `size`?"""
    offsets = ends.astype(np.int64)
    return bool((np.diff(offsets, prepend=0) >= 0).all()) and int(offsets[-1:].sum()) == size


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
        self._bytes = len(arrays[f"{field}.terms"])
        if len(self.df) != self.count or len(self.places) != self.count:
            raise ArrayFileDamaged(f"the terms of {field} have tables of different lengths")

    def is_sound(self, size: int) -> bool:
        """Does each term end behind the one before, and is its list where its record says?"""
        df, places = (np.asarray(table, np.int64) for table in (self.df, self.places))
        _, lengths = choose_forms(df, size)
        last = np.where(df == 1, size - 1, len(self.lists) - lengths)
        return (
            _ascends(np.asarray(self._ends), self._bytes)
            and bool(((df >= 1) & (df <= size)).all())
            and bool(((places >= 0) & (places <= last)).all())
        )

    def term(self, ordinal: int) -> bytes:
        start = self._ends[ordinal - 1] if ordinal else 0
        return self._map[self._offset + start : self._offset + self._ends[ordinal]]

    def lower_bound(self, term: bytes) -> int:
        """The ordinal of the first term that is not below `term`; `count` if there is none."""
        return bisect_left(range(self.count), term, key=self.term)
