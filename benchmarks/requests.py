"""What the requests of a search take of a server, each alone. Prints Markdown.

    python -m benchmarks.requests --chats 20000

It starts one server (see `cluster`), builds the index there and asks queries of the set. What the
engine sends for them is recorded, and sent again as it was, `--runs` times, one after the other and
round by round. Before each, the server forgets the answers and filters that it keeps: so all are
asked as for the first time. The shortest run counts: others' work makes none shorter.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from benchmarks import cluster, ours, queries, tables
from benchmarks.measure import say
from kchat_search.engines.opensearch.connection import Connection
from kchat_search.engines.opensearch.snapshot import counting, total_of
from kchat_search.engines.ranking import RESCORE_WINDOW
from kchat_search.service import Service

NOTHING, COUNTED, BEST, FACETS, GUESS, NEAR_LATIN, NEAR_HAN = PARTS = (
    "a request that finds nothing",
    "the matches of a word, counted",
    f"the best {RESCORE_WINDOW} matches of a word, rescored by proximity",
    "all facets of the matches of a word",
    "a guess which chats mean the same",
    "near words of a Latin word",
    "near words of a Han word",
)
_HEAD = ("part of a search", "requests", "ms, median", "ms, most", "chats, median", "µs a chat")
_KINDS = ("facets", "three", "nothing", "nothing_quoted")
"""The kinds of queries that send all of these."""


@dataclass(frozen=True)
class Part:
    """Requests for the same part of a search, each of another query."""

    name: str
    seconds: Sequence[float]
    """The shortest run of each."""
    chats: Sequence[int]
    """How many chats each looks at; empty where that says nothing."""

    @property
    def row(self) -> list[str]:
        """Of the table."""
        middle, longest = median(self.seconds), max(self.seconds)
        chats = median(self.chats) if self.chats else 0
        each = [f"{chats:,.0f}", f"{middle / chats * 1e6:.2f}"] if chats else ["", ""]
        return [self.name, str(len(self.seconds)), tables.ms(middle), tables.ms(longest), *each]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="What the requests of a search take of a server.")
    parser.add_argument("--chats", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=50, help="of each request")
    chosen = parser.parse_args()
    with TemporaryDirectory(prefix="kchat-requests-") as name:
        folder = Path(name)
        with ours.opened(folder) as service:
            ours.fill(service, chosen.chats)
        with cluster.servers("opensearch-1"), ours.opened(folder, cluster=True) as service:
            ours.build(service)
            service.warm()
            say(f"segments, with the table's: {service.engine.describe().segments}")
            rows = [part.row for part in _measured(service, chosen.chats, chosen.runs)]
    print(tables.table(_HEAD, rows))  # noqa: T201  # a command's answer


def part_of(kind: str, body: Mapping[str, Any]) -> str | None:
    """The part of a search that a request of a query of this kind is; None: none of these."""
    counted = body.get("aggs", {})
    if "near" in counted:
        first, *_ = counted["near"]["terms"]["include"].split("|")
        return NEAR_LATIN if first.isascii() else NEAR_HAN
    if "openings" in body.get("docvalue_fields", ()):
        return GUESS
    if body["size"] == RESCORE_WINDOW:
        return {"nothing": NOTHING, "facets": BEST}.get(kind)
    if kind != "facets":
        return None
    if any(name.endswith(".values") for name in counted):
        return FACETS
    return None if body["size"] or counted else COUNTED


def _measured(service: Service, chats: int, runs: int) -> Iterator[Part]:
    connection: Connection = vars(service.engine)["_connection"]
    sent = _recorded(service, connection, chats)
    if lacking := [name for name, bodies in sent.items() if not bodies]:
        raise SystemExit(f"No query has sent this: {', '.join(lacking)}.")
    say(f"{sum(map(len, sent.values()))} requests, {runs} times each")
    rounds = [
        {name: [_seconds(connection, body) for body in bodies] for name, bodies in sent.items()}
        for _ in range(runs)
    ]
    for name, bodies in sent.items():
        shortest = [min(times) for times in zip(*(each[name] for each in rounds), strict=True)]
        looking = bodies if name in {COUNTED, BEST, FACETS, GUESS} else []
        yield Part(name, shortest, [_chats(connection, body) for body in looking])


def _recorded(
    service: Service, connection: Connection, chats: int
) -> dict[str, list[Mapping[str, Any]]]:
    """By part: the requests that the engine sends for the queries of the set."""
    sent: dict[str, list[Mapping[str, Any]]] = {name: [] for name in PARTS}
    search, kind = connection.search, ""

    def recorded(bodies: Sequence[Any], *, partial: bool) -> list[Mapping[str, Any]]:
        for body in bodies:
            if (name := part_of(kind, body)) is not None:
                sent[name].append(body)
        return search(bodies, partial=partial)

    vars(connection)["search"] = recorded
    for query in queries.draw(chats, service.segmenter):
        if query.kind in _KINDS:
            kind = query.kind
            service.search(query.request)
    del vars(connection)["search"]
    return sent


def _seconds(connection: Connection, body: Mapping[str, Any]) -> float:
    connection.ask("POST", "/_cache/clear?query=true&request=true")
    began = perf_counter()
    connection.search([body], partial=True)
    return perf_counter() - began


def _chats(connection: Connection, body: Mapping[str, Any]) -> int:
    """How many chats fulfil the query of a request, whatever their scores."""
    asked = {"pit": body["pit"], **counting(body["query"])}
    return total_of(connection.search([asked], partial=True)[0])


if __name__ == "__main__":
    main()
