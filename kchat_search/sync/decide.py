"""Every decision of a sync, as functions from data to data. Nothing here knows the network, the
archive or the clock.

The API has no filter «changed since». Its `start` and `end` may mean the created or the ended time,
and may be inclusive or not (docs/architecture.md). So the days that are listed overlap, and a chat
that may have changed is fetched by its id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from kchat_search.models.chats import ChatPage, ChatState, FetchedChat

OVERLAP = timedelta(days=1)
"""A list begins this much earlier than seems necessary: it is not certain whether `start` means the
created or the ended day (docs/architecture.md)."""

SyncKind = Literal["backfill", "tick", "reconcile"]
"""What a sync does."""

INDEX_FROM = 1_000
"""While chats are fetched, those that wait are indexed when there are at least this many."""
REBUILD_FROM = 10_000
"""If at least this many chats wait, rebuilding the whole index may be quicker."""
MAX_IDS_TRIED = 5_000
"""In place of a page that can't be fetched, at most this many ids are tried one by one."""

MAX_PASSES = 5
"""A backfill reads the whole list at most this many times. Then the next sync continues it."""

_NIGHT = range(1, 6)
"""Hours."""
_BETWEEN_REFITS = timedelta(hours=20)
"""A day, where ticks are not always at the same time of the night."""


@dataclass(frozen=True, slots=True)
class Pass:
    """How far a pass over Kchat's list is. Saved as the backfill's cursor.

    A deletion shifts later chats onto pages that were already read, so one pass proves nothing. The
    list is read again until a pass meets no chat that an earlier one should have seen (`missed`),
    and has seen as many chats as Kchat counts.
    """

    page: int = 1
    """The next page to read. The pages before it are archived."""
    number: int = 1
    """Which pass over the list this is, from 1."""
    high: int = 0
    """The highest id that earlier passes saw. A new chat with a higher id was added since."""
    top: int = 0
    """The highest id that this pass saw."""
    seen: int = 0
    """Chats that this pass has seen, understood or not."""
    missed: int = 0
    """Chats that this pass found and that earlier passes should have found."""
    failed: int = 0
    """Pages that could not be fetched, and whose chats could not be fetched one by one either."""
    size: int = 0
    """Chats on the page before `page`. Going back to that page shows them a second time."""
    done: bool = False
    """The backfill is over; ticks go on from here."""
    proven: bool = False
    """Everything that Kchat counts has been seen."""

    def to_json(self) -> dict[str, Any]:
        """As a cursor of the archive."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any] | None) -> Pass:
        """From the archive's cursor; a first pass if there is none."""
        return cls(**value) if value else cls()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the end of a pass means."""

    next: Pass
    """Where the next pass begins."""
    again: bool
    """Read the list again at once."""
    note: str | None = None
    """What could not be proven, for the report."""


def resumed(state: Pass) -> Pass:
    """Where to go on after a stop. The first pass goes one page back, because chats may have been
    deleted since. A later pass begins again from the first page: only a pass without a break
    counts all that it sees, and so proves something."""
    if state.number > 1:
        return replace(state, page=1, top=0, seen=0, missed=0, failed=0, size=0)
    return one_page_back(state)


def one_page_back(state: Pass) -> Pass:
    """The pass as it stood before it read its last page."""
    if state.page == 1:
        return state
    return replace(state, page=state.page - 1, seen=state.seen - state.size, size=0)


def after_page(state: Pass, page: ChatPage, missed: int) -> Pass:
    """The pass after a page was archived. `missed` of its chats were new, although not
    above `high`."""
    ids = [fetched.chat.id for fetched in page.chats]
    return replace(
        state,
        page=page.number + 1,
        top=max([state.top, *ids]),
        seen=state.seen + page.size,
        size=page.size,
        missed=state.missed + missed,
    )


def after_pass(state: Pass, count: int | None, *, whole: bool = True) -> Verdict:
    """Is the backfill proven complete, or must the list be read again?

    `count` is how many chats Kchat counts, if it says so. `whole` is False if the list did not end
    as lists end.
    """
    short = count is not None and state.seen < count
    proven = state.number > 1 and not state.missed and not state.failed and not short and whole
    following = Pass(page=1, number=state.number + 1, high=max(state.high, state.top))
    if proven:
        return Verdict(replace(following, done=True, proven=True), again=False)
    if state.number < MAX_PASSES:
        return Verdict(following, again=True)
    unproven = "The list of chats could not be proven complete: "
    if (short or state.failed) and whole and not state.missed:
        # Several passes brought nothing new, so another one now gains nothing. New chats must not
        # wait for a count that may never fit, or for a page that may never come. Each reconcile
        # tries again to prove it.
        why = failed_pages_note(state) if state.failed else short_count_note(count, state.seen)
        note = f"{unproven}{why} The next reconcile tries again."
        return Verdict(replace(following, done=True), again=False, note=note)
    why = (
        "Kchat shows the same page again and again."
        if not whole
        else f"the last pass still met {state.missed} chats that earlier ones had missed."
    )
    note = f"{unproven}{why} The next sync tries again."
    return Verdict(replace(following, number=1), again=False, note=note)


@dataclass(frozen=True, slots=True)
class Sweep:
    """How far a sweep is: the part of a reconcile that goes through everything. It reads the
    whole list, a few pages in each tick. Then it fetches, one by one, the chats that the list did
    not show. Saved as a cursor.

    Between two ticks, deletions may shift chats past the page where the sweep continues. Therefore
    it goes one page back. If it still misses a chat, that chat is fetched by itself, so it does not
    count as vanished.
    """

    started_at: str
    """A moment (ISO 8601). Chats last seen before it have not been seen by this sweep."""
    walk: Pass = field(default_factory=Pass)
    """The pass over the list. Stored under this name."""
    count: int | None = None
    """How many chats Kchat counts, if it says so."""
    listed: bool = False
    """The list has been read to its end."""
    whole: bool = True
    """The list ended as lists end."""
    asked: int = 0
    """Chats that the list did not show have been fetched up to this id."""
    done: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a cursor of the archive."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Sweep:
        """From the archive's cursor."""
        return cls(**{**value, "walk": Pass(**value["walk"])})


