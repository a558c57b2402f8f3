"""One segment as of one commit, as somebody sees it.

Shapes: a column has one entry for each document, deleted ones included. A posting list, as this
module returns it, has only live documents. Nothing in a segment changes but its deletions, and a
commit that deletes documents makes a new `Segment` over the same file. So what was decoded once is
kept, in the file's `PostingCache`.

Who sees a part of the chats gets a `Segment` too: one in which all others are deleted. Every count
and every score respects deletions, so they tell nothing of what is not seen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from kchat_search import processor_time
from kchat_search.engines.whoosh.array_file import Array
from kchat_search.engines.whoosh.facets import FacetTable
from kchat_search.engines.whoosh.generation_table import NO_TABLE, GenerationTable
from kchat_search.engines.whoosh.postings import EMPTY, DocNumbers
from kchat_search.engines.whoosh.segment_file import SegmentFile
from kchat_search.engines.whoosh.sets import difference, mask
from kchat_search.engines.whoosh.vocabulary import Vocabulary
from kchat_search.models.plan import Everything, Node, Sight

_MAX_CACHED_NUMBERS = 4_000_000
"""How many decoded document numbers are kept for a segment: 32 MB."""
_MAX_VIEWS = 32
_MAX_VIEW_BYTES = 64 << 20
"""So many views of a segment are kept, and so many bytes of them."""
_TERMS_AT_ONCE = 1 << 10
_DECODED_AT_ONCE = 1 << 20
"""So many document numbers are decoded in one step, unless one list has more."""


class PostingCache:
    """The decoded posting lists of a segment file, the most recently used ones. Also what is
    computed once from the file. Safe to share between threads."""

    def __init__(self, file: SegmentFile, table: GenerationTable = NO_TABLE) -> None:
        """`table`: of the generation that the file belongs to."""
        self.file = file
        self.table = table
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

    @cached_property
    def sorted_by_time(self) -> bool:
        """Are the documents in the order of (created, id)? They are if the chats were archived in
        the order of their time."""
        created, ids = self.file.arrays["created"], self.file.arrays["id"]
        later = created[1:] > created[:-1]
        later |= (created[1:] == created[:-1]) & (ids[1:] > ids[:-1])
        return bool(later.all())

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
    """A segment of one commit, as somebody sees it. Safe to share between threads.

    Methods raise `PostingsDamaged` for bytes that no writer has written.
    """

    def __init__(
        self,
        cache: PostingCache,
        deleted: DocNumbers = EMPTY,
        seen: DocNumbers | None = None,
        *,
        masked: bool = False,
    ) -> None:
        """`deleted`: the numbers of the documents that the commit deletes, ascending. `seen`: those
        of the others that are seen, ascending; None for all. `masked`: see `Sight.masked`."""
        self.cache = cache
        self.file = cache.file
        self.size = self.file.size
        self.deleted = deleted
        self.masked = masked
        self._seen = seen
        self.live_count = self.size - len(deleted) if seen is None else len(seen)
        """How many documents are live: not deleted, and seen."""
        self._all_live = self.live_count == self.size
        self.ids: Array = self.file.arrays["id"]
        self.revisions: Array = self.file.arrays["version"]
        self.created: Array = self.file.arrays["created"]
        """Seconds since 1970 UTC; `NO_TIME` for none."""
        self.lengths: Array = self.file.arrays["length"]
        """Words of each document."""
        # A view of all documents must have room too.
        room = max(_MAX_VIEW_BYTES, _view_bytes(self.size, self.size))
        self._views: LRUCache[Sight, Segment] = LRUCache(room, getsizeof=Segment._room)
        self._views_lock = threading.Lock()

    def view(self, sight: Sight, match: Callable[[Segment, Node], DocNumbers]) -> Segment:
        """This segment as somebody sees it. `match` finds the documents that fulfil a restriction
        (`evaluate.matching`). The views that were used last are kept as long as the segment is."""
        with self._views_lock:
            if sight in self._views:
                return self._views[sight]
        everything = sight.restriction == Everything()
        seen = None if everything else match(self, sight.restriction)
        view = Segment(self.cache, self.deleted, seen, masked=sight.masked)
        with self._views_lock:
            self._views[sight] = view
        return view

    def _room(self) -> int:
        """What a view counts for where views are kept: its bytes, at least its share of all."""
        return max(_view_bytes(self.size, self.live_count), _MAX_VIEW_BYTES // _MAX_VIEWS)

    @cached_property
    def live(self) -> DocNumbers:
        """The documents that are not deleted, and seen."""
        if self._seen is not None:
            return self._seen
        return difference(np.arange(self.size), self.deleted, self.size)

    @cached_property
    def with_former(self) -> DocNumbers:
        """The live documents that have former passages which are looked into."""
        return EMPTY if self.masked else self.only_live(self.file.passages["former"].documents)

    @cached_property
    def live_words(self) -> int:
        """How many words all live documents have together."""
        if self._seen is not None:
            return int(self.lengths[self._seen].sum(dtype=np.int64))
        return self.file.total_words - int(self.lengths[self.deleted].sum(dtype=np.int64))

    @property
    def sorted_by_time(self) -> bool:
        """Are the documents in the order of (created, id)?"""
        return self.cache.sorted_by_time

    def find(self, field: str, term: str) -> int | None:
        """The ordinal of a term; None if no document has it. Cost: a binary search."""
        return self.file.find(field, term.encode())

    def df(self, field: str, ordinal: int) -> int:
        """How many documents have a term, deleted ones included. Nothing is decoded."""
        return self.file.df(field, ordinal)

    def docs(self, field: str, ordinal: int) -> DocNumbers:
        """The live documents that have a term."""
        return self.only_live(self.cache.docs(field, ordinal))

    def postings(self, word: str) -> tuple[DocNumbers, Array | None]:
        """(the live documents that have a word, how often each has it). The second is None if each
        has it once."""
        ordinal = self.find("words", word)
        if ordinal is None:
            return EMPTY, None
        docs, freqs = self.cache.docs("words", ordinal), self.file.frequencies(ordinal)
        if self._all_live:
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
        return self.only_live(self.file.postings_range(field, first, last)[0])

    def terms_with_prefix(self, field: str, prefix: str) -> Iterator[str]:
        """The terms with this prefix that some live document has, ascending by code point. Cost:
        the lists of some thousand terms are decoded at once, where not all documents are live."""
        begin = prefix.encode()
        first = self.file.lower_bound(field, begin)
        last = self.file.lower_bound(field, begin + b"\xff")
        for start in range(first, last, _TERMS_AT_ONCE):
            processor_time.check()
            ordinals = np.arange(start, min(start + _TERMS_AT_ONCE, last))
            for ordinal, df in zip(ordinals, self.live_dfs(field, ordinals), strict=True):
                if df:
                    yield self.file.term(field, int(ordinal)).decode(errors="replace")

    def next_characters(self, field: str, prefix: str) -> Iterator[str]:
        """The characters that follow the prefix in such terms. Cost: two binary searches a
        character; where not all documents are live, as `terms_with_prefix`."""
        begin = prefix.encode()
        at = self.file.lower_bound(field, begin)
        last = self.file.lower_bound(field, begin + b"\xff")
        while at < last:
            following = self.file.term(field, at)[len(begin) :].decode(errors="replace")
            longer = prefix + following[:1]
            if following and any(True for _ in self.terms_with_prefix(field, longer)):
                yield following[0]
            at = self.file.lower_bound(field, longer.encode() + b"\xff") if following else at + 1

    def near(self, word: str) -> dict[str, tuple[int, int]]:
        """The words near a given one that some live document has. For each: how near it is (see
        `vocabulary`), and how many live documents have it."""
        near = self.cache.vocabulary.near(word)
        ordinals = np.array([ordinal for _, ordinal in near.values()], np.int64)
        found = zip(near.items(), self.live_dfs("words", ordinals), strict=True)
        return {other: (nearness, df) for (other, (nearness, _)), df in found if df}

    def live_dfs(self, field: str, ordinals: NDArray[np.int64]) -> list[int]:
        """How many live documents have each of these terms. Cost: nothing is decoded where all
        documents are live."""
        dfs = self.file.dfs(field, ordinals)
        if self._all_live or not len(dfs):
            return [*dfs.tolist()]
        live: list[int] = []
        steps = np.cumsum(dfs) // _DECODED_AT_ONCE
        for some in np.split(np.arange(len(dfs)), np.flatnonzero(np.diff(steps)) + 1):
            processor_time.check()
            docs, df = self.file.postings_of(field, ordinals[some])
            of_term = np.repeat(np.arange(len(some)), df)
            live += np.bincount(of_term[self._live_mask[docs]], minlength=len(some)).tolist()
        return live

    def only_live(self, docs: DocNumbers) -> DocNumbers:
        """Those of these documents that are live."""
        return docs if self._all_live else docs[self._live_mask[docs]]

    @cached_property
    def _live_mask(self) -> NDArray[np.bool_]:
        if self._seen is not None:
            return mask(self._seen, self.size)
        return ~mask(self.deleted, self.size)


def _view_bytes(size: int, live: int) -> int:
    """Bytes of a view, about: a mask of all documents, and the numbers of those that are seen."""
    return size + 2 * live * EMPTY.itemsize
