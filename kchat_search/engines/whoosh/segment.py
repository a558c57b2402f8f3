"""One segment of the index, as sorted arrays of document numbers.

Shapes: columns have one entry a document (deleted ones too); lists are ascending document numbers
of live documents. A segment never changes but by deletions, and those make a new `Segment` over the
same file, so what was decoded once is kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.array_file import Array
from kchat_search.engines.whoosh.facets import Table
from kchat_search.engines.whoosh.postings import EMPTY, Docs
from kchat_search.engines.whoosh.segment_file import StoredSegment
from kchat_search.engines.whoosh.sets import difference
from kchat_search.engines.whoosh.vocabulary import Vocabulary

_KEPT_NUMBERS = 4_000_000
"""Decoded document numbers that are kept a segment: 32 MB."""


class Lists:
    """The lists of a segment, decoded; the last used are kept. Safe to share between threads."""

    def __init__(self, stored: StoredSegment) -> None:
        self.stored = stored
        self._kept: OrderedDict[tuple[str, int], Docs] = OrderedDict()
        self._numbers = 0
        self._lock = threading.Lock()

    @cached_property
    def facets(self) -> Table:
        """What facets count, made once. Raises `ListDamaged`."""
        return Table.of(self.stored)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words, to find those that are near one."""
        return Vocabulary(self.stored)

    def docs(self, field: str, row: int) -> Docs:
        """The documents of a term, deleted ones too."""
        key = (field, row)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = self.stored.docs(field, row)
        found.flags.writeable = False
        with self._lock:
            if key not in self._kept:
                self._kept[key] = found
                self._numbers += len(found)
                while self._numbers > _KEPT_NUMBERS and len(self._kept) > 1:
                    self._numbers -= len(self._kept.popitem(last=False)[1])
        return found


class Segment:
    """A segment of one commit. Safe to share between threads."""

    def __init__(self, lists: Lists, deleted: Docs = EMPTY) -> None:
        """`deleted`: the numbers of deleted documents, ascending."""
        self.lists = lists
        self.stored = lists.stored
        self.size = self.stored.size
        self.deleted = deleted
        self.count = self.size - len(deleted)
        """Live documents."""
        self.ids: Array = self.stored.arrays["id"]
        self.revisions: Array = self.stored.arrays["version"]
        self.created: Array = self.stored.arrays["created"]
        self.lengths: Array = self.stored.arrays["length"]

    @cached_property
    def live(self) -> Docs:
        """All live documents."""
        return difference(np.arange(self.size), self.deleted, self.size)

    @cached_property
    def words(self) -> int:
        """The words of all live documents together."""
        return self.stored.total_words - int(self.lengths[self.deleted].sum())

    @cached_property
    def by_time(self) -> bool:
        """Are the documents in order of (created, id)? So they are where they were archived."""
        created, ids = self.created, self.ids
        later = created[1:] > created[:-1]
        later |= (created[1:] == created[:-1]) & (ids[1:] > ids[:-1])
        return bool(later.all())

    def find(self, field: str, term: str) -> int | None:
        """The row of a term; None where no document has it. Cost: a binary search."""
        return self.stored.find(field, term.encode())

    def df(self, field: str, row: int) -> int:
        """How many documents have a term, deleted ones too; nothing is decoded."""
        return self.stored.df(field, row)

    def docs(self, field: str, row: int) -> Docs:
        """The documents that have a term."""
        return self._alive(self.lists.docs(field, row))

    def postings(self, word: str) -> tuple[Docs, Array | None]:
        """(documents that have a word, how often each; None for once)."""
        row = self.find("words", word)
        if row is None:
            return EMPTY, None
        docs, freqs = self.lists.docs("words", row), self.stored.frequencies(row)
        if not len(self.deleted):
            return docs, freqs
        stays = self._live_mask[docs]
        return docs[stays], None if freqs is None else freqs[stays]

    def beginning(self, field: str, prefix: str) -> Docs:
        """The documents that have a term that begins so, not ascending, and some several times.
        Cost: that of the terms' lists, decoded at once."""
        begin = prefix.encode()
        first = self.stored.first_from(field, begin)
        # 0xFF is in no UTF-8, so this is behind every term that begins so.
        last = self.stored.first_from(field, begin + b"\xff")
        return self._alive(self.stored.many(field, first, last)[0])

    def _alive(self, docs: Docs) -> Docs:
        return docs[self._live_mask[docs]] if len(self.deleted) else docs

    @cached_property
    def _live_mask(self) -> NDArray[np.bool_]:
        mask = np.ones(self.size, np.bool_)
        mask[self.deleted] = False
        return mask
