"""How far the reading of Kchat's list is, kept in the archive, where every web server reads it.

It is kept now and then, not at each page, so it costs a backfill next to nothing.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from kchat_search.errors import ArchiveError
from kchat_search.models.progress import ListProgress
from kchat_search.models.reports import Progress
from kchat_search.ports import Clock, SyncArchive

CURSOR = "progress"
"""The name of the archive's cursor; an empty one: nothing is read."""
_BETWEEN = timedelta(seconds=3)


class KeptProgress:
    """A `Progress` that passes on what it is told, and keeps how far the list is read."""

    def __init__(self, archive: SyncArchive, clock: Clock, progress: Progress) -> None:
        self._archive = archive
        self._clock = clock
        self._progress = progress
        self._first: ListProgress | None = None
        self._kept: ListProgress | None = None

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """One more step of the sync is done."""
        self._progress(step, done, total)
        if step in ("fetch", "prove"):
            now = self._clock()
            first = self._first
            if first is None or first.step != step or done < first.done:
                first = self._first = ListProgress(step, done, total, now, done, now)
            self._keep(ListProgress(step, done, total, first.began_at, first.done, now))

    def over(self) -> None:
        """The list was read."""
        if self._archive.cursor(CURSOR):
            self._archive.set_cursor(CURSOR, {}, now=self._clock())

    def _keep(self, present: ListProgress) -> None:
        kept = self._kept
        if kept and kept.step == present.step and abs(present.at - kept.at) < _BETWEEN:
            return
        self._kept = present
        with suppress(ArchiveError):  # the sync meets it, too, and says it
            self._archive.set_cursor(CURSOR, present.to_json(), now=present.at)
