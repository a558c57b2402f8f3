"""Is a chat in Kchat's list? A binary search, because the list is in ascending order of id.

A server may show a chat in the list and not by itself, and it may read `start` and `end` in ways of
its own (docs/architecture.md). So a chat counts as vanished only if the plain list does not show it
either.
"""

from __future__ import annotations

from collections.abc import Callable

from kchat_search.models.chats import ChatPage
from kchat_search.sync.decide import ids_on


class ListLookup:
    """Looks chats up. Each page is fetched once, so several chats cost little more than one."""

    def __init__(self, page: Callable[[int], ChatPage], last: int) -> None:
        """`page(number)` fetches a page of the list; `last` is the number of the last page."""
        self._page = page
        self._last = last
        self._pages: dict[int, tuple[int, set[int]]] = {}

    def shows(self, chat_id: int) -> bool:
        """Does the list show this chat? True also if that can't be told, because a page names no
        id. Raises what `page` raises."""
        low, high = 1, self._last
        while low <= high:
            middle = (low + high) // 2
            size, ids = self._ids(middle)
            if chat_id in ids or (size and not ids):
                return True
            if not size or chat_id < min(ids):
                high = middle - 1
            elif chat_id > max(ids):
                low = middle + 1
            else:
                return False
        return False

    def _ids(self, number: int) -> tuple[int, set[int]]:
        if number not in self._pages:
            page = self._page(number)
            self._pages[number] = (page.size, ids_on(page))
        return self._pages[number]
