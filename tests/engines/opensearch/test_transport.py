"""The way to the servers: TLS, who asks, several hosts, and answers that are not OpenSearch's."""

from __future__ import annotations

import gzip
import logging
import re
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from kchat_search.engines.opensearch import transport
from kchat_search.engines.opensearch.connection import Cluster, Connection
from kchat_search.engines.opensearch.engine import OpenSearchEngine
from kchat_search.errors import EngineUnreachable, IndexUnwritable, SettingsError
from kchat_search.models.plan import Contains, Everything, Plan
from tests.contracts.engine.conftest import build
from tests.engines.documents import make
from tests.engines.opensearch.cluster import Prefixes
from tests.engines.opensearch.front import Answer, Asked, Authority, Front, front, of_json
from tests.postgres import free_port

SECRET = "pä55/w:ört&密"
HTML = {"content-type": "text/html; charset=utf-8"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def behind(prefixes: Prefixes, tmp_path: Path) -> Cluster:
    """The real cluster."""
    return prefixes.cluster(tmp_path)


@pytest.fixture
def secure(behind: Cluster, authority: Authority) -> Iterator[Front]:
    context = authority.context("localhost", "127.0.0.1")
    with front(behind.hosts[0], context) as server:
        yield server


@pytest.fixture
def plain(behind: Cluster) -> Iterator[Front]:
    with front(behind.hosts[0]) as server:
        yield server


def said(cluster: Cluster) -> str:
    """What is wrong with it."""
    with closing(OpenSearchEngine(cluster)) as engine, pytest.raises(EngineUnreachable) as raised:
        engine.describe()
    assert SECRET not in str(raised.value)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def finds(cluster: Cluster) -> int:
    """Builds and searches."""
    with closing(OpenSearchEngine(cluster)) as engine:
        build(engine, [[make(1, "退款"), make(2, "退款")]])
        engine.write([], [1])
        return engine.count(Contains("退款"))


def test_a_certificate_of_an_own_authority_is_trusted_by_setting(
    behind: Cluster, secure: Front, authority: Authority
) -> None:
    for name in ("localhost", "127.0.0.1"):
        cluster = replace(behind, hosts=(secure.url(name),), ca=authority.file)
        assert finds(cluster) == 1


def test_the_system_s_authorities_are_trusted_without_a_setting(
    behind: Cluster, secure: Front, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    assert finds(replace(behind, hosts=(secure.url(),))) == 1


def test_what_is_wrong_with_tls_is_said_with_what_to_do(
    behind: Cluster, secure: Front, plain: Front, authority: Authority, tmp_path: Path
) -> None:
    trusted = replace(behind, ca=authority.file, user="kchat", password=SECRET)
    (tmp_path / "other").mkdir()
    with (
        front(behind.hosts[0], authority.context("else.example")) as elsewhere,
        front(behind.hosts[0], authority.context("127.0.0.1", ended=True)) as ended,
    ):
        wanting = authority.context("127.0.0.1")
        wanting.verify_mode = ssl.CERT_REQUIRED
        wanting.load_verify_locations(authority.file)
        with front(behind.hosts[0], wanting) as asking:
            told = {
                secure.url(): (replace(trusted, ca=None), "set KCHAT_OPENSEARCH_CA"),
                secure.url() + "/": (
                    replace(trusted, ca=Authority(tmp_path / "other").file),
                    "set KCHAT_OPENSEARCH_CA",
                ),
                elsewhere.url(): (trusted, "for another name"),
                elsewhere.url("localhost"): (trusted, "for another name"),
                ended.url(): (trusted, "has expired"),
                asking.url(): (trusted, "wants a certificate|closed the connection"),
                plain.url().replace("http:", "https:"): (trusted, "speaks no TLS"),
                secure.url().replace("https:", "http:"): (trusted, "whether it wants https"),
            }
            for address, (cluster, words) in told.items():
                text = said(replace(cluster, hosts=(address,)))
                assert re.search(words, text), text
                assert address.rstrip("/") in text
                assert "KCHAT_OPENSEARCH_HOSTS" in text
        everyone = (secure, plain, elsewhere, ended, asking)
        assert not any(server.asked for server in everyone)


def test_a_file_that_has_no_certificate_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(SettingsError, match="KCHAT_OPENSEARCH_CA"):
        OpenSearchEngine(Cluster(("https://a",), ca=tmp_path / "ca.pem"))


@pytest.mark.parametrize(
    ("who", "header"),
    [
        ({"user": "kchät", "password": SECRET}, "Basic a2Now6R0OnDDpDU1L3c6w7ZydCblr4Y="),
        ({"api_key": "a2V5"}, "ApiKey a2V5"),
        ({}, None),
    ],
)
def test_who_asks_is_told_in_each_request(
    behind: Cluster, plain: Front, who: dict[str, Any], header: str | None
) -> None:
    assert finds(replace(behind, hosts=(plain.url(),), **who)) == 1
    assert {asked.headers.get("authorization") for asked in plain.asked} == {header}


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [b"Unauthorized", b'{"error": {"type": "security_exception"}}'])
def test_who_is_refused_is_told_which_settings_to_check_and_no_secret_leaves(
    behind: Cluster, plain: Front, caplog: pytest.LogCaptureFixture, status: int, body: bytes
) -> None:
    plain.answers = lambda _: Answer(status, body)
    caplog.set_level(logging.DEBUG)
    asking = replace(behind, hosts=(plain.url(),))
    for cluster in (
        replace(asking, user="kchat", password=SECRET),
        replace(asking, api_key="c2VjcmV0"),
    ):
        text = said(cluster)
        assert "KCHAT_OPENSEARCH_USER" in text
        assert "KCHAT_OPENSEARCH_API_KEY" in text
        shown = text + caplog.text + repr(OpenSearchEngine(cluster)) + repr(cluster)
        header = str(plain.asked[-1].headers["authorization"]).partition(" ")[2]
        for secret in (SECRET, "c2VjcmV0", header):
            assert secret not in shown


@pytest.mark.slow
def test_one_of_several_hosts_is_enough(
    behind: Cluster, secure: Front, plain: Front, authority: Authority
) -> None:
    """One is dead, one has a certificate that nobody trusts, one is another program."""
    plain.answers = lambda _: Answer(200, b"<html>Welcome</html>", HTML)
    dead = f"https://127.0.0.1:{free_port()}"
    with front(behind.hosts[0], authority.context("else.example")) as untrusted:
        wrong = (dead, untrusted.url(), plain.url())
        for order in ((*wrong[:2], secure.url()), (secure.url(), *wrong[1:])):
            assert finds(replace(behind, hosts=order, ca=authority.file)) == 1
        text = said(replace(behind, hosts=wrong, ca=authority.file))
    assert re.search("nobody listens|another name|text/html", text)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_where_nobody_listens_it_is_said_so(behind: Cluster, scheme: str) -> None:
    dead = f"{scheme}://127.0.0.1:{free_port()}"
    assert f"{dead}: nobody listens at this port" in said(replace(behind, hosts=(dead,)))


def test_a_proxy_may_have_the_servers_under_a_path(behind: Cluster, plain: Front) -> None:
    address = f"{plain.url()}/search/below"
    assert finds(replace(behind, hosts=(address,))) == 1
    assert all(asked.path.startswith("/search/below/") for asked in plain.asked)


def test_an_address_of_ipv6_is_written_in_brackets(behind: Cluster, authority: Authority) -> None:
    try:
        with front(behind.hosts[0], authority.context("::1"), "::1") as server:
            cluster = replace(behind, hosts=(server.url("[::1]"),), ca=authority.file)
            assert finds(cluster) == 1
    except OSError:
        pytest.skip("this machine has no IPv6")


def test_without_a_port_it_is_that_of_every_web_server() -> None:
    connection = Connection(Cluster(("https://a.example", "http://b.example/x")))
    pool = connection._client.transport.connection_pool
    assert {(each.hostname, each.port, each.url_prefix) for each in pool.connections} == {
        ("a.example", 443, ""),
        ("b.example", 80, "/x"),
    }


UNFIT: dict[str, tuple[Answer, str]] = {
    "html": (Answer(200, b"<html>Sign in</html>", HTML), "text/html"),
    "html of an error": (Answer(404, b"<html>", HTML), "text/html"),
    "its own 400": (Answer(400, b"<html>plain HTTP sent to HTTPS port", HTML), "text/html"),
    "odd type": (Answer(200, b"x", {"content-type": "\x1b[31m" + SECRET[:4]}), "unknown form"),
    "nothing": (Answer(200), "empty answer"),
    "no object": (Answer(200, b"[1]", {"content-type": "application/json"}), "not OpenSearch"),
    "cut": (Answer(200, b'{"hits": {"hi'), "not OpenSearch"),
    "shorter than said": (Answer(200, b'{"hits"', length=99), "closed the connection"),
    "deep": (Answer(200, b"[" * 99_999), "not OpenSearch"),
    "no gzip": (Answer(200, b"{}", {"content-encoding": "gzip"}), "closed the connection"),
    "moved": (Answer(301, b"", {"location": "https://b.example/x?t=1"}), "https://b.example"),
    "found": (Answer(302, b"", {"location": "/login"}), "302"),
    "busy": (Answer(429, b"Too many", {"retry-after": "9"}), "429"),
    "away": (Answer(502, b"<html>Bad gateway", HTML), "502"),
    "down": (Answer(503, b"", {}), "503"),
    "late": (Answer(504, b"<html>", HTML), "504"),
    "block of a proxy": (of_json({"error": "rate limit"}, 429), "429"),
}


@pytest.mark.slow
def test_what_is_not_opensearch_s_answer_says_nothing_about_the_index(
    behind: Cluster, plain: Front
) -> None:
    """It passes by itself, or a person mends it: nothing is built anew for it."""
    cluster = replace(behind, hosts=(plain.url(),), user="kchat", password=SECRET)
    with closing(OpenSearchEngine(cluster)) as engine:
        build(engine, [[make(1, "退款")]])
        for case, (answer, words) in UNFIT.items():
            plain.answers = lambda _, its=answer: its  # type: ignore[misc]
            for call in (
                engine.describe,
                lambda: engine.search(Plan(Everything())),
                lambda: engine.write([make(2, "x")]),
                lambda: build(engine, [[make(3, "x")]]),
            ):
                with pytest.raises(EngineUnreachable) as raised:
                    call()
                assert words in str(raised.value), case
                assert "\n" not in str(raised.value), case
        plain.answers = lambda _: None
        assert dict(engine.id_revisions()) == {1: 1}
    paths = {asked.path.partition("?")[0] for asked in plain.asked}
    assert not paths & {"/x", "/login"}, "nobody follows where an answer sends"


def test_an_answer_has_an_end(
    behind: Cluster, plain: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_MOST_BYTES", 1 << 20)
    packed = {"content-encoding": "gzip", "content-type": "application/json"}
    for answer in (
        Answer(200, b"{" + b" " * (4 << 20), length=-1),
        Answer(200, gzip.compress(b" " * (64 << 20)), packed),
    ):
        plain.answers = lambda _, its=answer: its  # type: ignore[misc]
        assert "does not end" in said(replace(behind, hosts=(plain.url(),)))


def test_who_says_nothing_is_waited_for_as_long_as_a_request_may_take(
    behind: Cluster, plain: Front
) -> None:
    """Also who sends a little now and then; one request may take longer than others."""
    ended = Event()

    def trickle(_: Asked) -> Answer:
        return Answer(200, length=-1, pieces=iter(lambda: None if ended.wait(0.05) else b" ", None))

    cluster = replace(behind, hosts=(plain.url(),), timeout=0.5)
    plain.answers = trickle
    assert "within 0.5 s" in said(cluster)
    with closing(Connection(cluster)) as connection:
        with pytest.raises(EngineUnreachable, match=r"within 0\.2 s"):
            connection.ask("GET", "/_cluster/health", request_timeout=0.2)
        ended.set()
        plain.answers = lambda _: None
        assert connection.ask("GET", "/_cluster/health", request_timeout=60)["status"]


def test_an_answer_that_comes_packed_is_unpacked(behind: Cluster, plain: Front) -> None:
    packed = {"content-encoding": "gzip", "content-type": "application/json"}
    plain.answers = lambda _: Answer(200, gzip.compress(b"{}"), packed)
    with closing(OpenSearchEngine(replace(behind, hosts=(plain.url(),)))) as engine:
        assert engine.describe().generation is None


def test_a_request_that_is_too_large_for_a_proxy_is_divided(behind: Cluster, plain: Front) -> None:
    def small(asked: Asked) -> Answer | None:
        too_large = len(asked.body) > 9_000 and "_bulk" in asked.path
        return Answer(413, b"<html>413 Request Entity Too Large", HTML) if too_large else None

    plain.answers = small
    with closing(OpenSearchEngine(replace(behind, hosts=(plain.url(),)))) as engine:
        assert build(engine, [[make(n, "退款" * 30) for n in range(1, 20)]]) == 19
        assert len([asked for asked in plain.asked if "_bulk" in asked.path]) > 3
        with pytest.raises(IndexUnwritable, match="client_max_body_size"):
            engine.write([make(99, "x" * 9_000), make(98, "y")])
        assert engine.count(Contains("退款")) == 19
        build(engine, [[make(1, "退款")]])


def test_a_bulk_request_is_sent_again_where_a_proxy_is_busy(
    behind: Cluster, plain: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    busy = iter([429, 503])

    def at_first(asked: Asked) -> Answer | None:
        status = next(busy, None) if "_bulk" in asked.path else None
        return None if status is None else Answer(status, b"<html>", HTML)

    plain.answers = at_first
    assert finds(replace(behind, hosts=(plain.url(),))) == 1
    assert len([asked for asked in plain.asked if "_bulk" in asked.path]) == 4


def test_no_header_is_made_of_a_key_with_a_line_break(behind: Cluster, plain: Front) -> None:
    """The settings refuse it; if one came all the same, it would not be in the message."""
    text = said(replace(behind, hosts=(plain.url(),), api_key=f"{SECRET}\nx: y"))
    assert not plain.asked
    assert "KCHAT_OPENSEARCH_HOSTS" in text
