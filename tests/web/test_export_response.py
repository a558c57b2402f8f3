"""Exports over HTTP: how they are sent, how many at once, and how they break."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import TypeAdapter
from werkzeug.test import TestResponse

from kchat_search.errors import ArchiveError, IndexDamaged, ReaderTooSlow
from kchat_search.models.chats import Chat
from kchat_search.models.search import SearchRequest
from kchat_search.serialization import schemas
from kchat_search.serialization.workbook import TYPE as XLSX
from kchat_search.web.api.export_places import AT_ONCE, OF_ONE_CLIENT
from kchat_search.web.api.export_response import Sender
from tests.serialization.export_files import lines, rows, sheet_rows, sheets
from tests.web.builders import chat, message
from tests.web.doors import Doors
from tests.web.fake_service import NOW, FakeService
from tests.web.gates import browser
from tests.web.serving import Clock, ask, connected, exchange, served


def noise(length: int) -> str:
    """A text that can't be compressed much."""
    return "".join(random.Random(length).choices([chr(c) for c in range(0x4E00, 0x9FA5)], k=length))


EXPORT = b"GET /api/v1/export?format=csv HTTP/1.1\r\nHost: localhost\r\n\r\n"


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
    assert sheet_rows(get(client, "q=nowhere&format=xlsx").data) == []


@pytest.mark.parametrize(
    ("language", "titles", "query"),
    [
        ("zh-CN,zh;q=0.9", ["消息", "说明"], ["查询", "包裹"]),
        ("en", ["Messages", "About"], ["Query", "包裹"]),
        ("", ["Messages", "About"], ["Query", "包裹"]),
    ],
)
def test_a_workbook_has_every_hit_and_says_what_it_is_of(
    client: FlaskClient, language: str, titles: list[str], query: list[str]
) -> None:
    path = "/api/v1/export?q=包裹&agent_id=2192&sort=newest&format=xlsx"
    answer = client.get(path, headers={"Accept-Language": language}, buffered=True)
    table = rows(get(client, "q=包裹&agent_id=2192&sort=newest&format=csv").data)
    found = sheet_rows(answer.data)
    assert [row["message_id"] for row in found] == [row["message_id"] for row in table]
    about = sheets(answer.data)
    assert list(about) == titles
    told = about[titles[1]]
    assert query in told
    assert "李雷 (2192)" in [value for _, value in told]
    total = answer.headers["X-Total-Count"]
    assert [total, total] == [value for _, value in told if value == total][:2]
    assert "Accept-Language" in answer.headers["Vary"]
    assert "ETag" not in answer.headers


# -- the answer ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "kind"),
    [("jsonl", "application/x-ndjson"), ("csv", "text/csv; charset=utf-8"), ("xlsx", XLSX)],
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
    assert service.asked == [SearchRequest(q="包裹", sort="oldest")]


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
    for form in ("csv", "xlsx", "jsonl") * AT_ONCE:
        response = client.get(f"/api/v1/export?format={form}")
        assert (response.status_code, response.content_type) == (503, "application/problem+json")
        assert response.get_json()["type"] == "urn:kchat-search:problem:archive-unavailable"


def from_address(address: str) -> dict[str, Any]:
    return {"environ_overrides": {"REMOTE_ADDR": address}}


def test_so_many_at_once_and_no_more(client: FlaskClient, service: FakeService) -> None:
    service.chats = [chat(n, [message("长" * 50_000)]) for n in range(9)]
    running = [
        client.get("/api/v1/export?format=csv", **from_address(f"127.0.0.{n}"))
        for n in range(1, AT_ONCE + 1)
    ]
    refused = client.get("/api/v1/export")
    assert (refused.status_code, refused.content_type) == (503, "application/problem+json")
    assert refused.get_json()["type"] == "urn:kchat-search:problem:too-many-exports"
    assert int(refused.headers["Retry-After"]) > 0
    assert client.get("/api/v1/search").status_code == 200
    assert client.head("/api/v1/export").status_code == 200
    running.pop().close()  # its client is gone
    assert len(rows(get(client, "format=csv").data)) == 9
    for each in running:
        assert len(rows(each.data)) == 9


def test_one_client_never_has_all_places(client: FlaskClient, service: FakeService) -> None:
    service.chats = [chat(n, [message("长" * 50_000)]) for n in range(9)]
    running = [client.get("/api/v1/export?format=csv") for _ in range(OF_ONE_CLIENT)]
    refused = client.get("/api/v1/export", headers={"Accept-Language": "zh"})
    assert (refused.status_code, refused.content_type) == (429, "application/problem+json")
    assert refused.get_json()["type"] == "urn:kchat-search:problem:export-quota"
    assert "同一客户端" in refused.get_json()["detail"]
    assert int(refused.headers["Retry-After"]) > 0
    other = client.get("/api/v1/export?format=csv", **from_address("::1"), buffered=True)
    assert len(rows(other.data)) == 9
    running.pop().close()
    assert len(rows(get(client, "format=csv").data)) == 9
    for each in running:
        each.close()


