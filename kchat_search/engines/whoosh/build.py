"""A whole build: batches of chats to one segment, in as many processes as there are processors.

    batches ──► processes: chats to documents (parsing, folding, jieba), documents to a run
                          │ each run spilled to a file
                          ▼
                merge of all runs ──► the segment

Memory is a batch and its run a process, and a stretch of the merge; none grows with the index.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from kchat_search.engines.whoosh.gather import MOST_DOCUMENTS, Run, gather
from kchat_search.engines.whoosh.merge import Part, merge
from kchat_search.engines.whoosh.stored import StoredSegment
from kchat_search.errors import IndexUnwritable
from kchat_search.models.query import IndexDocument
from kchat_search.models.reports import Progress

Chat = TypeVar("Chat")
MakeDocuments = Callable[[Sequence[Chat]], Sequence[IndexDocument]]

_ALONE = 2
"""So few batches are done in this process: another one takes two seconds to begin."""
_AHEAD = 2
"""Batches a process that are read before one of them is done."""
_MOST_PARTS = 400
"""Files that are merged at once; a process may have some 1,000 open."""


def build(
    path: Path,
    batches: Iterable[Sequence[Chat]],
    documents: MakeDocuments[Chat],
    processes: int,
    memory: int,
    progress: Progress,
) -> int:
    """Write the segment of all chats to `path`, and spill beside it; how many chats there are.
    `memory` is for the merge, in bytes.

    `documents` makes a batch's documents. It is sent to other processes, so it must be picklable.
    Raises what it raises, and `IndexUnwritable` where a process is killed from outside.
    """
    iterator = iter(batches)
    first = list(islice(iterator, _ALONE))
    if processes == 1 or len(first) < _ALONE:
        runs = _runs_here(path, chain(first, iterator), documents)
    else:
        runs = _runs_elsewhere(path, chain(first, iterator), documents, processes)
    spilled: list[Path] = []
    done = 0
    for run, count in runs:
        spilled.append(run)
        done += count
        progress("index", done, None)
    if spilled:
        _merge_all(path, spilled, memory, progress)
    return done


def _merge_all(path: Path, spilled: list[Path], memory: int, progress: Progress) -> None:
    files = deque(spilled)
    level = 0
    while len(files) > _MOST_PARTS:
        level += 1
        group = [files.popleft() for _ in range(_MOST_PARTS)]
        into = path.with_suffix(f".merged{level}")
        _merge_files(into, group, memory, progress)
        files.append(into)
    _merge_files(path, files, memory, progress)


def _merge_files(path: Path, files: Iterable[Path], memory: int, progress: Progress) -> None:
    files = list(files)
    merge(path, [Part(_open(file)) for file in files], memory, progress)
    for file in files:
        file.unlink()


def _open(path: Path) -> Run | StoredSegment:
    return Run.read(path) if path.suffix == ".run" else StoredSegment(path)


def _runs_here(
    path: Path, batches: Iterable[Sequence[Chat]], documents: MakeDocuments[Chat]
) -> Iterator[tuple[Path, int]]:
    for number, batch in enumerate(batches):
        into = path.with_suffix(f".{number:06}.run")
        yield into, _gather_to(into, documents(batch))


def _runs_elsewhere(
    path: Path,
    batches: Iterable[Sequence[Chat]],
    documents: MakeDocuments[Chat],
    processes: int,
) -> Iterator[tuple[Path, int]]:
    """In the order of the batches."""
    pool = ProcessPoolExecutor(
        processes,
        # Not «fork»: this process has threads, and locks that they may hold.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(documents,),
    )
    waiting: deque[tuple[Path, Future[int]]] = deque()
    try:
        for number, batch in enumerate(batches):
            into = path.with_suffix(f".{number:06}.run")
            waiting.append((into, pool.submit(_work, into, batch)))
            if len(waiting) > _AHEAD * processes:
                into, future = waiting.popleft()
                yield into, future.result()
        for into, future in waiting:
            yield into, future.result()
    except BrokenProcessPool as error:
        raise IndexUnwritable(
            "A process that was building the index was ended from outside (was there too little "
            "memory?). Run again; KCHAT_INDEX_PROCESSES=1 needs the least memory. Nothing was lost."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_documents: Callable[[Sequence[Any]], Sequence[IndexDocument]]


def _begin(documents: Callable[[Sequence[Any]], Sequence[IndexDocument]]) -> None:
    """What each process does first."""
    global _documents  # noqa: PLW0603  # a process of the pool has no other place
    _documents = documents
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end_with_it() -> None:
        parent.join()
        os._exit(1)  # the one we work for was killed

    threading.Thread(target=end_with_it, daemon=True).start()


def _work(into: Path, batch: Sequence[Any]) -> int:
    return _gather_to(into, _documents(batch))


def _gather_to(into: Path, documents: Sequence[IndexDocument]) -> int:
    assert len(documents) <= MOST_DOCUMENTS
    gather(documents).spill(into)
    return len(documents)
