"""Exports over HTTP: how they are sent, how many at once, and how they break."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import waitress
from flask import Flask
from flask.testing import FlaskClient
from pydantic import TypeAdapter
from werkzeug.test import TestResponse

from kchat_search.cli import web_server
from kchat_search.errors import ArchiveError, IndexDamaged
from kchat_search.models.chats import Chat
from kchat_search.models.search import SearchRequest
from kchat_search.serialization import schemas
from kchat_search.web.api.export_response import AT_ONCE
from tests.serialization.export_files import lines, rows
from tests.web.builders import chat, message
from tests.web.fake_service import FakeService


def get(client: FlaskClient, query: str) -> TestResponse:
    response = client.get(f"/api/v1/export?{query}", buffered=True)
    assert response.status_code == 200, response.text
    return response


def test_each_line_is_what_the_chat_answers_by_itself(
    client: FlaskClient, service: FakeService
) -> None:
    service.sent = {"id": 1, "text": "\u2028\x85\x00\ud83d", "odd": float("nan")}
    exported = lines(get(client, "q=包裹").data)
    assert len(exported) == 60
    for line in exported:
        TypeAdapter(schemas.ChatJson).validate_python(line, extra="forbid")
        number = line["links"]["self"].rsplit("/", 1)[1]
        assert line == client.get(f"/api/v1/chats/{number}").get_json()
    created = [line["messages"][0]["created_at"] for line in exported]
    assert created == sorted(created)


def test_nothing_found_is_an_empty_file_with_its_header(client: FlaskClient) -> None:
    assert get(client, "q=nowhere").data == b""
    response = get(client, "q=nowhere&format=csv")
    assert rows(response.data) == []
    assert response.headers["X-Total-Count"] == "0"


# -- the answer ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "kind"), [("jsonl", "application/x-ndjson"), ("csv", "text/csv; charset=utf-8")]
)
def test_the_answer_is_a_file_and_says_how_many_it_has(
    client: FlaskClient, service: FakeService, form: str, kind: str
) -> None:
    headers = get(client, f"q=包裹&format={form}").headers
    assert headers["Content-Type"].startswith(kind)
    assert headers["X-Total-Count"] == "60"
    assert headers["X-Coverage-Complete"] == "true"
    name = f'attachment; filename="kchat-chats-20160520-120000.{form}"'
    assert headers["Content-Disposition"] == name
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Length" not in headers
    assert service.asked == [SearchRequest(q="包裹", match="all", sort="oldest")]


def test_head_tells_the_count_and_reads_no_chat(client: FlaskClient, service: FakeService) -> None:
    for _ in range(AT_ONCE + 1):
        response = client.head("/api/v1/export?q=包裹")
        assert (response.status_code, response.data) == (200, b"")
        assert response.headers["X-Total-Count"] == "60"
    assert service.walked == 0


@pytest.mark.parametrize("error", [ArchiveError("disk"), IndexDamaged("reindex")])
def test_an_error_before_the_first_byte_has_its_status(
    client: FlaskClient, service: FakeService, error: Any
) -> None:
    service.fails = error
    response = client.get("/api/v1/export")
    assert (response.status_code, response.content_type) == (503, "application/problem+json")
    service.fails, service.breaks_after = (
        None,
        0,
    )  # the hits are known, but the first chat can't be read
    for _ in range(AT_ONCE + 1):
        response = client.get("/api/v1/export?format=csv")
        assert (response.status_code, response.content_type) == (503, "application/problem+json")
        assert response.get_json()["type"] == "urn:kchat-search:problem:archive-unavailable"


def test_so_many_at_once_and_no_more(client: FlaskClient, service: FakeService) -> None:
    service.chats = [chat(n, [message("长" * 50_000)]) for n in range(9)]
    running = [client.get("/api/v1/export?format=csv") for _ in range(AT_ONCE)]
    refused = client.get("/api/v1/export")
    assert (refused.status_code, refused.content_type) == (503, "application/problem+json")
    assert refused.get_json()["type"] == "urn:kchat-search:problem:too-many-exports"
    assert int(refused.headers["Retry-After"]) > 0
    assert client.get("/api/v1/search").status_code == 200
    assert client.head("/api/v1/export").status_code == 200
    running.pop().close()  # its client is gone
    assert len(rows(get(client, "format=csv").data)) == 9
    assert len(rows(running.pop().data)) == 9


def test_http_1_0_gets_no_export(client: FlaskClient, service: FakeService) -> None:
    """It can't tell a whole answer from one that broke off."""
    old = {"SERVER_PROTOCOL": "HTTP/1.0"}
    response = client.get("/api/v1/export", environ_overrides=old)
    assert (response.status_code, response.content_type) == (403, "application/problem+json")
    assert "HTTP/1.1" in response.get_json()["detail"]
    assert not service.asked


