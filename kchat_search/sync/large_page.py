"""A page of the list that is too large to be read is asked for in smaller pages.

So one chat that is beyond the bounds costs only itself: it becomes a reject, and the others of its
page come. Pure but for `ask`.
"""

from __future__ import annotations

from collections.abc import Callable

from kchat_search.errors import KchatBadAnswer, KchatNotFound
from kchat_search.models.chats import NOT_FETCHED, ChatPage, FetchedChat, RejectedChat

_MAX_TOO_LARGE = 5
"""So many chats of one page may be too large. If more are, the page fails: each costs several
requests and a large answer."""

Ask = Callable[[int, int], ChatPage]
"""Asks for a page: its number (from 1) at so many chats a page. Raises `KchatBadAnswer`."""


def page_in_parts(ask: Ask, number: int, size: int, error: KchatBadAnswer) -> ChatPage:
    """Page `number` of the list at `size` chats a page, put together from smaller pages. `error` is
    why the page itself can't be read.

    Raises `error` or one like it where more than a few chats are too large, or where one doesn't
    show its id; and what `ask` raises.
    """
    parts = _Parts(ask)
    parts.read(number, size, error)
    return ChatPage(number, tuple(parts.chats), tuple(parts.rejects), parts.count, last=parts.ended)


class _Parts:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.chats: list[FetchedChat] = []
        self.rejects: list[RejectedChat] = []
        self.count: int | None = None
        self.ended = False

    def read(self, number: int, size: int, error: KchatBadAnswer) -> None:
        """Read page `number` at `size` chats, which failed with `error`, in parts."""
        if size == 1:
            self._reject(error)
            return
        count = _smallest_divisor(size)
        for part in range((number - 1) * count + 1, number * count + 1):
            try:
                self._add(self._ask(part, size // count))
            except KchatBadAnswer as too_large:
                if not too_large.too_large:
                    raise
                self.read(part, size // count, too_large)
            except KchatNotFound:
                self.ended = True  # some servers say in this way that there is no such page
            if self.ended:
                return

    def _add(self, page: ChatPage) -> None:
        known = {fetched.chat.id for fetched in self.chats}
        new = [fetched for fetched in page.chats if fetched.chat.id not in known]
        # Some servers show their last page for any higher number.
        self.ended = page.last or (not new and not page.rejects)
        self.chats += new
        self.rejects += page.rejects
        self.count = page.count if page.count is not None else self.count

    def _reject(self, error: KchatBadAnswer) -> None:
        if error.first_id is None or len(self.rejects) >= _MAX_TOO_LARGE:
            raise error
        key = f"chat:{error.first_id}"
        self.rejects.append(RejectedChat(key, error.first_id, NOT_FETCHED, str(error)))


def _smallest_divisor(number: int) -> int:
    return next(n for n in range(2, number + 1) if number % n == 0)
