"""Brings chats from Kchat into the archive: page by page of a list, or one by one by id.

Chats are archived before anything else happens with them; then the indexer is asked whether it is
time to index. The steps of a sync (`backfill`, `tick`, `reconcile`) say what to fetch and share one
`Transfer`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from kchat_search.errors import KchatError
from kchat_search.models.chats import NOT_FETCHED, ChatPage, FetchedChat, RejectedChat
from kchat_search.models.reports import Progress
from kchat_search.ports import ChatSource, Clock, SyncArchive
from kchat_search.sync.archive_writer import ArchiveWriter, Counts, Cursor
from kchat_search.sync.decide import RepeatedPages
from kchat_search.sync.fetcher import MAX_FAILURES_IN_A_ROW, Fetcher, FetchOutcome
from kchat_search.sync.indexer import IndexWhileFetching
from kchat_search.sync.list_lookup import ListLookup
from kchat_search.sync.policy import SyncPolicy

_CHATS_PER_TRANSACTION = 100
"""Chats that are fetched one by one are archived in groups of this size."""

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Transfer:
    """Brings chats from Kchat into the archive, and holds what the steps of one sync share."""

    archive: SyncArchive
    source: ChatSource
    fetcher: Fetcher
    writer: ArchiveWriter
    indexing: IndexWhileFetching | None
    """None if nothing is to be indexed in this sync."""
    clock: Clock
    zone: ZoneInfo
    policy: SyncPolicy
    progress: Progress
    started: datetime
    highest_id: int
    """The highest id in the archive when this sync began."""
    notes: list[str] = field(default_factory=list)
    """What could not be proven complete, in words."""
    listed_ids: set[int] = field(default_factory=set)
    """Chats that a list has shown in this sync (but not those of a pass over the whole list)."""
    last_page: int | None = None
    """The number of the plain list's last page; None until the list was read to its end."""

    @property
    def counts(self) -> Counts:
        """What this sync has done so far."""
        return self.writer.counts

    # -- saving ------------------------------------------------------------------------------

    def save(
        self,
        chats: Sequence[FetchedChat],
        rejects: Sequence[RejectedChat] = (),
        cursor: Cursor | None = None,
        *,
        seen_since: datetime | None = None,
    ) -> int:
        """Archive these in one transaction, then index if it is time to. Returns how many chats
        were new. `seen_since`: as `ports.SyncArchive.save` says."""
        report = self.writer.save(chats, rejects, cursor, seen_since=seen_since)
        if report is None:
            return 0
        self._index_if_due()
        return report.new

    def save_page(self, page: ChatPage, seen_since: datetime | None = None) -> ChatPage:
        """Archive a page of a list. Returns the page itself."""
        self.save(page.chats, page.rejects, seen_since=seen_since)
        self.listed_ids.update(fetched.chat.id for fetched in page.chats)
        return page

    def set_cursor(self, name: str, value: Mapping[str, Any]) -> None:
        """Save a cursor by itself."""
        self.archive.set_cursor(name, value, now=self.clock())

    def remember_last_page(self, number: int, chats_before: int) -> None:
        """Keep where the plain list ends, and how many chats are on the pages before that one. A
        tick looks there for new chats."""
        self.last_page = number
        position = {"page": number, "before": chats_before}
        if self.archive.cursor("last_page") != position:
            self.set_cursor("last_page", position)

    def note(self, note: str | None) -> None:
        """Add a sentence to the report and the log, if there is one."""
        if note:
            self.notes.append(note)
            log.warning("%s", note)

    def _save_items(self, items: Iterable[FetchOutcome]) -> None:
        items = list(items)
        self.save(
            tuple(item for item in items if isinstance(item, FetchedChat)),
            tuple(item for item in items if isinstance(item, RejectedChat)),
        )

    def _index_if_due(self) -> None:
        if self.indexing is not None:
            self.counts.indexed += self.indexing.index_if_due()

    # -- fetching ---------------------------------------------------------------------------

    def pages(
        self,
        start: date | None,
        *,
        first: int = 1,
        seen: int = 0,
        seen_since: datetime | None = None,
    ) -> Iterator[ChatPage]:
        """Pages of the list from `first` on, each archived before it is handed on. `start` is the
        list's filter; None is the plain list. `seen` chats are on the pages before `first`.
        `seen_since`: as `ports.SyncArchive.save` says.

        A page that can't be fetched becomes a note. Ends where the server repeats a page.
        """
        repeated_pages = RepeatedPages()
        for page in self.fetcher.pages(first, start=start, seen=seen):
            if page.failed:
                self.note(f"Page {page.number} of the list could not be fetched: {page.failed}")
                continue
            if repeated_pages.repeated(page) is not None:
                return
            yield self.save_page(page, seen_since)

    def fetch_one_by_one(
        self,
        chat_ids: Iterable[int],
        *,
        gone: Callable[[Collection[int]], Collection[int]],
        max_failures: int = MAX_FAILURES_IN_A_ROW,
    ) -> None:
        """Fetch and archive these chats, each by itself.

        `gone` decides which of those that Kchat answers with «not found» have really vanished.
        Raises what the source raises if more than `max_failures` chats fail in a row; what came
        before that is archived.
        """
        batch: list[FetchOutcome] = []
        not_found: list[int] = []
        try:
            answers = self.fetcher.chats(chat_ids, max_failures=max_failures)
            for number, (chat_id, answer) in enumerate(answers, start=1):
                if answer is None:
                    not_found.append(chat_id)
                else:
                    batch.append(answer)
                if len(batch) >= _CHATS_PER_TRANSACTION:
                    self._save_items(batch)
                    batch.clear()
                self.counts.seen += answer is not None
                self.progress("recheck", number, None)
        except KchatError:
            while batch and isinstance(batch[-1], RejectedChat) and batch[-1].raw == NOT_FETCHED:
                batch.pop()  # Kchat failed, not this chat
            self._save_items(batch)
            raise
        self._save_items(batch)
        if not_found:
            self._mark_gone(gone(not_found))

    def not_listed(self, chat_ids: Collection[int]) -> Collection[int]:
        """Those of the chats that the plain list does not show. Empty while the end of the list is
        not known, because then nobody knows either what the list lacks."""
        if self.last_page is None:
            return ()
        lookup = ListLookup(
            lambda number: self.save_page(self.fetcher.page(number)), self.last_page
        )
        return [chat_id for chat_id in chat_ids if not lookup.shows(chat_id)]

    def _mark_gone(self, chat_ids: Collection[int]) -> None:
        if chat_ids:
            self.writer.mark_gone(chat_ids)
            self._index_if_due()
