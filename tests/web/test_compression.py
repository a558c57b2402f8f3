"""Answers that are compressed: what a client unpacks is what it would get without."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kchat_search.errors import ArchiveError
from kchat_search.web.http import compression
from tests.serialization.export_files import rows
from tests.web.builders import chat, message
from tests.web.doors import Doors
from tests.web.fake_service import FakeService
from tests.web.gates import browser
from tests.web.serving import answers, ask, connected, served
from tests.web.test_caches import PATHS
from tests.web.test_export_response import EXPORT, noise

GZIP = {"Accept-Encoding": "gzip"}
CSRF = re.compile(rb'(name="csrf_token" value=")[^"]*')


@pytest.mark.parametrize(
    ("sent", "packed"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, gzip;q=0.2", True),
        ("*", True),
        ("*;q=0.1", True),
        ("gzip;q=0.5, identity;q=0.5", True),
        ("identity;q=0, gzip", True),
        ("", False),
        ("identity", False),
        ("br, zstd", False),
        ("gzip;q=0", False),
        ("gzip; q=0", False),
        ("gzip ; q=0.000", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("gzip;q=0.4, identity;q=0.5", False),
        ("gzip;q=nan", False),
        ("gzip;q=-1", False),
        ("gzipped", False),
        (",;=q,,", False),
    ],
)
def test_only_who_takes_gzip_gets_it(client: FlaskClient, sent: str, packed: bool) -> None:
    answer = client.get("/?q=包裹", headers={"Accept-Encoding": sent})
    assert (answer.headers.get("Content-Encoding") == "gzip") is packed
    assert "accept-encoding" in answer.vary.as_set()
    body = gzip.decompress(answer.data) if packed else answer.data
    assert body == client.get("/?q=包裹").data
    assert answer.content_length == len(answer.data)


STATIC = ["/static/base.css", "/static/app.js", "/static/icon.svg", "/static/nope.css"]


@pytest.mark.parametrize("path", PATHS + STATIC)
def test_every_answer_unpacks_to_the_one_without(guarded: Flask, gate: Doors, path: str) -> None:
    for client in (guarded.test_client(), browser(guarded, gate, "cora")):
        plain = client.get(path, buffered=True)
        packed = client.get(path, headers=GZIP, buffered=True)
        body = packed.data
        if len(plain.data) >= compression.LEAST:
            assert packed.headers["Content-Encoding"] == "gzip"
            body = gzip.decompress(body)
            assert len(packed.data) < len(plain.data)
        else:
            assert "Content-Encoding" not in packed.headers or packed.is_streamed
            body = gzip.decompress(body) if "Content-Encoding" in packed.headers else body
        if path != "/metrics":  # it counts these requests
            assert CSRF.sub(rb"\1", body) == CSRF.sub(rb"\1", plain.data)
        assert packed.status_code == plain.status_code
        assert packed.headers["Vary"] == plain.headers["Vary"]
        assert packed.headers.get("ETag", "W/").startswith("W/")


def test_head_has_the_headers_of_get_and_no_body(client: FlaskClient) -> None:
    for path in ("/?q=包裹", "/static/base.css", "/api/v1/export", "/nope"):
        answer = client.head(path, headers=GZIP, buffered=True)
        assert (answer.headers["Content-Encoding"], answer.data) == ("gzip", b""), path
        length = answer.content_length
        assert length is None if "export" in path else length, path


@pytest.mark.parametrize("path", ["/chats/290", "/api/v1/chats/290", "/static/base.css"])
def test_one_tag_serves_both_ways_of_sending(client: FlaskClient, path: str) -> None:
    tags = set()
    for headers in ({}, GZIP):
        tags.add(client.get(path, headers=headers, buffered=True).headers["ETag"])
    (tag,) = tags
    for headers in ({}, GZIP):
        again = client.get(path, headers={**headers, "If-None-Match": tag}, buffered=True)
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == tag
        assert "Content-Encoding" not in again.headers


def test_a_part_of_a_file_is_a_part_of_the_file_itself(client: FlaskClient) -> None:
    whole = client.get("/static/base.css", buffered=True).data
    part = client.get("/static/base.css", headers={**GZIP, "Range": "bytes=0-2047"}, buffered=True)
    assert (part.status_code, part.data) == (206, whole[:2048])
    assert "Content-Encoding" not in part.headers
    assert part.headers["Content-Range"] == f"bytes 0-2047/{len(whole)}"


def test_a_file_is_compressed_once(client: FlaskClient) -> None:
    compression._of_file.cache_clear()
    found = {client.get("/static/base.css", headers=GZIP, buffered=True).data for _ in range(3)}
    assert len(found) == 1
    assert compression._of_file.cache_info().misses == 1


def test_what_answers_a_form_is_not_compressed(guarded: Flask, gate: Doors) -> None:
    answer = guarded.test_client().post("/login", data={"username": "a" * 2_000}, headers=GZIP)
    assert len(answer.data) > compression.LEAST
    assert "Content-Encoding" not in answer.headers


# -- secrets beside what somebody typed ------------------------------------------------------


def test_the_length_of_an_answer_is_blurred(client: FlaskClient) -> None:
    lengths = {len(client.get("/?q=包裹", headers=GZIP).data) for _ in range(16)}
    assert len(lengths) > 6
    assert max(lengths) - min(lengths) < compression._BLUR + 10, (
        "and the time it took is a digit longer"
    )


def test_the_token_looks_different_in_every_answer_and_is_the_same(
    guarded: Flask, gate: Doors
) -> None:
    client = browser(guarded, gate, "cora")
    tokens = [
        set(re.findall(r'name="csrf_token" value="([^"]*)"', client.get("/account").text))
        for _ in range(3)
    ]
    assert [len(each) for each in tokens] == [1, 1, 1], "all forms of a page have the same"
    seen = [each.pop() for each in tokens]
    parts = [{token[n : n + 6] for n in range(len(token) - 5)} for token in seen]
    assert not parts[0] & parts[1]
    assert not parts[1] & parts[2]
    for token in seen:
        sent = {"csrf_token": token, "old_password": "wrong"}
        assert client.post("/account/password", data=sent).status_code != 403


# -- streams -----------------------------------------------------------------------------------


@pytest.fixture
def port(shared: tuple[FakeService, Flask], service: FakeService) -> Iterator[int]:
    with served(shared[1]) as server:
        yield server.port


def unpacked(content: bytes) -> tuple[bytes, bool]:
    """What can be unpacked of it, and whether its end is there."""
    file = zlib.decompressobj(16 + zlib.MAX_WBITS)
    return file.decompress(content), file.eof


def test_each_piece_of_an_export_can_be_read_at_once(
    client: FlaskClient, service: FakeService
) -> None:
    service.chats = [chat(n, [message(noise(50_000))]) for n in range(6)]
    plain = client.get("/api/v1/export?format=csv")
    packed = client.get("/api/v1/export?format=csv", headers=GZIP)
    assert packed.headers["Content-Encoding"] == "gzip"
    expected = [piece for piece in plain.iter_encoded() if piece]
    file = zlib.decompressobj(16 + zlib.MAX_WBITS)
    pieces = packed.iter_encoded()
    for piece in expected:
        assert file.decompress(next(pieces)) == piece
    rest = b"".join(pieces)
    assert file.decompress(rest) == b""
    assert file.eof
    plain.close()
    packed.close()


@pytest.mark.parametrize("error", [ArchiveError("disk"), ZeroDivisionError()], ids=["ours", "bug"])
def test_an_export_that_breaks_has_no_end(
    port: int, service: FakeService, error: Exception
) -> None:
    service.chats = [chat(n, [message(noise(50_000))]) for n in range(9)]
    service.breaks_after, service.breaks_with = 5, error
    answer = ask(port, "/api/v1/export?format=csv", headers=GZIP)
    assert (answer.status, answer.headers["X-Total-Count"], answer.whole) == (200, "9", False)
    content, has_end = unpacked(answer.body)
    assert len(content) > 100_000
    assert not has_end
    service.breaks_after = None
    answer = ask(port, "/api/v1/export?format=csv", headers=GZIP)
    assert answer.whole
    assert len(rows(gzip.decompress(answer.body))) == 9


def test_a_client_that_goes_gives_its_place_back(client: FlaskClient, service: FakeService) -> None:
    service.chats = [chat(n, [message("长" * 50_000)]) for n in range(9)]
    for started in (0, 1):
        for _ in range(9):  # more than there are places
            answer = client.get("/api/v1/export?format=csv", headers=GZIP)
            assert answer.status_code == 200
            pieces = answer.iter_encoded()
            for _ in range(started):
                next(pieces)
            answer.close()


def test_our_server_sends_pages_and_exports_on_one_connection(port: int) -> None:
    asked = EXPORT.replace(b"\r\n\r\n", b"\r\nAccept-Encoding: gzip\r\n\r\n")
    page = b"GET /?q=a HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n"
    head = page.replace(b"GET", b"HEAD")
    with connected(port, page + head + page + asked) as client:
        first, second, third, export = answers(client, "GET", "HEAD", "GET", "GET")
    assert b"</html>" in gzip.decompress(first.body)
    assert second.body == b""
    assert second.headers["Content-Encoding"] == "gzip"
    assert b"</html>" in gzip.decompress(third.body)
    assert len(rows(gzip.decompress(export.body))) > 60
