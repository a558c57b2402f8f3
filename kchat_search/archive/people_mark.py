"""A mark beside the chats that there are people, who must sign in.

It keeps the chats shut where the database of people is lost, emptied, or another one: without it a
database in which nobody was ever added would mean that whoever sits at this machine sees all.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from kchat_search.archive.store import SqlArchive
from kchat_search.ports import Clock

_NAME = "people"


class PeopleMark:
    """The mark of an archive. `opened` gives the archive for a moment, so that a command that
    changes people works without one otherwise. Methods raise `ArchiveError`."""

    def __init__(
        self, opened: Callable[[], AbstractContextManager[SqlArchive]], clock: Clock
    ) -> None:
        self._opened = opened
        self._clock = clock

    def is_set(self) -> bool:
        """Were there people? A mark that is damaged counts as one."""
        with self._opened() as archive:
            return archive.has_cursor(_NAME)

    def set(self) -> None:
        """Say that there are people. Nothing takes it back."""
        with self._opened() as archive:
            if not archive.has_cursor(_NAME):
                archive.set_cursor(_NAME, {"signs_in": True}, now=self._clock())
