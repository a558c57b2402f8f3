"""One whole sync: decide what it does, fetch, archive, index, and report it, whatever happens."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from zoneinfo import ZoneInfo

from kchat_search.errors import ArchiveError, KchatError, KchatSearchError, KchatUnreachable
from kchat_search.models.reports import Progress, SyncReport, no_progress
from kchat_search.ports import ChatSource, Clock, SyncArchive
from kchat_search.sync import decide, reconcile
from kchat_search.sync.alternating import CURSOR, Alternating
from kchat_search.sync.archive_writer import ArchiveWriter, Counts
from kchat_search.sync.backfill import backfill
from kchat_search.sync.decide import Pass, SyncKind
from kchat_search.sync.fetcher import Fetcher
from kchat_search.sync.indexer import Indexer, IndexWhileFetching
from kchat_search.sync.kept_progress import KeptProgress
from kchat_search.sync.policy import SyncPolicy
from kchat_search.sync.tick import remember_listed_until, tick
from kchat_search.sync.transfer import Transfer

_REFRESH_AGENTS_EVERY = timedelta(hours=1)
_NOT_LOGGED = ("started_at", "finished_at", "notes", "error_kind")

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Syncer:
    """Brings archive and index up to what Kchat shows. Call it under the indexer's lock."""

    archive: SyncArchive
    source: Callable[[], ChatSource]
    """Raises `SettingsError` if the account at Kchat is not configured."""
    indexer: Indexer
    policy: SyncPolicy
    clock: Clock
    zone: ZoneInfo

    def due(self, *, everything: bool = False) -> SyncKind:
        """What the next sync does. `everything`: the whole list is to be read at once."""
        return decide.kind_of(
            Pass.from_json(self.archive.cursor("backfill")),
            self.archive.cursor("reconciled"),
            self.clock(),
            self.policy.reconcile_every_hours,
            everything=everything,
        )

    def sync(
        self,
        kind: SyncKind | None = None,
        *,
        everything: bool = False,
        index: bool = True,
        progress: Progress = no_progress,
    ) -> SyncReport:
        """One whole sync; on return, everything that was fetched can be searched.

        `kind` is what `due` returned; None: `due` is asked now. `everything`: the whole list is
        read again at once. Without `index`, chats are archived and wait for the index.

        Raises what Kchat, the archive and the engine raise. What was archived before the error
        stays. After an error of Kchat's, it is also indexed.
        """
        run = _Run(self, index=index, progress=progress)
        try:
            run.fetch_and_index(kind, everything=everything)
        except KchatSearchError as error:
            self._publish(run.report(error))
            raise
        report = run.report()
        synced_at = {"at": report.finished_at.isoformat()}
        self.archive.set_cursor("synced", synced_at, now=report.finished_at)
        self._publish(report)
        return report

    def _publish(self, report: SyncReport) -> None:
        """Write a report into the log, and save it. If the archive is full, the error that ended
        the sync matters more than the error of saving the report."""
        logged = {
            field.name: getattr(report, field.name)
            for field in fields(report)
            if field.name not in _NOT_LOGGED
        }
        logged["seconds"] = round(report.seconds, 3)
        log.info("%s %s", report.kind, "failed" if report.error else "done", extra=logged)
        try:
            self.archive.save_report(report)
        except ArchiveError as error:
            if report.error is None:
                raise
            log.warning("The report of this sync could not be kept: %s", error)


class _Run:
    """One sync under way."""

    def __init__(self, syncer: Syncer, *, index: bool, progress: Progress) -> None:
        self._syncer = syncer
        self._source = syncer.source()
        self._started = syncer.clock()
        self._retries_before = self._source.retries()
        self._counts = Counts()
        self._notes: list[str] = []
        self._without_names: KchatError | None = None
        self._progress = progress
        self._indexing = (
            IndexWhileFetching(syncer.indexer, syncer.clock, progress) if index else None
        )

    def report(self, error: KchatSearchError | None = None) -> SyncReport:
        """What this sync has done. `error`: why it ended early."""
        notes = tuple(self._notes) if error is None else ()
        return SyncReport(
            **asdict(self._counts),
            started_at=self._started,
            finished_at=self._syncer.clock(),
            retries=self._source.retries() - self._retries_before,
            complete=not (notes or error),
            notes=notes,
            error=None if error is None else str(error),
            error_kind=None if error is None else error.kind,
        )

    def fetch_and_index(self, kind: SyncKind | None, *, everything: bool) -> None:
        """Fetch, archive, and index what waits in the end."""
        try:
            self._counts.kind = kind or self._syncer.due(everything=everything)
            self._fetch(everything=everything)
        except KchatError:
            self._index_pending()  # so that what did arrive can be searched
            raise
        self._index_pending()

    def _fetch(self, *, everything: bool) -> None:
        syncer, kind = self._syncer, self._counts.kind
        whole_list = kind == "backfill" or everything
        kept = KeptProgress(syncer.archive, syncer.clock, self._progress)
        state = Pass.from_json(syncer.archive.cursor("backfill"))
        with Fetcher(self._source, syncer.policy.in_flight) as fetcher:
            self._refresh_agents(force=kind == "reconcile")
            transfer = self._transfer(fetcher, kept if whole_list else self._progress)
            try:
                if kind == "backfill":
                    backfill(transfer, state)
                elif everything:
                    reconcile.everything(transfer, state)
                else:
                    tick(transfer, state, with_reconcile=kind == "reconcile")
            except KchatError:
                transfer.writer.settle()
                raise
            transfer.writer.settle()
        if self._without_names is not None:  # if the chats fail too, their error says it
            log.warning("Agents are shown by their ids for now: %s", self._without_names)
        finished = syncer.clock()
        if whole_list:
            kept.over()
            remember_listed_until(transfer, self._started)
            reconcile.remember_reconciled(transfer, finished)

    def _transfer(self, fetcher: Fetcher, progress: Progress) -> Transfer:
        syncer = self._syncer
        return Transfer(
            archive=syncer.archive,
            source=self._source,
            fetcher=fetcher,
            writer=ArchiveWriter(
                archive=syncer.archive,
                clock=syncer.clock,
                counts=self._counts,
                alternating=Alternating(syncer.archive.cursor(CURSOR)),
            ),
            indexing=self._indexing,
            clock=syncer.clock,
            zone=syncer.zone,
            policy=syncer.policy,
            progress=progress,
            started=self._started,
            highest_id=syncer.archive.highest_id(),
            notes=self._notes,
        )

    def _index_pending(self) -> None:
        if self._indexing is not None:
            self._counts.indexed += self._syncer.indexer.index_pending(self._progress)

    def _refresh_agents(self, *, force: bool) -> None:
        """Fetch the agents' names, once an hour. Chats do not wait for them: if they can't be
        fetched, agents are shown by their ids."""
        archive, now = self._syncer.archive, self._started
        last = archive.cursor("agents")
        if force or last is None or decide.has_elapsed(last, now, _REFRESH_AGENTS_EVERY):
            try:
                names = self._source.agents()
            except KchatError as error:
                if isinstance(error, KchatUnreachable) and error.no_contact:
                    raise
                self._without_names = error
                return
            archive.save_agents(names, now=now)
            archive.set_cursor("agents", {"at": now.isoformat()}, now=now)
