"""A mark beside the chats that there are people, who must sign in.

It keeps the chats shut where the database of people is lost, emptied, or another one: without it a
database in which nobody was ever added would mean that whoever sits at this machine sees all.
"""

from __future__ import annotations

from collections.abc import Callable

from kchat_search.archive.store import SqlArchive
from kchat_search.ports import Clock

_NAME = "people"


class PeopleMark:
    """The mark of an archive, which `opened` opens when it is needed: a command that changes people
    works without it otherwise. Methods raise `ArchiveError`."""

    def __init__(self, opened: Callable[[], SqlArchive], clock: Clock) -> None:
        self._opened = opened
        self._clock = clock

    def is_set(self) -> bool:
        """Were there people? A mark that is damaged counts as one."""
        return self._opened().has_cursor(_NAME)

    def set(self) -> None:
        """Say that there are people. Nothing takes it back."""
        if not self.is_set():
            self._opened().set_cursor(_NAME, {"signs_in": True}, now=self._clock())
