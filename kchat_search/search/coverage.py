"""Does an answer cover every chat that Kchat has? Said from what sync keeps of how far it is."""

from __future__ import annotations

from datetime import datetime

from kchat_search.models.reports import ArchiveFacts, Coverage

SYNC_CURSORS = ("backfill", "synced", "progress")
"""The names of the cursors in which sync says how far it is. The coverage is computed from them."""


def coverage_of(facts: ArchiveFacts, documents: int) -> Coverage:
    """The coverage for who sees all chats. `facts`: with the cursors above; `documents`: how many
    chats the index has."""
    counts = facts.counts
    # The index may have been removed and not yet been built again.
    pending = max(counts.pending, counts.chats - documents)
    synced_at = facts.cursors.get("synced", {}).get("at")
    backfilled = bool(facts.cursors.get("backfill", {}).get("proven"))
    return Coverage(
        complete=backfilled and not pending and not counts.rejected,
        backfilled=backfilled,
        chats=counts.chats,
        pending=pending,
        rejected=counts.rejected,
        synced_at=datetime.fromisoformat(synced_at) if synced_at else None,
        counted=None if backfilled else facts.cursors.get("progress", {}).get("total"),
    )
