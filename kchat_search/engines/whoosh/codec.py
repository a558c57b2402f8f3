"""The door to Whoosh: a codec, so that its readers, matchers and queries work on our segments.

Our own searches do not pass here (`segment.py` reads the arrays itself); Whoosh's do, and the tests
hold the two against each other. Segments are written by `writer.py` and `build.py` alone: Whoosh's
own writer walks posting by posting, which is what all of this is to spare.

What is used of Whoosh beyond its documented interface, so that an upgrade that breaks it is seen
by `tests/engines/whoosh/test_codec.py` at once:

    whoosh.index     TOC.read, TOC.write, clean_files, FileIndex.lock, latest_generation
    whoosh.codec     W3Codec, W3Segment, and the base classes of its readers
    whoosh.matching  ListMatcher
    whoosh.reading   SegmentReader, which calls terms_reader and per_document_reader
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from whoosh.codec import base
from whoosh.codec.whoosh3 import W3Codec, W3Segment
from whoosh.columns import Column, ColumnReader
from whoosh.fields import FieldType
from whoosh.filedb.filestore import FileStorage, Storage
from whoosh.formats import Format
from whoosh.matching.mcore import ListMatcher, ReadTooFar
from whoosh.reading import TermInfo, TermNotFound

from kchat_search.engines.whoosh.inversion import COLUMNS, TEXTS
from kchat_search.engines.whoosh.segment_file import EXTENSION, SegmentFile

Term = tuple[str, bytes]


class ArrayCodec(W3Codec):
    """Reads `SegmentFile`s for Whoosh."""

    def new_segment(self, storage: Storage, indexname: str) -> W3Segment:
        """A segment's entry in Whoosh's table of contents, which keeps its deletions."""
        del storage
        return W3Segment(self, indexname)

    def terms_reader(self, storage: Storage, segment: W3Segment) -> ArrayTermsReader:
        """Terms and postings."""
        return ArrayTermsReader(open_segment(storage, segment))

    def per_document_reader(self, storage: Storage, segment: W3Segment) -> ArrayDocumentReader:
        """Columns, lengths, deletions."""
        return ArrayDocumentReader(open_segment(storage, segment), segment)

    def per_document_writer(self, storage: Storage, segment: W3Segment) -> NoReturn:
        """Refused."""
        raise NotImplementedError("segments of arrays are written by kchat_search's writer alone")

    field_writer = per_document_writer


def codec() -> ArrayCodec:
    """The codec."""
    return ArrayCodec()  # type: ignore[no-untyped-call]  # Whoosh's have no types


def index_folder(storage: Storage) -> Path:
    """Where the files of an index lie."""
    assert isinstance(storage, FileStorage)
    return Path(storage.folder)


def segment_path(storage: Storage, segment: W3Segment) -> Path:
    """The file of a segment."""
    return index_folder(storage) / str(segment.make_filename(EXTENSION))


def open_segment(storage: Storage, segment: W3Segment) -> SegmentFile:
    """Open the file of a segment. Raises `ArrayFileDamaged`, OSError."""
    return SegmentFile(segment_path(storage, segment))


class _NoTerm(TermNotFound, KeyError):
    """Whoosh's readers expect the one here and the other there."""


