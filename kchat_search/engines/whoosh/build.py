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

from kchat_search.engines.whoosh.inversion import Run, invert
from kchat_search.engines.whoosh.merge import HALVES, FieldGroup, MergeInput, join, merge
from kchat_search.engines.whoosh.segment_file import SegmentFile
from kchat_search.errors import IndexUnwritable
from kchat_search.models.plan import IndexDocument
from kchat_search.models.reports import Progress

Chat = TypeVar("Chat")
MakeDocuments = Callable[[Sequence[Chat]], Sequence[IndexDocument]]

_MIN_BATCHES_FOR_POOL = 4
"""Fewer batches are done in this process: another one takes more than a second to begin."""
_BATCHES_AHEAD = 2
"""Batches a process that are read before one of them is done."""
MAX_MERGE_INPUTS = 800
"""A process may often have no more than 1,024 files open."""


def unchanged(documents: Sequence[Any]) -> Sequence[IndexDocument]:
    """For batches that are documents already."""
    return documents


class BuildResources(NamedTuple):
    """What a build may use."""

    processes: int
    memory: int
    """Bytes for the merge, all processes together."""
    progress: Progress
    parts: int
    """Files that are merged at once: a merge holds some numbers for each term of each of them."""


def build(
    path: Path,
    batches: Iterable[Sequence[Chat]],
    documents: MakeDocuments[Chat],
    resources: BuildResources,
) -> int:
    """Write the segment of all chats to `path`, and spill beside it; how many chats there are.

    `documents` makes a batch's documents. It is sent to other processes, so it must be picklable.
    Raises what it raises, and `IndexUnwritable` where a process is killed from outside.
    """
    iterator = iter(batches)
    first = list(islice(iterator, _MIN_BATCHES_FOR_POOL))
    batches = chain(first, iterator)
    if resources.processes == 1 or len(first) < _MIN_BATCHES_FOR_POOL or not _can_spawn():
        runs = _spill_runs(path, _invert_here(path, batches, documents), resources.progress)
        return _merge_here(path, runs, resources) if runs else 0
    with _workers(resources.processes, documents) as pool:
        gathered = _invert_in_pool(pool, path, batches, resources.processes)
        runs = _spill_runs(path, gathered, resources.progress)
        return _merge_in_pool(pool, path, runs, resources)


def _spill_runs(path: Path, gathered: Iterable[int], progress: Progress) -> list[Path]:
    """The runs, in order, once all are gathered."""
    done = 0
    runs: list[Path] = []
    for size in gathered:
        runs.append(_run_path(path, len(runs)))
        done += size
        progress("index", done, None)
    return runs


def _run_path(path: Path, number: int) -> Path:
    return path.with_suffix(f".{number:06}.run")


# -- in this process ---------------------------------------------------------------------------


def _invert_here(
    path: Path, batches: Iterable[Sequence[Chat]], documents: MakeDocuments[Chat]
) -> Iterator[int]:
    for number, batch in enumerate(batches):
        yield _invert_to(_run_path(path, number), documents(batch))


def _merge_here(path: Path, files: Sequence[Path], resources: BuildResources) -> int:
    numbers = count()
    while len(files) > resources.parts:
        merged = []
        for first in range(0, len(files), resources.parts):
            group = files[first : first + resources.parts]
            merged.append(path.with_suffix(f".merged{next(numbers)}"))
            merge(merged[-1], _merge_inputs(group), resources.memory)
            _remove(group)
        files = merged
    documents = merge(path, _merge_inputs(files), resources.memory, progress=resources.progress)
    _remove(files)
    return documents


def _invert_to(into: Path, documents: Sequence[IndexDocument]) -> int:
    invert(documents).spill(into)
    return len(documents)


def _merge_inputs(files: Iterable[Path]) -> list[MergeInput]:
    return [MergeInput(Run.read(f) if f.suffix == ".run" else SegmentFile(f)) for f in files]


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
        initializer=_start_worker,
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


def _invert_in_pool(
    pool: ProcessPoolExecutor, path: Path, batches: Iterable[Sequence[Chat]], processes: int
) -> Iterator[int]:
    """In the order of the batches, of which few are in memory at a time."""
    waiting: deque[Future[int]] = deque()
    for number, batch in enumerate(batches):
        waiting.append(pool.submit(_invert_batch, _run_path(path, number), batch))
        if len(waiting) > _BATCHES_AHEAD * processes:
            yield waiting.popleft().result()
    for future in waiting:
        yield future.result()


def _merge_in_pool(
    pool: ProcessPoolExecutor, path: Path, files: Sequence[Path], resources: BuildResources
) -> int:
    """Halves of all fields at once, then joined."""
    if len(files) > resources.parts:
        return _merge_here(path, files, resources)
    pieces = [path.with_suffix(f".piece{number}") for number in range(len(HALVES))]
    memory = resources.memory // len(HALVES)
    futures = [
        pool.submit(_merge_group, into, files, memory, piece)
        for into, piece in zip(pieces, HALVES, strict=True)
    ]
    for number, future in enumerate(futures):
        resources.progress("merge", number, len(HALVES) + 1)
        future.result()
    resources.progress("merge", len(HALVES), len(HALVES) + 1)
    count = join(path, pieces)
    _remove([*pieces, *files])
    return count


_documents: Callable[[Sequence[Any]], Sequence[IndexDocument]]


def _start_worker(documents: Callable[[Sequence[Any]], Sequence[IndexDocument]]) -> None:
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


def _invert_batch(into: Path, batch: Sequence[Any]) -> int:
    count = _invert_to(into, _documents(batch))
    gc.collect()
    return count


def _merge_group(into: Path, files: Sequence[Path], memory: int, piece: FieldGroup) -> None:
    merge(into, _merge_inputs(files), memory, piece)
