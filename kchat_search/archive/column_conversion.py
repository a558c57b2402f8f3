"""Between what Python has and what a column holds.

Invariants: a moment comes back as it went in, to the microsecond; no text that goes into a column
has what some database can't store.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Any, overload

from kchat_search.models.reports import SyncReport, SyncTotals

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_IDS = range(-(2**63), 2**63)


def moment_in(moment: datetime) -> int:
    """Microseconds since 1970 UTC. Raises TypeError for a time without a zone."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


@overload
def moment_out(stored: int) -> datetime: ...
@overload
def moment_out(stored: None) -> None: ...
def moment_out(stored: int | None) -> datetime | None:
    """The aware time of so many microseconds."""
    return None if stored is None else _EPOCH + timedelta(microseconds=stored)


def second_in(moment: datetime | None) -> int | None:
    """Whole seconds since 1970 UTC, rounded down. Raises TypeError for a time without a zone."""
    return None if moment is None else (moment - _EPOCH) // timedelta(seconds=1)


def second_out(stored: int | None) -> datetime | None:
    """The aware time of so many seconds."""
    return None if stored is None else _EPOCH + timedelta(seconds=stored)


def storable(text: str) -> str:
    """The text with U+FFFD for what some database refuses: lone surrogates (SQLite and PostgreSQL
    store UTF-8) and NUL (PostgreSQL). Raw JSON is ASCII with escapes and stays as it is."""
    return _UNSTORABLE.sub("\ufffd", text)


def storable_row(**columns: object) -> dict[str, object]:
    """A row of these columns, every text of it storable."""
    return {
        name: storable(value) if isinstance(value, str) else value
        for name, value in columns.items()
    }


def storable_ids(ids: Iterable[int]) -> list[int]:
    """Each id once, ascending, without those that no column of 64 bits can hold (and that the
    archive therefore does not have): an address line may ask for any number."""
    return sorted({number for number in ids if number in _IDS})


def report_in(report: SyncReport) -> str:
    """A report as JSON in ASCII."""
    return json.dumps(asdict(report), default=datetime.isoformat)


def report_out(stored: str) -> SyncReport:
    """The report again; what a later version of this program added is left out."""
    known: dict[str, Any] = json.loads(stored)
    names = {field.name for field in fields(SyncReport)}
    known = {name: value for name, value in known.items() if name in names}
    for name in ("started_at", "finished_at"):
        known[name] = datetime.fromisoformat(known[name])
    known["notes"] = tuple(known.get("notes", ()))
    return SyncReport(**known)


def totals_in(totals: Mapping[str, SyncTotals]) -> dict[str, Any]:
    """Totals by kind, as the value of a cursor."""
    return {kind: asdict(each) for kind, each in totals.items()}


def totals_out(stored: Mapping[str, Any] | None) -> dict[str, SyncTotals]:
    """The totals again; what a later version of this program added is left out."""
    names = {field.name for field in fields(SyncTotals)}
    return {
        kind: SyncTotals(**{name: value for name, value in each.items() if name in names})
        for kind, each in (stored or {}).items()
    }
