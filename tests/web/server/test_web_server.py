"""The server over real connections: whom it waits for, whom it lets go, and what it answers.

The server's time is the tests': it moves when they say so.
"""

from __future__ import annotations

import errno
import socket
import struct
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from kchat_search.web.http.guard import DEPENDS_ON, HEADERS
from kchat_search.web.server import Limits, WebServer
from kchat_search.web.server.listener import Listener
from tests.web.serving import (
    LIMITS,
    SECONDS,
    Answer,
    Clock,
    answers,
    ask,
    connected,
    exchange,
    rest,
    served,
)

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Application:
    """Answers with what it was asked, and waits where it is asked to."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.may_answer = threading.Event()
        self.closed = threading.Semaphore(0)
        self.made = 0
        self.calls = 0

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        self.calls += 1
        path, _, size = environ["PATH_INFO"].strip("/").partition("/")
        if path == "wait" or environ["PATH_INFO"] == "/login/wait":
            self.entered.release()
            assert self.may_answer.wait(SECONDS)
        if path == "fail":
            raise ZeroDivisionError
        start("200 OK", [("Content-Type", "text/plain")])
        if path == "stream":
            return self._stream(int(size))
        if path == "large":
            return [b"x" * int(size)]
        body = environ["wsgi.input"].read().decode()
        return [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {body}".encode()]

    def _stream(self, pieces: int) -> Iterator[bytes]:
        try:
            for number in range(pieces):
                if number == 1:
                    self.entered.release()
                    assert self.may_answer.wait(SECONDS)
                self.made += 1
                yield b"y" * 65_536
        finally:
            self.closed.release()


@pytest.fixture
def app() -> Iterator[Application]:
    application = Application()
    yield application
    application.may_answer.set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(app: Application, clock: Clock) -> Iterator[WebServer]:
    with served(app, clock=clock) as running:
        yield running


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def big(*lines: bytes) -> bytes:
    return b"\r\n".join((b"POST /a HTTP/1.1", *lines, b"", b""))


def first_answer(answer: bytes) -> Answer:
    """The answer that begins these bytes."""
    left, right = socket.socketpair()
    with left, right:
        left.sendall(answer)
        left.shutdown(socket.SHUT_WR)
        return answers(right, "GET")[0]


# -- requests that do not come to their end ---------------------------------------------------


@pytest.mark.parametrize("count", [99, 300])
@pytest.mark.parametrize(
    "part", [b"", b"GET / HT", GET[:-2], big(b"Host: a", b"Content-Length: 9") + b"12"]
)
def test_requests_that_are_half_sent_hold_up_nobody(
    server: WebServer, count: int, part: bytes
) -> None:
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(connected(server.port, part))
        for _ in range(5):
            assert ask(server.port, "/a").status == 200


@pytest.mark.slow
def test_a_request_has_a_deadline_however_its_bytes_come(server: WebServer, clock: Clock) -> None:
    with connected(server.port, b"G") as client:
        client.settimeout(0.02)
        answer, sent = b"", 0
        while not answer:
            assert sent < 5_000
            clock.now += 0.1
            sent += 1
            try:
                client.sendall(b"a")
                answer = client.recv(65_536)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert sent >= 100


@pytest.mark.parametrize(
    ("sent", "seconds", "status"),
    [
        (b"", 10, None),
        (b"\r\n\r\n", 10, None),
        (b"G", 10, 408),
        (GET[:-1], 10, 408),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n12345678", 10, 408),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", 10, 408),
    ],
)
def test_each_wait_for_a_client_has_its_end(
    server: WebServer, clock: Clock, sent: bytes, seconds: float, status: int | None
) -> None:
    with connected(server.port, sent) as client:
        assert ask(server.port, "/a").status == 200  # what was sent before is read by now
        clock.now += seconds - 0.5
        assert ask(server.port, "/a").status == 200
        client.settimeout(0.15)  # three looks at the clock
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(SECONDS)
        clock.now += 1
        answer = rest_after(client, clock)
        assert (first_answer(answer).status if answer else None) == status


def rest_after(client: socket.socket, clock: Clock) -> bytes:
    """What comes until the end, while the server's time goes on."""
    client.settimeout(0.1)
    found = b""
    for _ in range(SECONDS * 10):
        try:
            part = client.recv(65_536)
        except TimeoutError:
            clock.now += 1
            continue
        found += part
        if not part:
            return found
    raise AssertionError(found)


