"""A Kchat server over real HTTP: where the demo's chats come from, and what the tests run against.

It serves the documented API on 127.0.0.1 only. Its chats can change while it runs (`put`, `delete`,
`happen`, a `Timeline`). It can fail on command (`fail_next`), and be put under lasting conditions
(`switch_on`, or `control_api` over HTTP).

Invariant: a chat in the store is never changed in place, neither by events nor by conditions. So an
answer is always consistent.
"""

from __future__ import annotations

import base64
import copy
import hmac
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Protocol, Self

from kchat_search.demo import control_api, events
from kchat_search.demo.active_conditions import ActiveConditions
from kchat_search.demo.api import (
    DEFAULT_PER_PAGE,
    Answer,
    ApiBehaviour,
    ServerData,
    answer,
    failure,
    unfiltered_page,
)
from kchat_search.demo.faults import Edit, Fault, Faults, Match
from kchat_search.demo.http_server import STOP_SECONDS, HttpServer, encode
from kchat_search.demo.store import Store

_KEPT_REQUESTS = 20_000
"""How many of the latest requests the log keeps."""


class ChangingChats(Protocol):
    """A source of changes while the server runs, such as `conversations.Timeline`."""

    def advance(self, now: datetime) -> Iterable[dict[str, Any]]:
        """The chats that are new or changed since the last call, as they are at `now` (aware)."""
        ...


def utc_now() -> datetime:
    """The default clock of a server."""
    return datetime.now(UTC)


