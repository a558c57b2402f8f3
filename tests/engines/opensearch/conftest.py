"""Engines on the cluster that all tests of a run share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kchat_search.engines.opensearch.engine import OpenSearchEngine
from tests import opensearch
from tests.contracts.engine.conftest import build
from tests.engines.opensearch.cluster import Prefixes


@pytest.fixture(scope="module")
def prefixes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefixes]:
    base = tmp_path_factory.getbasetemp()
    worker = "PYTEST_XDIST_WORKER" in os.environ
    prefixes = Prefixes(opensearch.shared(base.parent if worker else base), shards=2)
    yield prefixes
    prefixes.remove()


@pytest.fixture
def engine(prefixes: Prefixes, tmp_path: Path) -> Iterator[OpenSearchEngine]:
    """An engine with an empty index."""
    engine = prefixes.open(tmp_path)
    build(engine, [])
    yield engine
    engine.close()
