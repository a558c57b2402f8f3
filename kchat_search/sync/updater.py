"""Carries out what `decide` says: fetch, and archive chats and cursor in one transaction.

Pages are archived in their order, so the cursor only ever moves over pages that are archived.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from kchat_search.errors import KchatBadAnswer, KchatBusy, KchatError
from kchat_search.models.chats import ChatPage, FetchedChat, RejectedChat
from kchat_search.models.reports import Progress, SyncReport, no_progress
from kchat_search.ports import Archive, ChatSource, Clock
from kchat_search.sync import decide
from kchat_search.sync.decide import Pass
from kchat_search.sync.fetching import Fetched, Fetching

_AGENTS_EVERY = timedelta(hours=1)
_REJECTS_PER_TICK = 20
_AT_ONCE = 100
"""Chats fetched one by one are archived so many at a time."""

log = logging.getLogger(__name__)


@dataclass
class _Run:
    """One sync under way."""

    fetching: Fetching
    progress: Progress
    saved: Callable[[], int]
    """Called after each transaction; says how many chats it indexed."""
    shown: set[int] = field(default_factory=set)
    """Ids that the list has shown in this sync."""
    seen: int = 0
    new: int = 0
    changed: int = 0
    vanished: int = 0
    rejected: int = 0
    indexed: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Updater:
    """Brings the archive up to what Kchat shows. Runs under the indexer's lock."""

    archive: Archive
    source: ChatSource
    clock: Clock
    zone: ZoneInfo
    in_flight: int = 4
    recheck_days: int = 7
    recheck_per_tick: int = 50

    def sync(
        self,
        *,
        reconcile: bool = False,
        progress: Progress = no_progress,
        saved: Callable[[], int] = lambda: 0,
    ) -> SyncReport:
        """One whole sync: the backfill where it isn't done, else what is new and what may have
        changed; with `reconcile`, everything once more.

        `saved` is called after each transaction and says how many chats it indexed. Raises what
        the source and the archive raise; what was archived until then stays.
        """
        started, retries = self.clock(), self.source.retries()
        with Fetching(self.source, self.in_flight) as fetching:
            run = _Run(fetching, progress, saved)
            self._refresh_agents(started, force=reconcile)
            state = Pass.from_json(self.archive.cursor("backfill"))
            if not state.done:
                kind = "backfill"
                self._backfill(run, state)
            elif reconcile:
                kind = "reconcile"
                self._reconcile(run, started, state)
            else:
                kind = "tick"
                self._tick(run, started)
        finished = self.clock()
        self.archive.set_cursor("tick", {"at": started.isoformat()}, now=finished)
        return SyncReport(
            kind=kind,
            started_at=started,
            finished_at=finished,
            seen=run.seen,
            new=run.new,
            changed=run.changed,
            vanished=run.vanished,
            rejected=run.rejected,
            indexed=run.indexed,
            retries=self.source.retries() - retries,
            complete=not run.notes,
            notes=tuple(run.notes),
        )

    def _refresh_agents(self, now: datetime, *, force: bool) -> None:
        last = self.archive.cursor("agents")
        if force or last is None or decide.passed(last, now, _AGENTS_EVERY):
            try:
                names = self.source.agents()
            except (KchatBadAnswer, KchatBusy) as error:
                log.warning("Agents are shown by their ids for now: %s", error)
                return  # names are a comfort; chats don't wait for them
            self.archive.save_agents(names, now=now)
            self.archive.set_cursor("agents", {"at": now.isoformat()}, now=now)

    # -- everything --------------------------------------------------------------------------

    def _backfill(self, run: _Run, state: Pass) -> None:
        state = decide.resumed(state)
        while True:
            state, count, whole = self._walk(run, state)
            verdict = decide.after_pass(state, count, whole=whole)
            state = verdict.next
            self.archive.set_cursor("backfill", state.to_json(), now=self.clock())
            if verdict.note:
                run.notes.append(verdict.note)
                log.warning("%s", verdict.note)
            if not verdict.again:
                return

    def _walk(self, run: _Run, state: Pass, *, keep: bool = True) -> tuple[Pass, int | None, bool]:
        """One pass over the list; (its end, Kchat's count, whether it ended as lists end). With
        `keep`, the pass can be resumed where it stopped."""
        count: int | None = None
        shown = decide.Shown()
        for page in run.fetching.pages(state.page, seen=state.seen):
            count = page.count if page.count is not None else count
            before = shown.repeated(page)
            if before is not None:
                # The last page for ever is a way to end, if there is more than one page.
                ended = before == page.number - 1 and page.number > 2
                return state, count, count is not None or ended
            late = tuple(fetched for fetched in page.chats if fetched.chat.id <= state.high)
            missed = self._save(run, late)
            rest = tuple(fetched for fetched in page.chats if fetched.chat.id > state.high)
            state = decide.after_page(state, page, missed)
            run.seen = state.seen
            cursor = ("backfill", state.to_json()) if keep else None
            self._save(run, rest, page.rejects, cursor)
            run.progress("fetch" if state.number == 1 else "prove", state.seen, count)
        return state, count, True

    def _reconcile(self, run: _Run, started: datetime, backfill: Pass) -> None:
        """List everything again; what the list no longer shows is asked for by itself."""
        state, count, whole = self._walk(run, decide.to_prove(backfill), keep=False)
        verdict = decide.after_pass(state, count, whole=whole)
        if verdict.next.proven:
            self.archive.set_cursor("backfill", verdict.next.to_json(), now=self.clock())
        elif count is not None and state.seen < count:
            whole = False
            run.notes.append(decide.short_of(count, state.seen))
        elif not whole:
            run.notes.append("Kchat shows the same page again and again.")
        unseen = self.archive.ids_not_seen_since(started)
        self._look_again(run, unseen, gone=lambda missing: missing if whole else ())

    # -- what is new -------------------------------------------------------------------------

    def _tick(self, run: _Run, started: datetime) -> None:
        last = (self.archive.cursor("tick") or {}).get("at")
        since = decide.list_since(
            self.archive.newest_created(),
            datetime.fromisoformat(last) if last else None,
            self.zone,
        )
        for page in self._listed(run, since):
            run.shown.update(fetched.chat.id for fetched in page.chats)
            run.seen += page.size
            run.progress("fetch", run.seen, page.count)
        limit = self.recheck_per_tick + len(run.shown)
        states = self.archive.states_to_recheck(
            decide.closed_since(started, self.recheck_days), limit
        )
        rejected = [r.reject.chat_id for r in self.archive.rejects(limit=_REJECTS_PER_TICK)]
        again = [i for i in rejected if i is not None and i not in run.shown]
        # Those come last: what failed before must not stand before what may go well.
        due = decide.to_recheck(states, {*run.shown, *again}, self.recheck_per_tick)
        created = {s.id: s.created_at for s in states if s.created_at is not None}
        self._look_again(
            run, (*due, *again), gone=lambda missing: self._unlisted(run, missing, created)
        )

    def _unlisted(
        self, run: _Run, chat_ids: Iterable[int], created: Mapping[int, datetime]
    ) -> Collection[int]:
        """Those that the list around their day of creation does not show either.

        A server may know the list and not the single chat (the second path's is undocumented); a
        chat must not count as vanished because of that.
        """
        days = {i: created[i].astimezone(self.zone).date() for i in chat_ids if i in created}
        missing = set(days)
        near = timedelta(days=1)
        for day in sorted(set(days.values())):
            for page in self._listed(run, day - near, day + near):
                missing.difference_update(fetched.chat.id for fetched in page.chats)
        return missing

    def _listed(self, run: _Run, start: date | None, end: date | None = None) -> Iterator[ChatPage]:
        """A part of the list, page by page, each archived before it is handed on."""
        shown = decide.Shown()
        for page in run.fetching.pages(start=start, end=end):
            if shown.repeated(page) is not None:
                return
            self._save(run, page.chats, page.rejects)
            yield page

    # -- one by one --------------------------------------------------------------------------

    def _look_again(
        self,
        run: _Run,
        chat_ids: Iterable[int],
        gone: Callable[[Collection[int]], Collection[int]],
    ) -> None:
        """Fetch these by themselves. `gone` decides which of those that Kchat answers with «not
        found» have really vanished."""
        batch: list[Fetched] = []
        missing: list[int] = []
        try:
            for number, (chat_id, fetched) in enumerate(run.fetching.chats(chat_ids), start=1):
                if fetched is None:
                    missing.append(chat_id)
                else:
                    batch.append(fetched)
                if len(batch) >= _AT_ONCE:
                    self._save_mixed(run, batch)
                    batch.clear()
                run.seen += fetched is not None
                run.progress("recheck", number, None)
        except KchatError:
            self._save_mixed(run, batch)
            raise
        self._save_mixed(run, batch)
        if missing:
            run.vanished += self.archive.mark_gone(gone(missing), now=self.clock())
            run.indexed += run.saved()

    def _save_mixed(self, run: _Run, items: Iterable[Fetched]) -> None:
        items = list(items)
        self._save(
            run,
            tuple(item for item in items if isinstance(item, FetchedChat)),
            tuple(item for item in items if isinstance(item, RejectedChat)),
        )

    def _save(
        self,
        run: _Run,
        chats: tuple[FetchedChat, ...],
        rejects: tuple[RejectedChat, ...] = (),
        cursor: tuple[str, Mapping[str, Any]] | None = None,
    ) -> int:
        """Archive; how many were new."""
        poorer = self._poorer(chats)
        chats = tuple(fetched for fetched in chats if fetched.chat.id not in poorer)
        if not (chats or rejects or cursor):
            return 0
        report = self.archive.save(chats, rejects, now=self.clock(), cursor=cursor)
        run.new += report.new
        run.changed += report.changed
        run.rejected += report.rejected
        run.indexed += run.saved()
        return report.new

    def _poorer(self, chats: Iterable[FetchedChat]) -> set[int]:
        """Those that came without messages though the archive has them with some: a list that
        shows none, of a chat that vanished before it could be fetched. What was said stays."""
        bare = [fetched.chat.id for fetched in chats if not fetched.has_messages]
        known = self.archive.get(bare) if bare else {}
        return {i for i, stored in known.items() if json.loads(stored.raw).get("messages")}
