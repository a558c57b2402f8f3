"""A Kchat server over real HTTP: the demo's source of chats and the tests' counterpart.

It speaks the documented API on 127.0.0.1 and nothing else. What it holds can be changed while it
runs (`put`, `delete`, `happen`, a `Timeline`), it can be told to fail once (`fail_next`) and put
under conditions that last (`switch_on`, or `control_api`). The invariant: a chat in the store is
never changed in place, neither by events nor by conditions, so an answer is never torn.
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


class ChangingChats(Protocol):
    """What makes things happen while the server runs (`conversations.Timeline`)."""

    def advance(self, now: datetime) -> Iterable[dict[str, Any]]:
        """Chats that are new or changed since the last call, as they are at `now` (aware)."""
        ...


def utc_now() -> datetime:
    """The clock of a server that is given no other."""
    return datetime.now(UTC)


class DemoServer:
    """A Kchat server. Use it as a context manager, or call `close` at the end.

    `chats` and `agents` are raw, as in `chats.json` and `users.json`. Both forms of basic auth
    are accepted: `email:password` and `email/token:api_token`. `max_per_page` caps `per_page`.
    `omit` names what lists leave out: `messages`, `count`, `next_page`, `previous_page`.
    `life` is advanced to `clock()` at each request. Port 0 takes any free port.
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
        """Stop listening, end every connection, wait for their threads. May be called twice."""
        if self.closing.is_set():
            return
        self.closing.set()
        self._http.shutdown()
        self._thread.join(STOP_SECONDS)
        self._http.end_connections()
        self._http.server_close()

    # What it holds

    def put(self, chat: Mapping[str, Any]) -> None:
        """Add a chat, or replace the one with its id."""
        self._store.put(chat)

    def delete(self, chat_id: int) -> None:
        """Remove a chat; later chats move up in the lists. Raises KeyError if there is none."""
        self._store.delete(chat_id)

    def happen(self, event: str, chat_id: int | None = None) -> int:
        """Let something happen to a chat: one that it suits, or the one named. Returns its id.

        Events are `grows`, `closes`, `reopens`, `is_rated`, `is_recalled`, `is_edited`,
        `is_deleted` and `is_new`; they happen at the server's clock. Of the chats that an event
        suits best (an open one grows, a closed one is rated) it is the newest. From then on
        `life` leaves the chat alone. Raises ValueError for an unknown event and where the event
        does not suit, KeyError where there is no chat `chat_id`.
        """
        self._advance_timeline()
        return events.happen(self._store, event, chat_id, self._clock())

    def chats(self) -> list[dict[str, Any]]:
        """Deep copies of all chats, ascending by id, whatever the conditions."""
        return copy.deepcopy(list(self._store.chats()))

    def shown(self) -> list[dict[str, Any]]:
        """All chats as their single answers would show them now, ascending by id.

        Under the condition `malformed` not every one need be an object, or have an id.
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

    # What was asked of it

    @property
    def requests(self) -> tuple[str, ...]:
        """Path and query of the requests so far (the latest 20,000), in order of arrival."""
        with self._lock:
            return tuple(self._requests)

    @property
    def request_count(self) -> int:
        """How many requests came so far, refused and failed ones too."""
        with self._lock:
            return self._request_count

    def forget_requests(self) -> None:
        """Begin the log and the count anew."""
        with self._lock:
            self._requests.clear()
            self._request_count = 0

    # What goes wrong

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
        """Let the next `times` requests that `match` (given path and query) go wrong.

        With `status` or `body` that is sent, before any check of the login; with `edit` the
        true answer's JSON is changed. `delay` is in seconds. See `faults.Fault`, and there
        `without_messages`, `without` and `with_next_page` for edits.
        """
        if isinstance(body, dict):
            body = encode(body)
        elif isinstance(body, str):
            body = body.encode()
        fault = Fault(status, dict(headers or {}), body, edit, delay, truncate, reset)
        self._faults.add(fault, times, match)

    def clear_faults(self) -> None:
        """Forget every fault not yet served."""
        self._faults.clear()

    # Under which conditions

    def switch_on(self, name: str, **options: Any) -> None:
        """Put the server under a condition of `conditions.CONDITIONS` until it is switched off.

        Options not given have their defaults; one that is on already begins anew. Raises
        ValueError for a name or an option that there is not (it lists those there are) and for a
        value that can't be.
        """
        self._active_conditions.switch_on(name, options)

    def switch_off(self, name: str | None = None) -> None:
        """End a condition, if it is on; without a name all. Raises ValueError for no name."""
        self._active_conditions.switch_off(name)

    def conditions(self) -> dict[str, dict[str, Any]]:
        """What is on now, with all its options."""
        return self._active_conditions.conditions()

    # For its handlers

    def begin(self, target: str) -> Fault:
        """Log a request, advance the timeline, and say what goes wrong with it."""
        with self._lock:
            self._requests.append(target)
            self._request_count += 1
        self._advance_timeline()
        standing = self._active_conditions.fault(target, self._clock())
        ordered = self._faults.take(target)
        if ordered is None:
            return standing
        return replace(ordered, delay=ordered.delay + standing.delay)

    def answer(self, method: str, target: str, authorization: str | None) -> Answer:
        """The true answer to a request."""
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
