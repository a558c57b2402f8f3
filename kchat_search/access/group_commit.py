"""Write what many threads give at one time in one transaction, and tell each when that is on the
disk.

A thread of this process takes whatever waits, writes all of it, and takes what has come meanwhile.
So a commit, which waits for the disk, is shared by all who wait, and nobody waits for more than
two.

A forked process has a thread of its own and none of its parent's entries: those are its parent's to
write.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from kchat_search.errors import AccessError, AuditUnwritable

Entry = TypeVar("Entry")

MOST_WAITING = 10_000
"""Entries that may wait. Each request waits for its own, so more are a sign that nothing is
written."""
_AT_ONCE = 1_000
_WAIT_SECONDS = 120.0
"""Longer than a writer waits for other processes."""
_CLOSED = "The audit is closed: this process ends. Ask again."
_NOT_RECORDED = "This can't be recorded in the audit, so it is not answered."
_BUG = "The program failed; see its log."
_TOO_LONG = f"{_NOT_RECORDED} The database did not write it in time; ask again later."
_FULL = f"{_NOT_RECORDED} Too many entries wait to be written; ask again later."


class GroupTicket(Generic[Entry]):
    """An entry on its way to the disk; `ports.Ticket`."""

    __slots__ = ("_problem", "_settled", "entry")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self._settled = threading.Event()
        self._problem: BaseException | None = None

    def wait(self) -> None:
        """Returns when the entry is on the disk. Raises `AuditUnwritable` where it can't be."""
        if not self._settled.wait(_WAIT_SECONDS):
            raise AuditUnwritable(_TOO_LONG)
        if self._problem is not None:
            # A bug's text may have in it what nobody should read.
            why = str(self._problem) if isinstance(self._problem, AccessError) else _BUG
            raise AuditUnwritable(f"{_NOT_RECORDED} {why}") from self._problem

    def settle(self, problem: BaseException | None = None) -> None:
        """Wake who waits: the entry is on the disk, or `problem` says why it is not."""
        self._problem = problem
        self._settled.set()


class GroupCommit(Generic[Entry]):
    """Entries of all threads of this process, written by one."""

    def __init__(self, write: Callable[[Sequence[Entry]], None]) -> None:
        """`write` writes entries in this order, all or none, and returns when they are on the disk.
        Raises `AccessError` where it can't."""
        self._write = write
        self._begin()
        _all.add(self)

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[GroupTicket[Entry]] = []
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, entry: Entry) -> GroupTicket[Entry]:
        """Begin to write an entry. Raises `AuditUnwritable` after `close`, and where too many
        wait."""
        ticket = GroupTicket(entry)
        with self._changed:
            if self._closed:
                raise AuditUnwritable(_CLOSED)
            if len(self._waiting) >= MOST_WAITING:
                raise AuditUnwritable(_FULL)
            self._waiting.append(ticket)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
                self._thread.start()
            self._changed.notify()
        return ticket

    def close(self) -> None:
        """Write what waits, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        tickets: list[GroupTicket[Entry]] = []
        problem: BaseException | None = None
        try:
            while tickets := self._take():
                problem = self._written(tickets)
                for ticket in tickets:
                    ticket.settle(problem)
        except BaseException as error:
            problem = error  # a bug: seen in the log, and nobody waits in vain
            raise
        finally:
            with self._changed:
                self._thread = None
                tickets += self._waiting
                self._waiting.clear()
            for ticket in tickets:
                ticket.settle(problem)

    def _take(self) -> list[GroupTicket[Entry]]:
        """What waits now; waits for the first. Nothing, after `close`."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            taken = self._waiting[:_AT_ONCE]
            del self._waiting[:_AT_ONCE]
            return taken

    def _written(self, tickets: Sequence[GroupTicket[Entry]]) -> AccessError | None:
        try:
            self._write([ticket.entry for ticket in tickets])
        except AccessError as error:
            return error
        return None


_all: WeakSet[GroupCommit[Any]] = WeakSet()


def _begin_anew() -> None:
    for each in _all:
        each._begin()  # noqa: SLF001  # of this module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
