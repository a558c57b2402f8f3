"""Exports over HTTP: what stands in the files, how they are sent, how they break."""

from __future__ import annotations

import csv
import http.client
import io
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import waitress
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from kchat_search.cli import serve
from kchat_search.errors import ArchiveError, IndexDamaged
from kchat_search.models.chats import Chat, Upload
from kchat_search.models.search import ChatView, SearchRequest
from kchat_search.search.export_walk import AbsentChat
from kchat_search.serialization import schemas
from kchat_search.serialization.export_formats import COLUMNS, cell, pieces
from kchat_search.serialization.links import Links, export_url
from kchat_search.serialization.safe_text import printable
from kchat_search.web.api.export_response import AT_ONCE
from kchat_search.web.http.parameters import read_export
from tests.text.difficult_texts import texts
from tests.web import chats
from tests.web.conftest import make_presentation
from tests.web.fake_service import NOW, FakeService, chat, message
from tests.web.markup import Page

PRESENTATION = make_presentation()
BASE = "http://localhost/"
FORMULA = re.compile("\\s*[=+\\-@＝＋－＠]|[\t\r\n]")


def get(client: FlaskClient, query: str) -> TestResponse:
    response = client.get(f"/api/v1/export?{query}", buffered=True)
    assert response.status_code == 200, response.text
    return response


def lines(data: bytes) -> list[Any]:
    assert not data or data.endswith(b"\n")
    return [json.loads(line) for line in data.decode().splitlines()]


def rows(data: bytes) -> list[dict[str, str]]:
    text = data.decode("utf-8-sig")
    assert data.startswith("\ufeff".encode())
    assert text.endswith("\r\n")
    read = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    found = list(read)
    assert tuple(read.fieldnames or ()) == COLUMNS
    return found


def made(service: FakeService, *numbers: int) -> list[ChatView | AbsentChat]:
    return [service.chat(number) for number in numbers]


def written(form: Any, *views: ChatView | AbsentChat) -> bytes:
    return b"".join(
        pieces(views, form, PRESENTATION.zone, Links(BASE, PRESENTATION.kchat_chat_url))
    )


# -- what stands in them ---------------------------------------------------------------------


def test_each_line_is_what_the_chat_answers_by_itself(
    client: FlaskClient, service: FakeService
) -> None:
    service.sent = {"id": 1, "text": "\u2028\x85\x00\ud83d", "odd": float("nan")}
    found = lines(get(client, "q=包裹").data)
    assert len(found) == 60
    for line in found:
        TypeAdapter(schemas.ChatJson).validate_python(line, extra="forbid")
        number = line["links"]["self"].rsplit("/", 1)[1]
        assert line == client.get(f"/api/v1/chats/{number}").get_json()
    created = [line["messages"][0]["created_at"] for line in found]
    assert created == sorted(created)


def test_a_row_is_a_message_with_the_facts_of_its_chat(
    client: FlaskClient, service: FakeService
) -> None:
    service.gone[290] = NOW
    found = rows(get(client, "q=耳机&format=csv").data)
    assert len(found) == 8
    facts = {
        "chat_id": "290",
        "chat_type": "chat",
        "created_at": "2015-04-25T08:04:12+08:00",
        "end_at": "2015-04-25T09:06:12+08:00",
        "started_by": "visitor",
        "status": "close",
        "agent_id": "2192",
        "agent_name": "李雷",
        "visitor_id": "547",
        "visitor_name": "访客5",
        "user_id": "45190",
        "rating": "1",
        "rating_label": "满意",
        "version": "2",
        "gone_at": "2016-05-20T12:00:00+08:00",
        "absent": "",
    }
    assert all(facts.items() <= row.items() for row in found)
    said = {name: value for name, value in found[4].items() if name not in facts}
    assert said == {
        "position": "4",
        "message_id": "290004",
        "message_type": "chat.upload",
        "message_created_at": "2015-04-25T08:05:32+08:00",
        "from": "visitor",
        "name": "访客5",
        "text": "",
        "recalled": "",
        "upload_name": "发票.pdf",
        "upload_url": "https://files.example.com/9",
    }
    assert [row["from"] for row in found[1:4]] == ["visitor", "agent", "visitor"]
    assert [row["recalled"] for row in found] == [*[""] * 6, "true", ""]
    assert found[1]["text"].startswith("你好,在吗?")


def test_no_chat_is_lost_be_it_without_messages_or_absent(service: FakeService) -> None:
    service.chats = [chat(1, []), chat(2, [message("x")])]
    views = [*made(service, 1), AbsentChat(7), *made(service, 2)]
    found = rows(written("csv", *views))
    assert [row["chat_id"] for row in found] == ["1", "7", "2"]
    assert [row["absent"] for row in found] == ["", "true", ""]
    assert {name for name, value in found[1].items() if value} == {"chat_id", "absent"}
    assert found[0]["agent_name"] == "李雷"
    absent = lines(written("jsonl", *views))[1]
    TypeAdapter(schemas.AbsentJson).validate_python(absent, extra="forbid")
    assert absent["chat"] == {"id": 7}


