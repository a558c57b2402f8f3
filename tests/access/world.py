"""A database of people for tests: hashing that costs nothing, and a clock that is set by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from argon2 import PasswordHasher

from kchat_search.access.opening import open_access
from kchat_search.access.passwords import Passwords
from kchat_search.access.store import SqlAccess

PASSWORD = "four words of mine"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ADDRESS = "192.0.2.7"
TABLES = (
    "claimed_agents",
    "saved_searches",
    "sessions",
    "tokens",
    "people",
    "failed_log_ins",
    "request_counts",
    "facts",
)
"""Those of people, in an order in which they can be deleted."""


class CheapHasher(PasswordHasher):
    """argon2id with the least parameters, which counts what it was asked."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__(time_cost=time_cost, memory_cost=8, parallelism=1)
        self.verified = 0
        self.hashed = 0

    def hash(self, password: str | bytes, **more: Any) -> str:
        """Count, then hash."""
        self.hashed += 1
        return super().hash(password, **more)

    def verify(self, hash: str | bytes, password: str | bytes) -> Any:  # noqa: A002  # its name
        """Count, then verify."""
        self.verified += 1
        return super().verify(hash, password)


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    at: datetime = START

    def __call__(self) -> datetime:
        """The present."""
        return self.at

    def passes(self, **time: float) -> None:
        """So much time passes (`timedelta`'s arguments); a negative one sets the clock back."""
        self.at += timedelta(**time)


@dataclass
class Mark:
    """A mark in an archive."""

    marked: bool = False

    def is_set(self) -> bool:
        """Was it set?"""
        return self.marked

    def set(self) -> None:
        """Set it."""
        self.marked = True


@dataclass
class Office:
    """A database of people at an address, and what is needed to open it again."""

    url: str
    clock: Clock = field(default_factory=Clock)
    mark: Mark = field(default_factory=Mark)
    hasher: CheapHasher = field(default_factory=CheapHasher)
    secret: str = ""
    """Of a session that a test began."""
    token: str = ""
    """The secret of a token."""

    @property
    def file(self) -> Path:
        """Where it lies, on SQLite."""
        return Path(self.url.removeprefix("sqlite:///"))

    def stored(self) -> bytes:
        """All that is stored, as bytes: of the files, or of the rows."""
        if self.url.startswith("sqlite"):
            return b"".join(path.read_bytes() for path in self.file.parent.glob("access*"))
        with psycopg.connect(self.url) as connection:
            rows = [
                connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608  # our names
                for name in TABLES
            ]
        return repr(rows).encode()

    def open(self, **settings: Any) -> SqlAccess:
        """What a process has of it."""
        given: dict[str, Any] = {
            "wait_seconds": 0.2,
            "passwords": Passwords(self.hasher),
            "mark": self.mark,
        }
        return open_access(self.url, self.clock, **(given | settings))


def url_of(file: Path) -> str:
    """The address of a database in a file."""
    return f"sqlite:///{file}"
