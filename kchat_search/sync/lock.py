"""One indexer at a time: a lock that ends with its process.

It is a lock of the operating system on a file (flock), so a killed process leaves nothing to clean
up. A second file says who holds the lock, and a third how far the rebuild is that the holder does.
They are for people, and count only while the lock is held.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from kchat_search import private_files
from kchat_search.errors import IndexerBusy, IndexUnwritable
from kchat_search.models.holder import UNKNOWN, Holder
from kchat_search.models.progress import RebuildProgress
from kchat_search.models.reports import Progress
from kchat_search.ports import Clock

_MAX_HOLDER = 500
"""Bytes of the second file that are read."""
_SHORTEST_WAIT = 0.5
"""Seconds. `holder` takes the lock for a moment to look; that must not count as an indexer."""

_TOLD = re.compile(r"([0-9]{1,3})(?: ([0-9]{1,11}))?")
"""The third file: percent, and since when (seconds since 1970 UTC)."""
_LAST_PERCENT = 90
"""So much of a rebuild is done when all chats were read. What remains is the merge."""


class IndexerLock:
    """The lock of one index."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "indexer.lock"
        self._holder = folder / "indexer.holder"
        self._rebuild = folder / "indexer.rebuild"
        self._told: tuple[int, datetime] | None = None

    @contextmanager
    def held(self, what: str, now: datetime, wait_seconds: float = 0.0) -> Iterator[None]:
        """Hold the lock. `what` tells others what this process does («sync», «worker»).

        If `wait_seconds` is less than 0, waits without an end. Raises `IndexerBusy`, which names
        the holder, if the lock isn't free within `wait_seconds`, and `IndexUnwritable` if the
        folder can't be written.
        """
        lock = self._lock()
        try:
            private_files.make_folder(self._folder)
            private_files.narrow(self._path)
            wait = wait_seconds if wait_seconds < 0 else max(wait_seconds, _SHORTEST_WAIT)
            lock.acquire(timeout=wait, poll_interval=0.02 if wait == _SHORTEST_WAIT else 0.2)
        except Timeout as error:
            holder = self._read_holder()
            raise IndexerBusy(
                f"Another process is the indexer: {holder}. Wait until it is done, or stop it; "
                "searches go on meanwhile.",
                str(holder),
            ) from error
        except OSError as error:
            raise IndexUnwritable(
                f"The index's folder {self._folder} can't be written ({error.strerror or error}). "
                "See that it belongs to the user who runs this program and is not on a read-only "
                "or full disk."
            ) from error
        try:
            self._write_holder(what, now)
            self._tell(None)
            yield
        finally:
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

    @contextmanager
    def rebuilding(self, progress: Progress, clock: Clock) -> Iterator[Progress]:
        """While the lock is held: gives a `progress` that also tells other processes how far a
        rebuild of the index is; see `rebuild`."""
        began = clock()

        def told(step: str, done: int, total: int | None) -> None:
            if step == "index" and total:
                self._tell((min(_LAST_PERCENT, done * _LAST_PERCENT // total), began))
            progress(step, done, total)

        self._tell((0, began))  # the first batch may take long
        try:
            yield told
        finally:
            self._tell(None)

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

    def _tell(self, told: tuple[int, datetime] | None) -> None:
        if told == self._told and told is not None:
            return
        self._told = told
        with suppress(OSError):
            if told is None:
                self._rebuild.unlink(missing_ok=True)
            else:
                text = b"%d %d" % (told[0], told[1].timestamp())
                private_files.replace(self._rebuild, text)

    def _lock(self) -> FileLock:
        return FileLock(self._path, is_singleton=False, mode=private_files.FILE_MODE)

    def _write_holder(self, what: str, now: datetime) -> None:
        with suppress(OSError):  # on a full disk the lock works all the same
            holder = Holder(what, os.getpid(), socket.gethostname(), now)
            private_files.replace(self._holder, json.dumps(holder.to_json()).encode())

    def _read_holder(self) -> Holder:
        try:
            text = private_files.read(self._holder, _MAX_HOLDER)
            return Holder.from_json(json.loads(text))
        except (OSError, KeyError, TypeError, ValueError, OverflowError):
            return UNKNOWN  # also while a former version of the program holds it
