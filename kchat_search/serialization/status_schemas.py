"""The shapes of status, reports of syncs, rejects and verification. See `schemas`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from kchat_search.models.damage import RepairOutcome
from kchat_search.serialization.schemas import AlertJson, CoverageJson, Time, Url


class CountsJson(TypedDict):
    """Sizes of the archive."""

    chats: int
    gone: int
    pending: int
    rejected: int
    versions: int


class MeaningJson(TypedDict):
    """Whether chats are found by their meaning, and if not, why."""

    state: Annotated[
        Literal["on", "off", "waiting", "damaged"],
        Field(
            description="`off`: by the setting. `waiting`: for the next build of the index. "
            "`damaged`: the table of meanings can't be read."
        ),
    ]
    fitted: Annotated[bool, Field(description="The table is fitted on the archive's own messages.")]
    problem: Annotated[str | None, Field(description="What is wrong with a table, and what to do.")]


class EngineJson(TypedDict):
    """The index."""

    engine: str
    generation: str | None
    documents: int
    size_bytes: int
    segments: int
    current: Annotated[
        bool, Field(description="Built with the present analyzer, dictionary, schema and zone.")
    ]
    meaning: MeaningJson


class ReportJson(TypedDict):
    """What one sync did; counts are of chats."""

    kind: str
    started_at: Time
    finished_at: Time
    seconds: Annotated[float, Field(description="How long it took.")]
    seen: int
    new: int
    changed: int
    vanished: int
    rejected: int
    indexed: int
    retries: int
    complete: bool
    notes: list[str]
    error: Annotated[str | None, Field(description="Why it ended early; null: no error.")]


class RejectJson(TypedDict):
    """A chat that could not be understood. It is kept, and tried again when Kchat shows it."""

    chat_id: Annotated[int | None, Field(description="null: it has none that can be read.")]
    key: str
    reason: str
    first_seen_at: Annotated[
        Time | None, Field(description="null: its row in the archive is damaged; see `reason`.")
    ]
    last_seen_at: Time | None
    times: Annotated[int, Field(description="How often it was seen.")]
    gone_at: Annotated[Time | None, Field(description="When Kchat no longer showed it.")]


class WholeRejectJson(RejectJson):
    """The same, as Kchat sent it."""

    raw: Annotated[
        str | None,
        Field(description="JSON; upload tokens are removed; null where that can't be done."),
    ]


class RejectsJson(TypedDict):
    """A page of rejects, last seen first."""

    total: int
    page: int
    per_page: int
    next: Url | None
    previous: Url | None
    rejects: list[WholeRejectJson]


class DamagedRowJson(TypedDict):
    """A row of the archive that is not what was stored, or that can't be read."""

    table: Annotated[str, Field(description="`file`: the file as a whole.")]
    chat_id: int | None
    version: int | None
    key: Annotated[str, Field(description="Which row, where it belongs to no chat.")]
    problem: str
    way_out: str


class FindingJson(DamagedRowJson):
    """The same, found by the scrub."""

    found_at: Time


class ScrubJson(TypedDict):
    """The scrub: the worker reads everything again and checks it, a part with each tick."""

    began_at: Annotated[Time, Field(description="When the present round began, or the last one.")]
    finished_at: Annotated[
        Time | None, Field(description="When everything had been checked for the last time.")
    ]
    share: Annotated[
        float | None,
        Field(description="How much of the round is done, from 0 to 1; null: it can't be said."),
    ]
    findings: Annotated[list[FindingJson], Field(description="What is damaged in the archive now.")]
    left_out: Annotated[int, Field(description="Further findings, which are not listed.")]


class ReadingJson(TypedDict):
    """How far the reading of Kchat's whole list is: a backfill, or a reconcile of all."""

    step: Annotated[
        str,
        Field(description="`fetch`: for the first time. `prove`: to see that nothing was missed."),
    ]
    done: Annotated[int, Field(description="Chats that were read.")]
    total: Annotated[int | None, Field(description="As Kchat counts; null: it does not.")]
    began_at: Time
    at: Annotated[Time, Field(description="When that was so.")]
    goes_on: Annotated[
        bool,
        Field(description="Something was read in the last minutes. Else the next sync goes on."),
    ]
    seconds_left: Annotated[int | None, Field(description="Until it is read; null: unknown.")]


class RebuildJson(TypedDict):
    """How far a new generation of the index is; the present one answers meanwhile."""

    percent: int
    began_at: Time | None
    seconds_left: Annotated[int | None, Field(description="Until it is built; null: unknown.")]


class StatusJson(TypedDict):
    """The whole program at a glance."""

    alerts: Annotated[list[AlertJson], Field(description="What is wrong now.")]
    scrub: Annotated[ScrubJson | None, Field(description="null: it never ran.")]

    archive: CountsJson
    index: Annotated[EngineJson | None, Field(description="null: it can't be asked now.")]
    index_problem: Annotated[
        str | None, Field(description="Why the index can't be asked; null: it can.")
    ]
    coverage: CoverageJson
    reading: Annotated[ReadingJson | None, Field(description="null: nothing reads the list.")]
    rebuild: Annotated[RebuildJson | None, Field(description="null: nothing builds an index.")]
    last_sync: ReportJson | None
    reports: Annotated[list[ReportJson], Field(description="The last 20 syncs, newest first.")]
    rejects: Annotated[
        list[RejectJson],
        Field(description="The first 20; `/api/v1/rejects` has all, as Kchat sent them."),
    ]
    indexer: Annotated[str | None, Field(description="Who holds the indexer's lock.")]
    timezone: str
    demo: bool
    months: Annotated[
        dict[str, int] | None,
        Field(description="Chats by month of creation; null: the index can't be asked."),
    ]


class DifferenceJson(TypedDict):
    """A string and a chat for which index and archive differ."""

    string: str
    chat_id: int


class VerifyJson(TypedDict):
    """The archive checked, and the index compared with it. The command `verify` prints it; the API
    does not have it."""

    chats: int
    strings: Annotated[int, Field(description="How many strings were looked up.")]
    missed: Annotated[list[DifferenceJson], Field(description="In the archive, not found.")]
    wrong: Annotated[list[DifferenceJson], Field(description="Found, not in the archive.")]
    lacking: Annotated[list[int], Field(description="Chats that the index lacks or has outdated.")]
    surplus: Annotated[list[int], Field(description="Chats that the archive does not have.")]
    damage: Annotated[str | None, Field(description="What is wrong with the index's files.")]
    rows: Annotated[int, Field(description="Rows of the archive that were checked.")]
    archive: Annotated[
        list[DamagedRowJson],
        Field(description="What is wrong with the archive; `reindex` does not help against it."),
    ]
    seconds: float
    seed: int


class RepairJson(TypedDict):
    """One damage, and what a repair did about it."""

    damage: DamagedRowJson
    outcome: RepairOutcome
    detail: Annotated[str | None, Field(description="What Kchat said, where it could not help.")]


class RepairReportJson(TypedDict):
    """What a repair of the archive did. The command `repair` prints it; the API does not have
    it."""

    rows: Annotated[int, Field(description="Rows of the archive that were checked.")]
    sound: Annotated[bool, Field(description="All is what was stored, and nothing was lost.")]
    indexed: Annotated[int, Field(description="Chats that were indexed afterwards.")]
    repairs: list[RepairJson]
