"""A tick: what is new, and what may have changed. Small enough to be done every minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from kchat_search.errors import KchatError, KchatUnreachable
from kchat_search.sync import decide, reconcile
from kchat_search.sync.decide import Pass
from kchat_search.sync.transfer import Transfer

_MARKED_AGAIN = timedelta(hours=1)
_REJECTS_PER_TICK = 20
"""Chats that could not be understood and are fetched again by one tick, at most."""


def tick(transfer: Transfer, backfill: Pass, *, with_reconcile: bool) -> None:
    """Fetch new chats, chats that may have changed, and a part of everything.

    Every step runs even if an earlier one failed, because one bad answer must not hide what the
    other steps bring. If two steps in a row cannot reach Kchat, the rest is skipped. Raises the
    first error at the end.
    """
    steps: list[Callable[[Transfer], None]] = [_fetch_newest, _fetch_end_of_list, _recheck]
    if with_reconcile:
        steps.append(reconcile.recent)
    steps.append(
        lambda transfer: reconcile.continue_sweep(transfer, backfill, begin=with_reconcile)
    )
    first_error: KchatError | None = None
    error_before: KchatError | None = None
    for step in steps:
        try:
            step(transfer)
        except KchatError as error:
            if isinstance(error_before, KchatUnreachable) and isinstance(error, KchatUnreachable):
                break  # Kchat can't be reached
            if isinstance(error, KchatUnreachable) and error.no_contact:
                raise
            first_error, error_before = first_error or error, error
        else:
            error_before = None
    if first_error is not None:
        raise first_error


def remember_listed_until(transfer: Transfer, moment: datetime) -> None:
    """Keep that everything created until `moment` has been listed."""
    transfer.set_cursor("tick", {"at": moment.isoformat()})


def _fetch_newest(transfer: Transfer) -> None:
    """Read the list of what was created since the last tick, and on the day before that."""
    last_tick = (transfer.archive.cursor("tick") or {}).get("at")
    start = decide.list_since(
        transfer.archive.newest_created(),
        datetime.fromisoformat(last_tick) if last_tick else None,
        transfer.zone,
    )
    for page in transfer.pages(start, seen_since=_seen_since(transfer)):
        transfer.counts.seen += page.size
        transfer.progress("fetch", transfer.counts.seen, page.count)
    remember_listed_until(transfer, transfer.started)


def _fetch_end_of_list(transfer: Transfer) -> None:
    """Read the end of the plain list. New chats are there, however the server reads `start`
    (docs/architecture.md). Where `start` means the end of a chat, an open chat is only there."""
    position = transfer.archive.cursor("last_page") or {"page": 1, "before": 0}
    first, chats_before, step = int(position["page"]), int(position["before"]), 1
    while not _read_to_the_end(transfer, first, chats_before):
        first, chats_before, step = max(1, first - step), 0, step * 2


def _read_to_the_end(transfer: Transfer, first: int, chats_before: int) -> bool:
    """Read the plain list from page `first` on, with `chats_before` chats on the pages before it.
    Returns False if new chats may be before that page: some chats were deleted, and the end has
    moved.
    """
    last = (first, chats_before)
    for page in transfer.pages(
        None, first=first, seen=chats_before, seen_since=_seen_since(transfer)
    ):
        if (
            page.number == first
            and first > 1
            and not decide.begins_before(page, transfer.highest_id)
        ):
            return False
        last = (page.number, chats_before) if page.size else last
        chats_before += page.size
    transfer.remember_last_page(*last)
    return True


def _seen_since(transfer: Transfer) -> datetime:
    """Every tick lists the chats of more than a day. Those that are as they were are marked as seen
    once an hour: else each tick would write all of them."""
    return transfer.started - _MARKED_AGAIN


def _recheck(transfer: Transfer) -> None:
    """Fetch again the chats that are open or were closed recently, and some of those that could not
    be understood so far."""
    listed, limit = transfer.listed_ids, transfer.policy.recheck_per_tick
    rejected = transfer.archive.rejected_ids(None)
    rejected_due = [chat_id for chat_id in rejected if chat_id not in listed][:_REJECTS_PER_TICK]
    states = transfer.archive.states_to_recheck(
        decide.closed_since(transfer.started, transfer.policy.recheck_days),
        limit + len(listed) + len(rejected),
    )
    # Rejects come last: what failed before must not delay what may succeed.
    due = decide.to_recheck(states, {*listed, *rejected}, limit)
    transfer.fetch_one_by_one((*due, *rejected_due), gone=transfer.not_listed)
