"""Servers of OpenSearch for a benchmark: those that `OPENSEARCH_HOSTS` names, or some of its own.

`opensearch` stands for the former, `opensearch-3` for three servers on this machine, which run as
long as they are measured: one shard for each, and a copy of each shard where there are several.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import measure

NAMED = "opensearch"
_NAME = re.compile(f"{NAMED}(?:-([1-9]))?")


def is_cluster(name: str) -> bool:
    """Does this name of an engine stand for our own over servers?"""
    return _NAME.fullmatch(name) is not None


def label(name: str) -> str:
    """What tables call it."""
    number = name.removeprefix(NAMED).removeprefix("-")
    servers = {"": "", "1": ", one server"}.get(number, f", {number} servers")
    return f"ours on OpenSearch{servers}"


@contextmanager
def servers(name: str) -> Iterator[list[int]]:
    """The servers run as long as the block, and the environment says where. Gives their process
    ids; none of those that `OPENSEARCH_HOSTS` names."""
    number = name.removeprefix(NAMED).removeprefix("-")
    if not number:
        if "OPENSEARCH_HOSTS" not in os.environ:
            raise SystemExit(f"{name} needs OPENSEARCH_HOSTS; {name}-1 starts a server of its own")
        yield []
        return
    from tests import opensearch  # noqa: PLC0415  # with the extra `test`

    with opensearch.servers(int(number), fast=True) as started:
        told = {
            "OPENSEARCH_HOSTS": ",".join(started.hosts),
            "OPENSEARCH_SHARDS": number,
            "OPENSEARCH_REPLICAS": "1" if int(number) > 1 else "0",
        }
        before = dict(os.environ)
        os.environ.update(told)
        try:
            yield [started.process(each).pid for each in range(int(number))]
        finally:
            os.environ.clear()
            os.environ.update(before)


def memory(pids: list[int]) -> int | None:
    """Bytes of all servers together; None where these are not known."""
    return sum(measure.memory(pid).pss for pid in pids) if pids else None
