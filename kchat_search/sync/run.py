"""One whole sync: fetch, archive, index; and the report of it, whatever happens."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, fields

from kchat_search.errors import ArchiveError, KchatError, KchatSearchError
from kchat_search.models.reports import Progress, SyncReport
from kchat_search.ports import Clock
from kchat_search.sync.archive_writer import ArchiveWriter, Counts
from kchat_search.sync.decide import index_now
from kchat_search.sync.indexer import Indexer
from kchat_search.sync.updater import Updater

_NOT_LOGGED = ("started_at", "finished_at", "notes")

log = logging.getLogger(__name__)


def sync(
    updater: Updater,
    indexer: Indexer,
    *,
    everything: bool,
    progress: Progress,
    index: bool = True,
) -> SyncReport:
    """One whole sync; see `Service.sync`. Without `index`, of the archive alone."""
    archive, clock, source = updater.archive, updater.clock, updater.source
    started, retries, counts = clock(), source.retries(), Counts()

    def report(notes: tuple[str, ...] = (), error: str | None = None) -> SyncReport:
        return SyncReport(
            **asdict(counts),
            started_at=started,
            finished_at=clock(),
            retries=source.retries() - retries,
            complete=not (notes or error),
            notes=notes,
            error=error,
        )

    saved = _IndexWhileFetching(indexer, clock, progress).index if index else lambda: 0
    writer = ArchiveWriter(
        archive=archive, clock=clock, counts=counts, progress=progress, saved=saved
    )
    try:
        notes = _fetch_and_index(
            lambda: updater.sync(writer, everything=everything),
            lambda: indexer.index_pending(progress) if index else 0,
            counts,
        )
    except KchatSearchError as error:
        _tell(updater, report(error=str(error)))
        raise
    done = report(notes)
    archive.set_cursor("synced", {"at": done.finished_at.isoformat()}, now=done.finished_at)
    _tell(updater, done)
    return done


class _IndexWhileFetching:
    """Indexes now and then what a long fetch has brought."""

    def __init__(self, indexer: Indexer, clock: Clock, progress: Progress) -> None:
        self._indexer = indexer
        self._clock = clock
        self._progress = progress
        self._ended = clock()
        self._took = 0.0

    def index(self) -> int:
        """How many chats were indexed: none where it is too early."""
        begun = self._clock()
        waited = (begun - self._ended).total_seconds()
        if not index_now(self._indexer.archive.counts().pending, waited, self._took):
            return 0
        count = self._indexer.index_pending(self._progress)
        self._ended = self._clock()
        self._took = (self._ended - begun).total_seconds()
        return count


def _fetch_and_index(
    fetch: Callable[[], tuple[str, ...]], index: Callable[[], int], counts: Counts
) -> tuple[str, ...]:
    try:
        notes = fetch()
    except KchatError:
        counts.indexed += index()  # what did come can be searched
        raise
    counts.indexed += index()
    return notes


def _tell(updater: Updater, report: SyncReport) -> None:
    """Say a report in the log, and keep it. Where the archive is full, the error that is on its
    way matters more."""
    said = {f.name: getattr(report, f.name) for f in fields(report) if f.name not in _NOT_LOGGED}
    said["seconds"] = round(report.seconds, 3)
    log.info("%s %s", report.kind, "failed" if report.error else "done", extra=said)
    try:
        updater.archive.save_report(report)
    except ArchiveError as error:
        if report.error is None:
            raise
        log.warning("The report of this sync could not be kept: %s", error)