class ArrayTermsReader(base.TermsReader):
    """Whoosh's view of terms and lists."""

    def __init__(self, file: SegmentFile) -> None:
        self._file = file

    def __contains__(self, term: Term) -> bool:
        return self._file.find(*term) is not None

    def indexed_field_names(self) -> Iterable[str]:
        """The fields that have terms."""
        return self._file.fields

    def terms(self) -> Iterator[Term]:
        """All terms, field by field."""
        for field in sorted(self._file.fields):
            yield from self._from(field, b"")

    def terms_from(self, fieldname: str, prefix: bytes) -> Iterator[Term]:
        """The terms from this one on, those of later fields too."""
        for field in sorted(self._file.fields):
            if field >= fieldname:
                yield from self._from(field, prefix if field == fieldname else b"")

    def cursor(self, fieldname: str, fieldobj: FieldType) -> ArrayCursor:
        """A place among a field's terms."""
        return ArrayCursor(self, self._file, fieldname, fieldobj)

    def items(self) -> Iterator[tuple[Term, TermInfo]]:
        """All terms with what is known of them."""
        return ((term, self.term_info(*term)) for term in self.terms())

    def items_from(self, fieldname: str, prefix: bytes) -> Iterator[tuple[Term, TermInfo]]:
        """The same from this term on."""
        return ((term, self.term_info(*term)) for term in self.terms_from(fieldname, prefix))

    def term_info(self, fieldname: str, tbytes: bytes) -> TermInfo:
        """Sums over the term's list. Raises TermNotFound."""
        docs, freqs = self._postings(fieldname, tbytes)
        lengths = self._file.arrays["length"][docs] if fieldname == "words" else [0]
        return TermInfo(
            weight=float(freqs.sum()),
            df=len(docs),
            minlength=int(min(lengths)),
            maxlength=int(max(lengths)),
            maxweight=float(freqs.max()),
            minid=int(docs[0]),
            maxid=int(docs[-1]),
        )

    def frequency(self, fieldname: str, tbytes: bytes) -> float:
        """How often a term occurs, in all documents together."""
        return float(self._postings(fieldname, tbytes)[1].sum())

    def doc_frequency(self, fieldname: str, tbytes: bytes) -> int:
        """How many documents have it."""
        return self._file.df(fieldname, self._ordinal(fieldname, tbytes))

    def matcher(
        self, fieldname: str, tbytes: bytes, format_: Format, scorer: Any = None
    ) -> ArrayMatcher:
        """The list, as Whoosh walks it. Raises TermNotFound."""
        docs, freqs = self._postings(fieldname, tbytes)
        return ArrayMatcher(  # type: ignore[no-untyped-call]  # its base has no types
            docs.tolist(),
            freqs.astype(float).tolist(),
            format=format_,
            scorer=scorer,
            term=(fieldname, tbytes),
            terminfo=self.term_info(fieldname, tbytes),
        )

    def _from(self, field: str, prefix: bytes) -> Iterator[Term]:
        first = self._file.lower_bound(field, prefix)
        return (
            (field, self._file.term(field, ordinal))
            for ordinal in range(first, self._file.term_count(field))
        )

    def _ordinal(self, field: str, term: bytes) -> int:
        ordinal = self._file.find(field, term)
        if ordinal is None:
            raise _NoTerm(f"No term {field}:{term!r}")
        return ordinal

    def _postings(self, field: str, term: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        ordinal = self._ordinal(field, term)
        docs = self._file.docs(field, ordinal)
        freqs = self._file.frequencies(ordinal) if field == "words" else None
        return docs, np.ones(len(docs), np.int64) if freqs is None else freqs.astype(np.int64)


class ArrayCursor(base.FieldCursor):
    """Whoosh's place among the terms of a field, ascending."""

    def __init__(
        self, reader: ArrayTermsReader, file: SegmentFile, field: str, kind: FieldType
    ) -> None:
        self._reader = reader
        self._file = file
        self._field = field
        self._kind = kind
        self._ordinal = 0

    def first(self) -> str | None:
        """To the first term."""
        self._ordinal = 0
        return self.text()

    def find(self, string: str | bytes) -> str | None:
        """To the first term from this one on."""
        term = string if isinstance(string, bytes) else string.encode()
        self._ordinal = self._file.lower_bound(self._field, term)
        return self.text()

    def next(self) -> str | None:
        """To the next term."""
        self._ordinal += 1
        return self.text()

    def text(self) -> str | None:
        """The term here; None behind the last."""
        if not self.is_valid():
            return None
        found: str = self._kind.from_bytes(self._file.term(self._field, self._ordinal))
        return found

    def term_info(self) -> TermInfo | None:
        """What is known of the term here."""
        if not self.is_valid():
            return None
        return self._reader.term_info(self._field, self._file.term(self._field, self._ordinal))

    def is_valid(self) -> bool:
        """Is there a term here?"""
        return self._ordinal < self._file.term_count(self._field)


class ArrayMatcher(ListMatcher):
    """Whoosh's matcher over a list; it skips by halving rather than by walking."""

    def skip_to(self, id: int) -> None:  # noqa: A002  # Whoosh's name
        """To the first document from `id` on. Raises ReadTooFar behind the end."""
        if self._i >= len(self._ids):
            raise ReadTooFar
        self._i = bisect_left(self._ids, id, self._i)


class ArrayDocumentReader(base.PerDocumentReader):
    """Whoosh's view of columns, lengths and deletions."""

    def __init__(self, file: SegmentFile, segment: W3Segment) -> None:
        self._file = file
        self._segment = segment

    def doc_count(self) -> int:
        """Documents that are not deleted."""
        return self._file.size - int(self._segment.deleted_count())

    def doc_count_all(self) -> int:
        """Documents, deleted ones too."""
        return self._file.size

    def has_deletions(self) -> bool:
        """Whether some are deleted."""
        return bool(self._segment.has_deletions())

    def is_deleted(self, docnum: int) -> bool:
        """Whether this one is."""
        return bool(self._segment.is_deleted(docnum))

    def deleted_docs(self) -> Iterable[int]:
        """Which are."""
        deleted: Iterable[int] = self._segment.deleted_docs()
        return deleted

    def supports_columns(self) -> bool:
        """It does."""
        return True

    def has_column(self, fieldname: str) -> bool:
        """Whether there is such a column."""
        return fieldname in (*COLUMNS, *TEXTS)

    def column_reader(self, fieldname: str, column: Column) -> ColumnReader:
        """A column, value by value; texts are strings, each message behind its mark."""
        del column
        return _Column(self._file, fieldname)

    def doc_field_length(self, docnum: int, fieldname: str, default: int = 0) -> int:
        """Words of a document, exactly."""
        return int(self._file.arrays["length"][docnum]) if fieldname == "words" else default

    def field_length(self, fieldname: str) -> int:
        """Words of all documents."""
        return self._file.total_words if fieldname == "words" else 0

    def min_field_length(self, fieldname: str) -> int:
        """Words of the shortest document."""
        return int(self._file.arrays["length"].min()) if fieldname == "words" else 0

    def max_field_length(self, fieldname: str) -> int:
        """Words of the longest document."""
        return int(self._file.arrays["length"].max()) if fieldname == "words" else 0

    def stored_fields(self, docnum: int) -> dict[str, object]:
        """Nothing is stored: the archive has the chat."""
        del docnum
        return {}


class _Column(ColumnReader):
    def __init__(self, file: SegmentFile, name: str) -> None:
        # The base class would read a file; all it needs to know is how long it is.
        self._doccount = file.size
        self._file = file
        self._name = name

    def __getitem__(self, docnum: int) -> object:
        if self._name in TEXTS:
            return self._file.alphabet.string(self._file.text(self._name, docnum))
        return int(self._file.arrays[self._name][docnum])
