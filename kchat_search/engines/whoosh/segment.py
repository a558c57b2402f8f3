"""One segment of the index, as sorted arrays of document numbers.

Shapes: columns have one entry a document (deleted ones too); lists are ascending document numbers
of live documents. A segment never changes but by deletions, and those make a new `Segment` over the
same file, so what was decoded once is kept.
"""

from __future__ import annotations

import threading
from functools import cached_property

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from kchat_search.engines.whoosh.array_file import Array
from kchat_search.engines.whoosh.facets import FacetTable
from kchat_search.engines.whoosh.postings import EMPTY, DocNumbers
from kchat_search.engines.whoosh.segment_file import SegmentFile
from kchat_search.engines.whoosh.sets import difference
from kchat_search.engines.whoosh.vocabulary import Vocabulary

_KEPT_NUMBERS = 4_000_000
"""Decoded document numbers that are kept a segment: 32 MB."""


class PostingCache:
    """The lists of a segment, decoded; the last used are kept. Safe to share between threads."""

    def __init__(self, file: SegmentFile) -> None:
        self.file = file
        # A list may be as long as the segment, and the cache must have room for it.
        room = max(_KEPT_NUMBERS, file.size)
        self._kept: LRUCache[tuple[str, int], DocNumbers] = LRUCache(room, getsizeof=len)
        self._lock = threading.Lock()

    @cached_property
    def facets(self) -> FacetTable:
        """What facets count, made once. Raises `PostingsDamaged`."""
        return FacetTable.of(self.file)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words, to find those that are near one."""
        return Vocabulary(self.file)

    def docs(self, field: str, ordinal: int) -> DocNumbers:
        """The documents of a term, deleted ones too."""
        key = (field, ordinal)
        with self._lock:
            if key in self._kept:
                return self._kept[key]
        docs = self.file.docs(field, ordinal)
        docs.flags.writeable = False
        with self._lock:
            self._kept[key] = docs
        return docs


class Segment:
    """A segment of one commit. Safe to share between threads."""

    def __init__(self, cache: PostingCache, deleted: DocNumbers = EMPTY) -> None:
        """`deleted`: the numbers of deleted documents, ascending."""
        self.cache = cache
        self.file = cache.file
        self.size = self.file.size
        self.deleted = deleted
        self.count = self.size - len(deleted)
        """Live documents."""
        self.ids: Array = self.file.arrays["id"]
        self.revisions: Array = self.file.arrays["version"]
        self.created: Array = self.file.arrays["created"]
        self.lengths: Array = self.file.arrays["length"]

    @cached_property
    def live(self) -> DocNumbers:
        """All live documents."""
        return difference(np.arange(self.size), self.deleted, self.size)

    @cached_property
    def words(self) -> int:
        """The words of all live documents together."""
        return self.file.total_words - int(self.lengths[self.deleted].sum())

    @cached_property
    def sorted_by_time(self) -> bool:
        """Are the documents in order of (created, id)? So they are where they were archived."""
        created, ids = self.created, self.ids
        later = created[1:] > created[:-1]
        later |= (created[1:] == created[:-1]) & (ids[1:] > ids[:-1])
        return bool(later.all())

    def find(self, field: str, term: str) -> int | None:
        """The row of a term; None where no document has it. Cost: a binary search."""
        return self.file.find(field, term.encode())

    def df(self, field: str, ordinal: int) -> int:
        """How many documents have a term, deleted ones too; nothing is decoded."""
        return self.file.df(field, ordinal)

    def docs(self, field: str, ordinal: int) -> DocNumbers:
        """The documents that have a term."""
        return self._alive(self.cache.docs(field, ordinal))

    def postings(self, word: str) -> tuple[DocNumbers, Array | None]:
        """(documents that have a word, how often each; None for once)."""
        ordinal = self.find("words", word)
        if ordinal is None:
            return EMPTY, None
        docs, freqs = self.cache.docs("words", ordinal), self.file.frequencies(ordinal)
        if not len(self.deleted):
            return docs, freqs
        stays = self._live_mask[docs]
        return docs[stays], None if freqs is None else freqs[stays]

    def docs_with_prefix(self, field: str, prefix: str) -> DocNumbers:
        """The documents that have a term that begins so, not ascending, and some several times.
        Cost: that of the terms' lists, decoded at once."""
        begin = prefix.encode()
        first = self.file.lower_bound(field, begin)
        # 0xFF is in no UTF-8, so this is behind every term that begins so.
        last = self.file.lower_bound(field, begin + b"\xff")
        return self._alive(self.file.postings_range(field, first, last)[0])

    def _alive(self, docs: DocNumbers) -> DocNumbers:
        return docs[self._live_mask[docs]] if len(self.deleted) else docs

    @cached_property
    def _live_mask(self) -> NDArray[np.bool_]:
        mask = np.ones(self.size, np.bool_)
        mask[self.deleted] = False
        return mask
