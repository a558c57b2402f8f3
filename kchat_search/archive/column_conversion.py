"""Convert between Python's values and what a column holds.

See also `databases.column_values`. Names say the direction: `second_in` goes into a column,
`second_out` comes out of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from kchat_search.databases.column_values import storable
from kchat_search.models.reports import SyncReport, SyncTotals

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_IDS = range(-(2**63), 2**63)


def second_in(moment: datetime | None) -> int | None:
    """Whole seconds since 1970 UTC, rounded down. Raises TypeError for a time without a zone."""
    return None if moment is None else (moment - _EPOCH) // timedelta(seconds=1)


def second_out(stored: int | None) -> datetime | None:
    """The aware time of a number of seconds since 1970 UTC."""
    return None if stored is None else _EPOCH + timedelta(seconds=stored)


def storable_row(**columns: object) -> dict[str, object]:
    """A row of these columns, with every text made storable."""
    return {
        name: storable(value) if isinstance(value, str) else value
        for name, value in columns.items()
    }


def storable_ids(ids: Iterable[object]) -> list[int]:
    """Each id once, ascending, without ids that don't fit into a column of 64 bits. The archive
    can't have those, but the address of a web page may ask for any number. What is no number
    (a damaged row may have anything) is left out too."""
    return sorted({number for number in ids if isinstance(number, int) and number in _IDS})


def stored_id(number: int) -> int:
    """The id as a column holds it. Raises OverflowError for one that doesn't fit into 64 bits."""
    if number not in _IDS:
        raise OverflowError(f"{number} is too large for the id of a chat")
    return number


def report_in(report: SyncReport) -> str:
    """A report as JSON in ASCII."""
    return json.dumps(asdict(report), default=datetime.isoformat)


def report_out(stored: str) -> SyncReport:
    """The report from JSON. Fields that a later version of the program has added are left out."""
    names = {field.name for field in fields(SyncReport)}
    known: dict[str, Any] = {
        name: value for name, value in json.loads(stored).items() if name in names
    }
    for name in ("started_at", "finished_at"):
        known[name] = datetime.fromisoformat(known[name])
    known["notes"] = tuple(known.get("notes", ()))
    return SyncReport(**known)


def totals_in(totals: Mapping[str, SyncTotals]) -> dict[str, Any]:
    """Totals by kind, as the value of a cursor."""
    return {kind: asdict(of_kind) for kind, of_kind in totals.items()}


def totals_out(stored: Mapping[str, Any] | None) -> dict[str, SyncTotals]:
    """The totals from the value of a cursor. Fields that a later version of the program has added
    are left out."""
    names = {field.name for field in fields(SyncTotals)}
    return {
        kind: SyncTotals(**{name: value for name, value in of_kind.items() if name in names})
        for kind, of_kind in (stored or {}).items()
    }
