"""`KchatClient`: the `ChatSource` over HTTP, as the Kchat API documents it.

Invariant: every address is built here, from the configured host, the path and a page number.
Kchat's `next_page` only shows whether a page follows; that address is never requested.
"""

from __future__ import annotations

import logging
import random as random_module
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import partial

from kchat_search.kchat.answer_limits import MAX_BODY
from kchat_search.kchat.json_codec import decode_text
from kchat_search.kchat.parse import ChatParser, parse_agents_page
from kchat_search.kchat.transport import Timing, Transport
from kchat_search.models.chats import ChatPage, FetchedChat, RejectedChat

_USERS_PATH = "/apiv2/users.json"
_MAX_AGENT_PAGES = 100
_FORBIDDEN_OR_MISSING = (403, 404, 410)

_log = logging.getLogger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class KchatClient:
    """Asks the Kchat API. Implements `kchat_search.ports.ChatSource`. Safe to share between
    threads.

    - `base_url` is `https://host`.
    - `user` and `secret` are sent as basic auth: `email` and a password, or `email/token` and an
      API token.
    - `timeout` (seconds) limits the connection and each silence of the server.
    - `deadline` (seconds) limits a whole answer. The default is four times `timeout`.
    - `retries` is the number of attempts after the first.
    - `max_body` (bytes) limits one unpacked answer.
    - `per_minute` limits the requests in a minute, retries included. None: no limit.
    - `setting` is where `base_url` comes from, for errors.
    - `sleep`, `clock`, `now` and `random` are replaced in tests.
    """

    def __init__(
        self,
        *,
        base_url: str,
        user: str,
        secret: str,
        parser: ChatParser,
        chats_path: str = "/apiv2/chats.json",
        per_page: int = 100,
        timeout: float = 30.0,
        deadline: float | None = None,
        retries: int = 5,
        max_body: int = MAX_BODY,
        per_minute: int | None = None,
        setting: str = "KCHAT_BASE_URL or KCHAT_SUBDOMAIN",
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _utc_now,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self._user = user
        self._parser = parser
        self._chats_path = chats_path
        self._per_page = per_page
        self._transport = Transport(
            base_url,
            user,
            secret,
            timeout=timeout,
            deadline=4 * timeout if deadline is None else deadline,
            retries=retries,
            max_body=max_body,
            per_minute=per_minute,
            timing=Timing(sleep=sleep, clock=clock, now=now, random=random),
            setting=setting,
        )

    def __repr__(self) -> str:
        return f"KchatClient({self._transport.base_url!r}, user={self._user!r})"

    @property
    def per_page(self) -> int:
        """How many chats are asked for on a page."""
        return self._per_page

    def page(
        self,
        number: int,
        start: date | None = None,
        end: date | None = None,
        per_page: int | None = None,
    ) -> ChatPage:
        """Page `number` (from 1) of the list of chats, id ascending. `start` and `end` are days of
        creation. `per_page`: how many chats are asked for, in place of the client's own number.

        Raises `KchatUnreachable`, `KchatRefused`, `KchatBusy`, `KchatBadAnswer`, and
        `KchatNotFound` where the account does not have this path.
        """
        size = per_page or self._per_page
        params = {"page": str(number), "per_page": str(size)}
        if start is not None:
            params["start"] = start.isoformat()
        if end is not None:
            params["end"] = end.isoformat()
        page = self._transport.get(
            self._chats_path,
            params,
            lambda answer: self._parser.parse_list_page(answer, number, size),
        )
        assert page is not None
        return page

    def chat(self, chat_id: int) -> FetchedChat | RejectedChat:
        """One whole chat.

        Raises `KchatNotFound` where Kchat has no such chat, or no longer has it, `KchatBadAnswer`
        where Kchat answered with another chat, and `KchatUnreachable`, `KchatRefused`, `KchatBusy`.
        """
        chat = self._transport.get(
            f"{self._chats_path.removesuffix('.json')}/{chat_id}.json",
            {},
            lambda answer: self._parser.parse_single_chat(answer, chat_id),
        )
        assert chat is not None
        return chat

    def understand(self, raw: str) -> FetchedChat | RejectedChat:
        """Parse the stored raw JSON of a chat with today's parser. Sends no request."""
        return self._parser.parse_chat(decode_text(raw))

    def agents(self) -> Mapping[str, str]:
        """The names of the users who may be a chat's agent, by id. Empty where Kchat does not show
        them.

        Raises `KchatUnreachable`, `KchatRefused` (for a 401 only), `KchatBusy`, `KchatBadAnswer`.
        """
        names: dict[str, str] = {}
        seen_ids: set[str] = set()
        for number in range(1, _MAX_AGENT_PAGES + 1):
            params = {
                "role": "admin,agent",
                "page": str(number),
                "per_page": str(self._per_page),
            }
            page = self._transport.get(
                _USERS_PATH,
                params,
                partial(parse_agents_page, number=number),
                none_statuses=_FORBIDDEN_OR_MISSING,
            )
            if page is None:
                _log.info("Kchat does not show the agents' names; ids are shown instead")
                return {}
            ids, page_names, last = page
            names.update(page_names)
            if last or ids <= seen_ids:
                return names
            seen_ids |= ids
        _log.warning("more than %d pages of agents; ids are shown for the rest", _MAX_AGENT_PAGES)
        return names

    def retries(self) -> int:
        """How many requests were repeated since the start."""
        return self._transport.retried

    def close(self) -> None:
        """Close the idle connections. The client may be used again."""
        self._transport.close()
