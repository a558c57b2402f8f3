"""A Whoosh codec: Whoosh's own readers, matchers and queries work on our segments through it.

Our searches do not use it: `segment.py` reads the arrays itself. Whoosh's own searches use it, and
the tests compare the answers of the two. Only `writer.py` and `build.py` write segments. Whoosh's
own writer goes posting by posting, which is exactly what this engine avoids.

We use some of Whoosh beyond its documented interface. `tests/engines/whoosh/test_codec.py` touches
all of it, so that an upgrade of Whoosh which breaks it is noticed at once:

    whoosh.index     FileIndex, which takes what it knows of segments from `_read_toc`; TOC
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
from whoosh.columns import Column, ColumnReader, NumericColumn, VarBytesColumn
from whoosh.fields import COLUMN, KEYWORD, FieldType, Schema
from whoosh.filedb.filestore import FileStorage, Storage
from whoosh.formats import Existence, Format
from whoosh.index import TOC, FileIndex
from whoosh.matching.mcore import ListMatcher, ReadTooFar
from whoosh.reading import TermInfo, TermNotFound

from kchat_search.engines.whoosh.contents import SegmentEntry, open_segment
from kchat_search.engines.whoosh.contents import read as read_contents
from kchat_search.engines.whoosh.inversion import COLUMNS
from kchat_search.engines.whoosh.schema import TERM_FIELDS, TEXTS
from kchat_search.engines.whoosh.segment_file import SegmentFile
from kchat_search.models.plan import NO_TIME

Term = tuple[str, bytes]

_NAME = "MAIN"
"""What Whoosh calls an index that has no other name."""


class ArrayCodec(W3Codec):
    """Lets Whoosh read a `SegmentFile`."""

    def terms_reader(self, storage: Storage, segment: W3Segment) -> ArrayTermsReader:
        """The reader of terms and posting lists. Raises `ArrayFileDamaged`, OSError."""
        return ArrayTermsReader(_open(storage, segment))

    def per_document_reader(self, storage: Storage, segment: W3Segment) -> ArrayDocumentReader:
        """The reader of columns, lengths and deletions. Raises `ArrayFileDamaged`, OSError."""
        return ArrayDocumentReader(_open(storage, segment), segment)

    def per_document_writer(self, storage: Storage, segment: W3Segment) -> NoReturn:
        """Always raises: Whoosh must not write our segments."""
        raise NotImplementedError("segments of arrays are written by kchat_search's writer alone")

    field_writer = per_document_writer


class ArraySegment(W3Segment):
    """Whoosh's record of a segment, with its deletions."""

    def __init__(self, entry: SegmentEntry) -> None:
        super().__init__(codec(), _NAME)  # type: ignore[no-untyped-call]  # Whoosh's have no types
        self.entry = entry
        self.name = entry.name
        self.set_doc_count(entry.size)  # type: ignore[no-untyped-call]  # as above
        for number in entry.deleted.tolist():
            self.delete_document(number)  # type: ignore[no-untyped-call]  # as above


class ArrayIndex(FileIndex):
    """Whoosh's view of a generation, to search it. Whoosh reads no table of contents: it would
    unpickle one, and a pickle can run any command."""

    def __init__(self, folder: Path, build: str) -> None:
        """`build`: the id of the build that made this generation."""
        self.storage = FileStorage(str(folder))
        self.indexname = _NAME
        self._schema = make_schema()
        self._build = build

    def latest_generation(self) -> int:
        """The number of the newest commit. Raises `Damaged`, OSError."""
        return int(self._read_toc().generation)

    def writer(self, procs: int = 1, **options: Any) -> NoReturn:
        """Always raises: Whoosh must not write our segments."""
        del procs, options
        raise NotImplementedError("segments of arrays are written by kchat_search's writer alone")

    def _read_toc(self) -> TOC:
        folder = index_folder(self.storage)
        _, contents = read_contents(folder, self._build)
        segments = [ArraySegment(entry) for entry in contents.segments]
        return TOC(self._schema, segments, contents.commit)


def codec() -> ArrayCodec:
    """The codec that every segment of ours names."""
    return ArrayCodec()  # type: ignore[no-untyped-call]  # Whoosh's have no types


def index_folder(storage: Storage) -> Path:
    """The folder with the files of an index."""
    assert isinstance(storage, FileStorage)
    return Path(storage.folder)


def _open(storage: Storage, segment: W3Segment) -> SegmentFile:
    """Open a segment's file. Raises `Damaged`, OSError."""
    assert isinstance(segment, ArraySegment)
    return open_segment(index_folder(storage), segment.entry)


def _keyword(*, scorable: bool = False) -> FieldType:
    field = KEYWORD(scorable=scorable)
    if not scorable:
        field.format = Existence()  # a filter asks whether a term is there, never how often
    return field


def make_schema() -> Schema:
    """The schema in Whoosh's own classes: fields with terms, and columns."""
    fields: dict[str, FieldType] = {
        name: _keyword(scorable=name == "words") for name in TERM_FIELDS
    }
    fields |= {
        "id": COLUMN(NumericColumn("q")),
        "version": COLUMN(NumericColumn("Q")),
        "created": COLUMN(NumericColumn("q", default=NO_TIME)),
        "length": COLUMN(NumericColumn("I")),
        **{text: COLUMN(VarBytesColumn()) for text in TEXTS},
    }
    return Schema(**fields)


class _NoTerm(TermNotFound, KeyError):
    """No such term. Some of Whoosh's readers expect TermNotFound, others KeyError."""


