"""Engines on the cluster that all tests of a run share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kchat_search.engines.opensearch.engine import OpenSearchEngine
from tests.contracts.engine.conftest import build
from tests.engines.opensearch.cluster import Prefixes


@pytest.fixture(scope="module")
def prefixes(opensearch_hosts: Sequence[str]) -> Iterator[Prefixes]:
    prefixes = Prefixes(opensearch_hosts, shards=2)
    yield prefixes
    prefixes.remove()


@pytest.fixture
def engine(prefixes: Prefixes, tmp_path: Path) -> Iterator[OpenSearchEngine]:
    """An engine with an empty index."""
    engine = prefixes.open(tmp_path)
    build(engine, [])
    yield engine
    engine.close()
