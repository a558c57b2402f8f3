"""What the indexer's process does: it holds the lock, and ticks until it is killed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from kchat_search.errors import IndexerBusy, IndexUnwritable, KchatSearchError
from kchat_search.models.reports import SyncReport
from kchat_search.sync.run import Syncer

_FIRST_WAIT_SECONDS = 1.0
"""If the lock is not free after this time, the log says who holds it."""
_FOREVER = -1.0

log = logging.getLogger(__name__)


def tick(syncer: Syncer, *, first: bool = False) -> SyncReport:
    """One scheduled sync. The first one, and each that reconciles, heals the index first: what the
    index lacks is queued. The others only make sure that there is a current index.

    Raises as `Syncer.sync` does. If the index can't be written, chats are still archived, and
    then `IndexUnwritable` is raised.
    """
    kind = syncer.due()
    try:
        if first or kind == "reconcile":
            syncer.indexer.prepare()
        else:
            syncer.indexer.ensure_current()  # somebody may have removed it
    except IndexUnwritable:
        syncer.sync(kind, index=False)
        raise
    return syncer.sync(kind)


class Tick(Protocol):
    """One scheduled sync: the function `tick`, bound to what it works on."""

    def __call__(self, *, first: bool) -> object:
        """`first`: none has succeeded yet in this process."""
        ...


class Worker:
    """The indexer's process."""

    def __init__(
        self,
        tick: Tick,
        hold_lock: Callable[[str, float], AbstractContextManager[None]],
        schedule: Callable[[Callable[[], None]], None],
    ) -> None:
        """`hold_lock(what, wait_seconds)` holds the indexer's lock. With less than 0 seconds it
        waits without an end. It raises `IndexerBusy`. `schedule` calls a function again and
        again."""
        self._tick = tick
        self._hold_lock = hold_lock
        self._schedule = schedule
        self._first = True

    def run(self) -> None:
        """Tick until the process ends. While another process is the indexer, wait for its end."""
        try:
            self._run(_FIRST_WAIT_SECONDS)
        except IndexerBusy as busy:
            log.info("%s Then this one takes over.", busy)
            self._run(_FOREVER)

    def tick(self) -> None:
        """One tick. The first one heals the index. It counts as done even if Kchat fails, but not
        while the index's disk is full: until there is room, each tick is treated as the first."""
        try:
            self._tick(first=self._first)
        except IndexUnwritable:
            raise
        except KchatSearchError:
            self._first = False
            raise
        self._first = False

    def _run(self, wait_seconds: float) -> None:
        with self._hold_lock("worker", wait_seconds):
            self._schedule(self.tick)
