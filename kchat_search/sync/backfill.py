"""The backfill: the first reading of everything that Kchat has."""

from __future__ import annotations

from kchat_search.sync import decide
from kchat_search.sync.archive_writer import Cursor
from kchat_search.sync.decide import Pass
from kchat_search.sync.list_pass import Ending, continue_pass
from kchat_search.sync.transfer import Transfer


def backfill(transfer: Transfer, state: Pass) -> None:
    """Read the whole list again and again, until one pass proves that nothing was missed. `state`
    says where an earlier sync stopped; the backfill continues there."""
    state = decide.resumed(state)
    while True:
        transfer.counts.seen = 0  # a pass that proves sees the same chats once more
        result = continue_pass(transfer, state, _cursor)
        ended = result.state
        verdict = decide.after_pass(ended, result.count, whole=result.ending is Ending.REGULAR)
        transfer.remember_last_page(max(1, ended.page - 1), ended.seen - ended.size)
        state = verdict.next
        transfer.set_cursor(*_cursor(state))
        transfer.note(verdict.note)
        if not verdict.again:
            return


def _cursor(state: Pass) -> Cursor:
    return "backfill", state.to_json()
