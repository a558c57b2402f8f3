"""A whole build: batches of chats to one segment, in as many processes as there are processors.

    batches ──► processes: chats to documents (parsing, folding, jieba), documents to a run
                          │ each run is spilled to a file
                          ▼
                processes: all runs are merged, half of the fields in each ──► the segment

In memory are one batch and its run for each process, and one range of terms of the merge. None of
these grows with the index.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from kchat_search.engines.whoosh.inversion import Run, invert
from kchat_search.engines.whoosh.merge import HALVES, FieldGroup, MergeInput, join, merge
from kchat_search.engines.whoosh.segment_file import SegmentFile
from kchat_search.engines.workers import BATCHES_AHEAD, FEWEST_BATCHES, can_spawn, workers
from kchat_search.meaning.table import Table
from kchat_search.models.plan import IndexDocument
from kchat_search.models.reports import Progress

Chat = TypeVar("Chat")
MakeDocuments = Callable[[Sequence[Chat]], Sequence[IndexDocument]]
"""Makes the documents of a batch of chats."""

MAX_MERGE_INPUTS = 800
"""Often a process may have no more than 1,024 files open."""


class BuildResources(NamedTuple):
    """What a build may use."""

    processes: int
    memory: int
    """Bytes for the merge, for all processes together."""
    progress: Progress
    max_inputs: int
    """How many files are merged at once. A merge holds some numbers for each term of each file."""
    table: Path | None = None
    """The file of the table that makes vectors; None: there are none."""


def build(
    path: Path,
    batches: Iterable[Sequence[Chat]],
    documents: MakeDocuments[Chat],
    resources: BuildResources,
) -> int:
    """Write the segment of all chats to `path`; how many chats there are. Runs are spilled beside
    it and removed.

    `documents` makes the documents of a batch. It is sent to other processes, so it must be
    picklable. Raises what `batches` and `documents` raise, and `IndexUnwritable` if a process is
    killed from outside.
    """
    iterator = iter(batches)
    first = list(islice(iterator, FEWEST_BATCHES))
    batches = chain(first, iterator)
    if resources.processes == 1 or len(first) < FEWEST_BATCHES or not can_spawn():
        table = None if resources.table is None else Table.read(resources.table)
        sizes = _invert_here(path, batches, documents, table)
        runs = _spill_runs(path, sizes, resources.progress)
        return _merge_here(path, runs, resources) if runs else 0
    with workers(resources.processes, _start_worker, documents, resources.table) as pool:
        sizes = _invert_in_pool(pool, path, batches, resources.processes)
        runs = _spill_runs(path, sizes, resources.progress)
        return _merge_in_pool(pool, path, runs, resources)


def _spill_runs(path: Path, sizes: Iterable[int], progress: Progress) -> list[Path]:
    """The files of the runs, in order, when all are written. `sizes`: the number of documents of
    each run; each is written when its size is asked for."""
    done = 0
    runs: list[Path] = []
    for size in sizes:
        runs.append(_run_path(path, len(runs)))
        done += size
        progress("index", done, None)
    return runs


def _run_path(path: Path, number: int) -> Path:
    return path.with_suffix(f".{number:06}.run")


# -- in this process ---------------------------------------------------------------------------


def _invert_here(
    path: Path,
    batches: Iterable[Sequence[Chat]],
    documents: MakeDocuments[Chat],
    table: Table | None,
) -> Iterator[int]:
    """Spill a run of each batch; how many documents each has."""
    for number, batch in enumerate(batches):
        yield _invert_to(_run_path(path, number), documents(batch), table)


def _merge_here(path: Path, files: Sequence[Path], resources: BuildResources) -> int:
    """Merge these files to `path` and remove them; how many documents there are. If they are too
    many, groups of them are merged first."""
    numbers = count()
    most = resources.max_inputs
    while len(files) > most:
        merged = []
        for first in range(0, len(files), most):
            group = files[first : first + most]
            merged.append(path.with_suffix(f".merged{next(numbers)}"))
            merge(merged[-1], _merge_inputs(group), resources.memory)
            _remove(group)
        files = merged
    documents = merge(path, _merge_inputs(files), resources.memory, progress=resources.progress)
    _remove(files)
    return documents


def _invert_to(file: Path, documents: Sequence[IndexDocument], table: Table | None) -> int:
    invert(documents, table).spill(file)
    return len(documents)


def _merge_inputs(files: Iterable[Path]) -> list[MergeInput]:
    return [MergeInput(Run.read(f) if f.suffix == ".run" else SegmentFile(f)) for f in files]


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink()


# -- in other processes ------------------------------------------------------------------------


def _invert_in_pool(
    pool: ProcessPoolExecutor, path: Path, batches: Iterable[Sequence[Chat]], processes: int
) -> Iterator[int]:
    """Spill a run of each batch; how many documents each has, in the order of the batches. Only a
    few batches are in memory at a time."""
    waiting: deque[Future[int]] = deque()
    for number, batch in enumerate(batches):
        waiting.append(pool.submit(_invert_batch, _run_path(path, number), batch))
        if len(waiting) > BATCHES_AHEAD * processes:
            yield waiting.popleft().result()
    for future in waiting:
        yield future.result()


def _merge_in_pool(
    pool: ProcessPoolExecutor, path: Path, files: Sequence[Path], resources: BuildResources
) -> int:
    """Merge these files to `path` and remove them; how many documents there are. Two processes
    merge half of the fields each; then the halves are joined."""
    if len(files) > resources.max_inputs:
        return _merge_here(path, files, resources)
    halves = [path.with_suffix(f".piece{number}") for number in range(len(HALVES))]
    memory = resources.memory // len(HALVES)
    futures = [
        pool.submit(_merge_group, half, files, memory, group)
        for half, group in zip(halves, HALVES, strict=True)
    ]
    for number, future in enumerate(futures):
        resources.progress("merge", number, len(HALVES) + 1)
        future.result()
    resources.progress("merge", len(HALVES), len(HALVES) + 1)
    documents = join(path, halves)
    _remove([*halves, *files])
    return documents


_documents: Callable[[Sequence[Any]], Sequence[IndexDocument]]
"""What a process of the pool makes documents with. `_start_worker` sets it."""
_table: Table | None
"""What it makes vectors with."""


def _start_worker(
    documents: Callable[[Sequence[Any]], Sequence[IndexDocument]], table: Path | None
) -> None:
    """What each process of the pool does first."""
    global _documents, _table  # noqa: PLW0603  # a process of the pool has no other place for them
    _documents = documents
    _table = None if table is None else Table.read(table)


def _invert_batch(file: Path, batch: Sequence[Any]) -> int:
    documents = _invert_to(file, _documents(batch), _table)
    gc.collect()
    return documents


def _merge_group(file: Path, files: Sequence[Path], memory: int, group: FieldGroup) -> None:
    merge(file, _merge_inputs(files), memory, group)
