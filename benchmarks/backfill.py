"""The first sync as a user runs it: `kchat-search sync` against a Kchat that takes its time.

    python -m benchmarks.backfill --chats 20000

There are three processes: the server (`pages.py`, which takes at least `--delay` seconds for an
answer), the sync, and this one, which watches both from outside. It counts:

- fetched and archived: from the moment when the server read the first request for the list, until
  the archive's tally has all chats. The tally is read ten times a second over a read-only
  connection. What is indexed meanwhile is included.
- proving: the second pass over the list, from the moment when the server read its first request,
  until the archive's cursor says that the backfill is done.
- searchable: until the process has exited with 0. Then `kchat-search status` must count every chat
  in the index; if not, no figures are printed.
- memory: the peak of the proportional set size, read five times a second, of the sync's process
  and of the processes that it started. `VmHWM` is the kernel's own peak of the process; it counts
  shared pages in full.
- others: processor time of all other processes. If it is more than a few hundredths of the whole,
  something else was running, and the figures mean little.

`--no-indexing` runs `fetch.py` instead of the command: it only fetches and archives.

`--postgres` does the same a second time with the archive on a PostgreSQL server of its own, which
it starts on this machine, with `fsync` and all else as a new server has it. Its processor time is
among that of others, and shown apart.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import (
    AbstractContextManager,
    closing,
    contextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks import measure
from benchmarks.engines import machine
from benchmarks.measure import Memory, say
from benchmarks.tables import mb, table
from benchmarks.targets import Target
from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL
from tests.system.programs import COMMAND, environment

RATE = 800.0
"""The target: chats fetched and archived in a second, at least."""
MEMORY = 500e6
"""The target: bytes that the fetching process may use."""
_LOOK_SECONDS = 0.1
_LOOKS_A_SAMPLE = 2
_SAY_EVERY = 20_000
_LOOK = "SELECT chats, (SELECT value FROM cursors WHERE name = 'backfill') FROM tally"

Tell = Callable[[], tuple[int, str | None] | None]
"""How many chats the archive has, and its cursor of the backfill; None where it is not made yet."""


@dataclass
class Seen:
    """What was measured of a sync from outside. Moments are `time.monotonic`."""

    started: float
    archived: float = 0.0
    proven: float = 0.0
    ended: float = 0.0
    chats: int = 0
    fetching: Memory = field(default_factory=Memory)
    """The peak of the sync's process alone."""
    children: Memory = field(default_factory=Memory)
    """The peak of all processes that it started, together."""
    together: Memory = field(default_factory=Memory)
    high_water: int = 0
    cpu_seconds: float = 0.0
    others_seconds: float = 0.0
    """Processor time of all other processes on this machine at that time."""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.backfill", description="The first sync, from outside."
    )
    parser.add_argument("--chats", type=int, default=20_000)
    parser.add_argument("--delay", type=float, default=0.1, help="seconds an answer, at least")
    parser.add_argument("--in-flight", type=int, default=4, help="KCHAT_REQUESTS_IN_FLIGHT")
    parser.add_argument("--per-page", type=int, default=100, help="KCHAT_PER_PAGE")
    parser.add_argument("--no-indexing", action="store_true", help="fetch and archive alone")
    parser.add_argument("--postgres", action="store_true", help="then on PostgreSQL, too")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KCHAT_NAME=VALUE", help="a setting more"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    chosen = parser.parse_args()
    every = []
    for on_postgres in (False, True) if chosen.postgres else (False,):
        with (
            TemporaryDirectory(prefix="kchat-backfill-") as folder,
            _postgres() if on_postgres else nullcontext() as url,
        ):
            every.append(_run(chosen, Path(folder), url))
    if chosen.json:
        chosen.json.write_text(
            json.dumps(every if chosen.postgres else every[0], indent=1), "utf-8"
        )
    print("\n".join(map(_markdown, every)))  # noqa: T201  # a command's answer


def _run(chosen: argparse.Namespace, folder: Path, database: str | None) -> dict[str, Any]:
    """`database`: the address of one on PostgreSQL, for the archive."""
    with _kchat(chosen, folder) as (url, server):
        say(f"Kchat at {url} has {chosen.chats:,} chats")
        settings = _settings(url, chosen)
        tell: Tell = partial(_on_sqlite, folder / "var" / "archive.sqlite3")
        if database:
            settings["KCHAT_ARCHIVE_URL"] = database
            tell = partial(_on_postgres, database)
        seen = _watch(_command(chosen), folder, settings, chosen.chats, tell)
        told = _told(server)
        of_server = server_seconds(database) if database else None
        indexed = 0 if chosen.no_indexing else _indexed(folder, settings)
    if not chosen.no_indexing and indexed != chosen.chats:
        raise SystemExit(f"{indexed:,} of {chosen.chats:,} chats are in the index.")
    return {
        "chats": chosen.chats,
        "delay": chosen.delay,
        "in_flight": chosen.in_flight,
        "per_page": chosen.per_page,
        "indexing": not chosen.no_indexing,
        "set": chosen.set,
        "machine": machine(),
        "postgres_cpu_seconds": of_server,
        **_figures(seen, told),
    }


