"""An index after many small commits, beside a fresh build of the same chats.

    python -m benchmarks.ticks --chats 10000 --ticks 10000

Each tick writes ten documents to the engine: five new chats and five changed ones. Half of the
changed chats are recent, the others are any. The archive has no part in it; `engines.py --ticks`
shows what it adds to a tick.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks import corpus, measure, queries, tables
from benchmarks.measure import say
from kchat_search.chats.reader import ChatReader
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.fields import FACETS
from kchat_search.kchat.parse import ChatParser
from kchat_search.models.plan import IndexDocument, Plan
from kchat_search.search.plan import Context, ranking, to_node
from kchat_search.search.syntax import parse
from kchat_search.sync.document import Documents, Source
from kchat_search.text.segmentation import Segmenter

_PER_TICK = 10
_ROUNDS = 5
_AT_ONCE = 1_000


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Many small commits, and what they cost.")
    parser.add_argument("--chats", type=int, default=10_000)
    parser.add_argument("--ticks", type=int, default=10_000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args()
    with TemporaryDirectory(prefix="kchat-ticks-") as folder:
        figures = _Ticks(chosen.chats, chosen.ticks).run(Path(folder))
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=1), "utf-8")
    rows = [[name, _shown(value)] for name, value in figures.items()]
    print(tables.table(["after the ticks", ""], rows))  # noqa: T201  # a command's answer


def _shown(figure: float) -> str:
    """A count as a whole number, anything else to two decimal places."""
    return f"{figure:,}" if isinstance(figure, int) else f"{figure:,.2f}"


class _Ticks:
    """The chats, and the indexes of them."""

    def __init__(self, chats: int, ticks: int) -> None:
        self._chats = chats
        self._ticks = ticks
        self._zone = ZoneInfo("Asia/Shanghai")
        self._segmenter = Segmenter()
        self._segmenter.load()
        self._documents = Documents(
            chat_reader=ChatReader(ChatParser(self._zone).parse_archived),
            segmenter=self._segmenter,
            zone=self._zone,
            agents=corpus.agent_names(),
        )
        self._corpus = corpus.Corpus(chats)
        self._versions = [1] * chats
        self._rng = Random(5)

    def run(self, folder: Path) -> dict[str, float]:
        """Run everything. Returns the figures by label."""
        grown = WhooshEngine(folder / "grown", processes=1)
        say(f"building {self._chats:,} chats")
        grown.rebuild(self._all(), "x")
        commits, most = self._write(grown)
        fresh = WhooshEngine(folder / "fresh", processes=1)
        say("building the same chats anew")
        fresh.rebuild(self._all(), "x")
        assert dict(grown.id_revisions()) == dict(fresh.id_revisions())
        times = self._asked(grown, fresh)
        sizes = [measure.size(folder / name) for name in ("grown", "fresh")]
        return {
            "commit, p50, ms": measure.quantile(commits, 0.5) * 1000,
            "commit, p95, ms": measure.quantile(commits, 0.95) * 1000,
            "commit, max, ms": max(commits) * 1000,
            "segments, at most": most,
            "chats": len(self._versions),
            "size, × a fresh build's": sizes[0] / sizes[1],
            "search in the engine, p50, × a fresh build's": _ratio(times, 0.5),
            "search in the engine, p95, × a fresh build's": _ratio(times, 0.95),
        }

    def _write(self, engine: WhooshEngine) -> tuple[list[float], int]:
        commits: list[float] = []
        most = 0
        for number in range(1, self._ticks + 1):
            documents = self._of(self._chosen())
            began = perf_counter()
            engine.write(documents)
            commits.append(perf_counter() - began)
            if number % 10 == 0:
                most = max(most, engine.describe().segments)
            if number % 1_000 == 0:
                say(f"  tick {number:,}: {measure.quantile(commits[-1_000:], 0.5) * 1000:.1f} ms")
        return commits, most

    def _chosen(self) -> list[int]:
        """The numbers of five new chats and of five that have changed."""
        there = len(self._versions)
        changed: set[int] = set()
        while len(changed) < _PER_TICK // 2:
            oldest = 0 if len(changed) % 2 else max(0, there - 1_000)
            changed.add(self._rng.randrange(oldest, there))
        for number in changed:
            self._versions[number] += 1
        self._versions += [1] * (_PER_TICK // 2)
        return [*sorted(changed), *range(there, len(self._versions))]

    def _of(self, numbers: Sequence[int]) -> list[IndexDocument]:
        made = (Source(self._versions[n], json.dumps(self._chat(n))) for n in numbers)
        return self._documents(list(made))

    def _chat(self, number: int) -> dict[str, Any]:
        """A chat as it is now. Each change added a message."""
        chat = self._corpus.chat(number)
        for version in range(2, self._versions[number] + 1):
            chat = corpus.grown(chat, f"mark{version}")
        return chat

    def _all(self) -> Iterator[list[IndexDocument]]:
        for first in range(0, len(self._versions), _AT_ONCE):
            yield self._of(range(first, min(first + _AT_ONCE, len(self._versions))))

    def _asked(self, *engines: WhooshEngine) -> list[list[float]]:
        """Seconds of every query, by engine; asked in turn."""
        plans = [self._plan(each.request.q) for each in queries.draw(self._chats, self._segmenter)]
        times: list[list[float]] = [[] for _ in engines]
        for turn in range(_ROUNDS):
            for plan in plans:
                for engine, seconds in zip(engines, times, strict=True):
                    began = perf_counter()
                    engine.search(plan)
                    if turn:  # the first opens files and fills what is remembered
                        seconds.append(perf_counter() - began)
        return times

    def _plan(self, q: str) -> Plan:
        today = datetime.now(UTC).date()
        tree = parse(q, self._segmenter.segment_han, today).tree
        ranks = ranking(tree, self._segmenter.tokens)
        match = to_node(tree, Context({}, today, self._zone))
        return Plan(
            match,
            words=ranks.words,
            forms=ranks.forms,
            phrases=ranks.phrases,
            facets=FACETS,
        )


def _ratio(times: Sequence[Sequence[float]], share: float) -> float:
    grown, fresh = (measure.quantile(list(each), share) for each in times)
    return grown / fresh


if __name__ == "__main__":
    main()