def sweep_from(now: datetime, backfill: Pass, highest_id: int) -> Sweep:
    """A new sweep. It can prove what the backfill could not prove: that no chat was missed up to
    the highest id in the archive."""
    return Sweep(now.isoformat(), Pass(number=2, high=max(backfill.high, highest_id)))


def sweep_ends(state: Sweep) -> Verdict:
    """What it means for the backfill that a sweep has read the whole list."""
    verdict = after_pass(replace(state.walk, number=2), state.count, whole=state.whole)
    note = None
    if state.count is not None and state.walk.seen < state.count:
        note = short_count_note(state.count, state.walk.seen)
    elif state.walk.failed:
        note = failed_pages_note(state.walk)
    elif not state.whole:
        note = "Kchat shows the same page again and again."
    return replace(verdict, again=False, note=note)


def may_be_gone(state: Sweep) -> bool:
    """Does a chat count as vanished if this sweep's list did not show it and Kchat does not find it
    by its id? Not if the list was cut short."""
    counted = state.count is None or state.walk.seen >= state.count
    return state.whole and counted and not state.walk.failed


def ids_between(before: int, page: ChatPage) -> range:
    """The ids that may be on a page that could not be fetched: those above `before`, the highest id
    before it, and below those of `page`, the page after it. Empty if they are too many to
    try."""
    ids = range(before + 1, min(ids_on(page), default=0))
    return ids if len(ids) <= MAX_IDS_TRIED else range(0)


def failed_pages_note(state: Pass) -> str:
    """The note if pages could not be fetched."""
    return f"{state.failed} pages of the list could not be fetched."


def short_count_note(count: int | None, seen: int) -> str:
    """The note if Kchat counts more chats than it shows."""
    return f"Kchat counts {count} chats and shows {seen}."


class RepeatedPages:
    """The pages that a pass has met, to notice that it gets no further: some servers show their
    last page for any higher number, others begin again with the first. Keeps two numbers for each
    page."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def repeated(self, page: ChatPage) -> int | None:
        """The number of the earlier page that had exactly these chats and rejects. None if there
        was no such page, or if this page is empty."""
        if not page.size:
            return None
        ids = {fetched.chat.id for fetched in page.chats}
        keys = frozenset(ids | {reject.key for reject in page.rejects})
        before = self._numbers.setdefault(hash(keys), page.number)
        return None if before == page.number else before


def list_since(
    newest_created: datetime | None, last_tick: datetime | None, zone: ZoneInfo
) -> date | None:
    """The `start` of a tick's list: one day before the newest chat or the last tick, whichever is
    earlier. None lists everything.

    Both are considered because each may be wrong: a chat may carry a time in the future, and this
    machine's clock may have been ahead.
    """
    moments = [moment for moment in (newest_created, last_tick) if moment is not None]
    if len(moments) < 2:
        return None
    return (min(moments) - OVERLAP).astimezone(zone).date()


def kind_of(
    backfill: Pass,
    reconciled: Mapping[str, Any] | None,
    now: datetime,
    every_hours: int,
    *,
    everything: bool = False,
) -> SyncKind:
    """What a sync does: the backfill until it is done; then ticks, and a reconcile when it is time
    for one, or when `everything` is asked for. `reconciled` is the cursor of the last reconcile."""
    if not backfill.done:
        return "backfill"
    due = everything or reconcile_due(reconciled, now, every_hours)
    return "reconcile" if due else "tick"


def reconcile_due(last: Mapping[str, Any] | None, now: datetime, every_hours: int) -> bool:
    """Is it time for a reconcile? `last` is the cursor of the one before. A backfill that is done
    counts as one. If it was killed before it saved that cursor, there is none, and it is time."""
    if last is None:
        return True
    return has_elapsed(last, now, timedelta(hours=every_hours))


def has_elapsed(last: Mapping[str, Any], now: datetime, span: timedelta) -> bool:
    """Is the moment in a cursor at least `span` ago? A moment in the future counts as passed: this
    machine's clock was ahead, and waiting for that moment may take years."""
    ago = now - datetime.fromisoformat(last["at"])
    return not timedelta(0) <= ago < span


