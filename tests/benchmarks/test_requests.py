"""Each request that the engine sends goes to the row that names its part of a search."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, cast

from benchmarks import requests
from benchmarks.requests import Part, part_of
from kchat_search.engines.opensearch.answer import Answering
from kchat_search.engines.opensearch.connection import Connection
from kchat_search.engines.opensearch.generations import Generation
from kchat_search.engines.opensearch.similar import similar
from kchat_search.engines.opensearch.snapshot import Snapshot
from kchat_search.meaning.table import shipped
from kchat_search.models.plan import EVERYTHING_SEEN, Contains, Everything, Meant, Plan


class _Nowhere(Connection):
    """Keeps what is searched for, and finds nothing."""

    def __init__(self) -> None:
        self.bodies: list[Mapping[str, Any]] = []

    def search(self, bodies: Sequence[object], *, partial: bool) -> list[Mapping[str, Any]]:
        assert not partial  # no limit is set, so all shards must answer
        self.bodies += cast("Sequence[Mapping[str, Any]]", bodies)
        counted: Any = defaultdict(lambda: {"buckets": [], "sum_other_doc_count": 0})
        counted |= {"words": {"value": 0}, "former": {"doc_count": 0}}
        shards = {"total": 1, "successful": 1, "failed": 0}
        found = {"total": {"value": 0}, "hits": ()}
        answer = {"timed_out": False, "_shards": shards, "hits": found, "aggregations": counted}
        return [answer for _ in bodies]


def test_each_request_is_the_part_that_its_row_names() -> None:
    connection = _Nowhere()
    snapshot = Snapshot(connection, cast("Generation", None), "pit")
    meant = Meant("我的快递什么时候能到", Everything(), 0.1)
    plan = Plan(Contains("快递"), meant=meant, words=("快递",), facets=("agent_id",))
    Answering(snapshot, EVERYTHING_SEEN, plan, shipped()).answer()
    parts = [part_of("facets", body) for body in connection.bodies]
    wanted = [requests.COUNTED, requests.BEST, requests.FACETS, requests.GUESS]
    assert parts == [None, *wanted]  # the first asks how many chats there are
    others = [part_of("nothing", body) for body in connection.bodies]
    assert others == [None, None, requests.NOTHING, None, requests.GUESS]

    for word, part in (("qxzjvk", requests.NEAR_LATIN), ("快递", requests.NEAR_HAN)):
        similar(snapshot, EVERYTHING_SEEN, word, 3)
        assert part_of("nothing_quoted", connection.bodies[-1]) == part


def test_a_row_has_the_time_of_a_chat_where_chats_are_looked_at() -> None:
    assert Part("all", [0.002, 0.004, 0.003], [9_000, 10_000, 11_000]).row == [
        "all", "3", "3.00", "4.00", "10,000", "0.30",
    ]  # fmt: skip
    assert Part("none", [0.002], []).row == ["none", "1", "2.00", "2.00", "", ""]
