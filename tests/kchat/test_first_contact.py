"""The first contact with Kchat: one sentence, soon, with the address and the setting in it."""

from __future__ import annotations

import errno
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
import urllib3

from kchat_search.errors import (
    KchatBadAnswer,
    KchatBusy,
    KchatError,
    KchatNotFound,
    KchatRefused,
    KchatUnreachable,
)
from kchat_search.kchat.connection_problems import problem_of
from kchat_search.kchat.throttle import Series
from tests.kchat.conftest import Answer, MakeClient, ScriptedKchat, Time

GOOD = Answer.of({"chats": [{"id": 1, "messages": []}]})


def failure(client: Any) -> KchatError:
    with pytest.raises(KchatError) as caught:
        client.page(1)
    return caught.value


def is_one_sentence(error: KchatError, *words: str) -> bool:
    """Whether an error is printable, shows no object, and has these words."""
    text = str(error)
    assert text.isprintable()
    assert not any(sign in text for sign in ("object at", "(host=", "<urllib3", "Pool(", "Errno"))
    assert [word for word in words if word not in text] == []
    return True


@contextmanager
def closed_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening
        yield taken.getsockname()[1]


@contextmanager
def hangs_up(greeting: bytes = b"") -> Iterator[int]:
    """A server that says something, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    connection.sendall(greeting)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_AGAIN])
def test_a_name_that_cannot_be_looked_up_is_said_at_once(
    make: MakeClient, time: Time, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def look_up(*_: object, **__: object) -> Any:
        raise socket.gaierror(code, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    client = make(base_url="https://acmee.kf5.com", setting="KCHAT_SUBDOMAIN", retries=5)
    error = failure(client)
    assert isinstance(error, KchatUnreachable)
    assert is_one_sentence(error, "https://acmee.kf5.com", "KCHAT_SUBDOMAIN", "not known")
    assert (client.retries(), time.slept, error.no_contact) == (0, [], True)


def test_a_name_of_rfc_2606_is_said_at_once(make: MakeClient, time: Time) -> None:
    client = make(base_url="https://kchat.invalid", retries=5)
    assert is_one_sentence(failure(client), "https://kchat.invalid", "KCHAT_BASE_URL", "name")
    assert time.slept == []


def test_a_name_that_is_lost_later_is_waited_for(
    kchat: ScriptedKchat, make: MakeClient, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make(retries=3)
    kchat.say(GOOD)
    client.page(1)
    client.close()

    def look_up(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    error = failure(client)
    assert is_one_sentence(error, "Temporary failure")
    assert client.retries() == 3
    assert isinstance(error, KchatUnreachable)
    assert not error.no_contact


def test_a_refused_connection_is_said_in_seconds(make: MakeClient, time: Time) -> None:
    with closed_port() as port:
        client = make(base_url=f"http://127.0.0.1:{port}", retries=8)
        error = failure(client)
    assert isinstance(error, KchatUnreachable)
    assert is_one_sentence(error, f"http://127.0.0.1:{port}", "refused", "KCHAT_BASE_URL")
    assert error.no_contact
    assert sum(time.slept) <= 5


@pytest.mark.parametrize(
    ("scheme", "greeting", "words"),
    [
        ("http", b"", ["closed or broken"]),
        ("http", b"SSH-2.0-OpenSSH_9.6\r\n", ["closed or broken"]),
        ("https", b"", ["TLS failed"]),
        ("https", b"HTTP/1.1 400 Bad Request\r\n\r\n", ["TLS failed", "does not speak TLS"]),
    ],
)
def test_a_port_where_something_else_listens(
    make: MakeClient, time: Time, scheme: str, greeting: bytes, words: list[str]
) -> None:
    with hangs_up(greeting) as port:
        address = f"{scheme}://127.0.0.1:{port}"
        error = failure(make(base_url=address, retries=8))
    assert is_one_sentence(error, address, "KCHAT_BASE_URL", *words)
    assert sum(time.slept) <= 5


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Answer(body=b"<!DOCTYPE html><title>Login</title>"), KchatBadAnswer, ["a web page"]),
        (Answer(body=b'{"error": "x"}'), KchatBadAnswer, ["no list"]),
        (Answer(401), KchatRefused, ["KCHAT_EMAIL"]),
        (Answer(403), KchatRefused, ["KCHAT_EMAIL"]),
        (Answer(404), KchatNotFound, ["KCHAT_BASE_URL"]),
        (Answer(302, headers={"Location": "/login"}), KchatBadAnswer, ["KCHAT_BASE_URL"]),
        (Answer(502, b"<html>Bad Gateway"), KchatBusy, ["502"]),
    ],
)
def test_an_answer_that_is_not_kchats(
    kchat: ScriptedKchat, make: MakeClient, answer: Answer, kind: type[KchatError], words: list[str]
) -> None:
    time = Time()
    kchat.say(answer)
    error = failure(make(retries=5, clock=time.clock, sleep=time.sleep))
    assert isinstance(error, kind)
    assert is_one_sentence(error, f"{kchat.url}/apiv2/chats.json", *words)
    assert sum(time.slept) <= 5 or kind is KchatBusy


def test_one_that_was_reached_is_waited_for(
    kchat: ScriptedKchat, make: MakeClient, time: Time
) -> None:
    client = make(retries=6)
    kchat.say(GOOD, Answer(body=b"<html>"))
    client.page(1)
    failure(client)
    assert time.slept == [1, 2, 4, 8, 16, 32]


def test_a_proxy_that_refuses(
    make: MakeClient, monkeypatch: pytest.MonkeyPatch, time: Time
) -> None:
    with hangs_up(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://li:pa55wort@127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        error = failure(make(base_url="https://acme.kf5.com"))
    assert is_one_sentence(error, "https://acme.kf5.com", "HTTPS_PROXY", "403 Forbidden")
    assert "pa55wort" not in str(error)
    assert sum(time.slept) <= 5


def wrapped(inner: BaseException) -> BaseException:
    """As requests and urllib3 wrap errors of the system."""
    pool = urllib3.HTTPSConnectionPool("acme.kf5.com")
    new = urllib3.exceptions.NewConnectionError(pool, f"Failed: {inner}")  # type: ignore[arg-type]
    new.__cause__ = inner
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/", new))


@pytest.mark.parametrize(
    ("error", "words", "at_all"),
    [
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "no way", True),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "No route", True),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "refused", True),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "reset", False),
        (ssl.SSLCertVerificationError(1, "x <object at 0x7f>"), "TLS failed", True),
        (socket.gaierror(socket.EAI_NONAME, "not known"), "looked up", True),
        (UnicodeError("label too long"), "looked up", True),
        (requests.ConnectTimeout("x"), "no connection", True),
        (requests.ReadTimeout("x"), "no answer", False),
        (TimeoutError("timed out"), "no answer", False),
        (requests.exceptions.ProxyError("<object at 0x7f>"), "proxy", True),
        (urllib3.exceptions.ProtocolError("('Connection aborted.'"), "closed", False),
        (RuntimeError("<urllib3.connection object at 0x7f>"), "closed", False),
        (OSError("<urllib3.connection object at 0x7f>"), "closed", False),
    ],
)
@pytest.mark.parametrize("wrap", [wrapped, lambda error: error], ids=["wrapped", "bare"])
def test_each_kind_of_error_is_one_sentence(
    error: BaseException,
    words: str,
    at_all: bool,
    wrap: Callable[[BaseException], BaseException],
) -> None:
    problem = problem_of(wrap(error), "https://acme.kf5.com", "KCHAT_SUBDOMAIN", 30)
    assert is_one_sentence(KchatUnreachable(problem.text), "https://acme.kf5.com", words)
    assert problem.at_all is at_all
    assert problem.cause
    assert problem.text.count(". ") == 0
    assert problem.text.endswith(".")


def test_an_error_that_wraps_itself_is_no_endless_loop() -> None:
    error = requests.ConnectionError()
    error.args = (error,)
    error.__cause__ = error
    assert "closed" in problem_of(error, "https://a", "X", 1).text


def test_retries_are_a_line_that_counts(
    kchat: ScriptedKchat, make: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = make(retries=40)
    kchat.say(GOOD, Answer(500))
    client.page(1)
    with caplog.at_level(logging.DEBUG):
        failure(client)
    said = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert [vars(record)["retries"] for record in said] == [1, 4, 16]
    assert "(4 retries so far)" in said[1].getMessage()


def test_before_the_first_contact_the_error_says_all(
    kchat: ScriptedKchat, make: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    kchat.say(Answer(body=b"<html>"))
    failure(make(retries=5))
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_a_series_of_retries_ends_with_a_quiet_time() -> None:
    series = Series()
    due = [series.one_more(now) for now in (0, 1, 2, 3, 4)]
    assert due == [(1, True), (2, False), (3, False), (4, True), (5, False)]
    assert series.one_more(1_000) == (1, True)
