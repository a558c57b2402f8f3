"""What the indexer's process does: it holds the lock, and ticks until it is killed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from kchat_search.errors import (
    ArchiveError,
    ChatsRefused,
    IndexerBusy,
    IndexerDeposed,
    IndexUnwritable,
    KchatSearchError,
)
from kchat_search.models.holder import Holder
from kchat_search.models.reports import Alert, Reason, SyncReport
from kchat_search.ports import Archive, Clock, SyncArchive
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


_ALERT = "indexer_alert"
"""The cursor of the archive that says what is wrong with the indexer; an empty one: nothing is."""
_EXPECTED = "worker"
"""The cursor of the archive that says that a worker is expected to run; an empty one: none is."""
_SHORTEST_SILENCE = timedelta(minutes=5)
_LONGEST_REASON = 1_000
"""Characters."""


def alert_in(archive: SyncArchive) -> Alert | None:
    """What the indexer has left in the archive about what is wrong with it, for a web server that
    did not start it. None: nothing is."""
    value = archive.cursor(_ALERT)
    return Alert.from_json(value) if value else None


def keep_alert(archive: SyncArchive, alert: Alert | None, *, now: datetime) -> None:
    """Leave it in the archive. If that can't be written, the log has to do."""
    try:
        if alert is not None or archive.cursor(_ALERT):
            archive.set_cursor(_ALERT, {} if alert is None else alert.to_json(), now=now)
    except ArchiveError as error:
        log.warning("What is wrong with the indexer could not be kept in the archive: %s", error)


def is_expected(archive: SyncArchive, *, now: datetime) -> None:
    """Keep that a worker ticks: from now on, one is expected to run. If the archive can't be
    written, the sync says so."""
    with suppress(ArchiveError):
        archive.set_cursor(_EXPECTED, {"at": now.isoformat()}, now=now)


def is_not_expected(archive: SyncArchive, *, now: datetime) -> None:
    """A sync was started by hand, or by a timetable of somebody's: no worker need run."""
    if archive.cursor(_EXPECTED):
        archive.set_cursor(_EXPECTED, {}, now=now)


def missing(
    archive: Archive, holder: Callable[[], Holder | None], interval: timedelta, *, now: datetime
) -> Alert | None:
    """The alert that no indexer runs, though one did: it was killed, and could say nothing.
    `holder` says who holds the indexer's lock."""
    reports = archive.reports(1) if archive.cursor(_EXPECTED) else ()
    if not reports or now - reports[0].finished_at < max(_SHORTEST_SILENCE, 3 * interval):
        return None
    if holder() is not None:
        return None
    text = "Nothing has been fetched since. Start kchat-search serve or kchat-search worker."
    return Alert("indexer_missing", Reason(text, "missing"), reports[0].finished_at)


def ended(before: Alert | None, reason: Reason, now: datetime) -> Alert:
    """The alert of an indexer that ends for this reason. `before`: the alert until now."""
    if before is None or before.code != "indexer_ended":
        before = Alert("indexer_ended", reason, now, times=0)
    return replace(before, reason=reason, times=before.times + 1, next_try_at=None)


def reason_of(error: BaseException) -> Reason:
    """What an error says to a person, if not too long. Of a bug only which one it is, since its
    text may be private."""
    if not isinstance(error, KchatSearchError):
        return Reason(
            f"A fault of the program ({type(error).__name__}). Its log has the details: please "
            "report it.",
            "bug",
        )
    text = str(error)
    if len(text) > _LONGEST_REASON:
        text = text[: _LONGEST_REASON - 1] + "…"
    return Reason(text, error.kind)


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
        *,
        report: Callable[[Alert | None], None],
        waits: Callable[[], None],
        clock: Clock,
        interval: timedelta,
    ) -> None:
        """`hold_lock(what, wait_seconds)` holds the indexer's lock. With less than 0 seconds it
        waits without an end. It raises `IndexerBusy`. `schedule` calls a function again and again,
        every `interval`. `report` is told how each tick ended: with an alert, or well (None).
        `waits` is called where another process is the indexer, which says how it fares."""
        self._tick = tick
        self._hold_lock = hold_lock
        self._schedule = schedule
        self._report = report
        self._waits = waits
        self._clock = clock
        self._interval = interval
        self._first = True
        self._alert: Alert | None = None

    def run(self) -> None:
        """Tick until the process ends. While another process is the indexer, wait for its end; so
        does one that was the indexer and had to make room."""
        wait_seconds = _FIRST_WAIT_SECONDS
        while True:
            try:
                self._run(wait_seconds)
            except IndexerBusy as busy:
                log.info("%s Then this one takes over.", busy)
            except IndexerDeposed as deposed:
                log.warning("%s It waits until it can be the indexer again.", deposed)
            else:
                return
            self._alert = None
            self._waits()
            wait_seconds = _FOREVER

    def tick(self) -> None:
        """One tick. The first one heals the index. It counts as done even if Kchat fails, but not
        while the index's disk is full: until there is room, each tick is treated as the first."""
        began = self._clock()
        try:
            self._tick(first=self._first)
        except IndexerDeposed:  # another one may be the indexer, and say how it fares
            self._first = True
            raise
        except Exception as error:
            if _index_was_reached(error):
                self._first = False
            self._failed(error, began)
            raise
        self._first = False
        self._alert = None
        self._report(None)

    def _failed(self, error: Exception, began: datetime) -> None:
        now = self._clock()
        reason = reason_of(error)
        before = self._alert or Alert("tick_failed", reason, now, times=0)
        self._alert = replace(
            before,
            reason=reason,
            times=before.times + 1,
            next_try_at=max(now, began + self._interval),
        )
        self._report(self._alert)

    def _run(self, wait_seconds: float) -> None:
        with self._hold_lock("worker", wait_seconds):
            self._schedule(self.tick)


def _index_was_reached(error: Exception) -> bool:
    """Was the index healed, though the tick failed afterwards?"""
    if isinstance(error, IndexUnwritable):
        return isinstance(error, ChatsRefused)
    return isinstance(error, KchatSearchError)
