"""One segment of the index, as sorted arrays of document numbers.

Shapes: `ids`, `versions`, `created`, `lengths` have one entry a document number (deleted ones
too); postings are ascending document numbers of live documents. A segment never changes but by
deletions, and those make a new `Segment`; so what was decoded once may be kept.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray
from whoosh.reading import SegmentReader, TermNotFound

from kchat_search.engines.whoosh.schema import side_code
from kchat_search.models.chats import Side

Docs = NDArray[np.int64]
"""Document numbers, ascending, each once."""

EMPTY: Docs = np.empty(0, np.int64)

_KEPT_POSTINGS = 4_000_000
"""Entries of decoded postings kept a segment: 64 MB at 16 bytes each."""


class Segment:
    """A segment and what was decoded of it. Not safe to share between threads: Whoosh's readers
    seek in shared files; the engine's lock stands before it."""

    def __init__(self, reader: SegmentReader, before: Segment | None = None) -> None:
        """`before` is the same segment with fewer deletions: its columns need no second reading."""
        self._reader = reader
        self.size = reader.doc_count_all()
        self.ids: NDArray[np.int64] = before.ids if before else self._numbers("c_id")
        self.versions: NDArray[np.int64] = before.versions if before else self._numbers("c_version")
        self.created: NDArray[np.int64] = before.created if before else self._numbers("c_created")
        self.lengths: NDArray[np.int64] = before.lengths if before else self._numbers("c_length")
        deleted = reader.deleted_docs_set
        self.live: Docs = (
            np.setdiff1d(np.arange(self.size), np.fromiter(deleted, np.int64))
            if deleted
            else np.arange(self.size)
        )
        self._texts = reader.column_reader("c_text")
        self._sides = reader.column_reader("c_sides")
        self._files = reader.column_reader("c_files")
        self._postings: OrderedDict[tuple[str, str], tuple[Docs, NDArray[np.int64]]] = OrderedDict()
        self._kept = 0
        self._terms: dict[str, list[str]] = {}

    def docs(self, field: str, term: str) -> Docs:
        """The documents that have this term."""
        return self.postings(field, term)[0]

    def postings(self, field: str, term: str) -> tuple[Docs, NDArray[np.int64]]:
        """The documents that have this term, and how often."""
        key = (field, term)
        if key in self._postings:
            self._postings.move_to_end(key)
            return self._postings[key]
        decoded = self._decode(field, term)
        self._postings[key] = decoded
        self._kept += len(decoded[0]) + 1
        while self._kept > _KEPT_POSTINGS and len(self._postings) > 1:
            _, (dropped, _) = self._postings.popitem(last=False)
            self._kept -= len(dropped) + 1
        return decoded

    def terms(self, field: str) -> list[str]:
        """All terms of a filter field."""
        if field not in self._terms:
            self._terms[field] = [t.decode() for t in self._reader.lexicon(field)]
        return self._terms[field]

    def terms_beginning(self, field: str, prefix: str) -> list[str]:
        """The terms of a field that begin so."""
        return [t.decode() for t in self._reader.expand_prefix(field, prefix)]

    def text(self, doc: int, side: Side | None = None) -> bytes:
        """The folded messages of a document (of one side, if given) in UTF-8, a line each."""
        text = bytes(self._texts[doc])
        if side is None:
            return text
        code = side_code(side)
        lines = zip(text.split(b"\n"), self._sides[doc], strict=False)
        return b"\n".join(line for line, c in lines if c == code)

    def files(self, doc: int) -> bytes:
        """The folded names of a document's uploads in UTF-8, a line each."""
        return bytes(self._files[doc])

    def close(self) -> None:
        """Give back the files."""
        self._reader.close()

    def _decode(self, field: str, term: str) -> tuple[Docs, NDArray[np.int64]]:
        try:
            matcher = self._reader.postings(field, term)
        except TermNotFound:
            return EMPTY, EMPTY
        if field != "words":
            docs = np.fromiter(matcher.all_ids(), np.int64)
            return docs, np.ones(len(docs), np.int64)
        pairs = []
        while matcher.is_active():
            pairs.append((matcher.id(), int(matcher.weight())))
            matcher.next()
        both = np.array(pairs, np.int64).reshape(-1, 2)
        return both[:, 0].copy(), both[:, 1].copy()

    def _numbers(self, field: str) -> NDArray[np.int64]:
        column = self._reader.column_reader(field)
        return np.fromiter((column[doc] for doc in range(self.size)), np.int64, self.size)
