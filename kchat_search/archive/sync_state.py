"""What sync remembers between two runs: cursors, reports and their totals.

A cursor is a name and a JSON value. The totals over all syncs are a cursor too, saved in the
transaction that saves the report. So they count every report, also those deleted since.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from kchat_search.archive.column_conversion import (
    moment_in,
    report_in,
    report_out,
    storable,
    storable_row,
    totals_in,
    totals_out,
)
from kchat_search.archive.statements import upsert
from kchat_search.archive.tables import cursors, reports
from kchat_search.models.reports import SyncReport, SyncTotals

_REPORTS_KEPT = 10_000  # a week of ticks, one a minute
_TOTALS = "totals"

# Built once, because building a statement takes as long as carrying it out.
_CURSORS = select(cursors.c.name, cursors.c.value).where(
    cursors.c.name.in_(bindparam("names", expanding=True))
)


def cursor(connection: Connection, name: str) -> dict[str, Any] | None:
    """The cursor of this name; None if it was never saved."""
    stored = connection.scalar(select(cursors.c.value).where(cursors.c.name == storable(name)))
    if stored is None:
        return None
    value: dict[str, Any] = json.loads(stored)
    return value


def cursors_named(connection: Connection, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The cursors of these names; those that were never saved are left out."""
    rows = connection.execute(_CURSORS, {"names": list(names)})
    return {name: json.loads(value) for name, value in rows}


def save_cursor(connection: Connection, name: str, value: Mapping[str, Any], now: datetime) -> None:
    """Save one cursor. Raises TypeError for a value that is not JSON."""
    row = storable_row(name=name, value=json.dumps(dict(value)), updated_at=moment_in(now))
    connection.execute(upsert(connection.dialect.name, cursors), [row])


def save_report(connection: Connection, report: SyncReport) -> None:
    """Keep the report, delete the oldest ones, and add the report to the totals."""
    connection.execute(insert(reports), [{"value": report_in(report)}])
    newest = connection.scalar(select(func.max(reports.c.id))) or 0
    connection.execute(delete(reports).where(reports.c.id <= newest - _REPORTS_KEPT))
    by_kind = totals(connection)
    by_kind[report.kind] = by_kind.get(report.kind, SyncTotals()).plus(report)
    save_cursor(connection, _TOTALS, totals_in(by_kind), report.finished_at)


def last_reports(connection: Connection, limit: int) -> tuple[SyncReport, ...]:
    """Reports of the last syncs, newest first."""
    rows = connection.scalars(select(reports.c.value).order_by(reports.c.id.desc()).limit(limit))
    return tuple(map(report_out, rows))


def totals(connection: Connection) -> dict[str, SyncTotals]:
    """The sums over all syncs, by kind of sync."""
    return totals_out(cursor(connection, _TOTALS))
