"""The port to Kchat, where chats come from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol

from kchat_search.models.chats import ChatPage, FetchedChat, RejectedChat


class ChatSource(Protocol):
    """Where chats come from: the Kchat API. Safe to call from several threads.

    Every method that asks Kchat raises `KchatUnreachable`, `KchatRefused`, `KchatBusy`,
    `KchatBadAnswer`, and `KchatNotFound` if there is no such path. `understand` and `retries` send
    no request and raise none of these.
    """

    @property
    def per_page(self) -> int:
        """How many chats are asked for on a page. Called by sync."""
        ...

    def page(
        self,
        number: int,
        start: date | None = None,
        end: date | None = None,
        per_page: int | None = None,
    ) -> ChatPage:
        """Page `number` (from 1) of the list, in ascending order of id. `start` and `end` are the
        API's own filters. They are days; it is not certain whether a chat's creation or its end
        must lie between them (docs/architecture.md). `per_page` chats are asked for in place of
        the usual number. Called by sync."""
        ...

    def chat(self, chat_id: int) -> FetchedChat | RejectedChat:
        """One chat, whole. Raises `KchatNotFound` if Kchat no longer has it. Called by sync."""
        ...

    def understand(self, raw: str) -> FetchedChat | RejectedChat:
        """Parse a chat's stored raw JSON again. Sends no request. Called by sync, for
        chats that an earlier version of the program could not understand."""
        ...

    def agents(self) -> Mapping[str, str]:
        """The agents' names by agent id; empty if Kchat forbids the list. Called by sync."""
        ...

    def retries(self) -> int:
        """How many requests were repeated since this source was made. Called by sync, for its
        report."""
        ...
