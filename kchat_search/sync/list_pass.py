"""One pass over Kchat's whole list, page by page. Backfill and reconcile are made of passes.

Pages are archived in their order, each in one transaction with the cursor that points behind it. So
the cursor only ever moves over pages that are archived.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from kchat_search.errors import KchatError
from kchat_search.models.chats import ChatPage
from kchat_search.sync import decide
from kchat_search.sync.archive_writer import Cursor
from kchat_search.sync.decide import Pass
from kchat_search.sync.transfer import Transfer

log = logging.getLogger(__name__)


class Ending(Enum):
    """How the reading of the list ended."""

    UNFINISHED = "as many pages as allowed were read, and more may follow"
    REGULAR = "the list was read to its end"
    IRREGULAR = "the server showed pages again instead of an end"


@dataclass(frozen=True, slots=True)
class PassResult:
    """The result of a pass, or of a part of one."""

    state: Pass
    """How far the pass is now."""
    count: int | None
    """How many chats Kchat counts, if it says so."""
    ending: Ending


def continue_pass(
    transfer: Transfer,
    state: Pass,
    cursor: Callable[[Pass], Cursor],
    max_pages: int | None = None,
) -> PassResult:
    """Continue a pass for `max_pages` pages. None: to the end of the list.

    `cursor` makes the cursor that is saved with each page, from the state of the pass after that
    page. Raises what the source and the archive raise; what was archived until then stays.
    """
    return _PassUnderWay(transfer, state, cursor).read(max_pages)


class _PassUnderWay:
    """A pass while it reads."""

    def __init__(self, transfer: Transfer, state: Pass, cursor: Callable[[Pass], Cursor]) -> None:
        self._transfer = transfer
        self._cursor = cursor
        self._state = state
        self._count: int | None = None
        self._lost = 0  # pages that failed since the last one that was fetched
        self._highest_before = state.top
        self._seen_elsewhere = transfer.counts.seen - state.seen

    def read(self, max_pages: int | None) -> PassResult:
        repeated_pages = decide.RepeatedPages()
        pages = self._transfer.fetcher.pages(self._state.page, seen=self._state.seen)
        for number, page in enumerate(pages, start=1):
            if page.failed:
                self._lost += 1
                if number != max_pages:
                    continue
                failed = self._state.failed + self._lost
                self._state = replace(self._state, page=page.number + 1, failed=failed)
                return self._result(Ending.UNFINISHED)
            if self._lost:
                self._fetch_lost_chats(page)
            self._count = page.count if page.count is not None else self._count
            repeats = repeated_pages.repeated(page)
            if repeats is not None:
                return self._result(self._ending_by_repetition(page, repeats))
            if max_pages is not None and number > 1 and self._begins_anew(page):
                return self._result(Ending.IRREGULAR)
            self._save(page)
            if number == max_pages:
                return self._result(Ending.UNFINISHED)
        return self._result(Ending.REGULAR)

    def _result(self, ending: Ending) -> PassResult:
        return PassResult(self._state, self._count, ending)

    def _ending_by_repetition(self, page: ChatPage, repeats: int) -> Ending:
        """Some servers show their last page for any higher number. That is a way to end, if there
        is more than one page, or if the list's count can be held against what was seen."""
        is_last_page = repeats == page.number - 1 and page.number > 2
        return Ending.REGULAR if self._count is not None or is_last_page else Ending.IRREGULAR

    def _begins_anew(self, page: ChatPage) -> bool:
        """Does this page show only chats that come before the point where the pass went on?"""
        highest = max(decide.ids_on(page), default=self._highest_before + 1)
        return highest <= self._highest_before

    def _save(self, page: ChatPage) -> None:
        """Archive a page. Chats that earlier passes should have seen go first, by themselves, so
        that those of them that are new can be counted as missed."""
        high = self._state.high
        missed = self._transfer.save(
            tuple(fetched for fetched in page.chats if fetched.chat.id <= high)
        )
        self._state = decide.after_page(self._state, page, missed)
        self._transfer.counts.seen = self._seen_elsewhere + self._state.seen
        self._transfer.save(
            tuple(fetched for fetched in page.chats if fetched.chat.id > high),
            page.rejects,
            self._cursor(self._state),
        )
        step = "fetch" if self._state.number == 1 else "prove"
        self._transfer.progress(step, self._state.seen, self._count)

    def _fetch_lost_chats(self, page: ChatPage) -> None:
        """Fetch the chats of the pages that failed before `page`, one by one, as far as that is
        possible."""
        counts = self._transfer.counts
        seen_before = counts.seen
        try:
            self._transfer.fetch_one_by_one(
                decide.ids_between(self._state.top, page), gone=lambda _: ()
            )
        except KchatError as error:
            log.warning("The chats of that page can't be fetched one by one either: %s", error)
        fetched = counts.seen - seen_before
        failed = 0 if fetched else self._lost
        self._state = replace(
            self._state,
            page=page.number,
            seen=self._state.seen + fetched,
            failed=self._state.failed + failed,
        )
        self._lost = 0
