"""The facade: what the program can do. The web and the command line talk to `Service` alone."""

from __future__ import annotations

import gc
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import accumulate

from kchat_search.chats.former import read_former
from kchat_search.chats.history import History, Reading, StoredVersions
from kchat_search.chats.reader import ChatReader
from kchat_search.errors import ArchiveError, ChatDamaged, IndexUnwritable, KchatError, NotFound
from kchat_search.models.chats import Chat, StoredChat, StoredReject, StoredVersion, Understand
from kchat_search.models.damage import DamagedRow, RepairReport
from kchat_search.models.plan import Everything, FieldIs, Plan
from kchat_search.models.reports import (
    Alert,
    ArchiveCounts,
    Coverage,
    EngineState,
    Presentation,
    Progress,
    Reason,
    Status,
    SyncReport,
    SyncTotals,
    VerifyReport,
    no_progress,
)
from kchat_search.models.search import ChatView, SearchPage, SearchRequest
from kchat_search.ports import Archive, Clock, Engine
from kchat_search.search.export_walk import ChatWithPast, Export, walk
from kchat_search.search.marks import Needle, highlights
from kchat_search.search.searcher import Searcher
from kchat_search.search.verify import check_archive, verify
from kchat_search.sync import worker
from kchat_search.sync.indexer import Indexer
from kchat_search.sync.lock import IndexerLock
from kchat_search.sync.repair import Repairer
from kchat_search.sync.run import Syncer
from kchat_search.sync.scrub import Scrubber
from kchat_search.text.segmentation import Segmenter

log = logging.getLogger(__name__)