def test_a_person_has_no_more_in_several_processes(gate: Doors, guarded: Flask) -> None:
    gate.service.chats = [chat(n, [message("长" * 50_000)]) for n in range(9)]
    clients = [browser(app, gate, "cora") for app in (guarded, gate.app())]
    path = "/api/v1/export?format=csv"
    running = [clients[n % 2].get(path) for n in range(OF_ONE_CLIENT)]
    for client in clients:
        assert client.get(path).status_code == 429
        assert client.head(path).status_code == 200
    running.pop().close()
    running.append(clients[0].get(path))
    assert [answer.status_code for answer in running] == [200] * OF_ONE_CLIENT
    assert clients[1].get(path).status_code == 429
    for answer in running:
        answer.close()


@pytest.mark.parametrize(("seconds_a_piece", "whole"), [(1.0, True), (8.0, False)])
def test_any_server_lets_a_slow_reader_go(
    shared: tuple[FakeService, Flask], service: FakeService, seconds_a_piece: float, whole: bool
) -> None:
    """Pieces of 150 KB; the server takes the next one when the client has read."""
    now = [0.0]
    service.chats = [chat(n, [message("长" * 50_000)]) for n in range(20)]
    sender = Sender(service.presentation, lambda: NOW, lambda: now[0])
    with shared[1].test_request_context("/api/v1/export"):
        pieces = sender.answer(SearchRequest(), "csv").iter_encoded()
        found = b""
        try:
            for piece in pieces:
                now[0] += seconds_a_piece
                found += piece
        except ReaderTooSlow:
            pass
    assert (len(rows(found)) == 20) is whole
    assert whole or now[0] < 40


# -- over a real socket, by the real server ---------------------------------------------------


@pytest.fixture
def port(shared: tuple[FakeService, Flask], service: FakeService) -> Iterator[int]:
    with served(shared[1]) as server:
        yield server.port


def test_a_whole_export_arrives_whole(port: int, service: FakeService) -> None:
    answer = ask(port, "/api/v1/export")
    assert (answer.status, answer.whole, answer.headers["Transfer-Encoding"]) == (
        200,
        True,
        "chunked",
    )
    assert len(lines(answer.body)) == int(answer.headers["X-Total-Count"]) == 63


def test_head_sends_no_body(port: int) -> None:
    found = exchange(port, EXPORT.replace(b"GET", b"HEAD", 1))
    assert b"\r\nX-Total-Count: 63\r\n" in found
    assert found.index(b"\r\n\r\n") + 4 == len(found)


@pytest.mark.parametrize("error", [ArchiveError("disk"), ZeroDivisionError(), OSError("disk")])
def test_an_export_that_fails_on_its_way_is_seen_to_be_broken(
    port: int, service: FakeService, error: Exception
) -> None:
    service.chats = [chat(n, [message(noise(50_000))]) for n in range(9)]
    service.sent = {"messages": "长" * 50_000}
    service.breaks_after, service.breaks_with = 5, error
    for form in ("csv", "jsonl", "xlsx") * AT_ONCE:
        answer = ask(port, f"/api/v1/export?format={form}")
        assert (answer.status, answer.headers["X-Total-Count"]) == (200, "9")
        assert answer.body
        assert not answer.whole
    service.breaks_after = None
    assert len(rows(ask(port, "/api/v1/export?format=csv").body)) == 9, "its slot is free again"


@pytest.mark.parametrize("form", [b"csv", b"xlsx"])
def test_a_client_that_does_not_read_stops_the_reading_of_chats_and_nobody_else(
    shared: tuple[FakeService, Flask], service: FakeService, form: bytes
) -> None:
    far, gone = threading.Event(), threading.Event()
    one = chat(1, [message(noise(100_000))])

    def endless() -> Iterator[Chat]:
        try:
            for number in range(2_000):  # 600 MB
                if number == 4:
                    far.set()
                yield one
        finally:
            gone.set()

    service.export_from = endless
    asked = EXPORT.replace(b"csv", form)
    with served(shared[1]) as server, connected(server.port, asked) as slow:
        assert slow.recv(12) == b"HTTP/1.1 200"
        assert far.wait(60)
        for _ in range(20):  # other clients are answered meanwhile, one after the other
            assert ask(server.port, "/api/v1/search?q=%E9%80%80").status == 200
        assert not gone.is_set(), "the export waits; it has not come to its end"
        slow.close()
        assert gone.wait(60), "a client that has gone ends the reading"
    assert service.walked < 60, "little is made for a client that takes nothing"


def test_slow_readers_are_cut_off_and_others_get_their_places(
    shared: tuple[FakeService, Flask], service: FakeService
) -> None:
    clock = Clock()
    service.chats = [chat(n, [message("长" * 100_000)]) for n in range(60)]  # 18 MB
    with served(shared[1], clock=clock) as server, ExitStack() as stack:
        slow = [stack.enter_context(connected(server.port, EXPORT)) for _ in range(OF_ONE_CLIENT)]
        for each in slow:
            assert each.recv(12) == b"HTTP/1.1 200"
        assert ask(server.port, "/api/v1/export?format=csv").status == 429
        for _ in range(12):  # a minute, and 512 KB of each
            clock.now += 5
            for each in slow:
                with suppress(ConnectionResetError):
                    each.recv(40_000)
            assert ask(server.port, "/healthz").status == 200
        for _ in range(OF_ONE_CLIENT):
            answer = ask(server.port, "/api/v1/export?format=csv")
            assert (answer.status, answer.whole) == (200, True)
            assert len(rows(answer.body)) == 60
