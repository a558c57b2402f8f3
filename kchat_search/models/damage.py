"""Damage: what is wrong with a row of the archive, or with its file, and the way out.

A damaged row is never taken for what it says. Whoever reads the archive gets a `DamagedRow` in its
place, and goes on with the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

REPAIR = "kchat-search repair"
"""The command that sets damage of the archive right. `reindex` can't: it reads the archive."""

Remedy = Literal["fetch", "recompute", "rebuild", "none"]
"""What sets a damage right. fetch: get the chat from Kchat again. recompute: what is wrong can be
computed from what is sound. rebuild: copy all that can be read into a sound file. none: what was
there is lost; repair puts it aside, so that everything else is sound again."""

_WAYS_OUT: dict[Remedy, str] = {
    "fetch": f"fetch it again from Kchat: {REPAIR}",
    "recompute": f"have it computed again: {REPAIR}",
    "rebuild": f"have the readable rows copied into a sound file: {REPAIR}",
    "none": f"put back a backup, or have it put aside: {REPAIR}",
}


@dataclass(frozen=True, slots=True)
class DamagedRow:
    """A row that is not what was stored, that can't be read, or that is missing."""

    table: str
    """The table; «file» for the file as a whole."""
    problem: str
    """What is wrong, in a few words: «its raw JSON is not what was stored»."""
    remedy: Remedy
    chat_id: int | None = None
    """The chat; None for what belongs to no chat."""
    version: int | None = None
    """Which version of the chat; None where that is not known or makes no difference."""
    key: str = ""
    """Names the row where no chat does: a reject's key, an agent's id, a cursor's name."""

    @property
    def what(self) -> str:
        """Which row: «chat 290, version 2», «cursors backfill»."""
        if self.chat_id is None:
            return f"{self.table} {self.key}".strip()
        which = f"chat {self.chat_id}"
        return which if self.version is None else f"{which}, version {self.version}"

    @property
    def way_out(self) -> str:
        """What a person can do about it."""
        return _WAYS_OUT[self.remedy]

    def __str__(self) -> str:
        return f"{self.what} ({self.table}): {self.problem}; {self.way_out}"


@dataclass(frozen=True, slots=True)
class CheckedPart:
    """What one step of a check of the archive has found."""

    findings: tuple[DamagedRow, ...]
    rows: int
    """How many rows were checked."""
    next: str | None
    """Where the next step goes on; None when everything has been checked."""


RepairOutcome = Literal[
    "planned", "mended", "fetched", "lost", "gone", "refused", "later", "remains"
]
"""What a repair did about a damage. planned: nothing, it only looked. mended: it is right again.
fetched: Kchat had the chat. lost: it is put aside, since nothing has it any more. gone: Kchat no
longer has the chat. refused: what Kchat has can't be understood. later: Kchat failed. remains:
nothing helped."""


@dataclass(frozen=True, slots=True)
class Repair:
    """One damage, and what a repair did about it."""

    finding: DamagedRow
    outcome: RepairOutcome
    detail: str = ""
    """What Kchat said, where it could not help."""


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What one repair did."""

    rows: int
    """Rows of the archive that were checked."""
    repairs: tuple[Repair, ...] = ()
    indexed: int = 0
    """Chats that were indexed afterwards."""

    @property
    def sound(self) -> bool:
        """True if everything in the archive is what was stored, and nothing was lost."""
        return all(repair.outcome in ("mended", "fetched") for repair in self.repairs)

    @property
    def remaining(self) -> tuple[DamagedRow, ...]:
        """What is still damaged."""
        over = ("mended", "fetched", "lost")
        return tuple(repair.finding for repair in self.repairs if repair.outcome not in over)

    @property
    def may_succeed_later(self) -> bool:
        """True if Kchat failed, so that the same call may do more."""
        return any(repair.outcome == "later" for repair in self.repairs)


@dataclass(frozen=True, slots=True)
class Mended:
    """What `ports.ArchiveCheck.mend` did."""

    mended: tuple[DamagedRow, ...]
    """What is right again, or was put aside because it is lost (`remedy` «none»)."""
    fetch: tuple[DamagedRow, ...]
    """Chats that must be fetched again, for `ports.ArchiveCheck.restore`."""