_MAX_OTHERS = 10
"""Other chats of a visitor that a chat is shown with, at most."""
_MAX_OTHERS_CHARACTERS = 1 << 20
"""Of their raw JSON, all together. Of a visitor with very long chats, fewer are shown."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """Everything that the web and the command line ask for."""

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
    indexer: Indexer
    syncer: Syncer
    lock: IndexerLock
    scrubber: Scrubber
    told: Callable[[], Alert | None] = lambda: None
    """What a parent process says of the indexer that it keeps; None: nothing is wrong."""

    # -- reading -----------------------------------------------------------------------------

    def warm(self) -> None:
        """Load the dictionary and open the index now, and not at the first search."""
        self.segmenter.load()
        # One search fills every cache: the fold's tables, SQL statements, the index's maps.
        self.search(SearchRequest(q="訂單 order", per_page=1))
        # What is loaded now stays. If the garbage collector looked through it again and again, that
        # would take a twentieth of the time of a search.
        gc.freeze()

    def search(self, request: SearchRequest) -> SearchPage:
        """See `Searcher.search`. A changed user dictionary is read again in the background."""
        if self.segmenter.user_dictionary_changed(self.clock().timestamp()):
            threading.Thread(target=self.follow_words, name="words", daemon=True).start()
        return self.searcher.search(request)

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

    def chat(self, chat_id: int, q: str = "", part: slice | None = None) -> ChatView:
        """One chat for reading, with the matches of the query `q` marked. With `part`, only in
        those of its messages, and without what Kchat sent (`sent` is empty): what a page needs.

        Raises `NotFound`, and `LimitExceeded` for a query that is too long.
        """
        stored = self.archive.get([chat_id]).get(chat_id)
        if stored is None:
            raise NotFound(f"There is no chat {chat_id} in the archive.")
        if isinstance(stored, DamagedRow):
            raise ChatDamaged(
                f"Chat {chat_id} is damaged in the archive ({stored.problem}) and can't be shown: "
                f"{stored.way_out}",
                chat_id,
            )
        view = self._view(stored, self.archive.agents(), self.searcher.needles(q), part)
        others, others_total = self._others(view.chat)
        return replace(view, others=others, others_total=others_total)

    def export(self, request: SearchRequest) -> Export:
        """Every chat that has all the words, newest or oldest first, as `request.sort` says;
        its page and cursor are ignored. The hits are looked up now; each chat is read when
        its turn comes.

        Raises `BadRequest` or `LimitExceeded` for what can't be asked (`relevance` is no order of
        an export), `IndexDamaged` and `ArchiveError` where it can't be answered.
        """
        # Asked before the engine: chats that are archived meanwhile must not count as missing.
        coverage = self.searcher.coverage()
        ids = self.searcher.ids(request)
        agents = self.archive.agents()
        history = self.searcher.asks_history(request)

        def view(stored: StoredChat) -> ChatView | ChatWithPast:
            return self._with_past(stored, agents) if history else self._view(stored, agents)

        chats = walk(self.archive, ids, view)
        return Export(total=len(ids), coverage=coverage, chats=chats, history=history)

    def _with_past(self, stored: StoredChat, agents: Mapping[str, str]) -> ChatWithPast:
        view = self._view(stored, agents)
        with closing(self.archive.earlier_versions(stored.id)) as earlier:
            transcript = self.chat_reader.read(stored.raw, agents)
            former = read_former(transcript, stored.raw, earlier, self.chat_reader, agents).former
        return ChatWithPast(view, former, self.history(stored.id))

    def _view(
        self,
        stored: StoredChat,
        agents: Mapping[str, str],
        needles: Sequence[Needle] = (),
        part: slice | None = None,
    ) -> ChatView:
        """A chat for reading, without the visitor's other chats. `agents`: names by id; `needles`:
        what to mark; `part`: see `chat`."""
        transcript = self.chat_reader.read(stored.raw, agents)
        return ChatView(
            chat=transcript.chat,
            sent=self.chat_without_upload_tokens(stored.raw) if part is None else {},
            speakers=transcript.speakers,
            highlights=highlights(transcript if part is None else transcript[part], needles),
            agent_name=transcript.agent_name,
            participants=transcript.participants,
            visitor_name=transcript.visitor_name,
            version=stored.version,
            first_seen_at=stored.first_seen_at,
            changed_at=stored.changed_at,
            seen_at=stored.seen_at,
            gone_at=stored.gone_at,
            digest=stored.digest,
        )

    def versions(self, chat_id: int) -> tuple[StoredVersion | DamagedRow, ...]:
        """All versions of a chat, oldest first. Raises `NotFound`."""
        versions = self.archive.versions(chat_id)
        if not versions:
            raise NotFound(f"There is no chat {chat_id} in the archive.")
        return versions

    def history(self, chat_id: int) -> History:
        """All versions of a chat, and what changed between them. They are read as they are needed.
        Raises `NotFound`."""
        count = self.archive.count_versions(chat_id)
        if not count:
            raise NotFound(f"There is no chat {chat_id} in the archive.")
        stored = StoredVersions(count, lambda number: self.archive.versions(chat_id, number))
        return History(stored, self.reading)

    def agents(self) -> dict[str, str]:
        """Agents' names by id."""
        return self.archive.agents()

    def rejects(self, limit: int = 100, offset: int = 0) -> tuple[StoredReject, ...]:
        """Chats that could not be understood; see `ports.ArchiveReports.rejects`. Their `raw` is
        JSON without upload tokens, or '' where the tokens can't be removed."""
        return tuple(map(self._without_tokens, self.archive.rejects(limit, offset)))

    def count_rejects(self) -> int:
        """How many rejects there are, also those that are gone."""
        return self.archive.count_rejects()

    def _without_tokens(self, stored: StoredReject) -> StoredReject:
        try:
            # Treat all of it as an upload: nobody knows where a reject has its tokens.
            as_upload = f'{{"upload":{stored.reject.raw}}}'
            cleaned = self.chat_without_upload_tokens(as_upload)["upload"]
        except ValueError:
            return replace(stored, reject=replace(stored.reject, raw=""))
        raw = json.dumps(cleaned, separators=(",", ":"))
        return replace(stored, reject=replace(stored.reject, raw=raw))

    def reports(self, limit: int = 20) -> tuple[SyncReport, ...]:
        """What the last syncs did, newest first."""
        return self.archive.reports(limit)

    def totals(self) -> dict[str, SyncTotals]:
        """What all syncs did together, by kind."""
        return self.archive.totals()

    def counts(self) -> ArchiveCounts:
        """Sizes of the archive."""
        return self.archive.counts()

    def coverage_now(self) -> Coverage:
        """Whether answers cover every chat; see `Searcher.coverage`."""
        return self.searcher.coverage()

    def index_state(self) -> tuple[EngineState, bool]:
        """(the index, whether it was built with the present settings and dictionary)."""
        engine = self.engine.describe()
        return engine, engine.fingerprint == self.indexer.fingerprint

    def holder(self) -> str | None:
        """Which process holds the indexer's lock now; None if none does."""
        return self.lock.holder()

    def rebuilt_percent(self) -> int | None:
        """How much of the index is built, where a process rebuilds it now; None: none does."""
        return self.lock.rebuilt_percent()

    def status(self) -> Status:
        """The state of the whole program."""
        engine, current = self.index_state()
        months = self.engine.search(
            Plan(match=Everything(), sort="newest", limit=0, facets=("created_month",))
        ).facets["created_month"]
        reports = self.archive.reports(1)
        return Status(
            counts=self.archive.counts(),
            engine=engine,
            coverage=self.searcher.coverage(),
            last_report=reports[0] if reports else None,
            indexer=self.lock.holder(),
            index_current=current,
            timezone=self.presentation.zone.key,
            demo=self.presentation.demo,
            alerts=self.alerts(),
            scrub=self.scrubber.state(),
            months={month: count for month, count in months if month is not None},
        )

    def alerts(self) -> tuple[Alert, ...]:
        """What is wrong now and does not stop searches. Never raises: an archive that can't be
        read is what `ready` says."""
        alert = self.told()
        try:
            alert = alert or worker.alert_in(self.archive) or self._indexer_missing()
            others = self.scrubber.alerts()
        except ArchiveError:
            others = ()
        return others if alert is None else (alert, *others)

    def _indexer_missing(self) -> Alert | None:
        interval = timedelta(seconds=self.presentation.sync_interval_seconds)
        return worker.missing(self.archive, self.lock.holder, interval, now=self.clock())

    def ready(self) -> None:
        """Raises `ArchiveError` or `IndexDamaged` where searches can't be answered."""
        self.archive.counts()
        self.engine.describe()

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

    def close(self) -> None:
        """Close files and connections."""
        self.engine.close()
        self.archive.close()

    # -- writing, by one process at a time -----------------------------------------------------

    @contextmanager
    def indexing(self, what: str, wait_seconds: float = 0.0) -> Iterator[None]:
        """Hold the indexer's lock. `what` tells others what this process does; `wait_seconds` is
        the longest wait for the lock, and less than 0 waits without an end. Raises as
        `IndexerLock.held` does."""
        with self.lock.held(what, self.clock(), wait_seconds):
            yield

    def report_indexer(self, alert: Alert | None) -> None:
        """Keep what is wrong with the indexer where every web server can read it; None: nothing
        is."""
        worker.keep_alert(self.archive, alert, now=self.clock())

    def indexer_ends(self, reason: Reason) -> None:
        """Keep that the indexer's process ends for this reason."""
        try:
            before = worker.alert_in(self.archive)
        except ArchiveError:
            before = None
        self.report_indexer(worker.ended(before, reason, self.clock()))

    def require_account(self) -> None:
        """Raises `SettingsError` if the account at Kchat is not configured."""
        self.syncer.source()

    def prepare(self, progress: Progress = no_progress) -> None:
        """What an indexer does first; see `Indexer.prepare`. Call it within `indexing`."""
        self.indexer.prepare(progress)

    def sync(
        self,
        *,
        reconcile: bool = False,
        progress: Progress = no_progress,
        index: bool = True,
    ) -> SyncReport:
        """One whole sync; see `Syncer.sync`. `reconcile` lists everything again at once. Call it
        within `indexing`, after `prepare`."""
        report = self.syncer.sync(everything=reconcile, index=index, progress=progress)
        self.report_indexer(None)
        worker.is_not_expected(self.archive, now=self.clock())
        return report

    def tick(self, *, first: bool = False) -> SyncReport:
        """One scheduled sync, and this tick's share of the scrub, also where Kchat fails; see
        `sync.worker.tick` and `Scrubber.tick`."""
        self.follow_words()
        if first:
            worker.is_expected(self.archive, now=self.clock())
        try:
            report = worker.tick(self.syncer, first=first)
        except KchatError:
            self.scrubber.tick()
            raise
        self.scrubber.tick()
        return report

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
        report = repairer.repair()
        self.scrubber.repaired(report.remaining)
        try:
            self.prepare(progress)
            return replace(report, indexed=self.indexer.index_pending(progress))
        except IndexUnwritable as error:  # what was repaired waits for the next sync
            log.warning("The index could not be brought up to date: %s", error)
            return report

    def reindex(self, progress: Progress = no_progress) -> int:
        """Build a new generation of the index from the archive. Returns how many chats it has. Call
        it within `indexing`."""
        return self.indexer.rebuild(progress)

    def _others(self, chat: Chat) -> tuple[tuple[Chat, ...], int]:
        """(this visitor's other chats, newest first, at most ten; how many there are)."""
        if chat.visitor_id is None:
            return (), 0
        plan = Plan(FieldIs("visitor_id", (chat.visitor_id,)), sort="newest", limit=_MAX_OTHERS + 1)
        answer = self.engine.search(plan)
        ids = [hit.id for hit in answer.hits if hit.id != chat.id][:_MAX_OTHERS]
        stored = self.archive.get(ids)
        found = [stored.get(i) for i in ids]
        readable = [other for other in found if isinstance(other, StoredChat)]
        sizes = accumulate(len(other.raw) for other in readable)
        others = tuple(
            self.chat_reader.parse(other.raw)
            for other, size in zip(readable, sizes, strict=True)
            if size <= _MAX_OTHERS_CHARACTERS
        )
        return others, max(0, answer.total - 1)