def _settings(url: str, chosen: argparse.Namespace) -> dict[str, str]:
    """The environment of every command here."""
    more = dict(each.split("=", 1) for each in chosen.set)
    return environment(
        None,
        KCHAT_BASE_URL=url,
        KCHAT_EMAIL=DEMO_EMAIL,
        KCHAT_API_TOKEN=DEMO_API_TOKEN,
        KCHAT_REQUESTS_IN_FLIGHT=str(chosen.in_flight),
        KCHAT_PER_PAGE=str(chosen.per_page),
        KCHAT_LOG_LEVEL="WARNING",
        # The commands run in another folder; Python finds the modules there by this path.
        PYTHONPATH=str(Path(__file__).resolve().parents[1]),
        **more,
    )


def _command(chosen: argparse.Namespace) -> list[str]:
    if chosen.no_indexing:
        return [sys.executable, "-m", "benchmarks.fetch", "--no-indexing"]
    return [*COMMAND, "sync", "--json"]


@contextmanager
def _kchat(chosen: argparse.Namespace, folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a Kchat server, and its process."""
    arguments = [str(chosen.chats), str(chosen.delay), str(chosen.per_page), str(folder)]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.pages", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise SystemExit("The Kchat server did not start.")
        yield url, process
    finally:
        process.kill()
        process.communicate()


def _told(server: subprocess.Popen[str]) -> dict[str, Any]:
    """The requests that the server answered, and its processor time."""
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write("tell\n")
    server.stdin.flush()
    told: dict[str, Any] = json.loads(server.stdout.readline())
    return told


def _watch(
    command: list[str], folder: Path, settings: dict[str, str], count: int, tell: Tell
) -> Seen:
    """Run the command to its end and watch it. Raises SystemExit if it fails."""
    process = subprocess.Popen(
        command, cwd=folder, env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    seen = Seen(time.monotonic())
    busy, own = measure.busy_seconds(), time.process_time()
    looks = said = 0
    try:
        while process.poll() is None:
            if looks % _LOOKS_A_SAMPLE == 0:
                _sample(process.pid, seen)
            _look(tell, count, seen)
            if seen.chats >= said + _SAY_EVERY:
                said = seen.chats
                say(f"  {said:,} archived after {time.monotonic() - seen.started:,.1f} s")
            looks += 1
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_SECONDS)
        seen.ended = time.monotonic()
        looking = time.process_time() - own
        seen.others_seconds = measure.busy_seconds() - busy - seen.cpu_seconds - looking
        _look(tell, count, seen)
    finally:
        process.kill()
        process.wait()
    if process.returncode or not (seen.archived and seen.proven):
        raise SystemExit(f"{command} ended with {process.returncode}, {seen.chats:,} archived.")
    return seen


def _sample(pid: int, seen: Seen) -> None:
    fetching = measure.own_memory(pid)
    children = sum((measure.own_memory(each) for each in measure.family(pid)[1:]), Memory())
    seen.fetching = seen.fetching.higher(fetching)
    seen.children = seen.children.higher(children)
    seen.together = seen.together.higher(fetching + children)
    seen.high_water = max(seen.high_water, measure.high_water(pid))
    seen.cpu_seconds = max(seen.cpu_seconds, measure.cpu_seconds(pid))


def _look(tell: Tell, count: int, seen: Seen) -> None:
    """Read how far the archive has come."""
    if seen.proven:
        return
    told = tell()
    if told is None:
        return
    seen.chats, cursor = told
    now = time.monotonic()
    if seen.chats >= count:
        seen.archived = seen.archived or now
    if cursor is not None and json.loads(cursor)["done"]:
        seen.proven = now


def _on_sqlite(archive: Path) -> tuple[int, str | None] | None:
    if not archive.exists():
        return None
    # Opened and closed each time, because the last one to close the archive cleans up; that must
    # be the sync.
    try:
        with closing(sqlite3.connect(f"file:{archive}?mode=ro", uri=True)) as connection:
            told: tuple[int, str | None] = connection.execute(_LOOK).fetchone()
            return told
    except sqlite3.OperationalError:
        return None  # its tables are not made yet, or it was just closed


def _postgres() -> AbstractContextManager[str]:
    from tests import postgres  # noqa: PLC0415  # only this needs the extra `test`

    return postgres.server(durable=True)


def _on_postgres(database: str) -> tuple[int, str | None] | None:
    import psycopg  # noqa: PLC0415  # as above

    try:
        with psycopg.connect(database) as connection:
            return connection.execute(_LOOK).fetchone()
    except psycopg.errors.UndefinedTable:
        return None


def server_seconds(database: str) -> float:
    """Processor time of the server, all its processes together."""
    import psycopg  # noqa: PLC0415  # as above

    with psycopg.connect(database) as connection:
        (text,) = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone() or ("",)
    return sum(map(measure.cpu_seconds, measure.family(int(text.split()[0]))))


def _indexed(folder: Path, settings: dict[str, str]) -> int:
    """The number of chats in the index, as the program counts them."""
    shown = subprocess.run(
        [*COMMAND, "status", "--json"], cwd=folder, env=settings, capture_output=True, check=True
    )
    return int(json.loads(shown.stdout)["index"]["documents"])


def _figures(seen: Seen, told: dict[str, Any]) -> dict[str, Any]:
    """All figures: seconds, bytes, chats a second."""
    firsts = [read for target, read, _ in told["asked"] if _is_first_page(target)]
    taken = [sent - read for _, read, sent in told["asked"]]
    archiving = seen.archived - firsts[0]
    return {
        "start_seconds": firsts[0] - seen.started,
        "archived_seconds": archiving,
        "rate": seen.chats / archiving,
        # The archive is read ten times a second, so the next request may come before that is seen.
        "between_seconds": max(0.0, firsts[1] - seen.archived),
        "proving_seconds": seen.proven - firsts[1],
        "after_seconds": seen.ended - seen.proven,
        "seconds": seen.ended - seen.started,
        "cpu_seconds": seen.cpu_seconds,
        "others_seconds": max(0.0, seen.others_seconds - told["cpu_seconds"]),
        "peak": {
            "fetching": seen.fetching.pss,
            "fetching_own": seen.fetching.own,
            "high_water": seen.high_water,
            "children": seen.children.pss,
            "together": seen.together.pss,
        },
        "server": {
            "requests": len(taken),
            "shortest_seconds": min(taken),
            "mean_seconds": sum(taken) / len(taken),
            "cpu_seconds": told["cpu_seconds"],
        },
    }


def _is_first_page(target: str) -> bool:
    parts = urlsplit(target)
    return parts.path == "/apiv2/chats.json" and parse_qs(parts.query)["page"] == ["1"]


def _targets(figures: dict[str, Any]) -> Sequence[Target]:
    peak, rate = figures["peak"], figures["rate"]
    fetching = max(peak["fetching"], peak["high_water"])
    wanted = f"under {mb(MEMORY)} MB"
    return [
        Target("fetched and archived", f"at least {RATE:,.0f} chats/s", f"{rate:,.0f} chats/s",
               rate >= RATE),
        Target("memory, the fetching process", wanted, f"{mb(fetching)} MB", fetching < MEMORY),
        Target("memory, with those that it started", wanted, f"{mb(peak['together'])} MB",
               peak["together"] < MEMORY),
    ]  # fmt: skip


def _markdown(figures: dict[str, Any]) -> str:
    peak, server = figures["peak"], figures["server"]
    postgres_seconds = figures["postgres_cpu_seconds"]
    most = figures["in_flight"] * figures["per_page"] / figures["delay"] if figures["delay"] else 0
    rows = [
        ["chats", f"{figures['chats']:,}"],
        ["chats/s fetched and archived", f"{figures['rate']:,.0f}"],
        ["no more can come in flight, chats/s", f"{most:,.0f}" if most else "any number"],
        ["s, from the start to the first page asked for", f"{figures['start_seconds']:,.1f}"],
        ["s, until all were archived", f"{figures['archived_seconds']:,.1f}"],
        ["s, then until the list was asked for again", f"{figures['between_seconds']:,.1f}"],
        ["s, the proving pass", f"{figures['proving_seconds']:,.1f}"],
        ["s, after that until the exit", f"{figures['after_seconds']:,.1f}"],
        ["s, all together", f"{figures['seconds']:,.1f}"],
        ["s of a processor, the sync", f"{figures['cpu_seconds']:,.1f}"],
        ["s of a processor, others on this machine", f"{figures['others_seconds']:,.1f}"],
        *(
            [["s of a processor, of that PostgreSQL", f"{postgres_seconds:,.1f}"]]
            if postgres_seconds is not None
            else []
        ),
        ["MB, fetching process, highest PSS", mb(peak["fetching"])],
        ["MB, of that its own (anonymous)", mb(peak["fetching_own"])],
        ["MB, fetching process, VmHWM", mb(peak["high_water"])],
        ["MB, processes that it started", mb(peak["children"])],
        ["MB, all at once", mb(peak["together"])],
        ["server: requests answered", f"{server['requests']:,}"],
        ["server: ms an answer, shortest", f"{server['shortest_seconds'] * 1000:,.1f}"],
        ["server: ms an answer, mean", f"{server['mean_seconds'] * 1000:,.1f}"],
        ["server: s of a processor", f"{server['cpu_seconds']:,.1f}"],
    ]
    head = "the first sync" if figures["indexing"] else "the first sync, nothing indexed"
    head += "" if postgres_seconds is None else ", on PostgreSQL"
    found = figures["machine"]
    verdicts = [
        f"- {each.name}: {each.measured} (wanted: {each.wanted}): "
        f"{'reached' if each.reached else '**not reached**'}"
        for each in _targets(figures)
    ]
    return (
        f"{found['cores']} × {found['processor']}; Python {found['python']}; "
        f"{figures['in_flight']} requests in flight, {figures['per_page']} chats a page, "
        f"{figures['delay'] * 1000:g} ms an answer{''.join(f'; {x}' for x in figures['set'])}.\n\n"
        f"{table([head, ''], rows)}\n\n" + "\n".join(verdicts) + "\n"
    )


if __name__ == "__main__":
    main()
