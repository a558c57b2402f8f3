"""How far long work is, and how much time is left. Times are aware, in UTC."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kchat_search.models.reports import Progress

_TELLING = timedelta(seconds=5)
"""Before so much time has passed, a rate says little."""
_FRESH = timedelta(minutes=5)
"""What was kept longer ago says nothing of what goes on."""
_TELLING_PERCENT = 2
_LAST_PERCENT = 90
"""So much of a rebuild is done when all chats were read. What remains is the merge."""


@dataclass(frozen=True, slots=True)
class ListProgress:
    """How far the reading of Kchat's whole list is."""

    step: str
    """«fetch»: for the first time. «prove»: again, to see that nothing was missed."""
    done: int
    """Chats that were seen."""
    total: int | None
    """How many chats Kchat counts, if it says so."""
    began_at: datetime
    began_done: int
    """Chats that had been seen then: an earlier sync may have stopped on its way."""
    at: datetime
    """When `done` was reached."""

    def time_left(self, now: datetime) -> timedelta | None:
        """Until the list is read; None if nothing tells that."""
        took, gained = self.at - self.began_at, self.done - self.began_done
        if self.total is None or took < _TELLING or gained <= 0 or not self.goes_on(now):
            return None
        return took * (max(0, self.total - self.done) / gained)

    def goes_on(self, now: datetime) -> bool:
        """Was something read lately?"""
        return abs(now - self.at) < _FRESH

    def to_json(self) -> dict[str, Any]:
        """For a cursor of the archive."""
        times = {"began_at": self.began_at.isoformat(), "at": self.at.isoformat()}
        return asdict(self) | times

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> ListProgress | None:
        """What `to_json` made; None of an empty cursor."""
        if not value:
            return None
        times = {name: datetime.fromisoformat(value[name]) for name in ("began_at", "at")}
        return cls(**(dict(value) | times))


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """How far the building of a new generation of the index is."""

    percent: int
    """From 0 to 99."""
    began_at: datetime | None
    """None where the process that builds does not say it."""

    def time_left(self, now: datetime) -> timedelta | None:
        """Until it is built; None if nothing tells that."""
        if self.began_at is None or self.percent < _TELLING_PERCENT:
            return None
        took = now - self.began_at
        return took * ((100 - self.percent) / self.percent) if took >= _TELLING else None


@contextmanager
def told_too(
    progress: Progress,
    tell: Callable[[RebuildProgress | None], None],
    clock: Callable[[], datetime],
) -> Iterator[Progress]:
    """A `progress` that also tells how far a rebuild is: `tell` gets it where it changed, and at
    the end None."""
    now = RebuildProgress(0, clock())

    def told(step: str, done: int, total: int | None) -> None:
        nonlocal now
        if step == "index" and total:
            percent = min(_LAST_PERCENT, done * _LAST_PERCENT // total)
            if percent != now.percent:
                now = RebuildProgress(percent, now.began_at)
                tell(now)
        progress(step, done, total)

    tell(now)  # the first batch may take long
    try:
        yield told
    finally:
        tell(None)
