"""Bulk writes against a server that has no room for some of the items."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from opensearchpy.exceptions import TransportError

from kchat_search.engines.opensearch import bulk
from kchat_search.engines.opensearch.connection import NO_MEMORY, Cluster, Connection
from kchat_search.engines.opensearch.fence import Into
from kchat_search.engines.opensearch.transport import RequestTooLarge
from kchat_search.errors import EngineUnreachable, IndexDamaged, IndexUnwritable

INTO = Into("i-write-1", 1)
Said = Mapping[str, int | str]
"""By the id of a document: the status that the server gives it, or the type of an error of status
429; 201 for those that are not here."""


class FakeServer(Connection):
    """Gives each request the statuses that come next."""

    def __init__(self, answers: Sequence[Said | Exception]) -> None:
        self._answers = iter(answers)
        self.asked: list[list[str]] = []
        """The ids of each request."""

    def send(self, lines: bytes) -> list[Mapping[str, Any]]:
        heads = [json.loads(line) for line in lines.decode().splitlines()]
        ids = [next(iter(h.values()))["_id"] for h in heads if h.keys() & {"index", "delete"}]
        self.asked.append(ids)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return [self._item(answer.get(each, 201)) for each in ids]

    def _item(self, status: int | str) -> Mapping[str, Any]:
        if isinstance(status, str):
            return {"status": 429, "error": {"type": status, "reason": "why"}}
        if status < 400:
            return {"status": status}
        return {"status": status, "error": {"type": "some_exception", "reason": "why"}}


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that are made, none of which takes time."""
    made: list[float] = []
    monkeypatch.setattr("time.sleep", made.append)
    return made


def actions(count: int) -> list[bulk.Action]:
    puts = [bulk.index(INTO, {"id": n, "x": "é"}) for n in range(1, count)]
    return [*puts, bulk.delete(INTO, count)]


def test_only_what_failed_is_sent_again_later_each_time(pauses: list[float]) -> None:
    away = EngineUnreachable("away")
    server = FakeServer([{"2": 429, "3": 503}, {"3": 429}, away, {}])
    bulk.write(server, actions(4))
    assert server.asked == [["1", "2", "3", "4"], ["2", "3"], ["3"], ["3"]]
    assert pauses == sorted(set(pauses))
    assert len(pauses) == 3


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([{"1": 403}], IndexUnwritable),
        ([{"1": 400}], IndexDamaged),
        ([{"1": 404}], IndexDamaged),
        ([{"1": 429}] * 99, IndexUnwritable),
        ([EngineUnreachable("away")] * 99, EngineUnreachable),
    ],
)
def test_what_no_attempt_can_mend_ends_the_write(
    answers: Sequence[Said | Exception], error: type[Exception]
) -> None:
    server = FakeServer(answers)
    with pytest.raises(error):
        bulk.write(server, actions(2))
    assert len(server.asked) < 20


def test_a_document_that_should_go_and_is_not_there_is_no_fault() -> None:
    server = FakeServer([{"2": 404}])
    server._item = lambda status: {"status": status, "result": "not_found"}  # type: ignore[method-assign]
    bulk.write(server, actions(2))


def test_a_request_has_some_megabytes_and_at_least_one_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulk, "_MOST_BYTES", 2 * len(actions(2)[0].lines))
    large = bulk.index(INTO, {"id": 50, "x": "é" * 1_000})
    server = FakeServer([{}] * 9)
    bulk.write(server, [*actions(4), large, *actions(2)])
    assert server.asked == [["1", "2"], ["3", "4"], ["50"], ["1", "2"]]


def no_memory() -> EngineUnreachable:
    error = EngineUnreachable("busy")
    error.__cause__ = TransportError(429, "busy", {"error": {"type": NO_MEMORY}})
    return error


@pytest.mark.parametrize(
    "answers",
    [
        [RequestTooLarge()],
        [no_memory() for _ in range(8)],
        [{"50": NO_MEMORY}] * 8,
    ],
)
def test_a_chat_that_is_too_large_for_the_servers_stops_no_other(
    answers: Sequence[Said | Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = len(actions(2)[0].lines)
    monkeypatch.setattr(bulk, "_MOST_BYTES", 2 * small)
    large = bulk.index(INTO, {"id": 50, "x": "é" * 1_000})
    server = FakeServer([{}, *answers, {}])
    assert bulk.write(server, [*actions(2), large, *actions(2)]).keys() == {50}
    assert server.asked == [["1", "2"], *[["50"]] * len(answers), ["1", "2"]]
    monkeypatch.setattr(bulk, "_LARGEST", 3 * small)
    server = FakeServer([{}, {}])
    assert bulk.write(server, [*actions(2), large, *actions(2)]).keys() == {50}
    assert server.asked == [["1", "2"], ["1", "2"]]


def test_for_many_small_ones_the_memory_will_do_again() -> None:
    with pytest.raises(EngineUnreachable):
        bulk.write(FakeServer([no_memory() for _ in range(99)]), actions(2))
    with pytest.raises(IndexUnwritable):
        bulk.write(FakeServer([{"1": NO_MEMORY}] * 99), actions(2))


def test_a_request_may_take_the_longer_the_more_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """One chat may have many megabytes. A server that is given up has no room for it twice."""
    connection = Connection(Cluster(("http://127.0.0.1:9",), timeout=3))
    seconds = []

    def answered(*_: object, request_timeout: float) -> dict[str, list[object]]:
        seconds.append(request_timeout)
        return {"items": []}

    monkeypatch.setattr(connection, "ask", answered)
    for megabytes in (0, 4, 40):
        connection.send(b"x" * (megabytes << 20))
    assert seconds == [3, 3, 30]
