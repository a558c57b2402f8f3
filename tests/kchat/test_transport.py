"""What the client makes of everything that can go wrong between it and Kchat."""

from __future__ import annotations

import base64
import gc
import gzip
import json
import logging
import socket
import struct
import time as real_time
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from urllib.parse import quote, quote_plus

import pytest
import requests

from kchat_search.errors import (
    KchatBadAnswer,
    KchatBusy,
    KchatError,
    KchatNotFound,
    KchatRefused,
    KchatUnreachable,
)
from kchat_search.kchat.account import Account
from kchat_search.kchat.client import KchatClient

from .conftest import SECRET, USER, Answer, Handler, MakeClient, ScriptedKchat, Time

GOOD = Answer.of({"chats": [{"id": 1}]})
BODY = GOOD.body


def reset(handler: Handler) -> None:
    """Close the connection with a TCP reset, as a broken middlebox does."""
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()


def hang_up(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def cut_short(handler: Handler) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY) + 5}\r\n\r\n"
    handler.wfile.write(head.encode() + BODY)


def cut_in_a_chunk(handler: Handler) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    handler.wfile.write(head + b"%x\r\n" % (len(BODY) + 5) + BODY)


def cut_between_chunks(handler: Handler) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    handler.wfile.write(head + b"%x\r\n" % len(BODY) + BODY + b"\r\n")


def no_http(handler: Handler) -> None:
    handler.wfile.write(b"220 mail.example ESMTP\r\n\r\n")


def bad_gzip(handler: Handler) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(BODY)}\r\n"
    handler.wfile.write(head.encode() + b"Connection: close\r\n\r\n" + BODY)


