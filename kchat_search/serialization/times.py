"""Times as they are sent: RFC 3339 in the configured zone."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

_RFC_3339 = len("2015-04-25T08:04:12+08:00")


def local(moment: datetime, zone: ZoneInfo) -> datetime:
    """The moment in this zone, or in UTC where the calendar ends before that can be said."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.astimezone(UTC)


@lru_cache(16_384)  # a page of hits has a hundred times, and many of them come again
def rfc3339(moment: datetime | None, zone: ZoneInfo) -> str | None:
    """`2015-04-25T08:04:12+08:00`; None stays None."""
    if moment is None:
        return None
    text = local(moment, zone).isoformat(timespec="seconds")
    if len(text) > _RFC_3339:  # local mean time before 1901: RFC 3339 has no seconds in an offset
        return moment.astimezone(UTC).isoformat(timespec="seconds")
    return text


def known_rfc3339(moment: datetime, zone: ZoneInfo) -> str:
    """The same, for a moment that is not None."""
    text = rfc3339(moment, zone)
    assert text is not None
    return text
