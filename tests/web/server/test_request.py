"""From bytes to a request, or to a refusal."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from kchat_search.web.server.limits import Limits
from kchat_search.web.server.request import Request
from tests.growth import superlinear

HOST = b"Host: localhost\r\n"
LIMITS = Limits()


def read(data: bytes, limits: Limits = LIMITS) -> tuple[Request, bytes]:
    """The request at the beginning of `data`, and what is left of `data`."""
    request = Request(limits)
    rest = data[request.received(data) :]
    return request, rest


def refused(data: bytes, limits: Limits = LIMITS) -> int:
    """The status of the refusal; 0 if the request is not refused."""
    request, _ = read(data, limits)
    return request.error.status.value if request.error else 0


def head(*lines: bytes, first: bytes = b"GET / HTTP/1.1") -> bytes:
    return b"\r\n".join((first, b"Host: localhost", *lines, b"", b""))


def test_a_request_is_read_into_its_parts() -> None:
    request, rest = read(
        b"POST /a%20b/%E9%80%80?q=%E9%80%80&r HTTP/1.1\r\nHost: localhost:5080\r\n"
        b"accept-Language:zh \t\r\nX-A: 1\r\nX-a: 2\r\nX_B: dropped\r\nContent-Length: 3\r\n\r\n"
        b"abcGET"
    )
    assert (request.completed, request.error, rest) == (True, None, b"GET")
    assert (request.command, request.version) == ("POST", "1.1")
    assert request.path.encode("latin-1").decode() == "/a b/退"
    assert request.query == "q=%E9%80%80&r"
    assert request.request_uri == "/a%20b/%E9%80%80?q=%E9%80%80&r"
    assert request.headers == {
        "HOST": "localhost:5080", "ACCEPT_LANGUAGE": "zh", "X_A": "1, 2", "CONTENT_LENGTH": "3",
    }  # fmt: skip
    assert request.get_body_stream().read() == b"abc"


def test_a_body_in_chunks_is_a_body() -> None:
    chunks = b"2;name=value\r\nab\r\nA \r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
    request, rest = read(head(b"Transfer-Encoding: Chunked") + chunks + b"GET")
    assert (request.completed, request.error, rest) == (True, None, b"GET")
    assert request.get_body_stream().read() == b"ab0123456789"
    assert request.headers["CONTENT_LENGTH"] == "12"
    assert "TRANSFER_ENCODING" not in request.headers


def test_a_request_is_the_same_however_it_is_cut() -> None:
    whole = (
        b"\r\n\r\n" + head(b"Transfer-Encoding: chunked", first=b"POST /x HTTP/1.1")
        + b"3\r\nabc\r\n0\r\n\r\n" + head(b"Content-Length: 2", first=b"PUT /y HTTP/1.1") + b"12"
        + head(first=b"GET /z HTTP/1.1")
    )  # fmt: skip
    expected = [("POST", "/x", b"abc"), ("PUT", "/y", b"12"), ("GET", "/z", b"")]
    rnd = random.Random(12)
    for size in (1, 2, 3, 5, 7, *(rnd.randint(1, 60) for _ in range(50))):
        found, request = [], Request(LIMITS)
        for start in range(0, len(whole), size):
            part = whole[start : start + size]
            while part:
                part = part[request.received(part) :]
                if request.completed:
                    assert request.error is None
                    body = request.get_body_stream().read()
                    found.append((request.command, request.path, body))
                    request = Request(LIMITS)
        assert found == expected


def test_an_absolute_address_names_the_host() -> None:
    request, _ = read(head(first=b"GET HTTP://LocalHost/a?b HTTP/1.1"))
    assert (request.headers["HOST"], request.path) == ("LocalHost", "/a")
    request, _ = read(b"GET http://evil.example:1 HTTP/1.1\r\n\r\n")
    assert (request.headers["HOST"], request.path) == ("evil.example:1", "/")
    assert refused(head(first=b"GET http://evil.example/ HTTP/1.1")) == 400


def test_close_is_found_among_other_words() -> None:
    request, _ = read(head(b"Connection: keep-alive, Close"))
    assert request.headers["CONNECTION"] == "close"


SMUGGLED = {
    "length and chunks": head(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "chunks and length": head(b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    "two lengths": head(b"Content-Length: 5", b"Content-Length: 6"),
    "the same length twice": head(b"Content-Length: 5", b"Content-Length: 5"),
    "a list of lengths": head(b"Content-Length: 5, 5"),
    "a signed length": head(b"Content-Length: +5"),
    "a negative length": head(b"Content-Length: -1"),
    "a length in hex": head(b"Content-Length: 0x5"),
    "a length with an underline": head(b"Content-Length: 1_0"),
    "a length in other digits": head("Content-Length: ５".encode()),
    "a superscript": head(b"Content-Length: \xb2"),
    "no length": head(b"Content-Length:"),
    "two codings": head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "a blank before the colon": head(b"Content-Length : 5"),
    "a blank before the name": head(b" Content-Length: 5"),
    "a folded line": head(b"X: a", b" b"),
    "a folded line with a tab": head(b"X: a", b"\tb"),
    "a line feed alone": head(b"X: a\nContent-Length: 5"),
    "a carriage return alone": head(b"X: a\rContent-Length: 5"),
    "a carriage return before the end": head(b"X: a\r"),
    "a NUL": head(b"X: a\x00b"),
    "a vertical tab": head(b"X: a\x0bb"),
    "a DEL": head(b"X: a\x7fb"),
    "a name beyond ASCII": head(b"X\xe9: a"),
    "no colon": head(b"X"),
    "no name": head(b": a"),
    "two hosts": head(b"Host: evil.example"),
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two blanks": head(first=b"GET  / HTTP/1.1"),
    "a tab": head(first=b"GET\t/\tHTTP/1.1"),
    "a blank in the address": head(first=b"GET / / HTTP/1.1"),
    "a blank at the end": head(first=b"GET / HTTP/1.1 "),
    "a line feed in the address": head(first=b"GET /\n HTTP/1.1"),
    "no version": head(first=b"GET /"),
    "an address that is a host": head(first=b"CONNECT localhost:80 HTTP/1.1"),
    "another scheme": head(first=b"GET https://localhost/ HTTP/1.1"),
    "an address without a host": head(first=b"GET http:///x HTTP/1.1"),
    "a star": head(first=b"OPTIONS * HTTP/1.1"),
    "a fragment": head(first=b"GET /#a HTTP/1.1"),
    "small letters": head(first=b"get / HTTP/1.1"),
    "no method": head(first=b" / HTTP/1.1"),
    "a protocol in small letters": head(first=b"GET / http/1.1"),
    "a long version": head(first=b"GET / HTTP/1.10"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "blank lines without end": b"\r\n" * 5,
    "a raw Han character": head(first="GET /search?q=退 HTTP/1.1".encode()),
}


@pytest.mark.parametrize("data", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_what_two_readers_could_read_differently_is_refused(data: bytes) -> None:
    assert refused(data) == 400


CHUNKS = {
    "no hex": (b"x\r\n", 400),
    "a sign": (b"+1\r\na\r\n", 400),
    "a prefix": (b"0x1\r\na\r\n", 400),
    "an underline": (b"1_0\r\n", 400),
    "nothing": (b"\r\n", 400),
    "a blank before": (b" 1\r\na\r\n", 400),
    "no end": (b"1\r\nabc", 400),
    "a line feed alone": (b"1\na\n0\n\n", 0),  # it never ends, and its time does
    "a line feed in an extension": (b"1;\n\r\na\r\n", 400),
    "a line without end": (b"1;" + b"a" * 300, 400),
    "a trailer without end": (b"0\r\n" + b"a" * 300, 400),
    "many trailers": (b"0\r\n" + b"a: b\r\n" * 33_000, 413),
    "many digits": (b"0" * 20 + b"1\r\n", 413),
    "too large": (b"8001\r\n", 413),
    "huge": (b"ffffffff\r\n", 413),
    "many small ones": (b"1\r\na\r\n" * 33_000, 413),
    "one too many": (b"4000\r\n" + b"a" * 16_384 + b"\r\n4001\r\n", 413),
}


@pytest.mark.parametrize(("data", "status"), CHUNKS.values(), ids=CHUNKS.keys())
def test_what_is_no_chunk_is_refused(data: bytes, status: int) -> None:
    assert refused(head(b"Transfer-Encoding: chunked") + data) == status
    request = Request(LIMITS)
    for byte in head(b"Transfer-Encoding: chunked") + data:
        if not request.completed:
            request.received(bytes([byte]))
    assert (request.error.status.value if request.error else 0) == status


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (head(b"Content-Length: 32768"), 0),
        (head(b"Content-Length: 32769"), 413),
        (head(b"Content-Length: " + b"9" * 30_000), 413),
        (head(b"Transfer-Encoding: gzip"), 501),
        (head(b"Transfer-Encoding: chunked, chunked"), 501),
        (head(b"Transfer-Encoding: gzip, chunked"), 501),
        (head(b"Transfer-Encoding:"), 501),
        (head(b"Transfer-Encoding: chunked\x0b"), 400),
        (head(first=b"GET / HTTP/1.0"), 505),
        (head(first=b"GET / HTTP/0.9"), 505),
        (head(first=b"PRI / HTTP/2.0"), 505),
        (head(b"X: " + b"a" * 40_000), 431),
        (head(*[b"X: a"] * 101), 431),
        (head(first=b"GET /" + b"a" * 40_000 + b" HTTP/1.1"), 431),
        (b"a" * 40_000, 431),
    ],
)
def test_what_is_too_large_or_unknown_has_its_status(data: bytes, status: int) -> None:
    assert refused(data) == status


OLDER = b"GET / HTTP/1.0"


@pytest.mark.parametrize(
    ("data", "version", "status"),
    [
        (head(first=OLDER), "1.0", 0),
        (head(), "1.1", 0),
        (head(b"Content-Length: 3", first=b"POST / HTTP/1.0") + b"abc", "1.0", 0),
        (OLDER + b"\r\n\r\n", "1.0", 400),  # without a Host
        (head(b"Transfer-Encoding: chunked", first=OLDER), "1.0", 400),  # RFC 9112, section 6.1
        (head(first=b"GET / HTTP/0.9"), "1.1", 505),
        (head(first=b"PRI / HTTP/2.0"), "1.1", 505),
    ],
)
def test_a_trusted_proxy_may_speak_the_older_version(
    data: bytes, version: str, status: int
) -> None:
    request = Request(LIMITS, from_proxy=True)
    request.received(data)
    assert request.completed
    assert (request.error.status.value if request.error else 0) == status
    assert request.version == version


def test_a_body_by_the_older_version_is_not_waited_for_to_be_asked() -> None:
    request = Request(LIMITS, from_proxy=True)
    request.received(head(b"Content-Length: 3", b"Expect: 100-continue", first=b"POST / HTTP/1.0"))
    assert not request.awaits_continue  # RFC 9110, section 10.1.1


def test_a_refused_body_is_not_kept() -> None:
    request, rest = read(head(b"Content-Length: 400000000", b"Expect: 100-continue") + b"a" * 9_000)
    assert request.error
    assert (rest, request.awaits_continue) == (b"", False)
    assert request.get_body_stream().read() == b""


def test_the_address_is_known_where_the_rest_is_refused() -> None:
    for data in (
        head(b"X: " + b"a" * 40_000, first=b"GET /api/v1/search?q=1 HTTP/1.1"),
        head(b"Content-Length: 1, 1", first=b"POST /api/v1/search HTTP/1.1"),
        head(first=b"GET /api/v1/search HTTP/1.0"),
        head(first="GET /api/v1/search?q=退 HTTP/1.1".encode()),
    ):
        assert read(data)[0].path == "/api/v1/search"


def growing(size: int) -> dict[str, bytes]:
    """Heads of about `size` bytes, each of a kind that could take time."""
    return {
        "blanks and a NUL": head(b"a:" + b" " * size + b"\x00"),
        "blanks between letters": head(b"a:" + b" a" * (size // 2) + b"\x00"),
        "many headers": head(*[b"a:"] * (size // 4)),
        "escapes": head(first=b"GET /" + b"%41" * (size // 3) + b" HTTP/1.1"),
        "slashes": head(first=b"GET " + b"/" * size + b" HTTP/1.1"),
        "colons": head(first=b"GET " + b"a://" * (size // 4) + b" HTTP/1.1"),
        "words of a connection": head(b"Connection: " + b" ," * (size // 2)),
    }


@pytest.mark.parametrize("kind", growing(8))
def test_the_time_is_linear_in_the_bytes(kind: str) -> None:
    limits = replace(LIMITS, head_bytes=1 << 30, header_lines=1 << 30)

    sizes = (10_000, 40_000, 160_000)
    assert not superlinear(lambda data: read(data, limits), lambda n: growing(n)[kind], sizes)


def test_no_bytes_make_it_fail() -> None:
    rnd = random.Random(20160320)
    seeds = [
        head(b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n",
        head(b"Content-Length: 3", b"Expect: 100-continue") + b"abc",
        head(first=b"GET http://localhost:1/%41?q=%E9 HTTP/1.1"),
        *SMUGGLED.values(),
    ]
    odd = [
        b"\r",
        b"\n",
        b"\r\n",
        b"\x00",
        b":",
        b" ",
        b"%",
        b"%zz",
        b"\xff",
        b"9" * 5_000,
        b"[",
        b"//",
    ]
    for _ in range(3_000):
        data = bytearray(rnd.choice(seeds))
        for _ in range(rnd.randint(1, 4)):
            place = rnd.randint(0, len(data))
            data[place : place + rnd.randint(0, 3)] = rnd.choice([*odd, rnd.randbytes(3)])
        request, left = Request(LIMITS), bytes(data)
        while left and not request.completed:
            step = rnd.randint(1, len(left))
            left = left[request.received(left[:step]) :]
        if request.completed and not request.error:
            assert {"HOST"} <= request.headers.keys()
            assert request.path.startswith("/")
