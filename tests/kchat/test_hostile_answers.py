"""What the client makes of answers that are made to hurt."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest

from kchat_search.errors import KchatBadAnswer, KchatError, KchatUnreachable
from kchat_search.kchat import transport
from kchat_search.kchat.answer_limits import MAX_CONTAINERS, Unpacking, amount
from kchat_search.kchat.client import KchatClient
from tests.kchat.conftest import Answer, Handler, MakeClient, ScriptedKchat
from tests.world import chat

BODY = b'{"chats": [{"id": 1}]}'


def compressed(body: bytes, level: int = 9) -> bytes:
    """Without the time: processes that run the tests together must have the same parameters."""
    return gzip.compress(body, level, mtime=0)


def packed(body: bytes) -> Answer:
    return Answer(body=compressed(body, 9), headers={"Content-Encoding": "gzip"})


BOMBS: dict[str, Callable[[], bytes]] = {
    "lists": lambda: b'{"chats": [' + b"[]," * 21_000_000 + b"[]]}",
    "objects": lambda: b'{"chats": [' + b"{}," * 1_000_000 + b"{}]}",
    "messages": lambda: b'{"chats": [{"id": 7, "messages": [' + b'{"a":1},' * 300_000 + b"{}]}]}",
    "numbers": lambda: b'{"chats": [{"id": 7, "x": [' + b"1," * 3_100_000 + b"1]}]}",
    "texts": lambda: b'{"chats": [{"id": 7, "x": [' + b'"",' * 3_100_000 + b'""]}]}',
    "keys": lambda: b'{"chats": [{' + b",".join(b'"%d":1' % n for n in range(1_600_000)) + b"}]}",
    "deep": lambda: b'{"chats": ' + b"[" * 260_000 + b"]" * 260_000 + b"}",
    "one string": lambda: b'{"chats": ["' + b"x" * 70_000_000 + b'"]}',
    "blanks": lambda: b'{"chats": [' + b" " * 70_000_000 + b"]}",
    "no JSON": lambda: b"[" * 600_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_would_take_the_memory_is_refused_before(
    kchat: ScriptedKchat, client: KchatClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """63 KB of gzip held 64 MB of `[],`, which took 2.7 GB and 200 s."""
    body = BOMBS[name]()
    kchat.say(packed(body))
    monkeypatch.setattr(transport, "decode", lambda _: pytest.fail("values are made"))
    with pytest.raises(KchatBadAnswer, match="lower KCHAT_PER_PAGE") as caught:
        client.page(1)
    assert not caught.value.retry
    assert caught.value.too_large
    assert caught.value.first_id == (7 if b'"id": 7' in body[:30] else None)
    assert len(kchat.requests) == 1


def test_unpacking_takes_no_more_memory_than_the_bound() -> None:
    bomb = compressed(bytes(1 << 30), 9)
    tracemalloc.start()
    try:
        unpacking = Unpacking("gzip", 10_000_000)
        for place in range(0, len(bomb), 65_536):
            unpacking.add(bomb[place : place + 65_536])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert unpacking.too_long
    assert len(unpacking.body) == 10_000_001
    assert peak < 25_000_000


TALK = '，、,,,:::[[[{{{\\"\\\\' * 60_000
"""A text with 180,000 commas in 1 MB."""


@pytest.mark.parametrize(
    ("chats", "size"),
    [
        ([chat(n, *(["你好，请问退款多久到账？"] * 60)) for n in range(1, 1001)], 1000),
        ([chat(1, *(["退款, 123: [图片] 多久到账?"] * 20_000))], 1),
        ([chat(n, TALK) for n in (1, 2)], 2),
        ([chat(1) | {"x": {"k" * 1_000_000: "v" * 1_000_000}}], 1),
    ],
    ids=["1,000 chats", "20,000 messages", "texts of commas", "a key of 1 MB"],
)
def test_what_kchat_may_well_send_is_read(
    kchat: ScriptedKchat, client: KchatClient, chats: list[dict[str, object]], size: int
) -> None:
    body = json.dumps({"chats": chats}).encode()
    kchat.say(Answer(body=body))
    assert client.page(1).size == size
    kchat.say(packed(body))
    assert client.page(1).size == size


@pytest.mark.parametrize("escape", ["\\\\", '\\"', "\\u0022", "a"])
@pytest.mark.parametrize("shift", range(4))
def test_what_is_counted_is_what_is_outside_of_texts(escape: str, shift: int) -> None:
    """Wherever the parts begin in which it is counted."""
    text = '"' + "x" * shift + (escape + ",[{:") * 100_000 + '"'
    body = f'[{text}, {{"k": {text}}}, [1, {text}, "", ","]]'.encode()
    assert amount(body).too_much is None
    assert amount(body).containers == 3
    assert amount(body).values == 3 + 5 + 1  # containers, commas, colons
    beyond = b"[" + body + b"," + b"[]," * MAX_CONTAINERS + b"1]"
    assert amount(beyond).too_much == "has more than 250,000 objects and lists"


def multiple(body: bytes, times: int) -> bytes:
    for _ in range(times):
        body = compressed(body)
    return body


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip, gzip", multiple(BODY, 2)),
        ("deflate", zlib.compress(BODY)),
        ("br", BODY),
        ("zstd", BODY),
        ("gzip, gzip, gzip, gzip, gzip, gzip, gzip", multiple(BODY, 7)),
        ("gzip", compressed(BODY)[:-9]),
        ("gzip", b""),
        ("gzip", compressed(b"") * 100 + compressed(BODY)),
    ],
)
def test_an_encoding_that_was_not_asked_for_is_not_unpacked(
    kchat: ScriptedKchat, client: KchatClient, coding: str, body: bytes
) -> None:
    kchat.say(Answer(body=body, headers={"Content-Encoding": coding}))
    with pytest.raises((KchatUnreachable, KchatBadAnswer)):
        client.page(1)
    assert kchat.requests[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize(
    "body",
    [
        compressed(BODY),
        compressed(BODY[:5]) + compressed(BODY[5:]),
        compressed(BODY) + bytes(1000),
        compressed(BODY) + b"garbage" * 100_000,
        compressed(BODY) + compressed(b" " * 1000) * 3,
    ],
)
def test_gzip_in_several_parts_or_with_more_behind_is_read(
    kchat: ScriptedKchat, client: KchatClient, body: bytes
) -> None:
    kchat.say(Answer(body=body, headers={"Content-Encoding": "gzip"}))
    assert client.page(1).size == 1


def test_a_gzip_in_a_gzip_is_no_json(kchat: ScriptedKchat, client: KchatClient) -> None:
    kchat.say(packed(compressed(BODY)))
    with pytest.raises(KchatBadAnswer, match="no JSON"):
        client.page(1)


@pytest.mark.parametrize(
    "value",
    [
        b"1e999999", b"-1e999999", b"9" * 5000, b"0." + b"1" * 5_000_000, b"1" * 5_000_000, b"NaN",
        b"-Infinity", b'"\\ud800"', b'"\\u0000"', b'"\xff\xfe"', b'"\\ud83d\\ude00"',
        b'{"a":1,"a":2,"a":3}', b"[" * 99 + b"]" * 99, b"1E+2", b"-0", b'"\xed\xa0\x80"',
    ],
)  # fmt: skip
def test_a_strange_value_stops_nothing(
    kchat: ScriptedKchat, client: KchatClient, value: bytes
) -> None:
    whole = json.dumps(chat(290)).encode()
    odd = whole.replace(b'"messages"', b'"odd": ' + value + b', "messages"', 1)
    kchat.say(Answer(body=b'{"chats": [' + odd + b"," + whole.replace(b"290", b"291") + b"]}"))
    page = client.page(1)
    assert 291 in [fetched.chat.id for fetched in page.chats]
    assert page.size == 2


@pytest.mark.parametrize(
    "body", ['{"chats": []}'.encode("utf-16"), b"\xef\xbb\xbf\xef\xbb\xbf{}", b"", b"\x00" * 1000]
)
def test_what_is_no_utf_8_is_no_json(
    kchat: ScriptedKchat, client: KchatClient, body: bytes
) -> None:
    kchat.say(Answer(body=body))
    with pytest.raises(KchatBadAnswer, match="no JSON"):
        client.page(1)


def test_no_cookie_is_kept_or_sent(kchat: ScriptedKchat, client: KchatClient) -> None:
    cookies = "a=1; Path=/; Max-Age=99999"
    for status in (200, 302, 401, 503):
        kchat.say(Answer(status=status, headers={"Set-Cookie": cookies}), Answer())
        with suppress(KchatError):
            client.page(1)
    client.page(2)
    assert len(kchat.requests) > 4
    assert not [request for request in kchat.requests if "cookie" in request.headers]


# -- answers without an end ---------------------------------------------------------------------


def forever(handler: Handler, begin: bytes, piece: bytes) -> None:
    with suppress(OSError):
        handler.wfile.write(begin)
        while not handler.server.stopping.wait(0.001):
            handler.wfile.write(piece)


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X-More: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-More: ", b"y"),
        (_CHUNKED + b"2\r\n[]\r\n0\r\n", b"X-More: y\r\n"),
        (_CHUNKED, b"0"),
        (_CHUNKED + b"1;", b"x"),
        (_CHUNKED, b"1\r\n \r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    ],
    ids=["100", "headers", "header", "trailers", "chunk size", "extension", "chunks", "body"],
)
def test_an_answer_without_an_end_is_ended(
    kchat: ScriptedKchat, make: MakeClient, begin: bytes, piece: bytes
) -> None:
    kchat.say(Answer(act=lambda handler: forever(handler, begin, piece)))
    client = make(timeout=0.5, deadline=0.5, retries=0, clock=time.monotonic)
    with pytest.raises((KchatUnreachable, KchatBadAnswer)):
        client.page(1)
    kchat.say(Answer())
    assert client.page(1).size == 0