def test_nothing_found_is_an_empty_file_with_its_header(client: FlaskClient) -> None:
    assert get(client, "q=nowhere").data == b""
    response = get(client, "q=nowhere&format=csv")
    assert rows(response.data) == []
    assert response.headers["X-Total-Count"] == "0"


@given(texts())
@example("=cmd|' /C calc'!A0")
@example("\uff1d1+1")
@example("'")
@example('a"b,c;d\r\ne\rf\n\x00\ud800')
def test_any_text_survives_in_a_cell_and_none_is_a_formula(text: str) -> None:
    said = [message(text, text), message("next")]
    service = FakeService([chat(1, said, status=text, agent_id=text)], PRESENTATION)
    found = rows(written("csv", *made(service, 1)))
    assert len(found) == 2
    for name in ("text", "name", "status", "agent_id"):
        shown = found[0][name]
        assert not FORMULA.match(shown)
        assert shown.removeprefix("'") == printable(text), "one apostrophe at most is ours"
    assert found[1]["text"] == "next"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("退款", "退款"),
        ("", ""),
        ("1-2=3", "1-2=3"),
        ("=1+1", "'=1+1"),
        ("+8613800135678", "'+8613800135678"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("\tx", "'\tx"),
        ("  =1", "'  =1"),
        ("\u3000=1", "'\u3000=1"),
        ("\ufeff=1", "'\ufeff=1"),
        ("\u200b＝1", "'\u200b＝1"),
        ("＝1", "'＝1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠x", "'＠x"),
        ("'quoted'", "''quoted'"),
        ("a\x00b\x1b\ud800", "a␀b␛�"),
    ],
)
def test_a_cell_is_never_a_formula(text: str, shown: str) -> None:
    assert cell(text) == shown


@given(st.lists(texts(8), max_size=4), st.sampled_from(["jsonl", "csv"]))
def test_a_chat_is_one_line_or_as_many_rows_as_it_has_messages(said: list[str], form: str) -> None:
    service = FakeService([], PRESENTATION, sent={"msg": said})
    service.chats = [chat(n, map(message, said)) for n in (1, 2)]
    data = written(form, *made(service, 1, 2))
    if form == "csv":
        assert len(rows(data)) == 2 * max(1, len(said))
    else:
        # splitlines() ends lines at many characters: none of them is there but the newline
        assert len(data.decode().splitlines()) == data.count(b"\n") == 2


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_hostile_chats_can_be_exported(
    client: FlaskClient, service: FakeService, form: str
) -> None:
    service.chats = [chats.hostile()]
    data = get(client, f"format={form}").data
    text = data.decode()
    assert "\x00" not in text
    if form == "csv":
        urls = {row["upload_url"] for row in rows(data)}
        assert urls == {"", 'https://ok.example/"onmouseover="alert(5)'}
        assert {row["created_at"] for row in rows(data)} == {"9999-12-31T23:00:00+08:00"}
    else:
        assert len(lines(data)) == 1


def test_only_addresses_of_the_web_are_links(service: FakeService) -> None:
    schemes = ["javascript:alert(1)", "file:///etc/passwd", "=http://x", "http://ok/", None]
    service.chats = [
        chat(1, [message("", upload=Upload("1", "f", 1, "x", url)) for url in schemes])
    ]
    found = rows(written("csv", *made(service, 1)))
    assert [row["upload_url"] for row in found] == ["", "", "", "http://ok/", ""]


# -- what is asked ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("page=1", "page"),
        ("per_page=20", "per_page"),
        ("cursor=x", "cursor"),
        ("facets=none", "facets"),
        ("snippets=0", "snippets"),
        ("match=auto", "match"),
        ("sort=relevance", "sort"),
        ("format=xlsx", "format"),
        ("format=", "format"),
        ("format=csv&format=jsonl", "format"),
        ("q=a&q=b", "q"),
        ("q=" + "x" * 1001, "q"),
        ("agent_id=", "agent_id"),
        ("start=yesterday", "start"),
        ("lang=en", "lang"),
        ("x=1", "x"),
    ],
)
def test_what_an_export_does_not_know_is_refused_by_its_name(
    client: FlaskClient, query: str, parameter: str
) -> None:
    response = client.get(f"/api/v1/export?{query}")
    assert (response.status_code, response.content_type) == (400, "application/problem+json")
    assert response.get_json()["parameter"] == parameter
    assert "Content-Disposition" not in response.headers


