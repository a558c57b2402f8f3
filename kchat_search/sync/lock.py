"""One indexer at a time, of the processes on one machine: a lock that ends with its process.

It is a lock of the operating system on a file (flock), so a killed process leaves nothing to clean
up. A second file says who holds the lock, and a third how far the rebuild is that the holder does.
They are for people, and count only while the lock is held.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from kchat_search import private_files
from kchat_search.errors import IndexerBusy, IndexUnwritable
from kchat_search.models.holder import UNKNOWN, Holder, next_term
from kchat_search.models.progress import RebuildProgress, told_too
from kchat_search.models.reports import Progress
from kchat_search.ports import Clock

_MAX_HOLDER = 500
"""Bytes of the second file that are read."""
_SHORTEST_WAIT = 0.5
"""Seconds. `holder` takes the lock for a moment to look; that must not count as an indexer."""

_TOLD = re.compile(r"([0-9]{1,3})(?: ([0-9]{1,11}))?")
"""The third file: percent, and since when (seconds since 1970 UTC)."""


class IndexerLock:
    """The lock of one index. Its methods are those of `ports.Election`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "indexer.lock"
        self._holder = folder / "indexer.holder"
        self._rebuild = folder / "indexer.rebuild"
        self._term = 0

    @contextmanager
    def held(self, what: str, now: datetime, wait_seconds: float = 0.0) -> Iterator[None]:
        """Hold the lock. Raises `IndexerBusy` if it isn't free within `wait_seconds`, and
        `IndexUnwritable` if the folder can't be written."""
        lock = self._lock()
        try:
            private_files.make_folder(self._folder)
            private_files.narrow(self._path)
            wait = wait_seconds if wait_seconds < 0 else max(wait_seconds, _SHORTEST_WAIT)
            lock.acquire(timeout=wait, poll_interval=0.02 if wait == _SHORTEST_WAIT else 0.2)
        except Timeout as error:
            raise IndexerBusy.held_by(self._read_holder()) from error
        except OSError as error:
            raise IndexUnwritable(
                f"The index's folder {self._folder} can't be written ({error.strerror or error}). "
                "See that it belongs to the user who runs this program and is not on a read-only "
                "or full disk."
            ) from error
        try:
            self._term = next_term(self._holder_file().get("term"), now)
            self._write_holder(what, now)
            self._tell(None)
            yield
        finally:
            self._term = 0
            lock.release()

    def holder(self) -> Holder | None:
        """Who holds the lock now; None if nobody does, or nobody can: the folder can't be
        written."""
        if not self._folder.is_dir():
            return None
        lock = self._lock()
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return self._read_holder()
        except OSError:
            return None
        lock.release()
        return None

    def check(self) -> None:
        """Nothing: the system keeps the lock as long as this process holds it."""

    def term(self) -> int:
        """The number of this process's term; 0 where it does not hold the lock."""
        return self._term

    def rebuilding(self, progress: Progress, clock: Clock) -> AbstractContextManager[Progress]:
        """A `progress` that also tells other processes; see `rebuild`."""
        return told_too(progress, self._tell, clock)

    def rebuild(self) -> RebuildProgress | None:
        """How far the rebuild of the index is, where a process rebuilds it now; None where none
        does."""
        if self.holder() is None:
            return None
        try:
            text = private_files.read(self._rebuild, _MAX_HOLDER)
        except OSError:
            return None
        told = _TOLD.fullmatch(text.decode("latin-1"))
        if told is None:
            return None
        began = datetime.fromtimestamp(int(told[2]), UTC) if told[2] else None
        return RebuildProgress(min(int(told[1]), 99), began)

    def _tell(self, told: RebuildProgress | None) -> None:
        with suppress(OSError):
            if told is None or told.began_at is None:
                self._rebuild.unlink(missing_ok=True)
            else:
                text = b"%d %d" % (told.percent, told.began_at.timestamp())
                private_files.replace(self._rebuild, text)

    def _lock(self) -> FileLock:
        return FileLock(self._path, is_singleton=False, mode=private_files.FILE_MODE)

    def _write_holder(self, what: str, now: datetime) -> None:
        with suppress(OSError):  # on a full disk the lock works all the same
            value = Holder.this_process(what, now).to_json() | {"term": self._term}
            private_files.replace(self._holder, json.dumps(value).encode())

    def _read_holder(self) -> Holder:
        try:
            return Holder.from_json(self._holder_file())
        except (KeyError, TypeError, ValueError, OverflowError):
            return UNKNOWN  # also while a former version of the program holds it

    def _holder_file(self) -> dict[str, Any]:
        try:
            value = json.loads(private_files.read(self._holder, _MAX_HOLDER))
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}
