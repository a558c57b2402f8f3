"""The port to Kchat: where chats come from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol

from kchat_search.models.chats import ChatPage, FetchedChat, RejectedChat


class ChatSource(Protocol):
    """Where chats come from: the Kchat API. Safe to call from several threads.

    Every method raises `KchatUnreachable`, `KchatRefused`, `KchatBusy`, `KchatBadAnswer`, and
    `KchatNotFound` where there is no such path.
    """

    def page(self, number: int, start: date | None = None, end: date | None = None) -> ChatPage:
        """Page `number` (from 1) of the list, id ascending. Called by sync."""
        ...

    def chat(self, chat_id: int) -> FetchedChat | RejectedChat:
        """One chat. Called by sync. Raises `KchatNotFound` where it is gone."""
        ...

    def understand(self, raw: str) -> FetchedChat | RejectedChat:
        """A stored raw form, as it is understood now. Asks nobody. Called by sync, for rejects."""
        ...

    def agents(self) -> Mapping[str, str]:
        """Names by agent id. Called by sync; empty where Kchat forbids the list."""
        ...

    def retries(self) -> int:
        """How many requests were repeated since the start. Called by sync, for its report."""
        ...