def trickle(handler: Handler) -> None:
    """Send a byte now and then until the test ends."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not handler.server.stopping.wait(0.02):
        handler.wfile.write(b" ")


def trickle_chunks(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not handler.server.stopping.wait(0.02):
        handler.wfile.write(b"1\r\n \r\n")


def trickle_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not handler.server.stopping.wait(0.02):
        handler.wfile.write(b"x")


def silent(handler: Handler) -> None:
    handler.server.stopping.wait(10)


@pytest.mark.parametrize(
    "act", [reset, hang_up, cut_short, cut_in_a_chunk, cut_between_chunks, no_http, bad_gzip]
)
def test_a_request_over_a_broken_connection_is_repeated(
    kchat: ScriptedKchat, client: KchatClient, time: Time, act: Callable[[Handler], None]
) -> None:
    kchat.say(Answer(act=act), Answer(act=act), GOOD)
    assert client.page(1).size == 1
    assert len(kchat.requests) == 3
    assert client.retries() == 2
    assert time.slept == [1.0, 2.0]


@pytest.mark.parametrize("act", [reset, cut_short, bad_gzip])
def test_a_connection_that_stays_broken_is_unreachable(
    kchat: ScriptedKchat, client: KchatClient, act: Callable[[Handler], None]
) -> None:
    kchat.say(Answer(act=act))
    with pytest.raises(KchatUnreachable, match=r"127\.0\.0\.1"):
        client.page(1)
    assert len(kchat.requests) == 3


def test_an_address_where_nothing_listens_is_unreachable(make: MakeClient) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        client = make(base_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(KchatUnreachable, match="refused"):
            client.page(1)
    assert client.retries() == 2


def test_an_invalid_address_is_not_tried_again(make: MakeClient) -> None:
    client = make(base_url="http://127.0.0.1:99999999")
    with pytest.raises(KchatUnreachable, match="KCHAT_BASE_URL"):
        client.page(1)
    assert client.retries() == 0


@pytest.mark.parametrize("act", [trickle, trickle_chunks])
def test_a_server_that_sends_its_body_byte_by_byte_cannot_hold_the_client(
    kchat: ScriptedKchat, make: MakeClient, act: Callable[[Handler], None]
) -> None:
    kchat.say(Answer(act=act))
    client = make(clock=real_time.monotonic, timeout=5.0, deadline=0.1, retries=1)
    with pytest.raises(KchatUnreachable, match=r"did not finish its answer within 0\.1 s"):
        client.page(1)
    assert len(kchat.requests) == 2


def test_a_server_that_sends_its_headers_byte_by_byte_cannot_hold_the_client(
    kchat: ScriptedKchat, make: MakeClient
) -> None:
    kchat.say(Answer(act=trickle_headers))
    client = make(timeout=0.3, deadline=0.1, retries=1)
    with pytest.raises(KchatUnreachable, match="no answer from"):
        client.page(1)
    assert len(kchat.requests) == 2


def test_a_silent_server_is_unreachable_after_the_timeout(
    kchat: ScriptedKchat, make: MakeClient
) -> None:
    kchat.say(Answer(act=silent))
    with pytest.raises(KchatUnreachable, match=r"no answer from .* within 0\.1 s"):
        make(timeout=0.1, retries=0).page(1)


def test_an_answer_longer_than_the_limit_is_refused(kchat: ScriptedKchat, make: MakeClient) -> None:
    kchat.say(Answer(body=b'{"chats": [' + b" " * 200_000 + b"]}"))
    with pytest.raises(KchatBadAnswer, match="longer than 100,000 bytes") as caught:
        make(max_body=100_000).page(1)
    assert not caught.value.retry
    assert len(kchat.requests) == 1


def test_a_small_answer_that_unpacks_to_more_than_the_limit_is_refused(
    kchat: ScriptedKchat, make: MakeClient
) -> None:
    packed = gzip.compress(b'{"chats": [' + b" " * 20_000_000 + b"]}")
    assert len(packed) < 100_000
    kchat.say(Answer(body=packed, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(KchatBadAnswer, match="longer than"):
        make(max_body=1_000_000).page(1)


def test_a_compressed_answer_is_read(kchat: ScriptedKchat, client: KchatClient) -> None:
    kchat.say(Answer(body=gzip.compress(BODY), headers={"Content-Encoding": "gzip"}))
    assert client.page(1).size == 1


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>One moment</body></html>",
        b'{"chats": [{"id": 1}',
        b"",
        b"[" * 100_000,
        b'{"error": "maintenance"}',
        b'{"chats": null}',
        b'{"chats": {"id": 1}}',
        b"[]",
        b"null",
    ],
)
def test_a_request_whose_answer_is_no_list_of_chats_is_repeated(
    kchat: ScriptedKchat, client: KchatClient, body: bytes
) -> None:
    kchat.say(Answer(body=body), GOOD)
    assert client.page(1).size == 1
    kchat.say(Answer(body=body))
    with pytest.raises(KchatBadAnswer) as caught:
        client.page(1)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 400


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 520])
def test_a_request_to_a_busy_kchat_is_repeated_until_the_last_attempt(
    kchat: ScriptedKchat, client: KchatClient, time: Time, status: int
) -> None:
    busy = Answer(status, b"<h1>later\r\n</h1>")
    kchat.say(busy, busy, GOOD)
    assert client.page(1).size == 1
    assert time.slept == [1.0, 2.0]
    kchat.say(busy)
    with pytest.raises(KchatBusy, match=f"answered {status}: <h1>later </h1>") as caught:
        client.page(1)
    assert caught.value.retry


def test_back_off_has_full_jitter_and_an_upper_limit(
    kchat: ScriptedKchat, make: MakeClient, time: Time
) -> None:
    kchat.say(Answer(500))
    with pytest.raises(KchatBusy):
        make(retries=8, random=lambda: 0.5).page(1)
    assert time.slept == [0.5, 1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize(("status", "asked"), [(429, 17), (503, 17), (429, 300)])
def test_retry_after_in_seconds_is_honoured(
    kchat: ScriptedKchat, client: KchatClient, time: Time, status: int, asked: int
) -> None:
    kchat.say(Answer(status, headers={"Retry-After": str(asked)}), GOOD)
    client.page(1)
    assert time.slept == [asked]


def test_retry_after_as_a_date_is_honoured(
    kchat: ScriptedKchat, client: KchatClient, time: Time
) -> None:
    moment = format_datetime(time.now() + timedelta(seconds=42), usegmt=True)
    kchat.say(Answer(503, headers={"Retry-After": moment}), GOOD)
    client.page(1)
    assert time.slept == [42.0]


@pytest.mark.parametrize(
    "asked",
    ["0", "-5", "soon", "", "1e3", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 99 Jan 2026", "９" * 2],
)
def test_a_retry_after_that_cannot_be_read_leaves_the_back_off_as_it_is(
    kchat: ScriptedKchat, client: KchatClient, time: Time, asked: str
) -> None:
    header = asked.encode().decode("latin-1")
    kchat.say(Answer(429, headers={"Retry-After": header}), GOOD)
    client.page(1)
    assert time.slept == [1.0]


@pytest.mark.parametrize(
    ("status", "kind", "names"),
    [
        (401, KchatRefused, "KCHAT_EMAIL and KCHAT_API_TOKEN"),
        (403, KchatRefused, "permission «agent»"),
        (404, KchatNotFound, "KCHAT_CHATS_PATH"),
        (410, KchatNotFound, "KCHAT_CHATS_PATH"),
        (400, KchatBadAnswer, "answered 400"),
        (422, KchatBadAnswer, "answered 422"),
    ],
)
def test_a_refusal_is_not_retried_and_says_what_to_check(
    kchat: ScriptedKchat, client: KchatClient, status: int, kind: type[KchatError], names: str
) -> None:
    kchat.say(Answer(status, b'{"error":\r\n "because\x07"}' + b"x" * 300_000))
    with pytest.raises(kind) as caught:
        client.page(1)
    text = str(caught.value)
    assert names in text
    assert "because" in text
    assert text.isprintable()
    assert len(text) < 500
    assert not caught.value.retry
    assert len(kchat.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(
    kchat: ScriptedKchat, other_server: ScriptedKchat, client: KchatClient, status: int
) -> None:
    target = f"{other_server.url}/login?back=1"
    kchat.say(Answer(status, headers={"Location": target}))
    with pytest.raises(KchatBadAnswer, match="KCHAT_BASE_URL") as caught:
        client.page(1)
    assert f"{other_server.url}/login," in str(caught.value)
    assert other_server.requests == []
    assert len(kchat.requests) == 1


@pytest.mark.parametrize("location", ["http://[", "", "//u:p@\x7f", "x" * 5000])
def test_a_redirect_to_an_invalid_address_is_a_clear_error(
    kchat: ScriptedKchat, client: KchatClient, location: str
) -> None:
    kchat.say(Answer(302, headers={"Location": location}))
    with pytest.raises(KchatBadAnswer, match="not followed") as caught:
        client.page(1)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def echoes() -> list[str]:
    return [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps(SECRET)[1:-1],
        base64.b64encode(f"{USER}:{SECRET}".encode()).decode(),
        "x" * 105 + SECRET,
    ]


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 429, 500])
@pytest.mark.parametrize("echo", echoes())
def test_the_secret_is_in_no_error_log_or_repr(
    kchat: ScriptedKchat,
    client: KchatClient,
    caplog: pytest.LogCaptureFixture,
    status: int,
    echo: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    location = f"/{quote(SECRET)}"
    kchat.say(Answer(status, f"you said {echo}".encode(), {"Location": location}))
    with pytest.raises(KchatError) as caught:
        client.page(1)
    shown = f"{caught.value!r} {caplog.text} {client!r} {client._transport!r}"
    assert "***" in shown
    for form in (*echoes()[:-1], quote(SECRET), SECRET[:6], "Basic", "uthorization"):
        assert form not in shown


@pytest.mark.parametrize("secret", ["t0p:s écret/+", "a\\b\udc80", "xyzzy"])
def test_the_secret_is_kept_once_and_masked_in_every_form(secret: str) -> None:
    account = Account("a@example.com/token", secret)
    raw = secret.encode("utf-8", "surrogateescape")
    kept = [value for value in gc.get_referents(account.__dict__) if isinstance(value, str | bytes)]
    assert not any(secret in str(value) for value in kept)
    assert secret not in repr(account)
    request = account(requests.Request("GET", "http://127.0.0.1/").prepare())
    header = request.headers["Authorization"]
    assert isinstance(header, bytes)
    assert base64.b64decode(header.removeprefix(b"Basic ")) == b"a@example.com/token:" + raw
    for form in (
        secret,
        quote(raw),
        quote_plus(raw),
        json.dumps(secret)[1:-1],
        header.decode()[6:],
    ):
        assert account.masked(f"<{form}>") == "<***>"
