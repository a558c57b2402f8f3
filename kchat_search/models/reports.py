"""What the program says of itself: syncs, checks, status. All times aware, UTC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

Progress = Callable[[str, int, int | None], None]
"""Called as `progress(step, done, total)`; step is a short word («fetch», «index»), total is None
while it is unknown."""

Outcome = Literal["complete", "incomplete", "failed"]
"""How a sync ended: all proven whole; without an error, but a pass was not; early, by an error."""


def no_progress(step: str, done: int, total: int | None) -> None:
    """Take no notice."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """One sync. Counts are of chats."""

    kind: str
    """«backfill», «tick» or «reconcile»."""
    started_at: datetime
    finished_at: datetime
    seen: int = 0
    new: int = 0
    changed: int = 0
    vanished: int = 0
    rejected: int = 0
    indexed: int = 0
    retries: int = 0
    complete: bool = True
    """False where a pass over the list could not be proven whole; `notes` says why."""
    notes: tuple[str, ...] = ()
    error: str | None = None
    """Why it ended early, in one line; None when it went well."""

    @property
    def seconds(self) -> float:
        """How long it took; never negative, though the clock may have been set back meanwhile."""
        return max(0.0, (self.finished_at - self.started_at).total_seconds())

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        if self.error is not None:
            return "failed"
        return "complete" if self.complete else "incomplete"


@dataclass(frozen=True, slots=True)
class SyncTotals:
    """All syncs of one kind together, since totals are kept. No number ever becomes smaller."""

    complete: int = 0
    """Syncs of this outcome, as the next two."""
    incomplete: int = 0
    failed: int = 0
    seconds: float = 0.0
    seen: int = 0
    """Chats, as in a report, as all up to `indexed`."""
    new: int = 0
    changed: int = 0
    vanished: int = 0
    rejected: int = 0
    indexed: int = 0
    retries: int = 0
    """Requests that were repeated."""

    def plus(self, report: SyncReport) -> SyncTotals:
        """The totals with one sync more."""
        summed = ("seconds", "seen", "new", "changed", "vanished", "rejected", "indexed", "retries")
        more = {name: getattr(self, name) + getattr(report, name) for name in summed}
        more[report.outcome] = getattr(self, report.outcome) + 1
        return replace(self, **more)


@dataclass(frozen=True, slots=True)
class ArchiveCounts:
    """Sizes of the archive's tables."""

    chats: int
    gone: int
    pending: int
    """Entries in the change queue: archived, not yet indexed."""
    rejected: int
    versions: int
    """Versions of all chats together, present ones included."""


@dataclass(frozen=True, slots=True)
class ArchiveFacts:
    """What every answer says of the archive, all of one moment."""

    counts: ArchiveCounts
    agents: Mapping[str, str]
    """Names by id."""
    cursors: Mapping[str, Mapping[str, Any]]
    """By name; without those that were never saved."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """What an engine says of its index."""

    engine: str
    generation: str | None
    """None while nothing was built."""
    fingerprint: str | None
    documents: int
    size_bytes: int
    segments: int = 1


@dataclass(frozen=True, slots=True)
class Coverage:
    """Can the answer be trusted to be of everything?"""

    complete: bool
    """The backfill has been proven whole, nothing waits and nothing was rejected."""
    chats: int
    pending: int
    rejected: int
    synced_at: datetime | None
    backfilled: bool = True
    """All of Kchat's list has been read and proven whole, whatever has come since."""


@dataclass(frozen=True, slots=True)
class Status:
    """The whole program at a glance."""

    counts: ArchiveCounts
    engine: EngineState
    coverage: Coverage
    last_report: SyncReport | None
    indexer: str | None
    """Who holds the indexer's lock, or None."""
    index_current: bool
    """The index was built with the present analyzer, dictionary, schema and time zone."""
    timezone: str
    demo: bool = False
    months: Mapping[str, int] = field(default_factory=dict)
    """Chats by month of creation (`2015-04`), in the configured zone."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The index held against the archive."""

    chats: int
    strings: int
    missed: tuple[Mapping[str, Any], ...] = ()
    """`{"string": ..., "chat_id": ...}`: in the archive, not found."""
    wrong: tuple[Mapping[str, Any], ...] = ()
    """`{"string": ..., "chat_id": ...}`: found, not in the archive."""
    lacking: tuple[int, ...] = ()
    """Chats in the archive that the index does not have in their present version."""
    surplus: tuple[int, ...] = ()
    """Chats in the index that the archive does not have."""
    damage: str | None = None
    """What is wrong with the index's files, and the way out."""
    seconds: float = 0.0
    seed: int = 0

    @property
    def clean(self) -> bool:
        """Nothing missed, nothing invented."""
        return not (self.missed or self.wrong or self.lacking or self.surplus or self.damage)
