"""Reconcile: finds chats that changed or vanished where no tick looks.

It has two parts. The recent days are listed again at once. A *sweep* goes through everything: first
the whole list, then, one by one, the chats that the list did not show. After a reconcile has begun,
each tick does a part of the sweep; `kchat-search sync --reconcile` does all of it at once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from kchat_search.models.chats import RejectedChat
from kchat_search.sync import decide, list_pass
from kchat_search.sync.archive_writer import Cursor
from kchat_search.sync.decide import Pass, Sweep
from kchat_search.sync.fetcher import MAX_FAILURES_IN_A_ROW
from kchat_search.sync.list_pass import Ending
from kchat_search.sync.transfer import Transfer

_RETRY_AFTER = timedelta(hours=1)
"""A reconcile that fails is tried again after this time. Not earlier, because it asks for much."""


def everything(transfer: Transfer, backfill: Pass) -> None:
    """A whole sweep at once, and all rejects again."""
    _sweep(transfer, _new_sweep(transfer, backfill), None)
    _retry_rejects(transfer)


def recent(transfer: Transfer) -> None:
    """List the recent days again, and fetch the chats of those days that the list lacks."""
    policy = transfer.policy
    retry_after = max(timedelta(hours=policy.reconcile_every_hours) - _RETRY_AFTER, timedelta(0))
    remember_reconciled(transfer, transfer.started - retry_after)  # in case this one fails
    start = decide.days_before(transfer.started, policy.reconcile_days, transfer.zone)
    for page in transfer.pages(start):
        transfer.progress("prove", page.number, None)
    unlisted = transfer.archive.ids_not_seen_since(
        transfer.started,
        created_since=transfer.started - timedelta(days=policy.reconcile_days),
        now=transfer.clock(),
    )
    transfer.fetch_one_by_one(unlisted, gone=transfer.not_listed)
    _retry_rejects(transfer)
    remember_reconciled(transfer, transfer.clock())


def remember_reconciled(transfer: Transfer, moment: datetime) -> None:
    """Keep the moment from which the time until the next reconcile is counted."""
    transfer.set_cursor("reconciled", {"at": moment.isoformat()})


def continue_sweep(transfer: Transfer, backfill: Pass, *, begin: bool) -> None:
    """Continue a sweep that has not ended. `begin`: begin one if none is under way."""
    value = transfer.archive.cursor("sweep")
    state = Sweep.from_json(value) if value else None
    if begin and (state is None or state.done):
        state = _new_sweep(transfer, backfill)
    if state is not None and not state.done:
        _sweep(transfer, state, transfer.policy.reconcile_pages_per_tick)


def _new_sweep(transfer: Transfer, backfill: Pass) -> Sweep:
    return decide.sweep_from(transfer.started, backfill, transfer.highest_id)


def _sweep(transfer: Transfer, state: Sweep, max_pages: int | None) -> None:
    """Go on with a sweep: for `max_pages` pages of the list, and as many chats one by one as a tick
    may fetch. None: to its end."""
    if not state.listed:
        state = _go_on_listing(transfer, state, max_pages)
    if state.listed:
        max_chats = None if max_pages is None else max(1, transfer.policy.recheck_per_tick)
        _ask_for_unlisted(transfer, state, max_chats)


def _go_on_listing(transfer: Transfer, state: Sweep, max_pages: int | None) -> Sweep:
    """Go on with the list of a sweep, from one page before the point where it stopped."""

    def cursor(walk: Pass) -> Cursor:
        return "sweep", replace(state, walk=walk).to_json()

    back = decide.one_page_back(state.walk)
    if max_pages is not None:
        max_pages += back.page < state.walk.page
    result = list_pass.continue_pass(transfer, back, cursor, max_pages)
    count = state.count if result.count is None else result.count
    after = replace(state, walk=result.state, count=count)
    if result.ending is not Ending.UNFINISHED:
        after = replace(after, listed=True, whole=result.ending is Ending.REGULAR)
        _end_of_listing(transfer, after)
    transfer.set_cursor("sweep", after.to_json())
    return after


def _end_of_listing(transfer: Transfer, state: Sweep) -> None:
    """The list has been read to its end: keep what that proves."""
    walk = state.walk
    transfer.remember_last_page(max(1, walk.page - 1), walk.seen - walk.size)
    verdict = decide.sweep_ends(state)
    transfer.note(verdict.note)
    now = transfer.clock()
    if verdict.next.proven:
        transfer.archive.set_cursor("backfill", verdict.next.to_json(), now=now)
    if decide.may_be_gone(state):
        # Rejects without an id can't be asked for; the list alone tells that they are gone.
        transfer.archive.mark_rejects_gone(datetime.fromisoformat(state.started_at), now=now)


def _ask_for_unlisted(transfer: Transfer, state: Sweep, max_chats: int | None) -> None:
    """Fetch the chats that the list did not show, one by one, in the order of their ids."""
    unlisted = transfer.archive.ids_not_seen_since(
        datetime.fromisoformat(state.started_at),
        after=state.asked,
        limit=max_chats,
        now=transfer.clock(),
    )
    done = max_chats is None or len(unlisted) < max_chats
    after = replace(state, asked=max(unlisted, default=state.asked), done=done)
    transfer.fetch_one_by_one(
        unlisted,
        gone=transfer.not_listed if decide.may_be_gone(state) else lambda _: (),
        # In a tick, all of the few may fail. If all are fetched at once, four failures in a row
        # mean that Kchat as a whole fails.
        max_failures=MAX_FAILURES_IN_A_ROW if max_chats is None else max_chats,
    )
    transfer.set_cursor("sweep", after.to_json())


def _retry_rejects(transfer: Transfer) -> None:
    """Try the chats again that could not be understood: first their stored raw form, since a newer
    version of this program may understand it; then what Kchat has by now, since it may have been
    corrected there."""
    for reject in transfer.archive.every_reject():
        understood = transfer.source.understand(reject.raw)
        if isinstance(understood, RejectedChat):
            continue
        # A reject without an id may have been archived in another, newer form meanwhile.
        if reject.chat_id is None and transfer.archive.get([understood.chat.id]):
            continue
        transfer.save((understood,))
        transfer.archive.drop_reject(reject.key)
    transfer.fetch_one_by_one(transfer.archive.rejected_ids(None), gone=transfer.not_listed)