class ArrayTermsReader(base.TermsReader):
    """Whoosh's view of terms and posting lists."""

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
        """The terms from this one on, followed by those of later fields."""
        for field in sorted(self._file.fields):
            if field >= fieldname:
                yield from self._from(field, prefix if field == fieldname else b"")

    def cursor(self, fieldname: str, fieldobj: FieldType) -> ArrayCursor:
        """A cursor over the terms of a field."""
        return ArrayCursor(self, self._file, fieldname, fieldobj)

    def items(self) -> Iterator[tuple[Term, TermInfo]]:
        """All terms, each with its statistics."""
        return ((term, self.term_info(*term)) for term in self.terms())

    def items_from(self, fieldname: str, prefix: bytes) -> Iterator[tuple[Term, TermInfo]]:
        """The terms from this one on, each with its statistics."""
        return ((term, self.term_info(*term)) for term in self.terms_from(fieldname, prefix))

    def term_info(self, fieldname: str, tbytes: bytes) -> TermInfo:
        """The statistics of a term, computed from its posting list. Raises TermNotFound."""
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
        """How often a term occurs, in all documents together. Raises TermNotFound."""
        return float(self._postings(fieldname, tbytes)[1].sum())

    def doc_frequency(self, fieldname: str, tbytes: bytes) -> int:
        """How many documents have the term. Raises TermNotFound."""
        return self._file.df(fieldname, self._ordinal(fieldname, tbytes))

    def matcher(
        self, fieldname: str, tbytes: bytes, format_: Format, scorer: Any = None
    ) -> ArrayMatcher:
        """The posting list, as Whoosh walks through it. Raises TermNotFound."""
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
    """Whoosh's cursor over the terms of a field, ascending."""

    def __init__(
        self, reader: ArrayTermsReader, file: SegmentFile, field: str, kind: FieldType
    ) -> None:
        self._reader = reader
        self._file = file
        self._field = field
        self._kind = kind
        self._ordinal = 0

    def first(self) -> str | None:
        """Go to the first term."""
        self._ordinal = 0
        return self.text()

    def find(self, string: str | bytes) -> str | None:
        """Go to the first term that is not below this one."""
        term = string if isinstance(string, bytes) else string.encode()
        self._ordinal = self._file.lower_bound(self._field, term)
        return self.text()

    def next(self) -> str | None:
        """Go to the next term."""
        self._ordinal += 1
        return self.text()

    def text(self) -> str | None:
        """The term at the cursor; None behind the last one."""
        if not self.is_valid():
            return None
        text: str = self._kind.from_bytes(self._file.term(self._field, self._ordinal))
        return text

    def term_info(self) -> TermInfo | None:
        """The statistics of the term at the cursor; None behind the last one."""
        if not self.is_valid():
            return None
        return self._reader.term_info(self._field, self._file.term(self._field, self._ordinal))

    def is_valid(self) -> bool:
        """Is there a term at the cursor?"""
        return self._ordinal < self._file.term_count(self._field)


class ArrayMatcher(ListMatcher):
    """Whoosh's matcher over a list. It skips by binary search instead of walking."""

    def skip_to(self, id: int) -> None:  # noqa: A002  # Whoosh's name
        """Go to the first document from `id` on. Raises ReadTooFar behind the end."""
        if self._i >= len(self._ids):
            raise ReadTooFar
        self._i = bisect_left(self._ids, id, self._i)


class ArrayDocumentReader(base.PerDocumentReader):
    """Whoosh's view of columns, lengths and deletions."""

    def __init__(self, file: SegmentFile, segment: W3Segment) -> None:
        self._file = file
        self._segment = segment

    def doc_count(self) -> int:
        """How many documents are not deleted."""
        return self._file.size - int(self._segment.deleted_count())

    def doc_count_all(self) -> int:
        """How many documents there are, deleted ones included."""
        return self._file.size

    def has_deletions(self) -> bool:
        """Are some documents deleted?"""
        return bool(self._segment.has_deletions())

    def is_deleted(self, docnum: int) -> bool:
        """Is this document deleted?"""
        return bool(self._segment.is_deleted(docnum))

    def deleted_docs(self) -> Iterable[int]:
        """The numbers of the deleted documents."""
        deleted: Iterable[int] = self._segment.deleted_docs()
        return deleted

    def supports_columns(self) -> bool:
        """Always true."""
        return True

    def has_column(self, fieldname: str) -> bool:
        """Is there a column of this name?"""
        return fieldname in (*COLUMNS, *TEXTS)

    def column_reader(self, fieldname: str, column: Column) -> ColumnReader:
        """A column, read value by value. A text is a string: each message behind its mark."""
        del column
        return _Column(self._file, fieldname)

    def doc_field_length(self, docnum: int, fieldname: str, default: int = 0) -> int:
        """How many words a document has, exactly."""
        return int(self._file.arrays["length"][docnum]) if fieldname == "words" else default

    def field_length(self, fieldname: str) -> int:
        """How many words all documents have."""
        return self._file.total_words if fieldname == "words" else 0

    def min_field_length(self, fieldname: str) -> int:
        """How many words the shortest document has."""
        return int(self._file.arrays["length"].min()) if fieldname == "words" else 0

    def max_field_length(self, fieldname: str) -> int:
        """How many words the longest document has."""
        return int(self._file.arrays["length"].max()) if fieldname == "words" else 0

    def stored_fields(self, docnum: int) -> dict[str, object]:
        """Always empty: the archive has the chat."""
        del docnum
        return {}


class _Column(ColumnReader):
    def __init__(self, file: SegmentFile, name: str) -> None:
        # Not the base class's __init__, which would read a file. It needs only the length.
        self._doccount = file.size
        self._file = file
        self._name = name

    def __getitem__(self, docnum: int) -> object:
        if self._name in TEXTS:
            return self._file.alphabet.string(self._file.text(self._name, docnum))
        return int(self._file.arrays[self._name][docnum])
