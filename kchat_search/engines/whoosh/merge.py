"""Parts to one segment: runs of a build, or segments that have become too many.

All arrays, and none of it posting by posting: the lists of a term are copied behind one another,
part after part, document numbers shifted by the documents before. A stretch of terms at a time, so
that memory does not grow with the index.

Cost: some 30 ns a posting, 20 ns a character of text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.array_file import Array, ArrayFile, ArrayFileWriter
from kchat_search.engines.whoosh.inversion import COLUMNS, TEXTS, Run, end_offsets, split_terms
from kchat_search.engines.whoosh.postings import DocNumbers, encode_many, positions_within
from kchat_search.engines.whoosh.schema import ORDINALS, TERM_FIELDS
from kchat_search.engines.whoosh.segment_file import SegmentFile
from kchat_search.engines.whoosh.text_encoding import Alphabet, Codes
from kchat_search.models.reports import Progress, no_progress

_PER_POSTING = 128
"""Bytes of memory that a posting takes while its list is put together."""
_CHARACTERS = 1_000_000
"""So many characters of text are in memory at once, at some 40 bytes each."""
_SIGNED = {"id": "i8", "created": "i8"}


class FieldGroup(NamedTuple):
    """What of a segment is written."""

    fields: tuple[str, ...]
    columns: bool


ALL_FIELDS = FieldGroup(TERM_FIELDS, columns=True)
HALVES = (
    FieldGroup(("text_pairs", "text_triples"), columns=False),
    FieldGroup(
        tuple(f for f in TERM_FIELDS if f not in ("text_pairs", "text_triples")), columns=True
    ),
)
"""Two pieces that take about the same time: 55 and 45 % of it."""


class MergeInput:
    """What is merged: a run, or a segment without its deleted documents."""

    def __init__(self, source: Run | SegmentFile, keep: NDArray[np.bool_] | None = None) -> None:
        """`keep`: by document, whether it stays; None where all do."""
        self._source = source
        self._keep = keep
        self.size = source.size if keep is None else int(keep.sum())
        self._numbers = None if keep is None else np.cumsum(keep) - 1
        self._ends: dict[str, NDArray[np.int64]] = {}

    def terms(self, field: str) -> list[bytes]:
        """The terms of a field, ascending; those of deleted documents too."""
        return split_terms(
            self._source.arrays[f"{field}.terms"], self._source.arrays[f"{field}.ends"]
        )

    def dfs(self, field: str) -> NDArray[np.int64]:
        """Documents of each term, deleted ones too."""
        return self._source.arrays[f"{field}.df"].astype(np.int64)

    def postings(self, field: str, first: int, last: int) -> Postings:
        """The lists of terms `first` to `last` of a field, of documents that stay."""
        freqs: Array | None = None
        if isinstance(self._source, SegmentFile):
            docs, df = self._source.postings_range(field, first, last)
            if field == "words":
                freqs = self._source.frequencies_range(first, last)
        else:
            df = self._source.arrays[f"{field}.df"][first:last].astype(np.int64)
            before = self._list_ends(field)[first]
            chosen = slice(int(before), int(before + df.sum()))
            docs = self._source.arrays[f"{field}.docs"][chosen].astype(np.int64)
            if field == "words":
                freqs = self._source.arrays["words.freqs"][chosen].astype(np.int64)
        if self._keep is None or self._numbers is None:
            return Postings(docs, df, freqs)
        stays = self._keep[docs]
        left = np.bincount(np.repeat(np.arange(len(df)), df)[stays], minlength=len(df))
        return Postings(self._numbers[docs[stays]], left, None if freqs is None else freqs[stays])

    def column(self, name: str) -> Array:
        """A column, of documents that stay."""
        arrays = self._source.arrays
        return arrays[name] if self._keep is None else arrays[name][self._keep]

    def texts(self, name: str) -> Iterator[tuple[Codes, NDArray[np.int64]]]:
        """(code points of some documents' texts, how many each document has), piece by piece."""
        source = self._source
        if isinstance(source, Run):
            text = source.arrays[name].tobytes().decode()
            yield np.frombuffer(text.encode("utf-32-le"), np.uint32), source.arrays[f"{name}.chars"]
            return
        stops = source.arrays[f"{name}.ends"].astype(np.int64)
        first = 0
        while first < source.size:
            begin = int(stops[first - 1]) if first else 0
            last = max(first + 1, int(np.searchsorted(stops, begin + _CHARACTERS)))
            points, chars = source.characters(name, first, last)
            if self._keep is not None:
                points = points[np.repeat(self._keep[first:last], chars)]
                chars = chars[self._keep[first:last]]
            yield points, chars
            first = last

    def release(self) -> None:
        """Give mapped pages back."""
        if isinstance(self._source.arrays, ArrayFile):
            self._source.arrays.release()

    def _list_ends(self, field: str) -> NDArray[np.int64]:
        """Where each list of a run begins in `F.docs`, and where the last one ends."""
        if field not in self._ends:
            self._ends[field] = np.concatenate(([0], np.cumsum(self.dfs(field))))
        return self._ends[field]


class Postings(NamedTuple):
    """The lists of some terms of a part, joined."""

    docs: DocNumbers
    df: NDArray[np.int64]
    freqs: NDArray[np.int64] | None


def merge(
    path: Path,
    parts: Sequence[MergeInput],
    memory: int = 256 << 20,
    piece: FieldGroup = ALL_FIELDS,
    progress: Progress = no_progress,
) -> int:
    """Write one segment of all documents of all parts, in this order, or a piece of it; how many
    documents there are. `memory`: bytes for the postings that are put together at once."""
    doc_bases = np.cumsum([0, *(part.size for part in parts)])
    size = int(doc_bases[-1])
    words = 0
    with ArrayFileWriter(path) as writer:
        for number, field in enumerate(piece.fields):
            progress("merge", number, len(piece.fields) + 1)
            ordinals = _FieldMerge(field, parts, doc_bases).write(writer, memory // _PER_POSTING)
            if ordinals is not None:
                writer.add(f"{field}.ordinals", ordinals)
        progress("merge", len(piece.fields), len(piece.fields) + 1)
        if piece.columns:
            for name in COLUMNS:
                column = np.concatenate([part.column(name) for part in parts])
                words = int(column.sum()) if name == "length" else words
                writer.add(name, column, _SIGNED.get(name))
            _write_texts(writer, parts)
        writer.finish({"size": size, "words": words, "fields": piece.fields})
    return size


def join(path: Path, pieces: Sequence[Path]) -> int:
    """Write one segment of its pieces; how many documents it has."""
    files = [ArrayFile(piece) for piece in pieces]
    with ArrayFileWriter(path) as writer:
        for file in files:
            writer.take(file)
        fields = sorted(field for file in files for field in file.meta["fields"])
        words = sum(file.meta["words"] for file in files)
        writer.finish({"size": files[0].meta["size"], "words": words, "fields": fields})
    return int(files[0].meta["size"])


def _write_texts(writer: ArrayFileWriter, parts: Sequence[MergeInput]) -> None:
    counts = np.zeros(32, np.int64)  # the marks at least
    for name in TEXTS:
        for part in parts:
            for points, _ in part.texts(name):
                more = np.bincount(points, minlength=len(counts))
                more[: len(counts)] += counts
                counts = more  # grown to the highest code point seen
            part.release()
    alphabet = Alphabet.ranked(counts)
    writer.add("alphabet", alphabet.characters)
    for name in TEXTS:
        stops: list[NDArray[np.int64]] = []
        end = 0
        writer.begin(name, "u1")
        for part in parts:
            for points, chars in part.texts(name):
                data, width = alphabet.encode(points)
                writer.append(np.frombuffer(data, np.uint8))
                stops.append(end + np.concatenate(([0], np.cumsum(width)))[np.cumsum(chars)])
                end += len(data)
            part.release()
        writer.add(f"{name}.ends", np.concatenate(stops) if stops else np.empty(0, np.int64))


class _FieldMerge:
    """The merging of one field's terms and lists."""

    def __init__(
        self, field: str, parts: Sequence[MergeInput], doc_bases: NDArray[np.int64]
    ) -> None:
        self._field = field
        self._parts = parts
        self._bases = doc_bases
        self._size = int(doc_bases[-1])
        self._terms = _merged_terms(part.terms(field) for part in parts)
        number = {term: n for n, term in enumerate(self._terms)}
        self._maps = [
            np.fromiter(map(number.__getitem__, part.terms(field)), np.int64) for part in parts
        ]

    def write(self, writer: ArrayFileWriter, most: int) -> NDArray[np.int64] | None:
        """Write the field's arrays, with at most so many postings in memory at once; its ordinals
        by document, where the field has such."""
        field = self._field
        kept: list[NDArray[np.int64]] = []
        dfs: list[NDArray[np.int64]] = []
        places: list[NDArray[np.int64]] = []
        freqs = _Frequencies()
        ordinals = np.zeros(self._size, np.int64) if field in ORDINALS else None
        offset = rows = 0
        writer.begin(f"{field}.lists", "u1")
        for first, last in self._term_ranges(most):
            docs, df, counts = self._merge_range(first, last)
            live = np.flatnonzero(df)  # a term whose documents were all deleted goes
            df = df[live]
            data, place = encode_many(docs, df, self._size)
            writer.append(data)
            places.append(np.where(df == 1, place, place + offset))
            offset += len(data)
            if counts is not None:
                data = freqs.add(counts, df, rows, offset)
                writer.append(data)
                offset += len(data)
            for part in self._parts:
                part.release()
            if ordinals is not None:
                ordinals[docs] = np.repeat(np.arange(rows, rows + len(live)), df)
            kept.append(live + first)
            dfs.append(df)
            rows += len(live)
        terms = [self._terms[n] for n in _joined(kept).tolist()]
        writer.add(f"{field}.terms", np.frombuffer(b"".join(terms), np.uint8))
        writer.add(f"{field}.ends", end_offsets(terms))
        writer.add(f"{field}.df", _joined(dfs))
        writer.add(f"{field}.places", _joined(places))
        if field == "words":
            freqs.write(writer)
        return ordinals

    def _term_ranges(self, most: int) -> Iterator[tuple[int, int]]:
        """Ranges of terms, with at most so many postings each (a longer list stands alone)."""
        df = np.zeros(len(self._terms), np.int64)
        for part, numbers in zip(self._parts, self._maps, strict=True):
            df[numbers] += part.dfs(self._field)
        stops = np.cumsum(df)
        first = 0
        while first < len(df):
            before = int(stops[first - 1]) if first else 0
            last = max(first + 1, int(np.searchsorted(stops, before + most, side="right")))
            yield first, last
            first = last

    def _merge_range(self, first: int, last: int) -> Postings:
        """The lists of terms `first` to `last` over all parts. Each part's piece of a list is put
        where the pieces before it end: a counting sort, in one pass a part."""
        pieces = []
        df = np.zeros(last - first, np.int64)
        for part, numbers, base in zip(self._parts, self._maps, self._bases, strict=False):
            low, high = np.searchsorted(numbers, (first, last))
            if low == high:
                continue
            found = part.postings(self._field, int(low), int(high))
            chosen = numbers[low:high] - first
            df[chosen] += found.df
            pieces.append((found, chosen, base))
        free = np.cumsum(df) - df
        docs = np.empty(int(df.sum()), np.int64)
        freqs = np.empty(len(docs), np.int64) if self._field == "words" else None
        for found, chosen, base in pieces:
            where = np.repeat(free[chosen], found.df) + positions_within(found.df)
            docs[where] = found.docs + base
            if freqs is not None and found.freqs is not None:
                freqs[where] = found.freqs
            free[chosen] += found.df
        return Postings(docs, df, freqs)


def _merged_terms(terms: Iterable[list[bytes]]) -> list[bytes]:
    """All terms, ascending, each once."""
    found: set[bytes] = set()
    for each in terms:
        found.update(each)
    return sorted(found)


class _Frequencies:
    """The frequencies of those words that occur more than once in some document."""

    def __init__(self) -> None:
        self._rows: list[NDArray[np.int64]] = []
        self._places: list[NDArray[np.int64]] = []
        self._widths: list[NDArray[np.int64]] = []

    def add(
        self, freqs: NDArray[np.int64], df: NDArray[np.int64], row: int, offset: int
    ) -> NDArray[np.uint8]:
        """Take those of some words, whose first is `row`; the bytes, which begin at `offset`."""
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
            mine = np.zeros(len(df), np.bool_)
            mine[chosen] = True
            data = freqs[np.repeat(mine, df)].astype(f"<u{width}").view(np.uint8)
            lengths = df[chosen] * width
            self._rows.append(chosen + row)
            self._places.append(offset + np.cumsum(lengths) - lengths)
            self._widths.append(np.full(len(chosen), width, np.int64))
            out.append(data)
            offset += len(data)
        return np.concatenate(out) if out else np.empty(0, np.uint8)

    def write(self, writer: ArrayFileWriter) -> None:
        rows = _joined(self._rows)
        order = np.argsort(rows)
        writer.add("words.freq_rows", rows[order])
        writer.add("words.freq_places", _joined(self._places)[order])
        writer.add("words.freq_widths", _joined(self._widths)[order])


def _joined(pieces: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate(pieces) if pieces else np.empty(0, np.int64)