# -- over a real socket, by the real server ---------------------------------------------------


@contextmanager
def served(app: Flask) -> Iterator[int]:
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run)
    thread.start()

    def end() -> None:  # in the thread of the loop; the loop ends when no channel is open
        for channel in list(server.active_channels.values()):
            channel.handle_close()
        server.close()

    try:
        yield server.effective_port
    finally:
        server.trigger.pull_trigger(end)
        thread.join(10)
        server.task_dispatcher.shutdown()
    assert not thread.is_alive()


@pytest.fixture
def port(shared: tuple[FakeService, Flask], service: FakeService) -> Iterator[int]:
    with served(shared[1]) as number:
        yield number


@dataclass(frozen=True)
class Answer:
    """An answer. `whole`: whether the client thinks that it has all of it."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    whole: bool


def ask(port: int, path: str, method: str = "GET") -> Answer:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path)
        response = connection.getresponse()
        try:
            body, whole = response.read(), True
        except http.client.IncompleteRead as broken:
            body, whole = broken.partial, False
        return Answer(response.status, response.headers, body, whole)


def test_a_whole_export_arrives_whole(port: int, service: FakeService) -> None:
    answer = ask(port, "/api/v1/export")
    assert (answer.status, answer.whole, answer.headers["Transfer-Encoding"]) == (
        200,
        True,
        "chunked",
    )
    assert len(lines(answer.body)) == int(answer.headers["X-Total-Count"]) == 63
    assert ask(port, "/api/v1/export", "HEAD").body == b""


@pytest.mark.parametrize("error", [ArchiveError("disk"), ZeroDivisionError(), OSError("disk")])
def test_an_export_that_fails_on_its_way_is_seen_to_be_broken(
    port: int, service: FakeService, error: Exception
) -> None:
    service.chats = [chat(n, [message("长" * 50_000)]) for n in range(9)]
    service.sent = {"messages": "长" * 50_000}
    service.breaks_after, service.breaks_with = 5, error
    for form in ("csv", "jsonl") * AT_ONCE:
        answer = ask(port, f"/api/v1/export?format={form}")
        assert (answer.status, answer.headers["X-Total-Count"]) == (200, "9")
        assert answer.body
        assert not answer.whole
    service.breaks_after = None
    assert len(rows(ask(port, "/api/v1/export?format=csv").body)) == 9, "its slot is free again"


def test_a_client_that_does_not_read_stops_the_reading_of_chats_and_nobody_else(
    shared: tuple[FakeService, Flask], service: FakeService
) -> None:
    far, gone = threading.Event(), threading.Event()
    one = chat(1, [message("长" * 100_000)])

    def endless() -> Iterator[Chat]:
        try:
            for number in range(2_000):  # 600 MB
                if number == 40:
                    far.set()
                yield one
        finally:
            gone.set()

    service.export_from = endless
    with served(shared[1]) as port, socket.create_connection(("127.0.0.1", port), 30) as slow:
        slow.sendall(b"GET /api/v1/export?format=csv HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert slow.recv(12) == b"HTTP/1.1 200"
        assert far.wait(30)
        for _ in range(20):  # other clients are answered meanwhile, one after the other
            assert ask(port, "/api/v1/search?q=%E9%80%80").status == 200
        assert not gone.is_set(), "the export waits; it has not come to its end"
        slow.close()
        assert gone.wait(30), "a client that has gone ends the reading"
    assert service.walked < 200, "at most 60 MB were made for a client that takes nothing"


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux alone has it")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_client_that_stalls_for_long_is_let_go(host: str) -> None:
    sockets: dict[int, Any] = {}
    server = waitress.create_server(lambda *_: [], sockets, host=host, port=0, threads=1)
    try:
        web_server.drop_stalled_connections(sockets)
        listening = [each.socket for each in sockets.values() if each.accepting]
        assert listening
        for each in listening:
            with socket.create_connection(each.getsockname()[:2], 30):
                accepted, _ = _accept(each)
                with accepted:
                    timeout = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert timeout == 600_000
    finally:
        server.close()
        server.task_dispatcher.shutdown()


def _accept(listening: socket.socket) -> tuple[socket.socket, Any]:
    listening.settimeout(30)  # waitress does not wait; here the connection may not be there yet
    return listening.accept()
