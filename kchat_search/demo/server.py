"""A Kchat server over real HTTP: the demo's source of chats and the tests' counterpart.

It speaks the documented API on 127.0.0.1 and nothing else. What it holds can be changed while it
runs (`put`, `delete`, a `Life`), and it can be told to fail (`fail_next`). The invariant: a chat
in the store is never changed in place, so an answer being written is never torn.
"""

from __future__ import annotations

import base64
import bisect
import copy
import hmac
import json
import socket
import struct
import sys
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Protocol, Self

from kchat_search.demo.answers import DEFAULT_PER_PAGE, Answer, Holdings, answer, failure
from kchat_search.demo.faults import Edit, Fault, Faults, Match

_KEPT_REQUESTS = 20_000
_STOP_SECONDS = 5.0
_LINGER = struct.pack("ii", 1, 0)
"""Linger on, for no seconds: close() sends RST instead of FIN."""


class ChangingChats(Protocol):
    """What makes things happen while the server runs (`conversations.Life`)."""

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
        life: ChangingChats | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.max_per_page = max_per_page
        self.omit = frozenset(omit)
        self.closing = threading.Event()
        self._life, self._clock, self._life_lock = life, clock, threading.Lock()
        self._logins = [f"{email}:{password}".encode(), f"{email}/token:{api_token}".encode()]
        self._lock = threading.Lock()
        self._chats: dict[int, dict[str, Any]] = {}
        self._ids: list[int] = []
        self._agents = copy.deepcopy(list(agents))
        self._faults = Faults()
        self._requests: deque[str] = deque(maxlen=_KEPT_REQUESTS)
        self._request_count = 0
        for chat in chats:
            self.put(chat)
        self._http = _Http(("127.0.0.1", port), self)
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
        self._thread.join(_STOP_SECONDS)
        self._http.end_connections()
        self._http.server_close()

    # What it holds

    def put(self, chat: Mapping[str, Any]) -> None:
        """Add a chat, or replace the one with its id."""
        own = copy.deepcopy(dict(chat))
        key = int(own["id"])
        with self._lock:
            if key not in self._chats:
                bisect.insort(self._ids, key)
            self._chats[key] = own

    def delete(self, chat_id: int) -> None:
        """Remove a chat; later chats move up in the lists. Raises KeyError if there is none."""
        with self._lock:
            del self._chats[chat_id]
            self._ids.remove(chat_id)

    def chats(self) -> list[dict[str, Any]]:
        """Deep copies of all chats, ascending by id."""
        with self._lock:
            held = [self._chats[key] for key in self._ids]
        return copy.deepcopy(held)

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
            body = _encode(body)
        elif isinstance(body, str):
            body = body.encode()
        fault = Fault(status, dict(headers or {}), body, edit, delay, truncate, reset)
        self._faults.add(fault, times, match)

    def clear_faults(self) -> None:
        """Forget every fault not yet served."""
        self._faults.clear()

    # For its handlers

    def begin(self, target: str) -> Fault | None:
        """Log a request, let life go on, and say which fault it gets."""
        with self._lock:
            self._requests.append(target)
            self._request_count += 1
        if self._life is not None:
            with self._life_lock:  # changes must arrive in order
                for chat in self._life.advance(self._clock()):
                    self.put(chat)
        return self._faults.take(target)

    def answer(self, method: str, target: str, authorization: str | None) -> Answer:
        """The true answer to a request."""
        if not self._allows(authorization):
            return failure(HTTPStatus.UNAUTHORIZED, "Unauthorized", "wrong e-mail or secret")
        if method != "GET":
            return failure(HTTPStatus.NOT_FOUND, "RecordNotFound", "no such address")
        with self._lock:
            held = [self._chats[key] for key in self._ids]
            agents = self._agents
        holdings = Holdings(held, self._chats.get, agents, self.url, self.max_per_page, self.omit)
        return answer(target, holdings)

    def _allows(self, authorization: str | None) -> bool:
        scheme, _, encoded = (authorization or "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            login = base64.b64decode(encoded.strip(), validate=True)
        except ValueError:
            return False
        return any(hmac.compare_digest(login, known) for known in self._logins)


class _Http(ThreadingHTTPServer):
    """Knows its connections, so that closing the server ends them all."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], demo: DemoServer) -> None:
        self.demo = demo
        self._open: dict[socket.socket, threading.Thread] = {}
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._open_lock:
                del self._open[request]

    def end_connections(self) -> None:
        with self._open_lock:
            still_open = dict(self._open)
        for connection in still_open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it ended by itself
        for thread in still_open.values():
            thread.join(_STOP_SECONDS)

    def shutdown_request(self, request: Any) -> None:
        # A FIN before the RST would look like a plain end to the client.
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_LINGER)) == _LINGER:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that hangs up is no event here; anything else is a bug and is shown.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "KchatDemo"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # one write an answer
    server: _Http

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_POST  # noqa: N815 - http.server's

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing: the log is `DemoServer.requests`."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A request that is not HTTP gets JSON too."""
        status = HTTPStatus(code)
        refusal = failure(status, status.phrase, message or explain or status.phrase)
        self.close_connection = True
        self._send(code, {}, _encode(refusal.body))

    def _serve(self, method: str) -> None:
        demo = self.server.demo
        if method != "GET":
            self.close_connection = True  # a body that nobody reads may follow
        fault = demo.begin(self.path) or Fault()
        if fault.delay and demo.closing.wait(fault.delay):
            self.close_connection = True
            return
        if fault.reset:
            self._reset()
            return
        status, headers, body = self._outcome(method, fault)
        self._send(status, headers, body, truncate=fault.truncate)

    def _outcome(self, method: str, fault: Fault) -> tuple[int, dict[str, str], bytes]:
        headers = dict(fault.headers)
        if fault.body is not None or fault.status is not None:
            status = fault.status or HTTPStatus.OK
            body = fault.body
            if body is None:
                body = _encode({"error": "Ordered", "message": f"a test asked for {status}"})
            return status, headers, body
        true = self.server.demo.answer(method, self.path, self.headers.get("Authorization"))
        if true.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Basic realm="Kchat"'
        json_body = true.body
        if fault.edit is not None and true.status == HTTPStatus.OK:
            json_body = fault.edit(copy.deepcopy(json_body))
        return true.status, headers, _encode(json_body)

    def _send(
        self, status: int, headers: Mapping[str, str], body: bytes, *, truncate: bool = False
    ) -> None:
        self.send_response(status)
        known = {name.lower() for name in headers}
        if "content-type" not in known:
            self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        if truncate:
            self.close_connection = True
            body = body[: len(body) // 2]
        elif self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)


def _encode(body: object) -> bytes:
    """JSON in ASCII: lone surrogates, which UTF-8 refuses, go through as escapes."""
    return json.dumps(body, separators=(",", ":")).encode("ascii")
