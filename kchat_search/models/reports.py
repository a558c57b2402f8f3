"""What the program reports: of syncs, archive, index and checks. Times are aware, in UTC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from kchat_search.models.damage import DamagedRow
from kchat_search.models.holder import Holder
from kchat_search.models.people import Entrance
from kchat_search.models.progress import ListProgress, RebuildProgress

Progress = Callable[[str, int, int | None], None]
"""Called as `progress(step, done, total)`. `step` is a short word («fetch», «index»); `total` is
None while it is unknown."""

Outcome = Literal["complete", "incomplete", "failed"]
"""How a sync ended. Complete: every pass over the list was proven whole. Incomplete: there was no
error, but some pass could not be proven whole. Failed: an error ended it early."""


def no_progress(step: str, done: int, total: int | None) -> None:
    """For callers that don't show progress."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one sync did. Counts are of chats; `retries` is of requests."""

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
    """False if some pass over the list could not be proven whole; `notes` says why."""
    notes: tuple[str, ...] = ()
    error: str | None = None
    """The error that ended it early, in one line; None if there was none."""
    error_kind: str | None = None
    """Its `KchatSearchError.kind`, for whoever words it. None in reports of earlier versions."""

    @property
    def seconds(self) -> float:
        """How long it took. Never negative, also where the clock was set back during the sync."""
        return max(0.0, (self.finished_at - self.started_at).total_seconds())

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        if self.error is not None:
            return "failed"
        return "complete" if self.complete else "incomplete"


_SUMMED = ("seconds", "seen", "new", "changed", "vanished", "rejected", "indexed", "retries")


@dataclass(frozen=True, slots=True)
class SyncTotals:
    """The sums over all syncs of one kind. No number ever becomes smaller."""

    complete: int = 0
    """How many syncs had this outcome. The same for the next two."""
    incomplete: int = 0
    failed: int = 0
    seconds: float = 0.0
    seen: int = 0
    """Chats, as in a report. The same for all fields up to `indexed`."""
    new: int = 0
    changed: int = 0
    vanished: int = 0
    rejected: int = 0
    indexed: int = 0
    retries: int = 0
    """How many requests were repeated."""

    def plus(self, report: SyncReport) -> SyncTotals:
        """The totals with this report added."""
        sums: dict[str, Any] = {
            name: getattr(self, name) + getattr(report, name) for name in _SUMMED
        }
        sums[report.outcome] = getattr(self, report.outcome) + 1
        return replace(self, **sums)


