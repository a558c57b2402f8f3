"""The whole program over this engine: while its servers are away, and after they have come back."""

from __future__ import annotations

from pathlib import Path

import pytest

from kchat_search.demo.server import DemoServer
from kchat_search.errors import EngineUnreachable
from kchat_search.sync.worker import tick
from kchat_search.web.app import create_app
from tests.engines.opensearch.cluster import Prefixes
from tests.postgres import free_port
from tests.web.gates import OpenGate
from tests.world import World


def test_chats_are_archived_while_no_server_answers_and_found_afterwards(
    kchat: DemoServer, prefixes: Prefixes, tmp_path: Path
) -> None:
    """The indexer needs no hand; searches say 503 in between, and `verify` is clean at the end."""
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

    there = World(kchat, tmp_path, **settings | {"opensearch_hosts": ",".join(cluster.hosts)})
    with there.service.indexing("test"):
        tick(there.service.syncer, first=True)
    assert there.search().total == 25
    assert there.service.verify().clean
    there.service.close()