def test_all_filters_of_a_search_are_filters_of_an_export() -> None:
    query = (
        "q=退款&match=all&agent_id=1&agent_id=none&agent_id=1&visitor_id=5&user_id=none&status=close"
        "&rating=满意&started_by=visitor&type=chat&has_upload=true&start=2016-01-01&end=2016-02-01"
        "&sort=newest&format=csv"
    )
    wanted, form = read_export(MultiDict(parse_qsl(query)))
    assert form == "csv"
    assert wanted == SearchRequest(
        q="退款",
        match="all",
        filters={
            "agent_id": ("1", "none"),
            "visitor_id": ("5",),
            "user_id": ("none",),
            "status": ("close",),
            "rating": ("满意",),
            "started_by": ("visitor",),
            "type": ("chat",),
            "has_upload": ("true",),
        },
        start="2016-01-01",
        end="2016-02-01",
        sort="newest",
    )
    assert read_export(MultiDict()) == (SearchRequest(match="all", sort="oldest"), "jsonl")


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
    service.fails, service.breaks_after = None, 0  # found, but the first chat can't be read
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
    running.pop().close()  # its client went away
    assert len(rows(get(client, "format=csv").data)) == 9
    assert len(rows(running.pop().data)) == 9


def test_http_1_0_gets_no_export(client: FlaskClient, service: FakeService) -> None:
    old = {"SERVER_PROTOCOL": "HTTP/1.0"}
    response = client.get("/api/v1/export", environ_overrides=old)
    assert (response.status_code, response.content_type) == (505, "application/problem+json")
    assert "HTTP/1.1" in response.get_json()["detail"]
    assert not service.asked


# -- on the wire, by the server that serves it -------------------------------------------------


@contextmanager
def served(app: Flask) -> Iterator[int]:
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run)
    thread.start()

    def end() -> None:  # in the thread of the loop, which ends when nothing is open
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
    with served(shared[1]) as found:
        yield found


@dataclass(frozen=True)
class Answer:
    """What came back; `whole` as a client sees it."""

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
    assert len(rows(ask(port, "/api/v1/export?format=csv").body)) == 9, "its place is free again"


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
        for _ in range(20):  # others are answered, one after the other
            assert ask(port, "/api/v1/search?q=%E9%80%80").status == 200
        assert not gone.is_set(), "it waits, and has not run through"
        slow.close()
        assert gone.wait(30), "a client that has gone ends the reading"
    assert service.walked < 200, "60 MB at most were made for a client that took none"


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux alone has it")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_client_that_stalls_for_long_is_let_go(host: str) -> None:
    sockets: dict[int, Any] = {}
    server = waitress.create_server(lambda *_: [], sockets, host=host, port=0, threads=1)
    try:
        serve.let_go_of_the_stalled(sockets)
        listening = [each.socket for each in sockets.values() if each.accepting]
        assert listening
        for each in listening:
            with socket.create_connection(each.getsockname()[:2], 30):
                accepted, _ = _accept(each)
                with accepted:
                    wanted = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert wanted == 600_000
    finally:
        server.close()
        server.task_dispatcher.shutdown()


def _accept(listening: socket.socket) -> tuple[socket.socket, Any]:
    listening.settimeout(30)  # waitress never waits; here the connection may be still on its way
    return listening.accept()


# -- the page --------------------------------------------------------------------------------


def exports_of(client: FlaskClient, path: str) -> dict[str, str]:
    page = Page(client.get(path).text)
    assert page.faults == []
    found = [link["href"] for link in page.links if "/api/v1/export" in link.get("href", "")]
    return {dict(parse_qsl(urlsplit(url).query))["format"]: url for url in found}


@pytest.mark.parametrize(
    "path",
    [
        "/?q=",
        "/?q=包裹&sort=newest&page=2",
        "/?q=包裹&sort=oldest",
        "/?q=包裹&agent_id=2193&rating=1&rating=none&match=all",
        "/?q=&has_upload=true",
        "/?q=包裹&start=2015-01-01&end=2015-12-31",
        "/?q=包裹 SF000003",  # one has both, others follow
    ],
)
def test_the_page_leads_to_the_export_of_what_it_counts(client: FlaskClient, path: str) -> None:
    urls = exports_of(client, path)
    assert set(urls) == {"csv", "jsonl"}
    answer = client.get("/api/v1/search" + path[1:]).get_json()
    for url in urls.values():
        response = client.get(url, buffered=True)
        assert response.status_code == 200
        assert int(response.headers["X-Total-Count"]) == answer["query"]["all"]
    text = Page(client.get(path).text).text
    assert re.search(rf"导出(全部)? {answer['query']['all']} 个", text)
    english = Page(client.get(path + "&lang=en").text).text
    assert re.search(rf"Export .*{answer['query']['all']} chat", english)


def test_where_nothing_has_all_the_words_there_is_no_export(client: FlaskClient) -> None:
    assert exports_of(client, "/?q=nowhere") == {}


def test_an_address_of_an_export_asks_for_the_search_it_was_made_from() -> None:
    request = SearchRequest(
        q="退款", filters={"agent_id": ("1", "none"), "has_upload": ("false",)}, start="2016-01-01",
        sort="newest", page=3, per_page=50, facets=(), snippets=1, match="auto", cursor=None,
    )  # fmt: skip
    wanted, form = read_export(MultiDict(parse_qsl(urlsplit(export_url(request, "csv")).query)))
    assert form == "csv"
    assert wanted == SearchRequest(
        q="退款", match="all", filters={"agent_id": ("1", "none"), "has_upload": ("false",)},
        start="2016-01-01", sort="newest",
    )  # fmt: skip
