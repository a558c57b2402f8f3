"""The Whoosh engine: `ports.Engine` over files in a folder.

Any number of processes and threads may read while one process writes. A search first checks whether
there is a newer commit or generation. Files that are open stay readable after they are removed.
"""

from __future__ import annotations

import errno
import shutil
import threading
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from filelock import Timeout

from kchat_search.engines.whoosh import contents, writer
from kchat_search.engines.whoosh.build import (
    MAX_MERGE_INPUTS,
    BuildResources,
    Chat,
    MakeDocuments,
)
from kchat_search.engines.whoosh.check import check
from kchat_search.engines.whoosh.damage import Damaged
from kchat_search.engines.whoosh.generation_table import FILE as TABLE_FILE
from kchat_search.engines.whoosh.generations import (
    Current,
    Generations,
    damaged,
    new_build_id,
    taken,
    unwritable,
)
from kchat_search.engines.whoosh.reader import SeenIndex
from kchat_search.engines.whoosh.schema import VERSION as SCHEMA_VERSION
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.engines.whoosh.snapshot import Snapshot, opened
from kchat_search.engines.workers import processors, unchanged
from kchat_search.errors import IndexDamaged, IndexUnwritable, KchatSearchError
from kchat_search.meaning.table import Table
from kchat_search.models.plan import (
    EVERYTHING_SEEN,
    IndexDocument,
    Sight,
)
from kchat_search.models.reports import EngineState, IndexCheck, Progress, no_progress

_OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""Errors that say nothing about the index: too many files are open, or there is no memory."""

_OPEN_ATTEMPTS = 3
"""How often opening the newest commit is tried."""

_LOW_MEMORY = 128 << 20
"""Bytes for a merge that runs beside other work. More did not make it faster (measured)."""
_LOW_MEMORY_INPUTS = 64
"""How many files are merged at once then."""
_MEMORY_PER_BATCH_BYTE = 48
"""The memory of a process divided by the raw JSON of a batch, both in bytes. A batch of long
messages takes more: up to seventy times its JSON, while it is worked on."""


class WhooshEngine(SeenIndex):
    """See `ports.Engine`. To read, it is the index as somebody sees it who sees everything."""

    def __init__(self, folder: Path, processes: int | None = None, memory: int = 512 << 20) -> None:
        """`folder`: where the index is; it need not exist before the first build. `processes`: how
        many processes build the index; by default as many as there are processors. `memory`: bytes
        that a build may use, all processes together, beside their dictionaries."""
        super().__init__(self._reading, EVERYTHING_SEEN)
        self._generations = Generations(folder)
        self.processes = processes or processors()
        self._memory = memory
        self._lock = threading.Lock()
        self._open: Snapshot | None = None
        self._found_whole: Snapshot | None = None
        """The state in which every byte was found to be right, after an error in reading it."""

    def __repr__(self) -> str:
        return f"WhooshEngine({str(self._generations.root)!r})"

    @property
    def schema(self) -> str:
        """See `ports.Engine.schema`."""
        return f"whoosh {SCHEMA_VERSION}"

    @property
    def batch_bytes(self) -> int:
        """See `ports.Engine.batch_bytes`."""
        return self._memory // (_MEMORY_PER_BATCH_BYTE * self.processes)

    def seen(self, sight: Sight) -> SeenIndex:
        """See `ports.Engine.seen`."""
        return SeenIndex(self._reading, sight)

    def id_revisions(self) -> Iterator[tuple[int, int]]:
        """See `ports.Engine.id_revisions`."""
        none = np.empty(0, np.int64)
        with self._reading() as segments:
            ids = np.concatenate([none, *(each.ids[each.live] for each in segments)])
            revisions = np.concatenate([none, *(each.revisions[each.live] for each in segments)])
        order = np.argsort(ids)
        columns = (array("q", column[order].tobytes()) for column in (ids, revisions))
        return zip(*columns, strict=True)

    def describe(self) -> EngineState:
        """See `ports.Engine.describe`."""
        with self._unreadable():
            snapshot = self._newest()
        segments = snapshot.segments.values() if snapshot else []
        table = snapshot.table.table if snapshot else None
        return EngineState(
            engine="whoosh",
            generation=snapshot.current.name if snapshot else None,
            fingerprint=snapshot.current.fingerprint if snapshot else None,
            documents=sum(segment.live_count for segment in segments),
            size_bytes=self._generations.size(snapshot.current.name) if snapshot else 0,
            segments=len(segments),
            table=table.digest if table else None,
            table_fitted=table.fitted if table else False,
            table_problem=snapshot.table.problem if snapshot else None,
        )

    def sizes(self) -> dict[str, int]:
        """Bytes of the index by field, column or text. For benchmarks."""
        by_name: dict[str, int] = {}
        with self._reading() as segments:
            for segment in segments:
                for name, array in segment.file.arrays.items():
                    field = name.partition(".")[0]
                    by_name[field] = by_name.get(field, 0) + array.nbytes
        return by_name

    def damage(self) -> str | None:
        """See `ports.Engine.damage`."""
        return self.check("", 1 << 62).damage

    def check(self, position: str, max_bytes: int) -> IndexCheck:
        """See `ports.Engine.check`."""
        try:
            with self._unreadable():
                # All is read from the disk: what is open or known may be another file by now.
                snapshot = _opened(Generations(self._generations.root), None)
                checked = check(snapshot.segments if snapshot else {}, position, max_bytes)
                if snapshot and checked.position is None and checked.damage is None:
                    checked = replace(checked, damage=snapshot.table.damage)
        except IndexDamaged as error:
            return IndexCheck(position, 0, str(error))
        if checked.damage is None:
            return checked
        return replace(checked, damage=damaged(self._generations.root, checked.damage))

    def write(self, upserts: Sequence[IndexDocument], deletes: Collection[int] = ()) -> None:
        """See `ports.Engine.write`. Raises `IndexDamaged` if nothing was built yet."""
        with self._unreadable():
            current = self._generations.current()
            if current is None:
                raise Damaged("no generation was built")
            folder = self._generations.folder(current.name)
            contents.read(folder, current.build)
        with self._unwritable(), self._diagnosed():
            self._generations.sweep(current.name)
            memory = min(self._memory, _LOW_MEMORY)
            writer.write(folder, current.build, upserts, deletes, memory)

    def rebuild(
        self,
        batches: Iterable[Sequence[Chat]],
        fingerprint: str,
        documents: MakeDocuments[Chat] = unchanged,
        progress: Progress = no_progress,
        *,
        low_memory: bool = False,
        table: Table | None = None,
    ) -> int:
        """See `ports.Engine.rebuild`."""
        with self._unwritable():
            name = self._generations.begin()
            folder = self._generations.folder(name)
            file = None if table is None else folder / TABLE_FILE
            resources = BuildResources(
                self.processes, self._memory, progress, MAX_MERGE_INPUTS, file
            )
            if low_memory:
                memory = min(self._memory, _LOW_MEMORY)
                resources = BuildResources(1, memory, progress, _LOW_MEMORY_INPUTS, file)
            try:
                if table is not None and file is not None:
                    table.write(file)
                new = Current(name, fingerprint, new_build_id())
                count = writer.create(folder, new.build, batches, documents, resources)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)  # on a full disk its room is needed
                raise
            self._generations.swap(new)
        return count

    def table(self) -> Table | None:
        """See `ports.Engine.table`."""
        with self._unreadable():
            snapshot = self._newest()
        return snapshot.table.table if snapshot else None

    def tend(self) -> None:
        """See `ports.Engine.tend`. Files in a folder need nothing."""

    def close(self) -> None:
        """See `ports.Engine.close`."""
        self._open = None  # memory maps are closed with the last reference to them

    @contextmanager
    def _reading(self) -> Iterator[Sequence[Segment]]:
        """Gives the segments of the newest commit. Any number of threads may use it at once. Raises
        `IndexDamaged`, and `IndexUnwritable` if too many files are open."""
        with self._unreadable(), self._diagnosed():
            snapshot = self._newest()
            yield list(snapshot.segments.values()) if snapshot else []

    @contextmanager
    def _unwritable(self) -> Iterator[None]:
        """Translates the errors of writing, which also reads: what it replaces and merges. Raises
        `IndexUnwritable`, `IndexDamaged`."""
        try:
            yield
        except Timeout as error:
            raise IndexUnwritable(taken(self._generations.root)) from error
        except (FileNotFoundError, Damaged) as error:
            raise IndexDamaged(damaged(self._generations.root, _reason(error))) from error
        except OSError as error:
            raise IndexUnwritable(unwritable(self._generations.root, error)) from error

    @contextmanager
    def _unreadable(self) -> Iterator[None]:
        """Translates the errors of reading. Raises `IndexDamaged`, `IndexUnwritable`."""
        try:
            yield
        except (OSError, Damaged) as error:
            if isinstance(error, OSError) and error.errno in _OUT_OF_RESOURCES:
                raise IndexUnwritable(unwritable(self._generations.root, error)) from error
            self._open = None  # begin anew next time: some of its files may be half read
            raise IndexDamaged(damaged(self._generations.root, _reason(error))) from error

    @contextmanager
    def _diagnosed(self) -> Iterator[None]:
        """Finds the reason of an error that no code raises on purpose: numbers that no writer has
        written make numpy raise any. Raises `IndexDamaged` if a byte of the index is not as it was
        written; else the error flies, because it is a bug."""
        try:
            yield
        except (KchatSearchError, OSError, Damaged):
            raise
        except Exception as error:
            read = self._open
            if read is not None and read is self._found_whole:
                raise
            damage = self.damage()
            if damage is None:
                self._found_whole = read
                raise
            self._open = None
            raise IndexDamaged(damage) from error

    def _newest(self) -> Snapshot | None:
        """The newest commit, opened; None if nothing was built. Segments that did not change stay
        open. Raises `IndexDamaged`, `Damaged`, OSError."""
        with self._lock:
            self._open = _opened(self._generations, self._open)
            return self._open


def _opened(generations: Generations, before: Snapshot | None) -> Snapshot | None:
    for attempt in range(_OPEN_ATTEMPTS):
        current = generations.current()
        if current is None:
            return None
        try:
            return opened(generations.folder(current.name), current, before)
        except (OSError, Damaged):
            # The writer may have removed a file between our reading its name and our opening it.
            # If no newer commit has appeared, the files are really damaged.
            if attempt == _OPEN_ATTEMPTS - 1:
                raise
    return None


def _reason(error: Exception) -> str:
    """What is said in brackets about a damaged index."""
    return str(error) if isinstance(error, Damaged) else f"{type(error).__name__}: {error}"
