"""What the audit costs a search, and how long a check of it takes.

    python -m benchmarks.audit --chats 20000 --clients 8 --seconds 10 --rows 100000

The same service is asked by the same clients, each in a thread of one process, as the web server's
are: once nothing is recorded, once every search is, and its answer waits for the disk as it does
before its first byte leaves. The rounds take turns, so that a busy machine slows down both.
"""

from __future__ import annotations

import argparse
import json
import random
import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

from benchmarks import measure, ours, queries
from benchmarks.engines import machine
from benchmarks.measure import say
from benchmarks.tables import ms, table
from kchat_search.access.opening import open_access
from kchat_search.access.recorder import AuditRecorder
from kchat_search.gate import NOT_RECORDED, Gate
from kchat_search.models.audit import AuditEntry
from kchat_search.models.people import Principal
from kchat_search.models.search import SearchRequest
from kchat_search.ports.access import Audit, Recorder
from kchat_search.serialization.json_text import json_text
from kchat_search.serialization.links import Links
from kchat_search.serialization.search import search_json

_ROUNDS = 5
_MOST_MS = 2.0
_MOST_CHECK_SECONDS = 10.0
"""The issue's targets."""
_ASKS = Principal("person", "person:1", "benchmark", frozenset({"compliance"}))
_LINKS = Links("http://127.0.0.1:5080/")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.audit", description="What the audit costs."
    )
    parser.add_argument("--chats", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each of the ten rounds")
    parser.add_argument("--rows", type=int, default=100_000, help="of the audit that is checked")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    chosen = parser.parse_args()
    with TemporaryDirectory(prefix="kchat-audit-") as folder:
        found = _run(chosen, Path(folder))
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1), "utf-8")
    print(_markdown(found))  # noqa: T201  # a command's answer


def _run(chosen: argparse.Namespace, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {
        "chats": chosen.chats, "clients": chosen.clients, "machine": machine(),
    }  # fmt: skip
    access = open_access(f"sqlite:///{folder}/access.sqlite3", lambda: datetime.now(UTC))
    with closing(access), ours.opened(folder) as service:
        ours.fill(service, chosen.chats)
        ours.build(service)
        service.warm()
        asked = [query.request for query in queries.draw(chosen.chats, service.segmenter)]
        gate = Gate(owners=service, access=access)
        _load(gate, None, asked, chosen.clients, 1.0)
        loads: dict[str, list[dict[str, float]]] = {"without": [], "with": []}
        for number in range(_ROUNDS):
            say(f"round {number + 1} of {_ROUNDS}")
            for name, audit in (("without", None), ("with", access.audit)):
                load = _load(gate, audit, asked, chosen.clients, chosen.seconds)
                loads[name].append(load)
        found |= loads
        say("filling the audit")
        _record(access.audit, chosen.rows - access.audit.check().rows)
        began, worked = perf_counter(), process_time()
        checked = access.audit.check()
        found["check"] = {
            "rows": checked.rows, "ok": checked.ok, "seconds": perf_counter() - began,
            "processor_seconds": process_time() - worked,
        }  # fmt: skip
    return found


def _load(
    gate: Gate, audit: Audit | None, asked: Sequence[SearchRequest], clients: int, seconds: float
) -> dict[str, float]:
    """p50 and p95 of a search in seconds, how many there were, processor time for each."""
    times: list[list[float]] = [[] for _ in range(clients)]
    threads = [
        threading.Thread(target=_client, args=(gate, audit, _order(asked, n), seconds, times[n]))
        for n in range(clients)
    ]
    worked = process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = [time for each in times for time in each]
    return {
        "p50": measure.quantile(every, 0.5),
        "p95": measure.quantile(every, 0.95),
        "searches": len(every),
        "processor": (process_time() - worked) / len(every),
    }


def _client(
    gate: Gate, audit: Audit | None, asked: Sequence[SearchRequest], seconds: float,
    times: list[float],
) -> None:  # fmt: skip
    end = perf_counter() + seconds
    zone = gate.presentation.zone
    turn = 0
    while (began := perf_counter()) < end:
        request = asked[turn % len(asked)]
        turn += 1
        recorder: Recorder = (
            NOT_RECORDED if audit is None else AuditRecorder(audit, _ASKS, "192.0.2.7")
        )
        page = gate.for_(_ASKS, recorder).search(request)
        json_text(search_json(request, page, zone, _LINKS))
        recorder.settle()
        times.append(perf_counter() - began)


def _order(asked: Sequence[SearchRequest], client: int) -> list[SearchRequest]:
    order = list(asked)
    random.Random(client).shuffle(order)
    return order


def _record(audit: Audit, rows: int) -> None:
    entry = AuditEntry("person:1", "benchmark", "192.0.2.7", "search", query="q=退款", count=12)
    while rows > 0:
        tickets = [audit.record(entry) for _ in range(min(rows, 5_000))]
        for ticket in tickets:
            ticket.wait()
        rows -= len(tickets)


def _markdown(found: dict[str, Any]) -> str:
    rows = []
    middle = {}
    for name in ("without", "with"):
        loads = sorted(found[name], key=lambda load: load["p50"])
        middle[name] = load = loads[len(loads) // 2]
        rows.append((f"{name} the audit", ms(load["p50"]), ms(load["p95"]), ms(load["processor"])))
    more = (middle["with"]["p50"] - middle["without"]["p50"]) * 1000
    check = found["check"]
    return "\n\n".join(
        (
            (
                f"{found['chats']:,} chats, {found['clients']} clients, "
                f"{found['machine']['processor']}"
            ),
            table(["search", "p50", "p95", "processor time"], rows),
            f"The audit costs a search {more:+.2f} ms at the median (at most {_MOST_MS:g}).",
            (
                f"A check of {check['rows']:,} rows takes {check['seconds']:.1f} s, of these "
                f"{check['processor_seconds']:.1f} of a processor (at most "
                f"{_MOST_CHECK_SECONDS:g})."
            ),
        )
    )


if __name__ == "__main__":
    main()
