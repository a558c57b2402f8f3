"""What to fetch: decisions as functions from data to data. Nothing here knows the network, the
archive or the clock.

The API has no «changed since» and may filter by created or by ended time, inclusive or not; so
windows overlap, and looking again is by id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from kchat_search.models.chats import ChatPage, ChatState, FetchedChat

OVERLAP = timedelta(days=1)
"""`start` names a day, and it is not certain whether it means created or ended (DESIGN 3)."""

Kind = Literal["backfill", "tick", "reconcile"]

INDEX_FROM = 1_000
"""Chats that wait, before they are indexed while more are fetched."""
REBUILD_FROM = 10_000
MAX_IDS_TRIED = 5_000
"""Ids that are tried one by one in place of a page that can't be had."""

MAX_PASSES = 5
"""Passes over the whole list within one backfill before it is left for the next sync."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Where a pass over Kchat's list stands. Kept as the backfill's cursor.

    A deletion shifts later chats onto pages that were read already, so one pass proves nothing.
    The list is walked again until a pass meets no chat that an earlier one should have seen
    (`missed`), and has seen as many as Kchat counts.
    """

    page: int = 1
    """The next page to read; those before are archived."""
    number: int = 1
    """Which pass this is, from 1."""
    high: int = 0
    """The highest id that earlier passes saw: what is new above it has been added since."""
    top: int = 0
    """The highest id that this pass saw."""
    seen: int = 0
    missed: int = 0
    failed: int = 0
    """Pages that could not be had, nor all their chats one by one."""
    size: int = 0
    """Chats on the page before `page`; who goes back to it sees them twice."""
    done: bool = False
    """From now on ticks will do."""
    proven: bool = False
    """And everything that Kchat counts has been seen."""

    def to_json(self) -> dict[str, Any]:
        """As a cursor of the archive."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any] | None) -> Pass:
        """From the archive's cursor; the beginning where there is none."""
        return cls(**value) if value else cls()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the end of a pass means."""

    next: Pass
    again: bool
    note: str | None = None


def resumed(state: Pass) -> Pass:
    """Where to go on after a stop. The first pass goes one page back, for deletions since; a later
    one begins anew, since only a pass in one piece counts what it sees, and so proves something."""
    if state.number > 1:
        return replace(state, page=1, top=0, seen=0, missed=0, failed=0, size=0)
    return one_page_back(state)


def one_page_back(state: Pass) -> Pass:
    """The pass before the last page that it read."""
    if state.page == 1:
        return state
    return replace(state, page=state.page - 1, seen=state.seen - state.size, size=0)


def after_page(state: Pass, page: ChatPage, missed: int) -> Pass:
    """The pass after a page was archived; `missed` of its chats were new though below `high`."""
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
    """Is the backfill proven complete, or must the list be walked again?

    `count` is Kchat's own, if it gives one; `whole` False says that the walk ended oddly.
    """
    short = count is not None and state.seen < count
    proven = state.number > 1 and not state.missed and not state.failed and not short and whole
    following = Pass(page=1, number=state.number + 1, high=max(state.high, state.top))
    if proven:
        return Verdict(replace(following, done=True, proven=True), again=False)
    if state.number < MAX_PASSES:
        return Verdict(following, again=True)
    said = "The list of chats could not be proven complete: "
    if (short or state.failed) and whole and not state.missed:
        # Nothing new came in several passes, so there is nothing to gain by another one now. New
        # chats must not wait for a count that may never fit, nor for a page that may never come;
        # each reconcile tries to prove it.
        why = pages_failed(state) if state.failed else short_of(count, state.seen)
        note = f"{said}{why} The next reconcile tries again."
        return Verdict(replace(following, done=True), again=False, note=note)
    why = (
        "Kchat shows the same page again and again."
        if not whole
        else f"the last pass still met {state.missed} chats that earlier ones had missed."
    )
    note = f"{said}{why} The next sync tries again."
    return Verdict(replace(following, number=1), again=False, note=note)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Where a reconcile stands that goes through everything: first the whole list, a few pages
    each tick, then, one by one, the chats that the list did not show. Kept as a cursor.

    Between two ticks deletions may shift chats past the place where it goes on (it goes one page
    back for that). What it misses by that is asked for by itself, so nothing counts as vanished.
    """

    started_at: str
    """Chats seen before that moment (ISO 8601) have not been seen by this sweep."""
    walk: Pass = field(default_factory=Pass)
    count: int | None = None
    """Kchat's own."""
    listed: bool = False
    """The list has been read to its end."""
    whole: bool = True
    """It ended as lists end."""
    asked: int = 0
    """Unlisted chats up to this id have been asked for."""
    done: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a cursor of the archive."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Sweep:
        """From the archive's cursor."""
        return cls(**{**value, "walk": Pass(**value["walk"])})


def sweep_from(now: datetime, backfill: Pass, highest_id: int) -> Sweep:
    """A new sweep. It can prove what the backfill could not: that no chat was missed up to the
    highest id that is archived."""
    return Sweep(now.isoformat(), Pass(number=2, high=max(backfill.high, highest_id)))


