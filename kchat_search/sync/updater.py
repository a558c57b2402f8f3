"""Carries out what `decide` says: fetch, and archive chats and cursor in one transaction.

Pages are archived in their order, so the cursor only ever moves over pages that are archived.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from kchat_search.errors import KchatError, KchatUnreachable
from kchat_search.models.chats import NOTHING, ChatPage, RejectedChat
from kchat_search.ports import ChatSource, Clock, SyncArchive
from kchat_search.sync import decide
from kchat_search.sync.archive_writer import ArchiveWriter
from kchat_search.sync.decide import Pass, Sweep
from kchat_search.sync.fetching import MAX_FAILURES_IN_A_ROW, Fetched, Fetching
from kchat_search.sync.list_lookup import ListLookup
from kchat_search.sync.policy import SyncPolicy

_REFRESH_AGENTS_EVERY = timedelta(hours=1)
_RETRY_RECONCILE_AFTER = timedelta(hours=1)
_REJECTS_PER_TICK = 20
_CHATS_PER_TRANSACTION = 100
"""Chats fetched one by one are archived so many at a time."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Updater:
    """Brings the archive up to what Kchat shows. Runs under the indexer's lock."""

    archive: SyncArchive
    source: ChatSource
    clock: Clock
    zone: ZoneInfo
    policy: SyncPolicy

    def sync(self, writer: ArchiveWriter, *, everything: bool = False) -> tuple[str, ...]:
        """One whole sync: the backfill where it isn't done, else what is new and what may have
        changed; from time to time a reconcile, and with `everything` all of it at once. What
        could not be proven whole is said in words.

        Raises what the source and the archive raise; what was archived until then stays.
        """
        started = self.clock()
        state = Pass.from_json(self.archive.cursor("backfill"))
        last = self.archive.cursor("reconciled")
        kind = decide.kind_of(state, last, started, self.policy.reconcile_every_hours)
        if everything and kind == "tick":
            kind = "reconcile"
        writer.counts.kind = kind
        with Fetching(self.source, self.policy.in_flight) as fetching:
            self._refresh_agents(started, force=kind == "reconcile")
            run = _Run(self, fetching, writer, started)
            if kind == "backfill":
                run.backfill(state)
            elif everything:
                run.everything(state)
            else:
                run.tick(state, reconcile=kind == "reconcile")
        finished = self.clock()
        if kind == "backfill" or everything:
            run.listed_until(started)
            run.reconciled(finished)
        return tuple(run.notes)

    def _refresh_agents(self, now: datetime, *, force: bool) -> None:
        last = self.archive.cursor("agents")
        if force or last is None or decide.passed(last, now, _REFRESH_AGENTS_EVERY):
            try:
                names = self.source.agents()
            except KchatError as error:
                log.warning("Agents are shown by their ids for now: %s", error)
                return  # names are a comfort; chats don't wait for them
            self.archive.save_agents(names, now=now)
            self.archive.set_cursor("agents", {"at": now.isoformat()}, now=now)


