"""A programmable `ChatSource`, for what the demo server can't be made to do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date

from kchat_search.errors import KchatNotFound
from kchat_search.models.chats import ChatPage, FetchedChat, RejectedChat


class FakeSource:
    """Answers with these pages (by number) and chats (by id).

    `gate` is called with that number before each answer, in the thread that asks; it may wait, or
    raise an error in place of an answer. `asked` are the numbers that were asked for, in order;
    `most_at_once` is how many requests were under way at the same time, at most.
    """

    def __init__(
        self,
        pages: Mapping[int, ChatPage] | None = None,
        chats: Mapping[int, FetchedChat | RejectedChat] | None = None,
        gate: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.pages = dict(pages or {})
        self.chats = dict(chats or {})
        self.gate = gate
        self.asked: list[int] = []
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    per_page = 100

    def page(
        self,
        number: int,
        start: date | None = None,
        end: date | None = None,
        per_page: int | None = None,
    ) -> ChatPage:
        del start, end, per_page
        with self._asking(number):
            return self.pages[number]

    def chat(self, chat_id: int) -> FetchedChat | RejectedChat:
        with self._asking(chat_id):
            if chat_id not in self.chats:
                raise KchatNotFound(f"no chat {chat_id}")
            return self.chats[chat_id]

    def understand(self, raw: str) -> FetchedChat | RejectedChat:
        return RejectedChat("raw:1", None, raw, "odd")

    def agents(self) -> Mapping[str, str]:
        return {}

    def retries(self) -> int:
        return 0

    @contextmanager
    def _asking(self, number: int) -> Iterator[None]:
        with self._lock:
            self.asked.append(number)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.gate(number)
            yield
        finally:
            with self._lock:
                self.at_once -= 1
