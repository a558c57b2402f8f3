"""The parts of the program, and what its owner does with them at the command line: sync, index,
check, repair."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from kchat_search.access.needs import needs, open_to_all
from kchat_search.chats.history import Reading
from kchat_search.chats.reader import ChatReader
from kchat_search.errors import ArchiveError, IndexUnwritable, KchatError
from kchat_search.models.account import AccountDoor
from kchat_search.models.audit import Action, AuditEntry
from kchat_search.models.chats import Understand
from kchat_search.models.damage import RepairReport
from kchat_search.models.people import Permission, Principal
from kchat_search.models.reports import (
    Alert,
    Presentation,
    Progress,
    Reason,
    SyncReport,
    VerifyReport,
    no_progress,
)
from kchat_search.ports import Archive, Clock, Election, Engine, Recorder
from kchat_search.search.searcher import Searcher
from kchat_search.search.verify import check_archive, verify
from kchat_search.sync import worker
from kchat_search.sync.hot import HotQuestions
from kchat_search.sync.indexer import Indexer
from kchat_search.sync.refit import Refitter
from kchat_search.sync.repair import Repairer
from kchat_search.sync.run import Syncer
from kchat_search.sync.scrub import Scrubber
from kchat_search.text.segmentation import Segmenter

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Operating:
    """The parts, and what only the owner may do. Not made but by the gate: see `gate.Gate`."""

    principal: Principal
    """For whom it acts."""
    permissions: frozenset[Permission]
    """What the principal may do."""
    recorder: Recorder
    """Where that is recorded."""
    presentation: Presentation
    clock: Clock
    archive: Archive
    engine: Engine
    segmenter: Segmenter
    chat_reader: ChatReader
    chat_without_upload_tokens: Callable[[str], Mapping[str, object]]
    """From a chat's raw JSON to the chat as Kchat sent it, without upload tokens."""
    reading: Reading
    understand: Understand
    """From a chat's raw JSON to what is understood of it today."""
    searcher: Searcher
    """Sees what the principal sees."""
    indexer: Indexer
    syncer: Syncer
    lock: Election
    scrubber: Scrubber
    refitter: Refitter
    hot_questions: HotQuestions
    told: Callable[[], Alert | None] = lambda: None
    """What a parent process says of the indexer that it keeps; None: nothing is wrong."""
    account: AccountDoor | None = None
    """The way to the account at Kchat, which a parent process holds; None: there is no parent."""

    @open_to_all
    def may(self, permission: Permission) -> bool:
        """May the principal do this?"""
        return permission in self.permissions

    @needs("operate")
    @contextmanager
    def indexing(self, what: str, wait_seconds: float = 0.0) -> Iterator[None]:
        """Hold the indexer's lock. `what` tells others what this process does; `wait_seconds` is
        the longest wait for the lock, and less than 0 waits without an end. Raises as
        `Election.held` does."""
        with self.lock.held(what, self.clock(), wait_seconds):
            yield

    @needs("operate")
    def report_indexer(self, alert: Alert | None) -> None:
        """Keep what is wrong with the indexer where every web server can read it; None: nothing
        is."""
        worker.keep_alert(self.archive, alert, now=self.clock())

    @needs("operate")
    def indexer_ends(self, reason: Reason) -> None:
        """Keep that the indexer's process ends for this reason."""
        try:
            before = worker.alert_in(self.archive)
        except ArchiveError:
            before = None
        self.report_indexer(worker.ended(before, reason, self.clock()))

    @needs("operate")
    def require_account(self) -> None:
        """Raises `SettingsError` if the account at Kchat is not configured."""
        self.syncer.source()

    @needs("operate")
    def prepare(self, progress: Progress = no_progress) -> None:
        """What an indexer does first; see `Indexer.prepare`. Call it within `indexing`."""
        self.indexer.prepare(progress)

    @needs("operate")
    def sync(
        self,
        *,
        reconcile: bool = False,
        progress: Progress = no_progress,
        index: bool = True,
    ) -> SyncReport:
        """One whole sync; see `Syncer.sync`. `reconcile` lists everything again at once. Call it
        within `indexing`, after `prepare`."""
        self._record("operate", "sync")
        report = self.syncer.sync(everything=reconcile, index=index, progress=progress)
        self.report_indexer(None)
        worker.is_not_expected(self.archive, now=self.clock())
        return report

    @needs("operate")
    def tick(self, *, first: bool = False) -> SyncReport:
        """One scheduled sync, then the hot questions where they are old, this tick's share of the
        scrub, and the table of meanings where it is time to fit it, also where Kchat fails; see
        `sync.worker.tick`, `HotQuestions.tick`, `Scrubber.tick` and `Refitter.tick`. Raises
        `IndexerDeposed` where this process is not the indexer any more."""
        self.lock.check()
        self.follow_words()
        if first:
            worker.is_expected(self.archive, now=self.clock())
        try:
            report = worker.tick(self.syncer, first=first)
        except KchatError:
            self._after_tick()
            raise
        self._after_tick()
        return report

    def _after_tick(self) -> None:
        self.hot_questions.tick()
        self.scrubber.tick()
        self.refitter.tick()

    @needs("operate")
    def renew_hot(self) -> None:
        """Find the hot questions anew; see `HotQuestions.renew`. Call it within `indexing`."""
        self._record("operate", "hot")
        self.hot_questions.renew()

    @needs("operate")
    def repair(self, *, dry_run: bool = False, progress: Progress = no_progress) -> RepairReport:
        """Set right what is damaged in the archive, and index what changed; see `Repairer.repair`.
        Call it within `indexing`; not so `dry_run`, which only looks."""
        repairer = Repairer(
            archive=self.archive,
            source=self.syncer.source,
            check=lambda progress: check_archive(self.archive, self.understand, progress),
            understand=self.understand,
            clock=self.clock,
            progress=progress,
        )
        if dry_run:
            return repairer.only_look()
        self._record("operate", "repair")
        report = repairer.repair()
        self.scrubber.repaired(report.remaining)
        try:
            self.prepare(progress)
            return replace(report, indexed=self.indexer.index_pending(progress))
        except IndexUnwritable as error:  # what was repaired waits for the next sync
            log.warning("The index could not be brought up to date: %s", error)
            return report

    @needs("operate")
    def reindex(self, progress: Progress = no_progress) -> int:
        """Fit the table of meanings, and build a new generation of the index from the archive.
        Returns how many chats it has. Call it within `indexing`."""
        self._record("operate", "reindex")
        return self.refitter.reindex(progress)

    def _record(
        self,
        action: Action,
        object: str = "",  # noqa: A002  # its name in the audit
        *,
        query: str = "",
        count: int | None = None,
        numbers: int = 0,
    ) -> None:
        """Record what the principal does; the recorder knows who it is, and from where."""
        self.recorder.add(AuditEntry("", "", "", action, object, query, count, numbers))

    @needs("operate")
    def verify(
        self, strings: int = 200, seed: int = 0, progress: Progress = no_progress
    ) -> VerifyReport:
        """Check the archive, and compare the index with it; see `search.verify`."""
        return verify(
            self.archive,
            self.engine,
            self.searcher,
            self.chat_reader,
            self.understand,
            strings=strings,
            seed=seed,
            progress=progress,
        )

    @needs("operate")
    def close(self) -> None:
        """Close files and connections."""
        self.engine.close()
        self.archive.close()

    @needs("operate", "search")
    def follow_words(self) -> None:
        """Read the user dictionary again where its file has changed. If it can't be used, a warning
        is logged and the former words stay."""
        try:
            if self.segmenter.reload_user_dictionary(self.clock().timestamp()):
                log.info("The words of %s were read again.", self.segmenter.user_dictionary)
        except (ValueError, OSError) as error:
            log.warning(
                "KCHAT_USER_DICT: %s can't be used (%s); the former words stay.",
                self.segmenter.user_dictionary,
                error,
            )
