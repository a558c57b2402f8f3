"""What a sync may spend: the settings of sync, as one value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncPolicy:
    """How much is asked of Kchat, and how often. Made from the settings by `composition`; the
    defaults are theirs."""

    in_flight: int = 4
    """Requests at the same time."""
    recheck_days: int = 7
    """Chats that ended in the last so many days are fetched again: ratings and recalls come
    late."""
    recheck_per_tick: int = 50
    """Chats that one tick fetches again, at most."""
    reconcile_every_hours: int = 24
    """Hours between two reconciles."""
    reconcile_days: int = 30
    """A reconcile lists again the chats that were created in the last so many days."""
    reconcile_pages_per_tick: int = 20
    """Pages of the whole list that one tick reads again while a reconcile goes through it."""
