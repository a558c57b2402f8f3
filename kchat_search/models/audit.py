"""The audit: who did what, when, from where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Action = Literal[
    "search",
    "related",
    "hot",
    "saved",
    "search_saved",
    "search_removed",
    "similar",
    "suggest",
    "view",
    "versions",
    "reveal",
    "export",
    "rejects",
    "status",
    "agents",
    "audit",
    "log_in",
    "log_in_failed",
    "log_out",
    "refused",
    "person_added",
    "person_changed",
    "person_removed",
    "password_changed",
    "session_ended",
    "token_added",
    "token_revoked",
    "settings",
    "operate",
    "text_erased",
]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is to be recorded."""

    principal: str
    """`Principal.key`; «» where nobody is known."""
    name: str
    """The principal's name; of a failed log-in, the name that was tried."""
    address: str
    """The client's address; «» at the command line."""
    action: Action
    object: str = ""
    """What it was done to: «chat:290», «person:12», «token:3»."""
    query: str = ""
    """As it was sent: the raw query string of a search. Free text: see `AuditRow`."""
    count: int | None = None
    """How many chats it found, or rows it gave."""
    numbers: int = 0
    """Whole private numbers that a principal who sees them masked looked up."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A recorded entry. `number` counts from 1 without gaps. The free texts (`name`, `query`) of
    `entry` stand beside the chain, which has a commitment to each: so one can be erased, and the
    chain stays whole. An erased text is None in `erased`."""

    number: int
    at: datetime
    """When it was written. Never before the row before it, also where the clock was set back."""
    clock: datetime | None
    """What the clock said, where that was before the row before it; else None."""
    entry: AuditEntry
    erased: tuple[str, ...]
    """The names of the texts that were erased; they are «» in `entry`."""
    hash: str
    """SHA-256 (hex) over the row and the hash of the row before it."""


@dataclass(frozen=True, slots=True)
class AuditProblem:
    """What is wrong with the chain, and at which row; None where no row can be named."""

    number: int | None
    text: str


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What a check of the chain found."""

    rows: int
    head: str
    """The hash of the last row; 64 zeros where there is none."""
    problems: tuple[AuditProblem, ...]

    @property
    def ok(self) -> bool:
        """Is the chain whole?"""
        return not self.problems


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows are asked for: those that fulfil all of this."""

    since: datetime | None = None
    until: datetime | None = None
    principal: str | None = None
    """`Principal.key`."""
    who: str | None = None
    """A name, in capitals or not; or a `Principal.key`."""
    actions: tuple[Action, ...] = ()
    """Any of these; empty for all."""
    object: str | None = None
    last: int | None = None
    """No row with a greater number."""
    numbers: bool = False
    """Only rows of who looked up whole private numbers that they see masked."""


@dataclass(frozen=True, slots=True)
class NumberLookups:
    """Who looked up how many whole private numbers that they see masked. Many mean that somebody
    may be trying out numbers."""

    principal: str
    name: str
    """The name of the last row; «» where it was erased."""
    rows: int
    numbers: int
    last_at: datetime
