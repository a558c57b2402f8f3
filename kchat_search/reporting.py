"""How the program is: what syncs did, how far it has come, what is wrong, for one principal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from kchat_search.access.needs import needs, open_to_all
from kchat_search.errors import INDEX_SILENT, ArchiveError
from kchat_search.models.account import AccountCheck
from kchat_search.models.holder import Holder
from kchat_search.models.plan import Everything, Plan
from kchat_search.models.progress import ListProgress
from kchat_search.models.reports import (
    Alert,
    ArchiveCounts,
    Coverage,
    EngineState,
    IndexStatus,
    MeaningState,
    Reason,
    Status,
    SyncReport,
    SyncTotals,
)
from kchat_search.operating import Operating
from kchat_search.sync import kept_progress, worker


@dataclass(frozen=True, kw_only=True)
class Reporting(Operating):
    """What the status page, `/metrics` and `/readyz` say. Not made but by the gate."""

    @needs("status", "metrics")
    def reports(self, limit: int = 20) -> tuple[SyncReport, ...]:
        """What the last syncs did, newest first."""
        return self.archive.reports(limit)

    @needs("status", "metrics")
    def totals(self) -> dict[str, SyncTotals]:
        """What all syncs did together, by kind."""
        return self.archive.totals()

    @needs("status", "metrics")
    def counts(self) -> ArchiveCounts:
        """Sizes of the archive."""
        return self.archive.counts()

    @needs("status", "metrics")
    def coverage_now(self) -> Coverage:
        """Whether answers cover every chat of the archive; see `Searcher.coverage`."""
        return self.searcher.coverage_of_all()

    @needs("status", "metrics")
    def index_state(self) -> tuple[EngineState, bool]:
        """(the index, whether it was built with the present settings and dictionary)."""
        engine = self.engine.describe()
        return engine, self.indexer.is_current(engine.fingerprint)

    @needs("status", "metrics")
    def holder(self) -> Holder | None:
        """Which process holds the indexer's lock now; None if none does."""
        return self.lock.holder()

    @open_to_all
    def rebuilt_percent(self) -> int | None:
        """How much of the index is built, where a process rebuilds it now; None: none does."""
        rebuild = self.lock.rebuild()
        return None if rebuild is None else rebuild.percent

    @needs("status")
    def status(self) -> Status:
        """The state of the whole program: of all chats, also for an admin, who reads none. Raises
        `ArchiveError`. An index that can't be asked is a part of it."""
        self._record("status")
        reports = self.archive.reports(1)
        index, coverage = self._index_and_coverage()
        return Status(
            counts=self.archive.counts(),
            index=index,
            coverage=coverage,
            last_report=reports[0] if reports else None,
            indexer=self.lock.holder(),
            timezone=self.presentation.zone.key,
            demo=self.presentation.demo,
            alerts=self.alerts(),
            scrub=self.scrubber.state(),
            now=self.clock(),
            reading=ListProgress.from_json(self.archive.cursor(kept_progress.CURSOR)),
            rebuild=self.lock.rebuild(),
        )

    def _index_and_coverage(self) -> tuple[IndexStatus | Reason, Coverage]:
        try:
            return self._index_status(), self.searcher.coverage_of_all()
        except INDEX_SILENT as error:
            return worker.reason_of(error), self.searcher.coverage_without_index()

    def _index_status(self) -> IndexStatus:
        engine, current = self.index_state()
        months = self.engine.search(
            Plan(match=Everything(), sort="newest", limit=0, facets=("created_month",))
        ).facets["created_month"]
        problem = self.indexer.tables.problem()
        return IndexStatus(
            engine,
            current,
            MeaningState.of(engine, problem, enabled=self.searcher.meaning),
            {month: count for month, count in months if month is not None},
        )

    @open_to_all
    def kchat_chat_url(self) -> str | None:
        """Where a chat is at Kchat, with `{id}` for its id, also at an account that was connected
        since the start. None where there is no account."""
        connected = None if self.account is None else self.account.chat_url()
        return connected or self.presentation.kchat_chat_url

    @needs("connect")
    def can_check_account(self) -> bool:
        """Is there anybody who can try the account?"""
        return self.account is not None

    @needs("connect")
    def checked_account(self) -> AccountCheck | None:
        """How the last try of the account at Kchat went; None: there was none."""
        return None if self.account is None else self.account.last()

    @needs("connect")
    def check_account(self) -> None:
        """Have the account tried that the settings name now, unless that is under way."""
        last = self.checked_account()
        if self.account is not None and (last is None or last.done):
            self._record("operate", "account")
            self.account.check()

    @open_to_all
    def alerts(self) -> tuple[Alert, ...]:
        """What is wrong now and does not stop searches; nothing for who may not see the status.
        Never raises: an archive that can't be read is what `ready` says."""
        if not (self.may("status") or self.may("metrics")):
            return ()
        alert = self.told()
        try:
            if alert is not None and alert.code == "not_connected" and self.lock.holder():
                alert = None  # a process elsewhere has an account, and fetches
            alert = alert or worker.alert_in(self.archive) or self._indexer_missing()
            others = self.scrubber.alerts()
        except ArchiveError:
            others = ()
        return others if alert is None else (alert, *others)

    def _indexer_missing(self) -> Alert | None:
        interval = timedelta(seconds=self.presentation.sync_interval_seconds)
        return worker.missing(self.archive, self.lock.holder, interval, now=self.clock())

    @open_to_all
    def ready(self) -> None:
        """Raises `ArchiveError` or `IndexDamaged` where searches can't be answered."""
        self.archive.counts()
        self.engine.describe()
