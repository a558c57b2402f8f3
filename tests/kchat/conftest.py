"""A scripted Kchat server over a real socket, and a clock that moves only in `sleep`."""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest

from kchat_search.kchat.client import KchatClient
from kchat_search.kchat.parse import ChatParser

USER = "li@example.com/token"
SECRET = "pä55/w:ört&密"


@dataclass
class Answer:
    """What the server answers to one request. `act`, if given, writes to the socket itself."""

    status: int = 200
    body: bytes = b'{"chats": []}'
    headers: dict[str, str] = field(default_factory=dict)
    act: Callable[[Handler], None] | None = None

    @classmethod
    def of(cls, value: object, status: int = 200, **headers: str) -> Answer:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(status, json.dumps(value).encode(), named)


@dataclass(frozen=True)
class Request:
    path: str
    params: dict[str, str]
    headers: dict[str, str]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedKchat

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.take(Request(parts.path, dict(parse_qsl(parts.query)), headers))
        if answer.act is not None:
            self.close_connection = True
            answer.act(self)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
        """Silent: the tests read `requests`."""


class ScriptedKchat(ThreadingHTTPServer):
    """Gives the scripted answers in order, and repeats the last one."""

    daemon_threads = False
    block_on_close = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[Request] = []
        self.answers: deque[Answer] = deque([Answer()])
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._sockets.append(connection)
        return connection, address

    def hang_up(self) -> None:
        """Close every connection, so that no handler waits for a client that keeps its
        connection."""
        self.stopping.set()
        for connection in self._sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def say(self, *answers: Answer) -> None:
        self.answers = deque(answers)

    def take(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            return self.answers.popleft() if len(self.answers) > 1 else self.answers[0]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silent: in some tests the client closes the connection."""


class Time:
    """A clock that moves only in `sleep`. It records every sleep, in seconds."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.start = datetime(2026, 1, 1, tzinfo=UTC)
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)

    def clock(self) -> float:
        with self._lock:
            return sum(self.slept)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.clock())


def serve() -> Iterator[ScriptedKchat]:
    server = ScriptedKchat()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.hang_up()
    server.server_close()


@pytest.fixture
def other_server() -> Iterator[ScriptedKchat]:
    yield from serve()


@pytest.fixture
def time() -> Time:
    return Time()


MakeClient = Callable[..., KchatClient]


@pytest.fixture
def kchat() -> Iterator[ScriptedKchat]:
    yield from serve()


@pytest.fixture
def make(kchat: ScriptedKchat, time: Time) -> Iterator[MakeClient]:
    """Makes clients of `kchat` that wait in `time`. Jitter is always at its upper end."""
    clients: list[KchatClient] = []

    def build(**changes: Any) -> KchatClient:
        arguments: dict[str, Any] = {
            "base_url": kchat.url,
            "user": USER,
            "secret": SECRET,
            "parser": ChatParser(ZoneInfo("Asia/Shanghai")),
            "timeout": 10.0,
            "retries": 2,
            "sleep": time.sleep,
            "clock": time.clock,
            "now": time.now,
            "random": lambda: 1.0,
        }
        client = KchatClient(**(arguments | changes))
        clients.append(client)
        return client

    yield build
    for client in clients:
        client.close()


@pytest.fixture
def client(make: MakeClient) -> KchatClient:
    return make()
