"""Other processes that make the documents of a build.

Each of them imports the main module anew, and ends with the process that it works for.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kchat_search.errors import IndexUnwritable
from kchat_search.models.plan import IndexDocument

FEWEST_BATCHES = 4
"""Fewer batches are done in the present process, because another one takes more than a second to
start."""
BATCHES_AHEAD = 2
"""How many batches for each process are read before one of them is done."""


def unchanged(documents: Sequence[Any]) -> Sequence[IndexDocument]:
    """Makes the documents of a batch that consists of documents already."""
    return documents


def processors() -> int:
    """How many processors this process may use; all of them if the system does not say."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def can_spawn() -> bool:
    """Can other processes be started? It is impossible if the main module was read from a pipe."""
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    return getattr(main, "__spec__", None) is not None or file is None or Path(file).is_file()


@contextmanager
def workers(
    processes: int, start: Callable[..., None], *with_: Any
) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes. Each calls `start` first, with these arguments; it is a function of a
    module. Raises `IndexUnwritable` if one of them is killed from outside."""
    pool = ProcessPoolExecutor(
        processes,
        # Not «fork»: this process has threads, and they may hold locks.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_started,
        initargs=(start, with_),
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


def _started(start: Callable[..., None], with_: tuple[Any, ...]) -> None:
    """What each process of the pool does first."""
    start(*with_)
    # A batch is tens of thousands of records without a cycle; collecting takes a tenth of the time.
    gc.disable()
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end_with_parent() -> None:
        parent.join()
        os._exit(1)  # the process that we work for was killed

    threading.Thread(target=end_with_parent, daemon=True).start()
