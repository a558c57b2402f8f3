"""What to fetch: decisions as functions from data to data. Nothing here knows the network, the
archive or the clock.

The API has no «changed since» and may filter by created or by ended time, inclusive or not; so
windows overlap, and looking again is by id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from kchat_search.models.chats import ChatPage, ChatState, FetchedChat

OVERLAP = timedelta(days=1)
"""`start` names a day, and it is not certain whether it means created or ended (DESIGN 3)."""

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
        return replace(state, page=1, top=0, seen=0, missed=0)
    return replace(state, page=max(1, state.page - 1))


def after_page(state: Pass, page: ChatPage, missed: int) -> Pass:
    """The pass after a page was archived; `missed` of its chats were new though below `high`."""
    ids = [fetched.chat.id for fetched in page.chats]
    return replace(
        state,
        page=page.number + 1,
        top=max([state.top, *ids]),
        seen=state.seen + page.size,
        missed=state.missed + missed,
    )


def after_pass(state: Pass, count: int | None, *, whole: bool = True) -> Verdict:
    """Is the backfill proven complete, or must the list be walked again?

    `count` is Kchat's own, if it gives one; `whole` False says that the walk ended oddly.
    """
    short = count is not None and state.seen < count
    proven = state.number > 1 and not state.missed and not short and whole
    following = Pass(page=1, number=state.number + 1, high=max(state.high, state.top))
    if proven:
        return Verdict(replace(following, done=True, proven=True), again=False)
    if state.number < MAX_PASSES:
        return Verdict(following, again=True)
    said = "The list of chats could not be proven complete: "
    if short and whole and not state.missed:
        # Nothing new came in several passes, so there is nothing to gain by another one now. New
        # chats must not wait for a count that may never fit; each reconcile tries to prove it.
        note = f"{said}{short_of(count, state.seen)} The next reconcile tries again."
        return Verdict(replace(following, done=True), again=False, note=note)
    why = (
        "Kchat shows the same page again and again."
        if not whole
        else f"the last pass still met {state.missed} chats that earlier ones had missed."
    )
    note = f"{said}{why} The next sync tries again."
    return Verdict(replace(following, number=1), again=False, note=note)


def short_of(count: int | None, seen: int) -> str:
    """What is said where Kchat counts more than it shows."""
    return f"Kchat counts {count} chats and shows {seen}."


def to_prove(state: Pass) -> Pass:
    """The walk of a reconcile: everything from the first page, able to prove what the backfill
    could not."""
    return Pass(number=2, high=state.high)


class Shown:
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


def reconcile_due(last: Mapping[str, Any] | None, now: datetime, every_hours: int) -> bool:
    """Is it time to list everything again? Not before the backfill has been proven complete:
    that has just done so."""
    if last is None:
        return False
    return passed(last, now, timedelta(hours=every_hours))


def passed(last: Mapping[str, Any], now: datetime, span: timedelta) -> bool:
    """Is the moment that a cursor names at least `span` ago? One in the future says nothing: this
    machine's clock was ahead, and waiting for it to come may take years."""
    ago = now - datetime.fromisoformat(last["at"])
    return not timedelta(0) <= ago < span


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
