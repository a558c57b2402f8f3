"""Merging: several inputs to one segment. Inputs are the runs of a build, or old segments.

Everything is done on arrays, never posting by posting. The posting lists of a term are copied one
behind the other, input after input; the document numbers of each input are raised by the number of
documents before it (its *document base*). This goes one range of terms at a time, so that memory
does not grow with the index.

Cost: some 30 ns a posting, 20 ns a character of text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh import passages, vectors
from kchat_search.engines.whoosh.array_file import Array, ArrayFile, ArrayFileWriter, smallest_dtype
from kchat_search.engines.whoosh.inversion import COLUMNS, Run, end_offsets, split_terms
from kchat_search.engines.whoosh.merged_columns import Frequencies, ValuesByDocument, end_to_end
from kchat_search.engines.whoosh.postings import DocNumbers, encode_many, positions_within
from kchat_search.engines.whoosh.schema import LISTS, ORDINALS, TERM_FIELDS, TEXTS
from kchat_search.engines.whoosh.segment_file import SegmentFile
from kchat_search.engines.whoosh.text_encoding import Alphabet, Codes
from kchat_search.models.reports import Progress, no_progress

_BYTES_PER_POSTING = 128
"""Memory that a posting takes while its list is put together."""
_CHARACTERS_AT_ONCE = 1_000_000
"""How many characters of text are in memory at a time, at some 40 bytes each."""
_VECTORS_AT_ONCE = 1 << 16
"""How many vectors are in memory at a time, at 128 bytes each."""
_SIGNED = {"id": "i8", "created": "i8"}
"""The types of columns that may have negative numbers."""


class FieldGroup(NamedTuple):
    """The part of a segment that is written to one file."""

    fields: tuple[str, ...]
    """Fields with terms."""
    columns: bool
    """Are the columns and texts written too?"""


ALL_FIELDS = FieldGroup(TERM_FIELDS, columns=True)
HALVES = (
    FieldGroup(("text_pairs", "text_triples"), columns=False),
    FieldGroup(
        tuple(f for f in TERM_FIELDS if f not in ("text_pairs", "text_triples")), columns=True
    ),
)
"""Two groups that take about the same time: 55 and 45 % of the whole."""


class MergeInput:
    """What is merged: a run, or a segment without its deleted documents."""

    def __init__(self, source: Run | SegmentFile, keep: NDArray[np.bool_] | None = None) -> None:
        """`keep`: for each document, whether it stays. None means that all stay."""
        self._source = source
        self._keep = keep
        self.size = source.size if keep is None else int(keep.sum())
        self._new_numbers = None if keep is None else np.cumsum(keep) - 1
        self._list_offsets: dict[str, NDArray[np.int64]] = {}

    def terms(self, field: str) -> list[bytes]:
        """The terms of a field, ascending; also those that only deleted documents have."""
        return split_terms(
            self._source.arrays[f"{field}.terms"], self._source.arrays[f"{field}.ends"]
        )

    def dfs(self, field: str) -> NDArray[np.int64]:
        """How many documents have each term, deleted ones included."""
        return self._source.arrays[f"{field}.df"].astype(np.int64)

    def postings(self, field: str, first: int, last: int) -> Postings:
        """The posting lists of the terms `first` to `last` - 1 of a field, of documents that
        stay."""
        freqs: Array | None = None
        if isinstance(self._source, SegmentFile):
            docs, df = self._source.postings_range(field, first, last)
            if field == "words":
                freqs = self._source.frequencies_range(first, last)
        else:
            df = self._source.arrays[f"{field}.df"][first:last].astype(np.int64)
            begin = self._offsets(field)[first]
            chosen = slice(int(begin), int(begin + df.sum()))
            docs = self._source.arrays[f"{field}.docs"][chosen].astype(np.int64)
            if field == "words":
                freqs = self._source.arrays["words.freqs"][chosen].astype(np.int64)
        if self._keep is None or self._new_numbers is None:
            return Postings(docs, df, freqs)
        stays = self._keep[docs]
        df_left = np.bincount(np.repeat(np.arange(len(df)), df)[stays], minlength=len(df))
        return Postings(
            self._new_numbers[docs[stays]], df_left, None if freqs is None else freqs[stays]
        )

    def column(self, name: str) -> Array:
        """A column, of the documents that stay."""
        arrays = self._source.arrays
        return arrays[name] if self._keep is None else arrays[name][self._keep]

    def values(self, text: str, column: str) -> Array:
        """The numbers of passages or fragments, of the documents that stay. See `passages.py`."""
        values = self._source.arrays[f"{text}.{column}"]
        if self._keep is None:
            return values
        stays = np.repeat(self._keep, self._source.arrays[f"{text}.counts"])
        return np.asarray(values[stays])

    def vectors(self, name: str) -> Iterator[Array]:
        """An array of `vectors.COLUMNS`, of the documents that stay, some numbers at a time."""
        _, width = vectors.COLUMNS[name]
        values = self._source.arrays[name].reshape(-1, width)
        counts = self._source.arrays[vectors.COUNTS]
        stays = None if self._keep is None else np.repeat(self._keep, counts)
        for first in range(0, len(values), _VECTORS_AT_ONCE):
            some = slice(first, first + _VECTORS_AT_ONCE)
            yield (values[some] if stays is None else values[some][stays[some]]).reshape(-1)

    def texts(self, name: str) -> Iterator[tuple[Codes, NDArray[np.int64]]]:
        """(the code points of some documents' texts end to end, how many each document has), for
        some documents after the other until all have come."""
        source = self._source
        if isinstance(source, Run):
            text = source.arrays[name].tobytes().decode()
            yield np.frombuffer(text.encode("utf-32-le"), np.uint32), source.arrays[f"{name}.chars"]
            return
        ends = source.arrays[f"{name}.ends"].astype(np.int64)
        first = 0
        while first < source.size:
            begin = int(ends[first - 1]) if first else 0
            last = max(first + 1, int(np.searchsorted(ends, begin + _CHARACTERS_AT_ONCE)))
            points, chars = source.characters(name, first, last)
            if self._keep is not None:
                stays = self._keep[first:last]
                points, chars = points[np.repeat(stays, chars)], chars[stays]
            yield points, chars
            first = last

    def release(self) -> None:
        """Give mapped pages back to the system. See `ArrayFile.release`."""
        if isinstance(self._source.arrays, ArrayFile):
            self._source.arrays.release()

    def _offsets(self, field: str) -> NDArray[np.int64]:
        """Where each posting list of a run begins in `F.docs`, and where the last one ends."""
        if field not in self._list_offsets:
            self._list_offsets[field] = np.concatenate(([0], np.cumsum(self.dfs(field))))
        return self._list_offsets[field]


class Postings(NamedTuple):
    """The posting lists of some terms, end to end."""

    docs: DocNumbers
    df: NDArray[np.int64]
    """The length of each list."""
    freqs: NDArray[np.int64] | None
    """How often each of `docs` has its term (shape of `docs`). None for all fields but `words`."""


def merge(
    path: Path,
    inputs: Sequence[MergeInput],
    memory: int = 256 << 20,
    group: FieldGroup = ALL_FIELDS,
    progress: Progress = no_progress,
) -> int:
    """Write one segment of all documents of all inputs, in this order; how many documents it has.

    `memory`: bytes for the postings that are put together at once. `group`: the part of the segment
    that is written to `path`; `join` puts the parts together. Raises `PostingsDamaged`,
    `TextDamaged` and OSError.
    """
    doc_bases = np.cumsum([0, *(source.size for source in inputs)])
    size = int(doc_bases[-1])
    words = 0
    with ArrayFileWriter(path) as writer:
        for number, field in enumerate(group.fields):
            progress("merge", number, len(group.fields) + 1)
            field_merge = _FieldMerge(field, inputs, doc_bases)
            field_merge.write(writer, memory // _BYTES_PER_POSTING)
        progress("merge", len(group.fields), len(group.fields) + 1)
        if group.columns:
            for name in COLUMNS:
                column = np.concatenate([source.column(name) for source in inputs])
                words = int(column.sum()) if name == "length" else words
                writer.add(name, column, _SIGNED.get(name))
            _write_passages(writer, inputs)
            _write_vectors(writer, inputs)
            _write_texts(writer, inputs)
        writer.finish({"size": size, "words": words, "fields": group.fields})
    return size


def join(path: Path, group_files: Sequence[Path]) -> int:
    """Write one segment from the files of its field groups; how many documents it has."""
    files = [ArrayFile(file) for file in group_files]
    with ArrayFileWriter(path) as writer:
        for file in files:
            writer.copy_from(file)
        fields = sorted(field for file in files for field in file.meta["fields"])
        words = sum(file.meta["words"] for file in files)
        writer.finish({"size": files[0].meta["size"], "words": words, "fields": fields})
    return int(files[0].meta["size"])


def _write_passages(writer: ArrayFileWriter, inputs: Sequence[MergeInput]) -> None:
    """Write the columns of passages and fragments."""
    for text, columns in passages.COLUMNS.items():
        counts = [source.column(f"{text}.counts") for source in inputs]
        writer.add(f"{text}.counts", np.concatenate(counts))
        for column in columns:
            kinds = [smallest_dtype(source.values(text, column)) for source in inputs]
            writer.begin(f"{text}.{column}", max(kinds))
            for source in inputs:
                writer.append(source.values(text, column))
                source.release()


def _write_vectors(writer: ArrayFileWriter, inputs: Sequence[MergeInput]) -> None:
    """Write the vectors. See `vectors.py`."""
    counts = np.concatenate([source.column(vectors.COUNTS) for source in inputs])
    writer.add(vectors.COUNTS, counts, "u1")
    for name, (kind, _) in vectors.COLUMNS.items():
        writer.begin(name, kind)
        for source in inputs:
            for values in source.vectors(name):
                writer.append(values)
                source.release()


def _write_texts(writer: ArrayFileWriter, inputs: Sequence[MergeInput]) -> None:
    """Write the alphabet and the texts. The inputs' texts are read twice: first to count their
    characters, because the alphabet ranks them, then to encode them."""
    alphabet = Alphabet.ranked(_character_counts(inputs))
    writer.add("alphabet", alphabet.characters)
    for name in TEXTS:
        ends: list[NDArray[np.int64]] = []
        end = 0
        writer.begin(name, "u1")
        for source in inputs:
            for points, chars in source.texts(name):
                data, width = alphabet.encode(points)
                writer.append(np.frombuffer(data, np.uint8))
                ends.append(end + np.concatenate(([0], np.cumsum(width)))[np.cumsum(chars)])
                end += len(data)
            source.release()
        writer.add(f"{name}.ends", np.concatenate(ends) if ends else np.empty(0, np.int64))


def _character_counts(inputs: Sequence[MergeInput]) -> NDArray[np.int64]:
    """How often each code point occurs in all texts. Shape: (highest code point + 1,) or more."""
    counts = np.zeros(32, np.int64)  # the marks at least
    for name in TEXTS:
        for source in inputs:
            for points, _ in source.texts(name):
                if not len(points):  # most texts of few documents; `counts` may be long
                    continue
                more = np.bincount(points, minlength=len(counts))
                more[: len(counts)] += counts
                counts = more  # now as long as the highest code point so far requires
            source.release()
    return counts


class _FieldMerge:
    """The merge of one field's terms and posting lists."""

    def __init__(
        self, field: str, inputs: Sequence[MergeInput], doc_bases: NDArray[np.int64]
    ) -> None:
        self._field = field
        self._inputs = inputs
        self._doc_bases = doc_bases
        self._size = int(doc_bases[-1])
        self._terms = _merged_terms(source.terms(field) for source in inputs)
        number = {term: n for n, term in enumerate(self._terms)}
        # For each input: the number of each of its terms among all terms.
        self._term_numbers = [
            np.fromiter(map(number.__getitem__, source.terms(field)), np.int64) for source in inputs
        ]

    def write(self, writer: ArrayFileWriter, most_postings: int) -> None:
        """Write the field's arrays, with at most so many postings in memory at a time."""
        field = self._field
        live_terms: list[NDArray[np.int64]] = []
        dfs: list[NDArray[np.int64]] = []
        places: list[NDArray[np.int64]] = []
        freqs = Frequencies()
        by_document = ValuesByDocument(self._size) if field in (*ORDINALS, *LISTS) else None
        offset = terms_written = 0
        writer.begin(f"{field}.lists", "u1")
        for first, last in self._term_ranges(most_postings):
            docs, df, counts = self._merge_range(first, last)
            live = np.flatnonzero(df)  # terms that only deleted documents had are dropped
            df = df[live]
            data, place = encode_many(docs, df, self._size)
            writer.append(data)
            places.append(np.where(df == 1, place, place + offset))
            offset += len(data)
            if counts is not None:
                data = freqs.add(counts, df, terms_written, offset)
                writer.append(data)
                offset += len(data)
            for source in self._inputs:
                source.release()
            if by_document is not None:
                by_document.add(docs, df, terms_written)
            live_terms.append(live + first)
            dfs.append(df)
            terms_written += len(live)
        terms = [self._terms[n] for n in end_to_end(live_terms).tolist()]
        writer.add(f"{field}.terms", np.frombuffer(b"".join(terms), np.uint8))
        writer.add(f"{field}.ends", end_offsets(terms))
        writer.add(f"{field}.df", end_to_end(dfs))
        writer.add(f"{field}.places", end_to_end(places))
        if field == "words":
            freqs.write(writer)
        if by_document is not None:
            by_document.write(writer, field)

    def _term_ranges(self, most_postings: int) -> Iterator[tuple[int, int]]:
        """Ranges (first, last + 1) of terms that have at most so many postings together. A list
        that is longer has a range of its own."""
        df = np.zeros(len(self._terms), np.int64)
        for source, numbers in zip(self._inputs, self._term_numbers, strict=True):
            df[numbers] += source.dfs(self._field)
        ends = np.cumsum(df)
        first = 0
        while first < len(df):
            before = int(ends[first - 1]) if first else 0
            last = max(first + 1, int(np.searchsorted(ends, before + most_postings, side="right")))
            yield first, last
            first = last

    def _merge_range(self, first: int, last: int) -> Postings:
        """The posting lists of the terms `first` to `last` - 1 over all inputs. Each input's part
        of a list is put where the parts before it end: a counting sort, in one pass an input."""
        parts = []
        df = np.zeros(last - first, np.int64)
        bases = self._doc_bases
        for source, numbers, base in zip(self._inputs, self._term_numbers, bases, strict=False):
            low, high = np.searchsorted(numbers, (first, last))
            if low == high:
                continue
            postings = source.postings(self._field, int(low), int(high))
            terms = numbers[low:high] - first
            df[terms] += postings.df
            parts.append((postings, terms, base))
        free = np.cumsum(df) - df  # for each term, the first free place in its list
        docs = np.empty(int(df.sum()), np.int64)
        freqs = np.empty(len(docs), np.int64) if self._field == "words" else None
        for postings, terms, base in parts:
            where = np.repeat(free[terms], postings.df) + positions_within(postings.df)
            docs[where] = postings.docs + base
            if freqs is not None and postings.freqs is not None:
                freqs[where] = postings.freqs
            free[terms] += postings.df
        return Postings(docs, df, freqs)


def _merged_terms(lists: Iterable[list[bytes]]) -> list[bytes]:
    """All terms of these lists, ascending, each once."""
    merged: set[bytes] = set()
    for terms in lists:
        merged.update(terms)
    return sorted(merged)
