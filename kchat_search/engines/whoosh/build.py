"""A whole build: batches of chats to one segment, in as many processes as there are processors.

    batches ──► processes: chats to documents (parsing, folding, jieba), documents to a run
                          │ each run spilled to a file
                          ▼
                processes: all runs merged, half of the fields each ──► the segment

Memory is a batch and its run a process, and a stretch of the merge; none grows with the index.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from kchat_search.engines.whoosh.inversion import Run, gather
from kchat_search.engines.whoosh.merge import HALVES, Part, Piece, join, merge
from kchat_search.engines.whoosh.segment_file import StoredSegment
from kchat_search.errors import IndexUnwritable
from kchat_search.models.plan import IndexDocument
from kchat_search.models.reports import Progress

Chat = TypeVar("Chat")
MakeDocuments = Callable[[Sequence[Chat]], Sequence[IndexDocument]]

_ALONE = 4
"""Fewer batches are done in this process: another one takes more than a second to begin."""
_AHEAD = 2
"""Batches a process that are read before one of them is done."""
MOST_PARTS = 800
"""A process may often have no more than 1,024 files open."""


def as_they_are(documents: Sequence[Any]) -> Sequence[IndexDocument]:
    """For batches that are documents already."""
    return documents


class Means(NamedTuple):
    """What a build may use."""

    processes: int
    memory: int
    """Bytes for the merge, all processes together."""
    progress: Progress
    parts: int
    """Files that are merged at once: a merge holds some numbers for each term of each of them."""


def build(
    path: Path, batches: Iterable[Sequence[Chat]], documents: MakeDocuments[Chat], means: Means
) -> int:
    """Write the segment of all chats to `path`, and spill beside it; how many chats there are.

    `documents` makes a batch's documents. It is sent to other processes, so it must be picklable.
    Raises what it raises, and `IndexUnwritable` where a process is killed from outside.
    """
    iterator = iter(batches)
    first = list(islice(iterator, _ALONE))
    batches = chain(first, iterator)
    if means.processes == 1 or len(first) < _ALONE or not _can_spawn():
        runs = _spilled(path, _gathered_here(path, batches, documents), means.progress)
        return _merged_here(path, runs, means) if runs else 0
    with _workers(means.processes, documents) as pool:
        gathered = _gathered(pool, path, batches, means.processes)
        runs = _spilled(path, gathered, means.progress)
        return _merged(pool, path, runs, means)


def _spilled(path: Path, gathered: Iterable[int], progress: Progress) -> list[Path]:
    """The runs, in order, once all are gathered."""
    done = 0
    runs: list[Path] = []
    for size in gathered:
        runs.append(_run(path, len(runs)))
        done += size
        progress("index", done, None)
    return runs


def _run(path: Path, number: int) -> Path:
    return path.with_suffix(f".{number:06}.run")


# -- in this process ---------------------------------------------------------------------------


def _gathered_here(
    path: Path, batches: Iterable[Sequence[Chat]], documents: MakeDocuments[Chat]
) -> Iterator[int]:
    for number, batch in enumerate(batches):
        yield _gather_to(_run(path, number), documents(batch))


def _merged_here(path: Path, files: Sequence[Path], means: Means) -> int:
    numbers = count()
    while len(files) > means.parts:
        merged = []
        for first in range(0, len(files), means.parts):
            group = files[first : first + means.parts]
            merged.append(path.with_suffix(f".merged{next(numbers)}"))
            merge(merged[-1], _parts(group), means.memory)
            _remove(group)
        files = merged
    documents = merge(path, _parts(files), means.memory, progress=means.progress)
    _remove(files)
    return documents


def _gather_to(into: Path, documents: Sequence[IndexDocument]) -> int:
    gather(documents).spill(into)
    return len(documents)


def _parts(files: Iterable[Path]) -> list[Part]:
    return [Part(Run.read(f) if f.suffix == ".run" else StoredSegment(f)) for f in files]


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink()


def _can_spawn() -> bool:
    """Another process imports the main module anew, which it can't if that came from a pipe."""
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    return getattr(main, "__spec__", None) is not None or file is None or Path(file).is_file()


# -- in others ---------------------------------------------------------------------------------


@contextmanager
def _workers(
    processes: int, documents: Callable[[Sequence[Any]], Sequence[IndexDocument]]
) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(
        processes,
        # Not «fork»: this process has threads, and locks that they may hold.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(documents,),
    )
    try:
        yield pool
    except BrokenProcessPool as error:
        raise IndexUnwritable(
            "A process that was building the index was ended from outside (was there too little "
            "memory?). Run again; KCHAT_INDEX_PROCESSES=1 needs the least memory. Nothing was lost."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _gathered(
    pool: ProcessPoolExecutor, path: Path, batches: Iterable[Sequence[Chat]], processes: int
) -> Iterator[int]:
    """In the order of the batches, of which few are in memory at a time."""
    waiting: deque[Future[int]] = deque()
    for number, batch in enumerate(batches):
        waiting.append(pool.submit(_work, _run(path, number), batch))
        if len(waiting) > _AHEAD * processes:
            yield waiting.popleft().result()
    for future in waiting:
        yield future.result()


def _merged(pool: ProcessPoolExecutor, path: Path, files: Sequence[Path], means: Means) -> int:
    """Halves of all fields at once, then joined."""
    if len(files) > means.parts:
        return _merged_here(path, files, means)
    pieces = [path.with_suffix(f".piece{number}") for number in range(len(HALVES))]
    memory = means.memory // len(HALVES)
    futures = [
        pool.submit(_merge_piece, into, files, memory, piece)
        for into, piece in zip(pieces, HALVES, strict=True)
    ]
    for number, future in enumerate(futures):
        means.progress("merge", number, len(HALVES) + 1)
        future.result()
    means.progress("merge", len(HALVES), len(HALVES) + 1)
    count = join(path, pieces)
    _remove([*pieces, *files])
    return count


_documents: Callable[[Sequence[Any]], Sequence[IndexDocument]]


def _begin(documents: Callable[[Sequence[Any]], Sequence[IndexDocument]]) -> None:
    """What each process does first."""
    global _documents  # noqa: PLW0603  # a process of the pool has no other place
    _documents = documents
    gc.disable()  # a batch is tens of thousands of records without a cycle: a tenth of the time
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end_with_it() -> None:
        parent.join()
        os._exit(1)  # the one we work for was killed

    threading.Thread(target=end_with_it, daemon=True).start()


def _work(into: Path, batch: Sequence[Any]) -> int:
    count = _gather_to(into, _documents(batch))
    gc.collect()
    return count


def _merge_piece(into: Path, files: Sequence[Path], memory: int, piece: Piece) -> None:
    merge(into, _parts(files), memory, piece)