AlertCode = Literal[
    "not_connected",
    "indexer_ended",
    "indexer_missing",
    "tick_failed",
    "archive_damaged",
    "scrub_behind",
]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something went wrong, and what to do."""

    text: str
    """One line in English."""
    kind: str
    """`KchatSearchError.kind` of the error; «signal», «exit», «bug», «missing», «damage» and «slow»
    are not of that tree."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something is wrong now, and a person may have to mend it. Searches are answered meanwhile."""

    code: AlertCode
    """What is wrong: there is no account at Kchat, the indexer's process ended, or is gone without
    a word, a tick failed, rows of the archive are damaged, not everything can be read as often as
    it should."""
    reason: Reason
    since: datetime
    """When it happened for the first time in a row."""
    times: int = 1
    """How often in a row; for damage, of how many rows."""
    next_try_at: datetime | None = None
    """When it is tried again; None: it is being tried, or nothing plans to."""

    def to_json(self) -> dict[str, Any]:
        """For a pipe, or a cursor of the archive."""
        until = self.next_try_at
        return asdict(self) | {
            "since": self.since.isoformat(),
            "next_try_at": None if until is None else until.isoformat(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Alert:
        """What `to_json` made."""
        until = value["next_try_at"]
        return cls(
            value["code"],
            Reason(**value["reason"]),
            datetime.fromisoformat(value["since"]),
            value["times"],
            None if until is None else datetime.fromisoformat(until),
        )


@dataclass(frozen=True, slots=True)
class ArchiveCounts:
    """Sizes of the archive."""

    chats: int
    gone: int
    """Chats that are gone from Kchat; `chats` counts them too."""
    pending: int
    """Entries of the change queue: chats that are archived and not yet indexed."""
    rejected: int
    """Rejects that are not gone from Kchat."""
    versions: int
    """Versions of all chats together, with the present ones."""


@dataclass(frozen=True, slots=True)
class ArchiveFacts:
    """What every answer of a search needs of the archive, all of one state."""

    counts: ArchiveCounts
    agents: Mapping[str, str]
    """Names of agents by their ids."""
    cursors: Mapping[str, Mapping[str, Any]]
    """Cursors by name. A cursor that was never saved is left out."""


@dataclass(frozen=True, slots=True)
class IndexCheck:
    """What a check of one part of the index found."""

    position: str | None
    """Where to go on; None after the last byte."""
    read: int
    """How many bytes were read."""
    damage: str | None = None
    """What is damaged and what to do, as `Engine.damage` says it; None if this part is as it was
    written."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """What an engine reports of its index."""

    engine: str
    generation: str | None
    """None before the first build."""
    fingerprint: str | None
    documents: int
    size_bytes: int
    segments: int = 1
    table: str | None = None
    """The digest of the table that its vectors are made with; None where it has none."""
    table_fitted: bool = False
    """Was the table fitted on the archive's own messages?"""
    table_problem: str | None = None
    """What is wrong with the table, where it can't be read."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whether an answer covers every chat that Kchat has."""

    complete: bool
    """True if the backfill was proven whole, and no chat waits for the index or is rejected."""
    chats: int
    pending: int
    rejected: int
    synced_at: datetime | None
    backfilled: bool = True
    """True once Kchat's whole list has been read and proven whole. Later changes don't reset it."""
    counted: int | None = None
    """How many chats Kchat counts, as long as its list is read for the first time; None: that is
    over, or Kchat does not say it."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """What answers and pages need to know of the settings."""

    zone: ZoneInfo
    """Of the times and days that are shown."""
    demo: bool = False
    """The conversations are made up."""
    sync_interval_seconds: int = 60
    """Between two ticks."""
    kchat_chat_url: str | None = None
    """Where a chat is at Kchat, with `{id}` for its id, as set at the start; see
    `Service.kchat_chat_url`. None where no account is set."""
    image_origins: tuple[str, ...] = ()
    """From where pages show images, if somebody asks for one: `https://host`, `https://host:port`."""
    request_processor_seconds: float = 0.8
    """Of processor time that one request may use."""
    agents_see: Literal["all", "own"] = "all"
    """Which chats agents see: all, or those they took part in."""
    entrance: Entrance = field(default_factory=Entrance)
    """How people come in."""
    access_settings: str = ""
    """The settings that decide who may see what, as the audit records them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A damaged row of the archive that the scrub has found."""

    row: DamagedRow
    found_at: datetime
    again: bool = True
    """It was found in the present round, too."""
    shows: bool = False
    """Whoever reads the chat gets it in the chat's place. So it is over when that ends."""


@dataclass(frozen=True, slots=True)
class ScrubState:
    """Where the scrub is: the worker reads everything again, a part with each tick."""

    began_at: datetime
    """When the present round began, or the last one."""
    finished_at: datetime | None
    """When everything had been read for the last time."""
    share: float | None
    """How much of the round is done, from 0 to 1; None while the index can't be asked."""
    findings: tuple[Finding, ...]
    left_out: int = 0
    """Further findings, which are not kept."""


@dataclass(frozen=True, slots=True)
class MeaningState:
    """Whether chats are found by their meaning."""

    state: Literal["on", "off", "waiting", "damaged"]
    """Off: by the setting. Waiting: for the next build of the index. Damaged: the table can't be
    read."""
    fitted: bool = False
    """Is the index's table fitted on the archive's own messages?"""
    problem: str | None = None
    """What is wrong with the index's table, or with that of the package, and what to do. With that
    of the package, the index still has its own: on until it is built anew."""

    @classmethod
    def of(cls, engine: EngineState, problem: str | None, *, enabled: bool) -> MeaningState:
        """`problem`: what is wrong with the table of the package. `enabled`: the setting."""
        if not enabled:
            return cls("off")
        if engine.table_problem is not None:
            return cls("damaged", problem=engine.table_problem)
        if engine.table is not None:
            return cls("on", engine.table_fitted, problem)
        return cls("waiting" if problem is None else "damaged", problem=problem)


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """The state of the index, as the status says it."""

    engine: EngineState
    current: bool
    """True if it was built with the present analyzer, dictionary, schema and time zone."""
    meaning: MeaningState
    months: Mapping[str, int]
    """How many chats were created in each month (`2015-04`), in the configured time zone."""


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the whole program. Of the archive it is known also where the index can't be
    asked."""

    counts: ArchiveCounts
    index: IndexStatus | Reason
    """Why it can't be asked, where that is so."""
    coverage: Coverage
    """Where the index can't be asked: not complete."""
    last_report: SyncReport | None
    indexer: Holder | None
    """Who holds the indexer's lock; None if nobody does."""
    timezone: str
    now: datetime
    """When this was so."""
    demo: bool = False
    alerts: tuple[Alert, ...] = ()
    """What is wrong now."""
    scrub: ScrubState | None = None
    """None if it never ran."""
    reading: ListProgress | None = None
    """How far Kchat's list is read, or was when the reading stopped; None: it is not read."""
    rebuild: RebuildProgress | None = None
    """How far a rebuild of the index is; None: it is not rebuilt."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The result of comparing the index with the archive."""

    chats: int
    strings: int
    missed: tuple[Mapping[str, Any], ...] = ()
    """`{"string": ..., "chat_id": ...}`: the chat has the string; the search did not find it."""
    wrong: tuple[Mapping[str, Any], ...] = ()
    """`{"string": ..., "chat_id": ...}`: the search found the chat; it does not have the string."""
    lacking: tuple[int, ...] = ()
    """Ids of chats that the index does not have in their present revision."""
    surplus: tuple[int, ...] = ()
    """Ids of chats that are in the index and not in the archive."""
    damage: str | None = None
    """What is wrong with the files of the index and what to do; None if nothing is."""
    rows: int = 0
    """How many rows of the archive were held against their seals."""
    archive: tuple[DamagedRow, ...] = ()
    """What is wrong with the archive itself. Building the index again does not help against it."""
    seconds: float = 0.0
    seed: int = 0

    @property
    def clean(self) -> bool:
        """True if the check found no difference and no damage."""
        return self.index_clean and not self.archive

    @property
    def index_clean(self) -> bool:
        """True if the index is whole and agrees with what can be read of the archive."""
        return not (self.missed or self.wrong or self.lacking or self.surplus or self.damage)
