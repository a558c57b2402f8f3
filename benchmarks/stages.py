"""Where the time of a build goes, in µs for each chat, in one process, with FTS5 beside it.

    python -m benchmarks.stages --chats 5000

Each stage runs over all chats, five times, before the next stage begins. The best time counts.
"""

from __future__ import annotations

import argparse
import gc
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from zoneinfo import ZoneInfo

from benchmarks import corpus, tables
from kchat_search.chats.reader import ChatReader
from kchat_search.engines.whoosh.inversion import invert
from kchat_search.engines.whoosh.merge import MergeInput, merge
from kchat_search.kchat.parse import ChatParser
from kchat_search.sync.document import Documents, Source
from kchat_search.text.fold import fold_many
from kchat_search.text.segmentation import Segmenter

_ROUNDS = 5
_BATCH = 1_000


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Where the time of a build goes.")
    parser.add_argument("--chats", type=int, default=5_000)
    chosen = parser.parse_args()
    with TemporaryDirectory(prefix="kchat-stages-") as folder:
        rows = _Stages(chosen.chats, Path(folder)).rows()
    print(tables.table(["stage", "µs a chat"], rows))  # noqa: T201  # a command's answer


class _Stages:
    """Some chats, and the stages that they pass."""

    def __init__(self, count: int, folder: Path) -> None:
        self._count = count
        self._folder = folder
        self._raws = [json.dumps(chat) for chat in corpus.chats(count)]
        zone = ZoneInfo("Asia/Shanghai")
        self._read = ChatParser(zone).parse_archived
        self._segmenter = Segmenter()
        self._segmenter.load()
        self._documents = Documents(
            chat_reader=ChatReader(self._read),
            segmenter=self._segmenter,
            zone=zone,
            agents=corpus.agent_names(),
        )

    def rows(self) -> list[list[str]]:
        """Each stage with µs for a chat. «in it» marks a part of the stage before."""
        texts = [[message.text for message in self._read(raw).messages] for raw in self._raws]
        folded = [fold_many(each) for each in texts]
        split = [" ".join(self._segmenter.tokens(each)) for each in folded]
        documents = self._documents([Source(1, raw) for raw in self._raws])
        batches = [documents[n : n + _BATCH] for n in range(0, self._count, _BATCH)]
        runs = [invert(batch) for batch in batches]
        stages: list[tuple[str, Callable[[], object]]] = [
            (
                "a chat to a document",
                lambda: self._documents([Source(1, raw) for raw in self._raws]),
            ),
            ("in it: JSON alone", lambda: [json.loads(raw) for raw in self._raws]),
            ("in it: JSON to a chat", lambda: [self._read(raw) for raw in self._raws]),
            ("in it: folding", lambda: [fold_many(each) for each in texts]),
            ("in it: words", lambda: [self._segmenter.tokens(each) for each in folded]),
            ("documents to a run", lambda: [invert(batch) for batch in batches]),
            ("runs to a segment", lambda: self._merge_in_pool([MergeInput(run) for run in runs])),
            ("FTS5: words to its index", lambda: _fts5(split)),
        ]
        return [[name, f"{self._best(stage):,.0f}"] for name, stage in stages]

    def _best(self, stage: Callable[[], object]) -> float:
        """Microseconds for each chat."""
        times = []
        gc.disable()  # as in a build
        for _ in range(_ROUNDS):
            began = perf_counter()
            stage()
            times.append(perf_counter() - began)
        gc.enable()
        return min(times) / self._count * 1e6

    def _merge_in_pool(self, parts: list[MergeInput]) -> None:
        path = self._folder / "segment"
        path.unlink(missing_ok=True)
        merge(path, parts)


def _fts5(split: list[str]) -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE VIRTUAL TABLE texts USING fts5(text, content='')")
        db.executemany("INSERT INTO texts (rowid, text) VALUES (?, ?)", enumerate(split, start=1))
        db.execute("INSERT INTO texts (texts) VALUES ('optimize')")
        db.commit()


if __name__ == "__main__":
    main()
