"""One segment as of one commit.

Shapes: a column has one entry for each document, deleted ones included. A posting list, as this
module returns it, has only live documents. Nothing in a segment changes but its deletions, and a
commit that deletes documents makes a new `Segment` over the same file. So what was decoded once is
kept, in the file's `PostingCache`.
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

_MAX_CACHED_NUMBERS = 4_000_000
"""How many decoded document numbers are kept for a segment: 32 MB."""


class PostingCache:
    """The decoded posting lists of a segment file, the most recently used ones. Also what is
    computed once from the file. Safe to share between threads."""

    def __init__(self, file: SegmentFile) -> None:
        self.file = file
        # A list may be as long as the segment, and the cache must have room for it.
        room = max(_MAX_CACHED_NUMBERS, file.size)
        self._lists: LRUCache[tuple[str, int], DocNumbers] = LRUCache(room, getsizeof=len)
        self._lock = threading.Lock()

    @cached_property
    def facets(self) -> FacetTable:
        """What facets count; made at the first use. Raises `PostingsDamaged`."""
        return FacetTable.of(self.file)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words, to find those near a given one."""
        return Vocabulary(self.file)

    def docs(self, field: str, ordinal: int) -> DocNumbers:
        """The posting list of a term, deleted documents included. Raises `PostingsDamaged`."""
        key = (field, ordinal)
        with self._lock:
            if key in self._lists:
                return self._lists[key]
        docs = self.file.docs(field, ordinal)
        docs.flags.writeable = False
        with self._lock:
            self._lists[key] = docs
        return docs


class Segment:
    """A segment of one commit. Safe to share between threads.

    Methods raise `PostingsDamaged` for bytes that no writer has written.
    """

    def __init__(self, cache: PostingCache, deleted: DocNumbers = EMPTY) -> None:
        """`deleted`: the numbers of the deleted documents, ascending."""
        self.cache = cache
        self.file = cache.file
        self.size = self.file.size
        self.deleted = deleted
        self.live_count = self.size - len(deleted)
        """How many documents are not deleted."""
        self.ids: Array = self.file.arrays["id"]
        self.revisions: Array = self.file.arrays["version"]
        self.created: Array = self.file.arrays["created"]
        """Seconds since 1970 UTC; `NO_TIME` for none."""
        self.lengths: Array = self.file.arrays["length"]
        """Words of each document."""

    @cached_property
    def live(self) -> DocNumbers:
        """The documents that are not deleted."""
        return difference(np.arange(self.size), self.deleted, self.size)

    @cached_property
    def with_former(self) -> DocNumbers:
        """The live documents that have former passages."""
        documents = self.file.passages["former"].documents
        return difference(documents, self.deleted, self.size)

    @cached_property
    def live_words(self) -> int:
        """How many words all live documents have together."""
        return self.file.total_words - int(self.lengths[self.deleted].sum())

    @cached_property
    def sorted_by_time(self) -> bool:
        """Are the documents in the order of (created, id)? They are if the chats were archived in
        the order of their time."""
        created, ids = self.created, self.ids
        later = created[1:] > created[:-1]
        later |= (created[1:] == created[:-1]) & (ids[1:] > ids[:-1])
        return bool(later.all())

    def find(self, field: str, term: str) -> int | None:
        """The ordinal of a term; None if no document has it. Cost: a binary search."""
        return self.file.find(field, term.encode())

    def df(self, field: str, ordinal: int) -> int:
        """How many documents have a term, deleted ones included. Nothing is decoded."""
        return self.file.df(field, ordinal)

    def docs(self, field: str, ordinal: int) -> DocNumbers:
        """The live documents that have a term."""
        return self._without_deleted(self.cache.docs(field, ordinal))

    def postings(self, word: str) -> tuple[DocNumbers, Array | None]:
        """(the live documents that have a word, how often each has it). The second is None if each
        has it once."""
        ordinal = self.find("words", word)
        if ordinal is None:
            return EMPTY, None
        docs, freqs = self.cache.docs("words", ordinal), self.file.frequencies(ordinal)
        if not len(self.deleted):
            return docs, freqs
        stays = self._live_mask[docs]
        return docs[stays], None if freqs is None else freqs[stays]

    def docs_with_prefix(self, field: str, prefix: str) -> DocNumbers:
        """The live documents that have a term with this prefix. Not ascending, and a document comes
        once for each of its terms. Cost: the lists of these terms are decoded in one call."""
        begin = prefix.encode()
        first = self.file.lower_bound(field, begin)
        # No UTF-8 has the byte 0xFF, so this is behind every term with the prefix.
        last = self.file.lower_bound(field, begin + b"\xff")
        return self._without_deleted(self.file.postings_range(field, first, last)[0])

    def _without_deleted(self, docs: DocNumbers) -> DocNumbers:
        return docs[self._live_mask[docs]] if len(self.deleted) else docs

    @cached_property
    def _live_mask(self) -> NDArray[np.bool_]:
        mask = np.ones(self.size, np.bool_)
        mask[self.deleted] = False
        return mask