class DemoServer:
    """A Kchat server. Use it as a context manager, or call `close` at the end.

    - `chats` and `agents` are raw, as in `chats.json` and `users.json`.
    - `email`, `password` and `api_token` are the only account. Both forms of basic auth are
      accepted: `email:password` and `email/token:api_token`.
    - `port`: 0 takes any free port.
    - `max_per_page` limits `per_page`.
    - `omit` names what lists leave out: `messages`, `count`, `next_page`, `previous_page`.
    - `timeline` is advanced to `clock()` at each request.
    """

    def __init__(
        self,
        chats: Iterable[dict[str, Any]],
        agents: Iterable[dict[str, Any]],
        *,
        email: str,
        password: str,
        api_token: str,
        port: int = 0,
        max_per_page: int = DEFAULT_PER_PAGE,
        omit: Collection[str] = (),
        timeline: ChangingChats | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.max_per_page = max_per_page
        self.omit = frozenset(omit)
        self.closing = threading.Event()
        self._timeline, self._clock, self._timeline_lock = timeline, clock, threading.Lock()
        self._logins = [f"{email}:{password}".encode(), f"{email}/token:{api_token}".encode()]
        self._lock = threading.Lock()
        self._store = Store()
        self._agents = copy.deepcopy(list(agents))
        self._faults, self._active_conditions = Faults(), ActiveConditions()
        self._requests: deque[str] = deque(maxlen=_KEPT_REQUESTS)
        self._request_count = 0
        for chat in chats:
            self.put(chat)
        self._http = HttpServer(("127.0.0.1", port), self)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, end every connection, and wait for their threads. May be called twice."""
        if self.closing.is_set():
            return
        self.closing.set()
        self._http.shutdown()
        self._thread.join(STOP_SECONDS)
        self._http.end_connections()
        self._http.server_close()

    # The chats

    def put(self, chat: Mapping[str, Any]) -> None:
        """Add a chat, or replace the chat with its id."""
        self._store.put(chat)

    def delete(self, chat_id: int) -> None:
        """Remove a chat. Later chats move up in the lists. Raises KeyError if there is none with
        this id."""
        self._store.delete(chat_id)

    def happen(self, event: str, chat_id: int | None = None) -> int:
        """Let an event happen to a chat: to `chat_id`, or for None to one that the event suits.
        Answers its id.

        Events are `grows`, `closes`, `reopens`, `is_rated`, `is_recalled`, `is_edited`,
        `is_deleted` and `is_new`. They happen at the time of the server's clock. Each event suits
        some chats best (an open chat grows, a closed chat is rated), and of those the newest is
        chosen. From then on the timeline no longer changes the chat.

        Raises ValueError for an unknown event and for one that does not suit. Raises KeyError if
        there is no chat `chat_id`.
        """
        self._advance_timeline()
        return events.happen(self._store, event, chat_id, self._clock())

    def chats(self) -> list[dict[str, Any]]:
        """Deep copies of all chats, ascending by id, without the effect of conditions."""
        return copy.deepcopy(list(self._store.chats()))

    def shown(self) -> list[dict[str, Any]]:
        """All chats as their single answers would show them now, ascending by id.

        Under the condition `malformed`, some may not be objects or may have no id.
        """
        self._advance_timeline()
        with self._store.lock:
            show = self._behaviour().show
            return copy.deepcopy([show(chat) for chat in self._store.chats()])

    def set_agents(self, agents: Iterable[dict[str, Any]]) -> None:
        """Replace the list of agents."""
        own = copy.deepcopy(list(agents))
        with self._lock:
            self._agents = own

    # The requests

    @property
    def requests(self) -> tuple[str, ...]:
        """Path and query of the requests so far (the latest 20,000), in order of arrival."""
        with self._lock:
            return tuple(self._requests)

    @property
    def request_count(self) -> int:
        """How many requests arrived so far, including refused and failed ones."""
        with self._lock:
            return self._request_count

    def forget_requests(self) -> None:
        """Clear the log and the count."""
        with self._lock:
            self._requests.clear()
            self._request_count = 0

    # Faults

    def fail_next(
        self,
        status: int | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: str | bytes | dict[str, Any] | None = None,
        times: int = 1,
        match: Match | None = None,
        delay: float = 0.0,
        truncate: bool = False,
        reset: bool = False,
        edit: Edit | None = None,
    ) -> None:
        """Let the next `times` requests that `match` (None: any request) go wrong. `match` gets
        path and query.

        `status` and `body` are sent without a check of the login. `edit` changes the JSON of the
        correct answer. `delay` is in seconds. See `faults.Fault`, and there `without_messages`,
        `without` and `with_next_page` for edits.
        """
        if isinstance(body, dict):
            body = encode(body)
        elif isinstance(body, str):
            body = body.encode()
        fault = Fault(status, dict(headers or {}), body, edit, delay, truncate, reset)
        self._faults.add(fault, times, match)

    def clear_faults(self) -> None:
        """Forget all faults that were not served yet."""
        self._faults.clear()

    # Conditions

    def switch_on(self, name: str, **options: Any) -> None:
        """Put the server under a condition of `conditions.CONDITIONS` until it is switched off.

        Options that are not given have their defaults. A condition that is on already is restarted.
        Raises ValueError for an unknown name or option (the text lists those that exist) and for an
        invalid value.
        """
        self._active_conditions.switch_on(name, options)

    def switch_off(self, name: str | None = None) -> None:
        """End a condition if it is on, or all for None. Raises ValueError for an unknown name."""
        self._active_conditions.switch_off(name)

    def conditions(self) -> dict[str, dict[str, Any]]:
        """The conditions that are on now, with all their options."""
        return self._active_conditions.conditions()

    # For `HttpServer`

    def begin(self, target: str) -> Fault:
        """Log a request, advance the timeline, and answer what goes wrong with the request."""
        with self._lock:
            self._requests.append(target)
            self._request_count += 1
        self._advance_timeline()
        of_conditions = self._active_conditions.fault(target, self._clock())
        commanded = self._faults.take(target)
        if commanded is None:
            return of_conditions
        return replace(commanded, delay=commanded.delay + of_conditions.delay)

    def answer(self, method: str, target: str, authorization: str | None) -> Answer:
        """The correct answer to a request."""
        if not self._allows(authorization):
            return _refused()
        if method != "GET":
            return failure(HTTPStatus.NOT_FOUND, "RecordNotFound", "no such address")
        page = unfiltered_page(target)
        for happens in self._active_conditions.between(page) if page is not None else ():
            happens(self._store, self._clock())
        with self._lock:
            agents = self._agents
        chats, behaviour = self._store.chats(), self._behaviour()
        return answer(target, ServerData(chats, self._store.get, agents, self.url, behaviour))

    def control(self, method: str, target: str, authorization: str | None, body: bytes) -> Answer:
        """The answer to a request to the demo's own addresses."""
        if not self._allows(authorization):
            return _refused()
        return control_api.answer(self, method, target, body)

    def _behaviour(self) -> ApiBehaviour:
        usual = ApiBehaviour(self.max_per_page, self.omit)
        return self._active_conditions.behaviour(usual, self._store.first_id())

    def _advance_timeline(self) -> None:
        if self._timeline is None:
            return
        with self._timeline_lock:  # changes must arrive in order
            for chat in self._timeline.advance(self._clock()):
                self._store.put_from_timeline(chat)

    def _allows(self, authorization: str | None) -> bool:
        scheme, _, encoded = (authorization or "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            login = base64.b64decode(encoded.strip(), validate=True)
        except ValueError:
            return False
        return any(hmac.compare_digest(login, known) for known in self._logins)


def _refused() -> Answer:
    return failure(HTTPStatus.UNAUTHORIZED, "Unauthorized", "wrong e-mail or secret")
