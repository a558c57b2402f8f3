"""A served archive under load, quiet and while it syncs and indexes.

    python -m benchmarks.http --chats 20000 --clients 8 --seconds 20

The processes are those of real use: a Kchat server, `kchat-search serve`, its indexer, and this one
with the clients. First the indexer is idle. Then `serve` is started again with a tick every second,
and Kchat adds and changes ten chats a second.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from urllib.parse import urlencode, urlsplit

from benchmarks import clients, measure, queries
from benchmarks.engines import machine
from benchmarks.measure import say
from benchmarks.tables import ms, table
from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL
from kchat_search.serialization.links import pairs
from kchat_search.text.segmentation import Segmenter
from tests.system.programs import started

_POLL_SECONDS = 0.25
_A_DAY, _A_SECOND = 86_400, 1
MOST = 3.0
"""Design, section 12: while a sync runs, p95 stays under this multiple of the quiet figure."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running `kchat-search serve` and its port."""

    pid: int
    port: int

    def status(self) -> dict[str, Any]:
        """Its own status, from the API."""
        found: dict[str, Any] = json.loads(clients.get(self.port, "/api/v1/status"))
        return found


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.http", description="A served archive under load."
    )
    parser.add_argument("--chats", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each of the two loads")
    parser.add_argument("--wait", type=float, default=1_800.0, help="at most, for the first sync")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    chosen = parser.parse_args()
    with TemporaryDirectory(prefix="kchat-benchmark-") as folder:
        found = _run(chosen, Path(folder))
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1), "utf-8")
    print(_markdown(found))  # noqa: T201  # a command's answer


def _run(chosen: argparse.Namespace, folder: Path) -> dict[str, Any]:
    paths = _paths(chosen.chats)
    found: dict[str, Any] = {
        "chats": chosen.chats, "clients": chosen.clients, "machine": machine(),
    }  # fmt: skip
    with _kchat(chosen.chats) as (url, tell):
        say(f"Kchat at {url} has {chosen.chats:,} chats; the first sync begins")
        with _serve(folder, url, _A_DAY) as served:
            began = perf_counter()
            _until(lambda: _is_synced(served, chosen.chats), chosen.wait)
            found["first_sync_seconds"] = perf_counter() - began
            say(f"synced after {found['first_sync_seconds']:,.0f} s; quiet load")
            found["quiet"] = _loaded(served, paths, chosen)
        with _serve(folder, url, _A_SECOND) as served:
            _until(lambda: _is_synced(served, chosen.chats), chosen.wait)
            tell("change")
            _until(lambda: _documents(served) > chosen.chats, chosen.wait)
            say("Kchat changes chats, and the indexer follows; busy load")
            found["busy"] = _loaded(served, paths, chosen)
            tell("pause")
    return found


def _paths(count: int) -> list[str]:
    """The addresses of the query set."""
    segmenter = Segmenter()
    drawn = queries.draw(count, segmenter)
    return [f"/api/v1/search?{urlencode(pairs(query.request))}" for query in drawn]


@contextmanager
def _kchat(count: int) -> Iterator[tuple[str, Callable[[str], None]]]:
    """The address of a Kchat server, and a function that sends it a command."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.kchat", str(count), "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    told = process.stdin

    def tell(word: str) -> None:
        told.write(word + "\n")
        told.flush()

    try:
        url = process.stdout.readline().strip()
        if not url:
            raise SystemExit("The Kchat server did not start.")
        yield url, tell
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _serve(folder: Path, kchat: str, interval: int) -> Iterator[Served]:
    """`kchat-search serve` over the folder, with a tick every `interval` seconds."""
    settings = {
        "KCHAT_BASE_URL": kchat,
        "KCHAT_EMAIL": DEMO_EMAIL,
        "KCHAT_API_TOKEN": DEMO_API_TOKEN,
        "KCHAT_SYNC_INTERVAL_SECONDS": str(interval),
        "KCHAT_LOG_LEVEL": "WARNING",
    }
    with started("serve", "--port", "0", kchat=None, folder=folder, **settings) as running:
        line = running.wait_for("Open ")
        port = urlsplit(line.split("Open ")[1].strip()).port
        assert port is not None, line
        _until(lambda: _answers(port), 60.0)
        yield Served(running.process.pid, port)


def _loaded(served: Served, paths: list[str], chosen: argparse.Namespace) -> dict[str, Any]:
    """One load, and what the indexer did at the same time."""
    clients.load(served.port, paths, chosen.clients, 0)
    before = served.status()["archive"]
    found = clients.load(served.port, paths, chosen.clients, chosen.seconds)
    after = served.status()
    for error in found.errors[:5]:
        say(f"  {error}")
    return {
        "requests": len(found.times),
        "per_second": len(found.times) / found.seconds,
        "errors": len(found.errors),
        **{
            name: measure.quantile(found.times, share)
            for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
        },
        "new": after["archive"]["chats"] - before["chats"],
        "versions": after["archive"]["versions"] - before["versions"],
        "pending": after["archive"]["pending"],
        "segments": after["index"]["segments"],
        "pss": measure.memory(served.pid).pss,
    }


def _until(true: Callable[[], bool], seconds: float) -> None:
    """Ask until the answer is true. Ends the command after `seconds`."""
    end = perf_counter() + seconds
    pause = threading.Event()
    while not true():
        if perf_counter() > end:
            raise SystemExit(f"Gave up after {seconds:,.0f} s of waiting.")
        pause.wait(_POLL_SECONDS)


def _answers(port: int) -> bool:
    try:
        return b"ok" in clients.get(port, "/readyz")
    except (OSError, HTTPException):
        return False


def _documents(served: Served) -> int:
    return int(served.status()["index"]["documents"])


def _is_synced(served: Served, count: int) -> bool:
    """Is everything archived and indexed, and the archive proven complete?"""
    status = served.status()
    coverage = status["coverage"]
    return (
        status["archive"]["chats"] >= count
        and status["index"]["documents"] == status["archive"]["chats"]
        and bool(coverage["complete"])
        and status["last_sync"] is not None
    )


def _markdown(found: dict[str, Any]) -> str:
    heads = [
        f"{found['chats']:,} chats, {found['clients']} clients", "requests/s", "p50, ms",
        "p95, ms", "p99, ms", "max, ms", "errors", "new chats", "new versions", "memory, MB",
    ]  # fmt: skip
    rows = []
    for name, label in (("quiet", "quiet"), ("busy", "while it syncs and indexes")):
        each = found[name]
        times = [ms(each[quantile]) for quantile in ("p50", "p95", "p99", "max")]
        counts = [f"{each[count]:,}" for count in ("errors", "new", "versions")]
        memory = f"{each['pss'] / 1e6:,.0f}"
        rows.append([label, f"{each['per_second']:,.1f}", *times, *counts, memory])
    ratio = found["busy"]["p95"] / found["quiet"]["p95"]
    errors = found["busy"]["errors"] + found["quiet"]["errors"]
    verdict = "reached" if ratio < MOST and not errors else "**not reached**"
    return (
        f"{table(heads, rows)}\n\np95 while it syncs: {ratio:.2f} × the quiet figure, "
        f"{errors} requests failed (wanted: under {MOST:g} ×, none): {verdict}.\n"
    )


if __name__ == "__main__":
    main()