def days_before(now: datetime, days: int, zone: ZoneInfo) -> date:
    """The day that is `days` days before today, in that zone."""
    return (now - timedelta(days=days)).astimezone(zone).date()


def begins_before(page: ChatPage, highest_id: int) -> bool:
    """Does this page of the list begin among the chats that are archived? Then no new chat comes
    before it, because the list is in ascending order of id."""
    return any(number <= highest_id for number in ids_on(page))


def ids_on(page: ChatPage) -> set[int]:
    """The ids on a page, also of chats that can't be understood."""
    rejected = {reject.chat_id for reject in page.rejects if reject.chat_id is not None}
    return rejected | {fetched.chat.id for fetched in page.chats}


def index_now(pending: int, since_last: float, last_took: float) -> bool:
    """During a long fetch: is it time to index what waits?

    `since_last` and `last_took` are seconds: since the last indexing ended, and how long that took.
    Four times as long must have passed, so that most of the time goes into fetching. So where Kchat
    is slow, chats can be found soon; where it is fast, the fetch ends soon.
    """
    return pending >= INDEX_FROM and since_last >= 4 * last_took


def rebuild_pays(pending: int, chats: int) -> bool:
    """Is it quicker to rebuild the index from all `chats` than to index the `pending` ones?
    Measured on two processors: a build takes a sixth of the time for each chat, and some seconds
    to begin."""
    return pending >= REBUILD_FROM and 6 * pending > chats


def compared(
    archived: Iterator[tuple[int, int]], indexed: Iterator[tuple[int, int]]
) -> tuple[list[int], list[int]]:
    """(ids that the index lacks or has in another revision, ids that only the index has). Both are
    (id, revision), id ascending; neither is kept, since there may be very many."""
    lacking: list[int] = []
    surplus: list[int] = []
    there = next(indexed, None)
    for chat_id, revision in archived:
        while there is not None and there[0] < chat_id:
            surplus.append(there[0])
            there = next(indexed, None)
        if there != (chat_id, revision):
            lacking.append(chat_id)
        if there is not None and there[0] == chat_id:
            there = next(indexed, None)
    if there is not None:
        surplus += [there[0], *(chat_id for chat_id, _ in indexed)]
    # Where the archive's own index is damaged, ids may come late.
    return lacking, sorted(set(surplus).difference(lacking))


def refit_due(
    before: Mapping[str, Any], chats: int, *, lost: bool, now: datetime, zone: ZoneInfo
) -> bool:
    """Is it time to fit the table of meanings again? `before`: when that was tried last
    (`tried_at`), and with how many chats it was done (`chats`). `lost`: what came of it is not in
    use.

    It takes minutes in which no new chat is indexed, so it is done at night, and once a day.
    """
    if now.astimezone(zone).hour not in _NIGHT:
        return False
    if "tried_at" in before:
        passed = now - datetime.fromisoformat(before["tried_at"])
        if timedelta(0) <= passed < _BETWEEN_REFITS:
            return False
    return lost or 5 * chats >= 6 * before.get("chats", 0)


def closed_since(now: datetime, recheck_days: int) -> datetime:
    """Chats that ended since this moment are fetched again, because ratings and recalls come
    late."""
    return now - timedelta(days=recheck_days)


def to_recheck(states: Iterable[ChatState], seen: Collection[int], limit: int) -> tuple[int, ...]:
    """The chats to fetch one by one, at most `limit`: those that were not seen for the longest time
    first, without those in `seen`, which the list has just shown."""
    due = sorted(
        (state for state in states if state.id not in seen), key=lambda s: (s.seen_at, s.id)
    )
    return tuple(state.id for state in due[:limit])


def lacking_messages(page: ChatPage) -> tuple[FetchedChat, ...]:
    """The chats of a list that came without messages. Each of them must be fetched by itself."""
    return tuple(fetched for fetched in page.chats if not fetched.has_messages)
