"""Saved searches: a name for a search, and which of its chats somebody has seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MOST_SAVED = 100
"""Saved searches of one person."""
MOST_SEEN = 50_000
"""Of a search that finds more chats, nobody keeps which were seen: new ones are not counted."""
LONGEST_NAME = 80
LONGEST_QUERY = 16_000
"""Characters of the query string. The longest query has 1,000, of up to 12 characters each
(`%F0%9F%98%80`), and filters come with it; of a longer one one keeps the address."""


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search that somebody has given a name."""

    id: int
    name: str
    query: str
    """The query string of its address."""
    saved_at: datetime
    seen_at: datetime
    """When its chats were looked at last, or saved."""
    seen: tuple[int, ...] | None
    """The ids of all chats that it found then, ascending; None for more than `MOST_SEEN`."""


@dataclass(frozen=True, slots=True)
class NewHits:
    """What a saved search finds now."""

    total: int
    new: int | None
    """How many of them it did not find when it was seen last; None where that is not kept."""
