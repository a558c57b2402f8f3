"""The whole program over this engine: while its servers are away or silent, and after that."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kchat_search.demo.server import DemoServer
from kchat_search.engines.opensearch import connection
from kchat_search.errors import EngineUnreachable
from kchat_search.models.reports import Alert
from kchat_search.sync.worker import reason_of, tick
from kchat_search.web.app import create_app
from tests.engines.opensearch.cluster import Prefixes
from tests.engines.opensearch.front import Answer, Authority, front
from tests.postgres import free_port
from tests.proxy import Proxy, Trap, proxy
from tests.web.gates import OpenGate
from tests.world import World, chat

SECRET = "m4rker-of-the-s3cret"
NOW = datetime(2016, 3, 20, 4, tzinfo=UTC)
SHOWN = ("/api/v1/status", "/status", "/readyz", "/?q=x", "/api/v1/search?q=x", "/metrics")


def test_chats_are_archived_while_no_server_answers_and_found_afterwards(
    kchat: DemoServer, prefixes: Prefixes, tmp_path: Path
) -> None:
    """The indexer needs no hand; searches say 503 in between, and `verify` is clean at the end. One
    host of two is away for good, and the other wants TLS, a certificate and a password."""
    cluster = prefixes.cluster(tmp_path)
    settings: dict[str, object] = {
        "engine": "opensearch",
        "opensearch_hosts": f"http://127.0.0.1:{free_port()}",
        "opensearch_prefix": cluster.prefix,
        "opensearch_replicas": 0,
    }
    away = World(kchat, tmp_path, **settings)
    with away.service.indexing("test"), pytest.raises(EngineUnreachable):
        tick(away.service.syncer, first=True)
    assert away.service.archive.counts().chats == 25
    for path in ("/api/v1/search?q=x", "/readyz", "/?q=x"):
        answer = create_app(OpenGate(away.service)).test_client().get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30"), path
    away.service.close()

    authority = Authority(tmp_path)
    with front(cluster.hosts[0], authority.context("127.0.0.1")) as secure:
        settings |= {
            "opensearch_hosts": f"{settings['opensearch_hosts']}, {secure.url()}",
            "opensearch_ca": authority.file,
            "opensearch_user": "kchat",
            "opensearch_password": SECRET,
        }
        there = World(kchat, tmp_path, **settings)
        with there.service.indexing("test"):
            tick(there.service.syncer, first=True)
        assert there.search().total == 25
        assert there.service.verify().clean
        there.service.close()
    assert {asked.headers["authorization"][:6] for asked in secure.asked} == {"Basic "}


@pytest.mark.parametrize(
    "who",
    [
        {"opensearch_user": "kchat", "opensearch_password": SECRET},
        {"opensearch_api_key": SECRET},
    ],
)
def test_who_is_refused_is_told_so_everywhere_and_nowhere_with_the_secret(
    kchat: DemoServer,
    tmp_path: Path,
    who: dict[str, object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with front("http://127.0.0.1:1") as server:
        server.answers = lambda _: Answer(401, b"Unauthorized")
        world = World(kchat, tmp_path, engine="opensearch", opensearch_hosts=server.url(), **who)
        with world.service.indexing("test"), pytest.raises(EngineUnreachable) as raised:
            tick(world.service.syncer, first=True)
        world.service.report_indexer(Alert("tick_failed", reason_of(raised.value), NOW))
        client = create_app(OpenGate(world.service)).test_client()
        shown = {path: client.get(path).get_data(as_text=True) for path in SHOWN}
        sent = {asked.headers["authorization"].partition(" ")[2] for asked in server.asked}
        world.service.close()
    assert len(sent) == 1
    assert world.service.archive.counts().chats == 25
    for text in (*shown.values(), caplog.text, repr(world.service), str(raised.value)):
        assert not [secret for secret in (SECRET, *sent) if secret in text]
    assert "KCHAT_OPENSEARCH_USER" in shown["/api/v1/status"]
    assert "KCHAT_OPENSEARCH_USER" in shown["/status"]


@pytest.mark.parametrize("trouble", [Proxy.stall, Proxy.cut])
def test_a_network_that_passes_nothing_on_holds_nobody_up_and_what_waits_is_indexed_afterwards(
    kchat: DemoServer,
    prefixes: Prefixes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Callable[[Proxy], None],
) -> None:
    monkeypatch.setattr(connection, "_ATTEMPTS", 2)
    cluster = prefixes.cluster(tmp_path)
    with proxy(urlsplit(cluster.hosts[0]).port or 0) as between:
        world = World(
            kchat,
            tmp_path,
            engine="opensearch",
            opensearch_hosts=f"http://127.0.0.1:{between.port}",
            opensearch_prefix=cluster.prefix,
            opensearch_replicas=0,
            opensearch_timeout_seconds=2.0,
        )
        world.sync()
        kchat.put(chat(126, "新来的", created_at="2016-03-20 11:00:00"))
        trap = Trap([between], b"POST /_bulk", trouble)
        with world.later(minutes=1).service.indexing("test"), pytest.raises(EngineUnreachable):
            world.service.tick()
        trap.wait()
        assert 126 in world.archived()
        browser = create_app(OpenGate(world.service)).test_client()
        for path in ("/api/v1/search?q=x", "/?q=x"):
            answer = browser.get(path)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30"), path
        kchat.put(chat(127, "又来的", created_at="2016-03-20 11:00:00"))
        with world.later(minutes=1).service.indexing("test"), pytest.raises(EngineUnreachable):
            world.service.tick()
        assert 127 in world.archived()
        between.cut()
        between.mend()
        with world.later(minutes=1).service.indexing("test"):
            world.service.tick()
        world.check_whole()
        world.service.close()
