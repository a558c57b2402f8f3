"""Engines on the cluster that all tests of a run share: each folder that a test would give to an
engine is an index prefix of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from opensearchpy import OpenSearch

from kchat_search.engines.opensearch.connection import Cluster
from kchat_search.engines.opensearch.engine import OpenSearchEngine

_AT_ONCE = 50
"""So many prefixes have room in one address."""


class Prefixes:
    """The index prefixes that tests use."""

    def __init__(self, hosts: Sequence[str], shards: int = 1) -> None:
        self._hosts = tuple(hosts)
        self._shards = shards
        self._used: set[str] = set()
        self._terms = count(1)

    def cluster(self, folder: Path) -> Cluster:
        """The cluster, with the prefix of a folder."""
        prefix = f"kchat-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
        self._used.add(prefix)
        return Cluster(self._hosts, prefix, shards=self._shards)

    def open(self, folder: Path, **cluster: Any) -> OpenSearchEngine:
        """An engine whose index has the prefix of a folder. Each is of a later term than those
        before it: once it has written, they may not. `cluster`: other fields of that."""
        term = next(self._terms)
        return OpenSearchEngine(replace(self.cluster(folder), **cluster), lambda: term)

    def remove(self) -> None:
        """Remove the indexes of all engines that were opened since the last time."""
        client = _client(self._hosts)
        while self._used:
            some = [self._used.pop() for _ in range(min(len(self._used), _AT_ONCE))]
            client.transport.perform_request("DELETE", "/" + ",".join(f"{p}-*" for p in some))


@cache
def _client(hosts: tuple[str, ...]) -> OpenSearch:
    return OpenSearch(list(hosts))
