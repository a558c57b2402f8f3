"""Asks Kchat for pages and chats: several requests at the same time, their answers in order.

Invariant: whatever stops the reading (an error, the end, a caller that has enough), no request
continues whose answer nobody waits for.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from itertools import count, islice
from types import TracebackType
from typing import Self

from kchat_search.errors import (
    KchatBadAnswer,
    KchatBusy,
    KchatError,
    KchatNotFound,
    KchatUnreachable,
)
from kchat_search.models.chats import NOT_FETCHED, ChatPage, FetchedChat, RejectedChat
from kchat_search.ports import ChatSource
from kchat_search.sync.decide import lacking_messages
from kchat_search.sync.large_page import page_in_parts

FetchOutcome = FetchedChat | RejectedChat | None
"""A chat; a reject if it can't be fetched or understood; None if Kchat no longer has it."""

_PAGES_CHECKED_BEHIND = 3
"""If a page fails, this many pages after it are waited for, to tell whether Kchat as a whole
fails."""
_STATUS_NO_SUCH_PAGE = (400, 422)
"""HTTP statuses with which some servers answer when there is no such page."""
MAX_FAILURES_IN_A_ROW = 3
"""This many chats in a row may fail by themselves. One more means that Kchat as a whole fails."""
_MAX_FAILURES_OF_A_PAGE = 20
"""The same for the chats of one page. It is higher, because the page was just fetched, so Kchat can
be reached."""

log = logging.getLogger(__name__)


class Fetcher:
    """A few threads that ask Kchat. Use it as a context manager."""

    def __init__(self, source: ChatSource, in_flight: int) -> None:
        self._source = source
        self._in_flight = in_flight
        self._pool = ThreadPoolExecutor(in_flight, "kchat")
        self._failures = 0
        self._full_page = 0
        """The most chats on a page so far: Kchat may put fewer on a page than are asked for."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def pages(self, first: int = 1, start: date | None = None, seen: int = 0) -> Iterator[ChatPage]:
        """The list's pages from `first` to the last, in order. `seen` chats are on the pages
        before.

        A page that calls itself the last is not believed while Kchat counts more chats. A page that
        can't be fetched is yielded as `failed` if a page after it can be fetched; else its error is
        raised.
        """
        waiting: deque[Future[ChatPage]] = deque()
        numbers = count(first)
        yielded = first - 1  # the number of the last page that was yielded

        def ask(number: int) -> None:
            waiting.append(self._pool.submit(self._page, number, start))

        try:
            while True:
                if not waiting:
                    ask(next(numbers))  # only one at first: most lists of a tick have one page
                try:
                    page = waiting.popleft().result()
                except (KchatBusy, KchatBadAnswer, KchatUnreachable) as error:
                    _raise_if_no_contact(error)
                    while len(waiting) < _PAGES_CHECKED_BEHIND:
                        ask(next(numbers))
                    page = self._failed_page(yielded + 1, waiting, error)
                yielded = page.number
                if not page.last:
                    self._full_page = max(self._full_page, page.size)
                seen += page.size
                more = page.count is not None and page.size > 0 and seen < page.count
                last = page.last and not more
                while not page.last and len(waiting) < self._in_flight:
                    ask(next(numbers))  # they arrive while this page is archived
                yield self._with_messages(page)
                if last:
                    return
        finally:
            for future in waiting:
                future.cancel()

    def page(self, number: int) -> ChatPage:
        """One page of the plain list."""
        return self._with_messages(self._page(number, None))

    def chats(
        self, chat_ids: Iterable[int], *, max_failures: int = MAX_FAILURES_IN_A_ROW
    ) -> Iterator[tuple[int, FetchOutcome]]:
        """(id, chat) of these chats, fetched one by one, in this order. A chat that can't be
        fetched becomes a reject, and the others go on. If more than `max_failures` fail in a row,
        raises the last error."""
        waiting: deque[tuple[int, Future[FetchOutcome]]] = deque()
        ids = iter(chat_ids)
        try:
            while True:
                for chat_id in islice(ids, max(0, self._in_flight - len(waiting))):
                    waiting.append((chat_id, self._pool.submit(self._chat, chat_id)))
                if not waiting:
                    return
                chat_id, future = waiting.popleft()
                yield chat_id, self._outcome(chat_id, future, max_failures)
        finally:
            for _, future in waiting:
                future.cancel()

    def _page(self, number: int, start: date | None) -> ChatPage:
        try:
            return self._source.page(number, start)
        except KchatNotFound:
            if number == 1 and start is None:
                raise  # the path is wrong
        except KchatBadAnswer as error:
            if error.too_large:
                return self._page_in_parts(number, start, error)
            if number == 1 or error.status not in _STATUS_NO_SUCH_PAGE:
                raise
        return ChatPage(number, (), (), None, last=True)  # some servers say «no more» in this way

    def _page_in_parts(self, number: int, start: date | None, error: KchatBadAnswer) -> ChatPage:
        log.warning("Page %d is fetched in smaller pages: %s", number, error)
        return page_in_parts(
            lambda part, per_page: self._source.page(part, start, per_page=per_page),
            number,
            self._full_page or self._source.per_page,
            error,
        )

    def _failed_page(
        self, number: int, behind: Iterable[Future[ChatPage]], error: KchatError
    ) -> ChatPage:
        """A `failed` page in place of one that fails by itself. Raises the page's own error if
        Kchat as a whole fails, so that no page behind it comes either, or if it may be the last
        page."""
        for future in islice(behind, _PAGES_CHECKED_BEHIND):
            try:
                size = future.result().size
            except KchatError:
                continue
            if not size:
                break
            log.warning("Page %d can't be fetched: %s", number, error)
            return ChatPage(number, (), (), None, last=False, failed=str(error))
        raise error

    def _chat(self, chat_id: int) -> FetchOutcome:
        try:
            return self._source.chat(chat_id)
        except KchatNotFound:
            return None

    def _outcome(
        self, chat_id: int, future: Future[FetchOutcome], max_failures: int
    ) -> FetchOutcome:
        try:
            outcome = future.result()
        except KchatError as error:
            self._failures += 1
            if self._failures > max_failures:
                raise
            log.warning("Chat %d can't be fetched: %s", chat_id, error)
            return RejectedChat(f"chat:{chat_id}", chat_id, NOT_FETCHED, str(error))
        self._failures = 0
        return outcome

    def _with_messages(self, page: ChatPage) -> ChatPage:
        """The page with whole chats. A chat that vanished meanwhile stays as the list had it."""
        lacking = [fetched.chat.id for fetched in lacking_messages(page)]
        if not lacking:
            return page
        raws = {fetched.chat.id: fetched.raw for fetched in page.chats}
        whole: dict[int, FetchedChat | RejectedChat] = {}
        for chat_id, fetched in self.chats(lacking, max_failures=_MAX_FAILURES_OF_A_PAGE):
            if isinstance(fetched, RejectedChat) and fetched.raw == NOT_FETCHED:
                whole[chat_id] = replace(fetched, raw=raws[chat_id])
            elif fetched is not None:
                whole[chat_id] = fetched
        items = [whole.get(listed.chat.id, listed) for listed in page.chats]
        return replace(
            page,
            chats=tuple(item for item in items if isinstance(item, FetchedChat)),
            rejects=(*page.rejects, *(item for item in items if isinstance(item, RejectedChat))),
        )


def _raise_if_no_contact(error: KchatError) -> None:
    """Raise an error after which nothing else need be tried."""
    if isinstance(error, KchatUnreachable) and error.no_contact:
        raise error
