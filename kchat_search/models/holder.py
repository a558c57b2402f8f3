"""Who is the indexer."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

_LONGEST = 100
_HIGHEST_TERM = 1 << 32


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that is the indexer. As text, one line for people who may stop it."""

    what: str
    """What it does: «worker», «sync», «reindex», «repair», «hot»; «unknown» where nothing tells."""
    pid: int | None = None
    host: str | None = None
    since: datetime | None = None
    """Aware, in UTC."""

    @classmethod
    def this_process(cls, what: str, now: datetime) -> Holder:
        """This one, from now on."""
        return cls(what, os.getpid(), socket.gethostname(), now)

    def __str__(self) -> str:
        if self.since is None:
            return self.what
        return (
            f"{self.what} (process {self.pid} on {self.host}, since "
            f"{self.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)"
        )

    def to_json(self) -> dict[str, Any]:
        """For a file, or a cursor of the archive."""
        return asdict(self) | {"since": self.since and self.since.isoformat()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Holder:
        """What `to_json` made; anybody may have written it, so each text becomes a short line of
        visible characters. Raises `KeyError`, `TypeError` or `ValueError` for anything else."""
        since = datetime.fromisoformat(value["since"]).astimezone(UTC)
        return cls(_line(value["what"]), int(value["pid"]), _line(value["host"]), since)


UNKNOWN = Holder("unknown")


def next_term(before: object, now: datetime) -> int:
    """The number of a term as the indexer: higher than the one before, and no lower than the
    seconds since 1970. So terms rise also where a backup was put back, or what was kept is lost.
    `before`: what was kept; what is no term counts as nothing."""
    last = before if isinstance(before, int) and before < _HIGHEST_TERM else 0
    return max(last + 1, int(now.timestamp()))


def _line(text: str) -> str:
    return "".join(c for c in text if c.isprintable()).strip()[:_LONGEST]