class _Run:
    """One sync under way."""

    def __init__(
        self, updater: Updater, fetching: Fetching, writer: ArchiveWriter, started: datetime
    ) -> None:
        self.notes: list[str] = []
        self._of = updater
        self._archive = updater.archive
        self._fetching = fetching
        self._writer = writer
        self._counts = writer.counts
        self._started = started
        self._shown: set[int] = set()  # ids that a tick's lists have shown
        self._highest = self._archive.highest_id()
        self._last_page: int | None = None  # of the whole list, once it has been read to its end

    # -- everything --------------------------------------------------------------------------

    def backfill(self, state: Pass) -> None:
        """Pass after pass over the list, until one proves that nothing was missed."""
        state = decide.resumed(state)
        while True:
            self._counts.seen = 0  # a proving pass sees the same chats once more
            state, count, whole = self._walk(state, lambda at: ("backfill", at.to_json()))
            verdict = decide.after_pass(state, count, whole=bool(whole))
            self._remember_last_page(max(1, state.page - 1), state.seen - state.size)
            state = verdict.next
            self._archive.set_cursor("backfill", state.to_json(), now=self._of.clock())
            self._note(verdict.note)
            if not verdict.again:
                return

    def _walk(
        self,
        state: Pass,
        cursor: Callable[[Pass], tuple[str, dict[str, object]]],
        most: int | None = None,
    ) -> tuple[Pass, int | None, bool | None]:
        """Go on with a pass, for `most` pages; (where it stands, Kchat's count, whether it ended as
        lists end, None while it has not ended). Each page is archived with the cursor behind it."""
        count: int | None = None
        shown = decide.RepeatedPages()
        before = self._counts.seen
        begun = state.seen
        lost = 0
        top = state.top
        for number, page in enumerate(self._fetching.pages(state.page, seen=state.seen), start=1):
            if page.failed:
                lost += 1
                if most is None or number < most:
                    continue
                return replace(state, page=page.number + 1, failed=state.failed + lost), count, None
            if lost:
                state = self._fill(state, page, lost)
                lost = 0
            count = page.count if page.count is not None else count
            repeats = shown.repeated(page)
            if repeats is not None:
                # The last page for ever is a way to end, if there is more than one page.
                ended = repeats == page.number - 1 and page.number > 2
                return state, count, count is not None or ended
            if most is not None and number > 1 and max(decide.ids_on(page), default=top + 1) <= top:
                return state, count, False  # the list begins anew
            late = tuple(fetched for fetched in page.chats if fetched.chat.id <= state.high)
            missed = self._writer.save(late)
            rest = tuple(fetched for fetched in page.chats if fetched.chat.id > state.high)
            state = decide.after_page(state, page, missed)
            self._counts.seen = before + state.seen - begun
            self._writer.save(rest, page.rejects, cursor(state))
            self._writer.progress("fetch" if state.number == 1 else "prove", state.seen, count)
            if number == most:
                return state, count, None
        return state, count, True

    def _fill(self, state: Pass, page: ChatPage, lost: int) -> Pass:
        """In place of pages that could not be had, their chats one by one, as far as that goes."""
        seen = self._counts.seen
        try:
            self._look_again(decide.between(state.top, page), gone=lambda _: ())
        except KchatError as error:
            log.warning("Nor can the chats of that page be had one by one: %s", error)
        found = self._counts.seen - seen
        failed = 0 if found else lost
        return replace(
            state, page=page.number, seen=state.seen + found, failed=state.failed + failed
        )

    def everything(self, backfill: Pass) -> None:
        """A reconcile of everything, at once."""
        self._sweep(self._new_sweep(backfill), None)
        self._retry_rejects()

    def _new_sweep(self, backfill: Pass) -> Sweep:
        return decide.sweep_from(self._started, backfill, self._highest)

    def _sweep(self, state: Sweep, most: int | None) -> None:
        """Go on with a reconcile of everything, for `most` pages of the list and as many chats one
        by one as a tick may look at; None: to its end."""

        def cursor(walk: Pass) -> tuple[str, dict[str, object]]:
            return "sweep", replace(state, walk=walk).to_json()

        if not state.listed:
            back = decide.one_page_back(state.walk)
            pages = None if most is None else most + (back.page < state.walk.page)
            walk, count, whole = self._walk(back, cursor, pages)
            count = state.count if count is None else count
            state = replace(state, walk=walk, count=count)
            if whole is not None:
                state = replace(state, listed=True, whole=whole)
                self._listed_all(state)
            self._archive.set_cursor("sweep", state.to_json(), now=self._of.clock())
        if state.listed:
            limit = None if most is None else max(1, self._of.policy.recheck_per_tick)
            self._ask_for_unlisted(state, limit)

    def _listed_all(self, state: Sweep) -> None:
        walk = state.walk
        self._remember_last_page(max(1, walk.page - 1), walk.seen - walk.size)
        verdict = decide.sweep_ends(state)
        self._note(verdict.note)
        now = self._of.clock()
        if verdict.next.proven:
            self._archive.set_cursor("backfill", verdict.next.to_json(), now=now)
        if decide.may_be_gone(state):
            # What had no id to be asked for by, and is not listed any more.
            self._archive.mark_rejects_gone(datetime.fromisoformat(state.started_at), now=now)

    def _ask_for_unlisted(self, state: Sweep, most: int | None) -> None:
        """The chats that the list did not show, one by one, by id."""
        before = datetime.fromisoformat(state.started_at)
        unseen = self._archive.ids_not_seen_since(
            before, after=state.asked, limit=most, now=self._of.clock()
        )
        possible = decide.may_be_gone(state)
        done = most is None or len(unseen) < most
        after = replace(state, asked=max(unseen, default=state.asked), done=done)
        # A few may fail as they like; of all at once, four in a row say that Kchat fails.
        self._look_again(
            unseen,
            lambda missing: self._not_listed(missing) if possible else (),
            failures=MAX_FAILURES_IN_A_ROW if most is None else most,
        )
        self._archive.set_cursor("sweep", after.to_json(), now=self._of.clock())

    # -- what is new, and what may have changed ------------------------------------------------

    def tick(self, backfill: Pass, *, reconcile: bool) -> None:
        """New chats, those that may have changed, a part of everything. Each of these goes on
        though another fails: one bad answer must not hide what the others bring. Raises the first
        error at the end."""
        steps = [self._newest, self._end_of_list, self._recheck]
        if reconcile:
            steps.append(self._reconcile)
        steps.append(lambda: self._go_on_sweeping(backfill, begin=reconcile))
        first: KchatError | None = None
        before: KchatError | None = None
        for step in steps:
            try:
                step()
            except KchatError as error:
                if isinstance(before, KchatUnreachable) and isinstance(error, KchatUnreachable):
                    break  # nobody is there
                first, before = first or error, error
            else:
                before = None
        if first is not None:
            raise first

    def _newest(self) -> None:
        """What was created since the last tick, and a day before."""
        last = (self._archive.cursor("tick") or {}).get("at")
        since = decide.list_since(
            self._archive.newest_created(),
            datetime.fromisoformat(last) if last else None,
            self._of.zone,
        )
        for page in self._listed(since):
            self._counts.seen += page.size
            self._writer.progress("fetch", self._counts.seen, page.count)
        self.listed_until(self._started)

    def listed_until(self, moment: datetime) -> None:
        """What was created until then has been listed."""
        at = {"at": moment.isoformat()}
        self._archive.set_cursor("tick", at, now=self._of.clock())

    def _recheck(self) -> None:
        """Chats that are open or were closed lately, and those not understood so far."""
        rejected = self._archive.rejected_ids(None)
        again = [i for i in rejected if i not in self._shown][:_REJECTS_PER_TICK]
        limit = self._of.policy.recheck_per_tick + len(self._shown) + len(rejected)
        states = self._archive.states_to_recheck(
            decide.closed_since(self._started, self._of.policy.recheck_days), limit
        )
        # Those come last: what failed before must not stand before what may go well.
        due = decide.to_recheck(states, {*self._shown, *rejected}, self._of.policy.recheck_per_tick)
        self._look_again((*due, *again), gone=self._not_listed)

    def _end_of_list(self) -> None:
        """New chats stand at the end of the plain list, however `start` is read (DESIGN 3): where
        it means the end of a chat, one that is still going on is listed nowhere else."""
        known = self._archive.cursor("last_page") or {"page": 1, "before": 0}
        at, before, step = int(known["page"]), int(known["before"]), 1
        while not self._read_to_the_end(at, before):
            at, before, step = max(1, at - step), 0, step * 2

    def _read_to_the_end(self, at: int, before: int) -> bool:
        """The plain list from page `at` on, with `before` chats on those before it; False where
        new chats may stand before that: some were deleted, and the end has moved."""
        last = (at, before)
        for page in self._listed(None, first=at, seen=before):
            if page.number == at and at > 1 and not decide.begins_before(page, self._highest):
                return False
            last = (page.number, before) if page.size else last
            before += page.size
        self._remember_last_page(*last)
        return True

    def _reconcile(self) -> None:
        """List again what was created lately, and ask for what that does not show."""
        # Should this fail, it is tried again in an hour: it asks for much.
        every = timedelta(hours=self._of.policy.reconcile_every_hours)
        self.reconciled(self._started - max(every - _RETRY_RECONCILE_AFTER, timedelta(0)))
        start = decide.days_before(self._started, self._of.policy.reconcile_days, self._of.zone)
        for page in self._listed(start):
            self._writer.progress("prove", page.number, None)
        since = self._started - timedelta(days=self._of.policy.reconcile_days)
        unseen = self._archive.ids_not_seen_since(
            self._started, created_since=since, now=self._of.clock()
        )
        self._look_again(unseen, gone=self._not_listed)
        self._retry_rejects()
        self.reconciled(self._of.clock())

    def reconciled(self, at: datetime) -> None:
        """The next reconcile has its time, counted from then."""
        now = self._of.clock()
        self._archive.set_cursor("reconciled", {"at": at.isoformat()}, now=now)

    def _go_on_sweeping(self, backfill: Pass, *, begin: bool) -> None:
        """Another part of everything, where a reconcile has begun and not ended."""
        value = self._archive.cursor("sweep")
        state = Sweep.from_json(value) if value else None
        if begin and (state is None or state.done):
            state = self._new_sweep(backfill)
        if state is not None and not state.done:
            self._sweep(state, self._of.policy.reconcile_pages_per_tick)

    def _retry_rejects(self) -> None:
        """Chats that could not be understood: their raw form may be by now, by a newer version of
        this program; and Kchat may have mended them."""
        for reject in self._archive.every_reject():
            found = self._of.source.understand(reject.raw)
            if isinstance(found, RejectedChat):
                continue
            # Of one that had no id, another form may be archived by now, and be newer.
            if reject.chat_id is None and self._archive.get([found.chat.id]):
                continue
            self._writer.save((found,))
            self._archive.drop_reject(reject.key)
        self._look_again(self._archive.rejected_ids(None), gone=self._not_listed)

    def _listed(self, start: date | None, *, first: int = 1, seen: int = 0) -> Iterator[ChatPage]:
        """A part of the list, page by page, each archived before it is handed on."""
        shown = decide.RepeatedPages()
        for page in self._fetching.pages(first, start=start, seen=seen):
            if page.failed:
                self._note(f"Page {page.number} of the list could not be had: {page.failed}")
                continue
            if shown.repeated(page) is not None:
                return
            self._keep(page)
            yield page

    def _keep(self, page: ChatPage) -> ChatPage:
        self._writer.save(page.chats, page.rejects)
        self._shown.update(fetched.chat.id for fetched in page.chats)
        return page

    # -- one by one --------------------------------------------------------------------------

    def _look_again(
        self,
        chat_ids: Iterable[int],
        gone: Callable[[Collection[int]], Collection[int]],
        *,
        failures: int = MAX_FAILURES_IN_A_ROW,
    ) -> None:
        """Fetch these by themselves. `gone` decides which of those that Kchat answers with «not
        found» have really vanished."""
        batch: list[Fetched] = []
        missing: list[int] = []
        try:
            found = self._fetching.chats(chat_ids, failures=failures)
            for number, (chat_id, fetched) in enumerate(found, start=1):
                if fetched is None:
                    missing.append(chat_id)
                else:
                    batch.append(fetched)
                if len(batch) >= _CHATS_PER_TRANSACTION:
                    self._writer.save_mixed(batch)
                    batch.clear()
                self._counts.seen += fetched is not None
                self._writer.progress("recheck", number, None)
        except KchatError:
            while batch and isinstance(batch[-1], RejectedChat) and batch[-1].raw == NOTHING:
                batch.pop()  # it was not the chat that failed
            self._writer.save_mixed(batch)
            raise
        self._writer.save_mixed(batch)
        if missing:
            self._writer.mark_gone(gone(missing))

    def _not_listed(self, chat_ids: Collection[int]) -> Collection[int]:
        if self._last_page is None:
            return ()  # where the list ends is not known, so nor is what it does not show
        listed = ListLookup(lambda number: self._keep(self._fetching.page(number)), self._last_page)
        return [chat_id for chat_id in chat_ids if not listed.shows(chat_id)]

    def _remember_last_page(self, number: int, before: int) -> None:
        """Where the plain list ends, and how many chats are on the pages before: there a tick
        looks for what is new."""
        self._last_page = number
        at = {"page": number, "before": before}
        if self._archive.cursor("last_page") != at:
            self._archive.set_cursor("last_page", at, now=self._of.clock())

    def _note(self, note: str | None) -> None:
        if note:
            self.notes.append(note)
            log.warning("%s", note)
