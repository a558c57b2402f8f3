"""The port to the election: which process is the indexer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from kchat_search.models.holder import Holder
from kchat_search.models.progress import RebuildProgress
from kchat_search.models.reports import Progress


class Election(Protocol):
    """One indexer at a time, of all processes that share an archive. It ends with its process, so
    one that was killed leaves nothing to clean up. Threads may share it."""

    def held(
        self, what: str, now: datetime, wait_seconds: float = 0.0
    ) -> AbstractContextManager[None]:
        """Be the indexer within the block. `what` tells others what this process does («sync»,
        «worker»). If `wait_seconds` is less than 0, waits without an end.

        Raises `IndexerBusy`, which names the holder, where another process is the indexer for
        longer than `wait_seconds`; `IndexUnwritable` or `ArchiveError` where nobody can be elected.
        Called by service, for every command that writes the index.
        """
        ...

    def check(self) -> None:
        """Is this process still the indexer? Within `held`, raises `IndexerDeposed` where it may
        not be. Called by service before each tick, and by the indexer before it writes the index.
        What writes the archive need not call it: there each transaction is checked."""
        ...

    def term(self) -> int:
        """The number of this process's term as the indexer; it rises with each indexer, whichever
        process that is. 0 where this one is not. Called by an engine that many machines write, for
        each write: it refuses those of a lower term."""
        ...

    def holder(self) -> Holder | None:
        """Who is the indexer now; None where nobody is. Called by service."""
        ...

    def rebuilding(
        self, progress: Progress, clock: Callable[[], datetime]
    ) -> AbstractContextManager[Progress]:
        """Within `held`: gives a `progress` that also tells other processes how far a rebuild of
        the index is; see `rebuild`. Called by the indexer."""
        ...

    def rebuild(self) -> RebuildProgress | None:
        """How far the rebuild of the index is, where a process rebuilds it now; None where none
        does. Called by service."""
        ...
