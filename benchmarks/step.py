"""One step of a benchmark, in a process of its own, so that it has its own memory and caches.

    python -m benchmarks.step fill|build|ask|tick ENGINE FOLDER CHATS OUT

It writes the figures to `OUT` as JSON. `engines.py` calls this; people need not.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks import cluster, corpus, measure, ours, queries, rivals
from benchmarks.measure import say
from benchmarks.queries import Query
from kchat_search.service import Service

REPEATS = 10
_LEAST_REPEATS = 3
_PATIENCE_SECONDS = 2.0
"""A query whose runs took this long together is asked only three times."""
_SAY_EVERY = 20_000

Ask = Callable[[Query], tuple[int, dict[str, float]]]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="One step of a benchmark.")
    parser.add_argument("step", choices=["fill", "build", "ask", "tick"])
    parser.add_argument("engine", type=_engine)
    parser.add_argument("folder", type=Path)
    parser.add_argument("chats", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--queries", type=Path)
    parser.add_argument("--ticks", type=int, default=20)
    parser.add_argument("--new", type=int, default=0, help="of the ten chats of a tick")
    chosen = parser.parse_args()
    steps = {"fill": _fill, "build": _build, "ask": _ask, "tick": _tick}
    found = steps[chosen.step](chosen)
    chosen.out.write_text(json.dumps(found), "utf-8")


def _engine(name: str) -> str:
    if name != "ours" and name not in rivals.PLACES and not cluster.is_cluster(name):
        raise argparse.ArgumentTypeError(f"there is no {name}")
    return name


def _opened(chosen: argparse.Namespace) -> AbstractContextManager[Service]:
    return ours.opened(chosen.folder, cluster=cluster.is_cluster(chosen.engine))


def _fill(chosen: argparse.Namespace) -> dict[str, Any]:
    with ours.opened(chosen.folder) as service:
        return ours.fill(service, chosen.chats)


def _build(chosen: argparse.Namespace) -> dict[str, Any]:
    """Index all chats. The time for making the chats is not counted."""
    if chosen.engine not in rivals.PLACES:
        with _opened(chosen) as service:
            seconds = ours.build(service)
            by_kind = ours.sizes(service)
            taken = service.engine.describe().size_bytes
        made = corpus.Timed(corpus.chats(chosen.chats))
        for _ in made:
            pass
    else:
        by_kind = {}
        chosen.folder.mkdir(parents=True)
        made = corpus.Timed(corpus.chats(chosen.chats))
        rivals.make(chosen.engine, chosen.folder).build(_told(made))
        # The clock starts at the first chat. Before that, the dictionary is loaded.
        seconds = perf_counter() - made.began - made.seconds
        taken = measure.size(chosen.folder)
    return {
        "chats": chosen.chats,
        "seconds": seconds,
        "rate": chosen.chats / seconds,
        "bytes": taken,
        "text_bytes": made.text_bytes,
        "sizes": by_kind,
    }


def _told(made: corpus.Timed) -> Iterator[dict[str, Any]]:
    for number, chat in enumerate(made, start=1):
        yield chat
        if number % _SAY_EVERY == 0:
            seconds = perf_counter() - made.began - made.seconds
            say(f"  {number:,} chats, {number / seconds:,.0f}/s")


def _ask(chosen: argparse.Namespace) -> dict[str, Any]:
    """The first search after the start, then each query for the first time, then repeated."""
    asked = queries.load(chosen.queries)
    measure.drop_pages(chosen.folder)
    began = perf_counter()
    with _asking(chosen) as (ask, kinds):
        start = perf_counter() - began
        asked = [query for query in asked if query.kind in kinds]
        first = next(query for query in asked if query.kind in ("two", "quoted6"))
        _, seconds = ask(first)
        cold, found = _first_runs(asked, ask)
        warm = _repeated(asked, ask)
        serving = measure.memory(os.getpid())
    return {
        "start_seconds": start,
        "first_seconds": seconds,
        "cold": cold,
        "warm": warm,
        "found": found,
        "memory": asdict(serving),
    }


@contextmanager
def _asking(chosen: argparse.Namespace) -> Iterator[tuple[Ask, Sequence[str]]]:
    """A function that asks, and the kinds of queries that this engine can answer."""
    if chosen.engine not in rivals.PLACES:
        with _opened(chosen) as service:
            service.warm()
            asking = ours.Asking(service)
            yield _renamed(chosen.engine, asking.ask), list(queries.KINDS)
        return
    rival = rivals.make(chosen.engine, chosen.folder)
    rival.open()

    def ask(query: Query) -> tuple[int, dict[str, float]]:
        began = perf_counter()
        total = rival.search(query)
        return total, {chosen.engine: perf_counter() - began}

    yield ask, [kind for kind in queries.KINDS if rival.supports(kind)]


def _renamed(engine: str, ask: Ask) -> Ask:
    """The columns of our own, as those of the cluster."""
    if engine == "ours":
        return ask

    def asked(query: Query) -> tuple[int, dict[str, float]]:
        total, seconds = ask(query)
        return total, {engine: seconds["engine"], f"over_{engine}": seconds["service"]}

    return asked


Times = dict[str, dict[str, list[list[float]]]]
"""By column and kind: for each query, the seconds of its runs."""


def _first_runs(asked: Sequence[Query], ask: Ask) -> tuple[Times, dict[str, list[int]]]:
    """Each query once. The kinds take turns."""
    times: Times = defaultdict(lambda: defaultdict(list))
    found: dict[str, list[int]] = defaultdict(list)
    by_kind: dict[str, list[Query]] = defaultdict(list)
    for query in asked:
        by_kind[query.kind].append(query)
    for turn in zip(*by_kind.values(), strict=True):
        for query in turn:
            total, seconds = ask(query)
            found[query.kind].append(total)
            for column, value in seconds.items():
                times[column][query.kind].append([value])
    return times, found


def _repeated(asked: Sequence[Query], ask: Ask) -> Times:
    """Each query ten times, round by round, so that no query meets its own warm caches."""
    runs: list[dict[str, list[float]]] = [defaultdict(list) for _ in asked]
    spent = [0.0] * len(asked)
    for turn in range(REPEATS):
        for i, query in enumerate(asked):
            if spent[i] > _PATIENCE_SECONDS and turn >= _LEAST_REPEATS:
                continue
            began = perf_counter()
            _, seconds = ask(query)
            spent[i] += perf_counter() - began
            for column, value in seconds.items():
                runs[i][column].append(value)
    times: Times = defaultdict(lambda: defaultdict(list))
    for query, columns in zip(asked, runs, strict=True):
        for column, values in columns.items():
            # A slow query is asked less often. It counts as much as the others.
            times[column][query.kind].append((values * REPEATS)[:REPEATS])
    return times


def _tick(chosen: argparse.Namespace) -> dict[str, Any]:
    """Ticks of ten chats. After each tick its chats are searched."""
    times: dict[str, list[float]] = defaultdict(list)
    most = 0
    with _opened(chosen) as service:
        service.warm()
        asking = ours.Asking(service)
        ticking = ours.Ticking(service, chosen.chats, chosen.new)
        with service.indexing("benchmark"):
            for number in range(1, chosen.ticks + 1):
                for name, seconds in ticking.tick(asking).items():
                    times[name].append(seconds)
                if number % 100 == 0 or number == chosen.ticks:
                    most = max(most, service.engine.describe().segments)
                if number % 500 == 0:
                    last = measure.quantile(times["commit"][-500:], 0.5) * 1000
                    say(f"  tick {number:,}: {last:,.1f} ms a commit, {most} segments")
        state = service.engine.describe()
    return {
        "times": times,
        "ticks": chosen.ticks,
        "segments": state.segments,
        "most_segments": most,
        "bytes": state.size_bytes,
        "documents": state.documents,
    }


if __name__ == "__main__":
    main()