def test_a_connection_waits_longer_for_the_next_request(server: WebServer, clock: Clock) -> None:
    with connected(server.port, GET) as client:
        assert answers(client, "GET")[0].status == 200
        clock.now += 50
        assert ask(server.port, "/a").status == 200
        client.sendall(GET)
        assert answers(client, "GET")[0].status == 200
        assert ask(server.port, "/a").status == 200
        clock.now += 61
        assert rest_after(client, clock) == b""


def is_closed(client: socket.socket) -> bool:
    """Does the server close this connection? Where it has not read all, the system says so in
    another way."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


# -- many connections -------------------------------------------------------------------------


def test_the_oldest_that_waits_makes_room_and_never_one_that_is_answered(
    app: Application,
) -> None:
    with served(app, replace(LIMITS, connections=4)) as server, ExitStack() as stack:

        def connect(*parts: bytes) -> socket.socket:
            return stack.enter_context(connected(server.port, *parts))

        busy = connect(get("/wait"))
        assert app.entered.acquire(timeout=SECONDS)
        idle = [connect() for _ in range(3)]
        for client in idle:
            new = connect(GET)
            assert answers(new, "GET")[0].status == 200
            assert is_closed(client)
        app.may_answer.set()
        assert answers(busy, "GET")[0].body == b"GET /wait "


def test_where_all_are_answered_the_next_one_waits(app: Application) -> None:
    with served(app, replace(LIMITS, connections=2)) as server, ExitStack() as stack:
        busy = [stack.enter_context(connected(server.port, get("/wait"))) for _ in range(2)]
        for _ in busy:
            assert app.entered.acquire(timeout=SECONDS)
        late = stack.enter_context(connected(server.port, GET))
        late.settimeout(0.15)
        with pytest.raises(TimeoutError):
            late.recv(1)
        late.settimeout(SECONDS)
        app.may_answer.set()
        assert [answers(each, "GET")[0].status for each in (*busy, late)] == [200, 200, 200]


def test_without_files_for_more_connections_those_that_wait_make_room(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tried = Listener.accept, []

    def accept(listener: Listener) -> Any:
        tried.append(1)
        if len(tried) in (3, 4, 5):
            raise OSError(errno.EMFILE, "Too many open files")
        return real(listener)

    with served(app) as server, connected(server.port, b"G") as old:
        assert ask(server.port, "/a").status == 200
        monkeypatch.setattr(Listener, "accept", accept)
        for _ in range(3):
            assert ask(server.port, "/a").status == 200
        assert is_closed(old)
        assert len(tried) < 20, "it does not ask again and again"


def test_without_files_and_without_room_nothing_is_accepted_for_a_moment(
    app: Application, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(app, clock=clock) as server:
        assert not server.make_room()
        assert not server.has_room
        clock.now += LIMITS.tick_seconds
        assert server.has_room


def test_where_all_are_answered_a_slow_reader_makes_room(app: Application, clock: Clock) -> None:
    with served(app, replace(LIMITS, connections=3), clock) as server, ExitStack() as stack:
        busy = stack.enter_context(connected(server.port, get("/wait")))
        assert app.entered.acquire(timeout=SECONDS)
        slow = [
            stack.enter_context(connected(server.port, get("/large/9000000"))) for _ in range(2)
        ]
        for each in slow:
            assert each.recv(1) == b"H"
        clock.now += 1
        late = stack.enter_context(connected(server.port, GET))
        late.settimeout(0.15)
        with pytest.raises(TimeoutError):
            late.recv(1)
        late.settimeout(SECONDS)
        clock.now += 5
        assert answers(late, "GET")[0].status == 200
        app.may_answer.set()
        assert answers(busy, "GET")[0].status == 200
        assert sorted(len(rest_now(each)) > 9_000_000 for each in slow) == [False, True]


# -- bodies -----------------------------------------------------------------------------------


@pytest.fixture
def no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a file was made")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)


@pytest.mark.parametrize(
    "sent",
    [
        big(b"Host: localhost", b"Content-Length: 400000000"),
        big(b"Host: localhost", b"Content-Length: 400000000", b"Expect: 100-continue"),
        big(b"Host: evil.example", b"Content-Length: 400000000"),
        big(b"Host: localhost", b"Content-Length: 33000", b"Content-Type: text/plain"),
        big(b"Host: localhost", b"Transfer-Encoding: chunked") + b"400\r\n" + b"a" * 1024
        + (b"\r\n400\r\n" + b"a" * 1024) * 32,
    ],
)  # fmt: skip
def test_a_large_body_is_refused_before_it_comes(
    server: WebServer, app: Application, no_files: None, sent: bytes
) -> None:
    with connected(server.port, sent) as client:
        assert answers(client, "POST")[0].status == 413
        assert app.calls == 0


def test_a_client_that_goes_on_sending_sees_the_refusal(
    server: WebServer, app: Application, no_files: None
) -> None:
    body = b"a" * 20_000_000
    assert ask(server.port, "/a", "POST", body=body).status == 413
    assert ask(server.port, "/a", "POST", body=iter([body[:33_000]] * 100)).status == 413
    assert app.calls == 0


def test_the_body_of_a_form_arrives(server: WebServer) -> None:
    assert ask(server.port, "/a", "POST", body=b"b" * 32_768).body == b"POST /a " + b"b" * 32_768
    assert ask(server.port, "/a", "POST", body=iter([b"b", b"c"])).body == b"POST /a bc"


def test_a_client_that_asks_is_told_to_send_the_body(server: WebServer) -> None:
    start = big(b"Host: localhost", b"Content-Length: 3", b"Expect: 100-continue")
    with connected(server.port, start) as client:
        assert client.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        assert answers(client, "POST")[0].body == b"POST /a abc"


# -- one connection, several requests ---------------------------------------------------------


def test_one_connection_answers_requests_in_their_order(server: WebServer) -> None:
    with connected(server.port, get("/a"), b"\r\n" + get("/b") + get("/c")[:9]) as client:
        assert [each.body for each in answers(client, "GET", "GET")] == [b"GET /a ", b"GET /b "]
        client.sendall(get("/c")[9:])
        assert answers(client, "GET")[0].body == b"GET /c "


def test_a_client_may_send_only_so_many_requests_ahead(server: WebServer, app: Application) -> None:
    count = LIMITS.pipelined
    with connected(server.port, GET * 100) as client:
        found = answers(client, *["GET"] * count)
        assert [each.headers["Connection"] for each in found] == [None] * (count - 1) + ["close"]
        assert rest(client) == b""
    assert app.calls == count
    with connected(server.port, GET * count) as client:
        assert len(answers(client, *["GET"] * count)) == count
        client.sendall(GET)
        assert answers(client, "GET")[0].status == 200


def test_a_refusal_comes_after_the_answers_before_it(server: WebServer) -> None:
    with connected(server.port, get("/a") + b"nonsense\r\n\r\n" + get("/b")) as client:
        assert [each.status for each in answers(client, "GET", "GET")] == [200, 400]
        assert rest(client) == b""


# -- what the server itself answers -----------------------------------------------------------

OWN = {
    400: b"nonsense\r\n\r\n",
    413: big(b"Host: localhost", b"Content-Length: 33000"),
    431: b"GET /" + b"a" * 40_000,
    500: get("/fail"),
    501: big(b"Host: localhost", b"Transfer-Encoding: gzip"),
    505: b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n",
    408: b"GET / HTTP/1.1\r\n",
}


@pytest.mark.parametrize("status", OWN)
def test_every_answer_of_the_server_itself_has_the_headers_of_all_answers(
    server: WebServer, clock: Clock, status: int
) -> None:
    with connected(server.port, OWN[status]) as client:
        found = first_answer(rest_after(client, clock))
    assert found.status == status
    for name, value in HEADERS.items():
        assert found.headers[name] == value
    assert found.headers["Cache-Control"] == "private, no-store"
    assert found.headers["Vary"] == ", ".join(DEPENDS_ON)
    assert found.headers["Connection"] == "close"
    assert found.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert found.headers["Server"] is None
    assert b"waitress" not in found.body
    assert found.body.startswith(str(status).encode())


def test_a_refusal_speaks_the_language_and_the_form_of_the_address(server: WebServer) -> None:
    def post(path: str, **headers: str) -> Answer:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(server.port, path, "POST", body=b"a" * 33_000, headers=headers)

    assert "正文太大" in post("/search").body.decode()
    assert "too large" in post("/search", Cookie="a=b; lang=en").body.decode()
    problem = post("/api/v1/search")
    assert problem.headers["Content-Type"] == "application/problem+json"
    assert b'"type":"urn:kchat-search:problem:body-too-large"' in problem.body
    assert b"too large" in problem.body
    assert "正文太大" in post("/api/v1/search", Accept_Language="zh-CN,en;q=0.5").body.decode()


def test_an_address_that_is_not_encoded_is_told_how(server: WebServer) -> None:
    answer = first_answer(exchange(server.port, get("/api/v1/search?q=退款")))
    assert answer.status == 400
    assert b"percent-encoded" in answer.body


@pytest.mark.parametrize("path", ["/a", "/large/100", "/stream/1", "/fail", "/wait"])
def test_head_has_no_body(server: WebServer, app: Application, path: str) -> None:
    app.may_answer.set()
    head, end = b"HEAD" + get(path)[3:], b"Connection: close\r\n\r\n"
    found = exchange(server.port, head[:-2] + end)
    assert found.endswith(b"\r\n\r\n")
    assert found.count(b"\r\n\r\n") == 1


def test_head_with_a_large_body_has_no_body(server: WebServer) -> None:
    found = exchange(server.port, b"HEAD" + OWN[413][4:])
    assert found.startswith(b"HTTP/1.1 413 ")
    assert found.endswith(b"\r\n\r\n")


# -- clients that are gone --------------------------------------------------------------------


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
def test_what_nobody_waits_for_any_more_is_not_made(
    app: Application, clock: Clock, reset: bool
) -> None:
    with served(app, replace(LIMITS, threads=1), clock) as server:
        with connected(server.port, get("/wait")) as first, ExitStack() as stack:
            assert app.entered.acquire(timeout=SECONDS)
            for _ in range(50):
                gone = stack.enter_context(connected(server.port, get("/a")))
                if reset:
                    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            wait_for_queue(server, 50)
            stack.close()
            clock.now += 0 if reset else 3
            app.may_answer.set()
            assert answers(first, "GET")[0].status == 200
        assert ask(server.port, "/a").status == 200
        assert app.calls == 2


def log_in(path: str = "/login/wait") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode()


def test_log_ins_leave_threads_for_all_others(app: Application) -> None:
    """The application answers `/login/wait` when it may, as it does `/wait`."""
    threads = replace(LIMITS, threads=3, log_ins=2)
    with served(app, threads) as server, ExitStack() as stack:
        waiting = [stack.enter_context(connected(server.port, log_in())) for _ in range(9)]
        for _ in range(2):
            assert app.entered.acquire(timeout=SECONDS)
        for _ in range(3):
            assert ask(server.port, "/a").status == 200
        assert not app.entered.acquire(blocking=False)
        app.may_answer.set()
        assert [answers(one, "POST")[0].status for one in waiting] == [200] * 9
        assert ask(server.port, "/a").status == 200


def test_a_server_that_stops_drops_the_log_ins_that_wait(app: Application) -> None:
    with served(app, replace(LIMITS, threads=3, log_ins=1)) as server, ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(connected(server.port, log_in()))
        assert app.entered.acquire(timeout=SECONDS)
        app.may_answer.set()


def test_a_client_may_close_its_own_side_and_wait(app: Application, clock: Clock) -> None:
    with served(app, replace(LIMITS, threads=1), clock) as server, ExitStack() as stack:
        stack.enter_context(connected(server.port, get("/wait")))
        assert app.entered.acquire(timeout=SECONDS)
        half = stack.enter_context(connected(server.port, get("/a")))
        half.shutdown(socket.SHUT_WR)
        wait_for_queue(server, 1)
        clock.now += 1
        app.may_answer.set()
        assert answers(half, "GET")[0].body == b"GET /a "


def wait_for_queue(server: WebServer, length: int) -> None:
    """Wait until so many requests wait for a thread."""
    end = monotonic() + SECONDS
    while len(server.dispatcher.queue) < length:
        assert monotonic() < end
        threading.Event().wait(0.01)


# -- clients that read slowly -----------------------------------------------------------------


def test_an_answer_that_nobody_reads_occupies_no_thread(app: Application) -> None:
    with served(app, replace(LIMITS, threads=1)) as server, ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(connected(server.port, get("/large/5000000")))
        assert ask(server.port, "/a").status == 200


def test_requests_sent_ahead_of_answers_that_nobody_reads_occupy_no_thread(
    app: Application,
) -> None:
    with served(app, replace(LIMITS, threads=1)) as server, ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(connected(server.port, get("/large/5000000") * 5))
        assert ask(server.port, "/a").status == 200
        assert app.calls == 4, "the next one is asked for when the first is read"


def test_who_does_not_read_is_cut_off_and_its_thread_is_free(
    server: WebServer, app: Application, clock: Clock
) -> None:
    app.may_answer.set()
    with connected(server.port, get("/stream/10000")) as slow:
        assert app.entered.acquire(timeout=SECONDS)
        wait_until_full(app)
        clock.now += 19
        assert ask(server.port, "/a").status == 200
        assert not app.closed.acquire(blocking=False)
        clock.now += 2
        assert app.closed.acquire(timeout=SECONDS)
        assert app.made * 65_536 < 20_000_000
        del slow


def wait_until_full(app: Application) -> None:
    """Wait until no more is made, because the client does not read."""
    before = -1
    while app.made != before:
        before = app.made
        threading.Event().wait(0.2)


def test_who_reads_is_not_cut_off_however_long_we_take(clock: Clock) -> None:
    read = threading.Semaphore(0)

    def application(environ: WSGIEnvironment, start: StartResponse) -> Iterator[bytes]:
        start("200 OK", [])
        for _ in range(100):
            yield b"x" * 1_000
            assert read.acquire(timeout=SECONDS)
            clock.now += 36

    with served(application, clock=clock) as server, connected(server.port, GET) as client:
        found = b""
        while not found.endswith(b"0\r\n\r\n"):
            part = client.recv(65_536)
            assert part, "it was cut off"
            found += part
            for _ in range(part.count(b"x" * 1_000)):
                read.release()
    assert found.count(b"x") == 100_000


@pytest.mark.slow
def test_what_all_clients_have_not_read_is_bounded(app: Application, clock: Clock) -> None:
    limits = replace(LIMITS, owed_bytes=20_000_000)
    owed: list[int] = []
    running: list[WebServer] = []

    def application(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        owed.append(running[0]._owed())
        return app(environ, start)

    with served(application, limits, clock) as server, ExitStack() as stack:
        running.append(server)
        slow = [
            stack.enter_context(connected(server.port, get("/large/4000000"))) for _ in range(40)
        ]
        for each in slow:
            with suppress(ConnectionResetError):  # it is cut off already
                each.recv(1)
        clock.now += 1
        for _ in range(5):
            assert len(ask(server.port, "/large/4000000").body) == 4_000_000
        assert sum(len(rest_now(each)) < 4_000_000 for each in slow) >= 30
    assert max(owed) <= limits.owed_bytes + limits.threads * 4_000_000


def rest_now(client: socket.socket) -> bytes:
    """What comes until the end, or until nothing more comes."""
    found = bytearray()
    client.settimeout(0.2)
    try:
        while part := client.recv(1_000_000):
            found += part
    except (TimeoutError, ConnectionResetError):
        pass
    return bytes(found)


def test_limits_are_what_the_documents_say() -> None:
    limits = Limits()
    assert (limits.request_seconds, limits.head_bytes, limits.body_bytes) == (10, 32_768, 32_768)
    assert (limits.connections, limits.reader_bytes_per_second) == (1_000, 65_536)
