"""What a sync may spend: the settings of sync, as one value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncPolicy:
    """How much is asked of Kchat, and how often. Made from the settings by `composition`,
    which have the defaults."""

    in_flight: int
    """Requests at the same time."""
    recheck_days: int
    """Chats that ended in the last so many days are fetched again: ratings and recalls come
    late."""
    recheck_per_tick: int
    """Chats that one tick fetches again, at most."""
    reconcile_every_hours: int
    """Hours between two reconciles."""
    reconcile_days: int
    """A reconcile lists again the chats that were created in the last so many days."""
    reconcile_pages_per_tick: int
    """Pages of the whole list that one tick reads again while a reconcile goes through it."""