def sweep_ends(state: Sweep) -> Verdict:
    """What a sweep that has listed everything says of the backfill."""
    verdict = after_pass(replace(state.walk, number=2), state.count, whole=state.whole)
    note = None
    if state.count is not None and state.walk.seen < state.count:
        note = short_of(state.count, state.walk.seen)
    elif state.walk.failed:
        note = pages_failed(state.walk)
    elif not state.whole:
        note = "Kchat shows the same page again and again."
    return replace(verdict, again=False, note=note)


def may_be_gone(state: Sweep) -> bool:
    """Is a chat gone that this sweep's list did not show, and that Kchat does not find either?
    Not where the list was cut short."""
    counted = state.count is None or state.walk.seen >= state.count
    return state.whole and counted and not state.walk.failed


def between(before: int, page: ChatPage) -> range:
    """The ids of a page that could not be had: those above `before`, which is the highest id in
    front of it, and below those of the page behind it. Empty where they are too many to try."""
    ids = range(before + 1, min(ids_on(page), default=0))
    return ids if len(ids) <= MAX_IDS_TRIED else range(0)


def pages_failed(state: Pass) -> str:
    """What is said where pages could not be had."""
    return f"{state.failed} pages of the list could not be had."


def short_of(count: int | None, seen: int) -> str:
    """What is said where Kchat counts more than it shows."""
    return f"Kchat counts {count} chats and shows {seen}."


class RepeatedPages:
    """The pages that a walk has met, to notice where it gets no further: some servers show their
    last page for any number, others begin anew. Keeps two numbers a page."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def repeated(self, page: ChatPage) -> int | None:
        """The number of the page that had all this and nothing else; None for a page that is the
        first of its kind, or empty."""
        if not page.size:
            return None
        ids = {fetched.chat.id for fetched in page.chats}
        keys = frozenset(ids | {reject.key for reject in page.rejects})
        before = self._numbers.setdefault(hash(keys), page.number)
        return None if before == page.number else before


def list_since(
    newest_created: datetime | None, last_tick: datetime | None, zone: ZoneInfo
) -> date | None:
    """The `start` of a tick's list: a day before both the newest chat there is and the last tick.

    Both, since either may be wrong alone: a chat may carry a time in the future, and this
    machine's clock may be ahead. None lists everything.
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
) -> Kind:
    """What a sync does: the backfill until it is done, then ticks, and a reconcile when it is time
    for one, or when `everything` is asked for."""
    if not backfill.done:
        return "backfill"
    due = everything or reconcile_due(reconciled, now, every_hours)
    return "reconcile" if due else "tick"


def reconcile_due(last: Mapping[str, Any] | None, now: datetime, every_hours: int) -> bool:
    """Is it time for a reconcile? A done backfill counts as one; where that was killed before it
    could say so, there is none yet."""
    if last is None:
        return True
    return passed(last, now, timedelta(hours=every_hours))


def passed(last: Mapping[str, Any], now: datetime, span: timedelta) -> bool:
    """Is the moment that a cursor names at least `span` ago? One in the future says nothing: this
    machine's clock was ahead, and waiting for it to come may take years."""
    ago = now - datetime.fromisoformat(last["at"])
    return not timedelta(0) <= ago < span


def days_before(now: datetime, days: int, zone: ZoneInfo) -> date:
    """The day so many days before today, in that zone."""
    return (now - timedelta(days=days)).astimezone(zone).date()


def begins_before(page: ChatPage, highest_id: int) -> bool:
    """Does this page of the list begin among the chats that are archived? Then none that is new
    stands before it, since the list is by id."""
    return any(number <= highest_id for number in ids_on(page))


def ids_on(page: ChatPage) -> set[int]:
    """The ids of a page, of chats that can't be understood too."""
    rejected = {reject.chat_id for reject in page.rejects if reject.chat_id is not None}
    return rejected | {fetched.chat.id for fetched in page.chats}


def index_now(pending: int, since_last: float, last_took: float) -> bool:
    """During a long fetch: is it time to index what waits? Since the last time at least four times
    as long must have passed as that took (seconds), so that the fetch keeps most of the time;
    where Kchat is slow, chats are found soon, where it is fast, soon enough."""
    return pending >= INDEX_FROM and since_last >= 4 * last_took


def rebuild_pays(pending: int, chats: int) -> bool:
    """Is it quicker to build the index anew from all `chats` than to work `pending` off? Measured:
    a build takes a sixth of the time a chat, on two processors, and some seconds to begin."""
    return pending >= REBUILD_FROM and 6 * pending > chats


def closed_since(now: datetime, recheck_days: int) -> datetime:
    """Chats that ended since then are looked at again: ratings and recalls come late."""
    return now - timedelta(days=recheck_days)


def to_recheck(states: Iterable[ChatState], seen: Collection[int], limit: int) -> tuple[int, ...]:
    """The chats to fetch one by one: least recently seen first, without those that the list has
    just shown, at most `limit`."""
    due = sorted(
        (state for state in states if state.id not in seen), key=lambda s: (s.seen_at, s.id)
    )
    return tuple(state.id for state in due[:limit])


def lacking_messages(page: ChatPage) -> tuple[FetchedChat, ...]:
    """The chats of a list that came without messages: each must be fetched by itself."""
    return tuple(fetched for fetched in page.chats if not fetched.has_messages)
