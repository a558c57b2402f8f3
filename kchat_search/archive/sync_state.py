"""What sync remembers between two runs: cursors, reports and their totals.

A cursor is a name and a JSON value. The totals over all syncs are a cursor too, saved in the
transaction that saves the report. So they count every report, also those deleted since.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from kchat_search.archive import restoring, sealed_rows, seals
from kchat_search.archive.column_conversion import (
    report_in,
    report_out,
    storable_row,
    totals_in,
    totals_out,
)
from kchat_search.archive.error_translation import readable_part
from kchat_search.archive.tables import cursors, reports
from kchat_search.databases.column_values import moment_in, storable
from kchat_search.models.reports import SyncReport, SyncTotals

_REPORTS_KEPT = 10_000  # a week of ticks, one a minute
_TOTALS = "totals"

# Built once, because building a statement takes as long as carrying it out.
_CURSORS = select(cursors).where(cursors.c.name.in_(bindparam("names", expanding=True)))


def cursor(connection: Connection, name: str) -> dict[str, Any] | None:
    """The cursor of this name; None if it was never saved, or if its row is damaged."""
    return cursors_named(connection, [storable(name)]).get(storable(name))


def has_cursor(connection: Connection, name: str) -> bool:
    """Is there a row of this name, sound or damaged?"""
    found = select(cursors.c.name).where(cursors.c.name == storable(name))
    return connection.scalar(found) is not None


def cursors_named(connection: Connection, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The cursors of these names; those that were never saved are left out, and those whose row is
    damaged: then sync begins again where it would without one, and loses nothing but time."""
    values = {}
    rows: Sequence[Any] = ()
    with readable_part("cursors"):
        rows = connection.execute(_CURSORS, {"names": list(names)}).all()
    for row in rows:
        if seals.row_problem(cursors, row, remember=True) is None:
            values[row[0]] = json.loads(row[1])
        else:
            seals.say_left_out("cursors")
    return values


def save_cursor(connection: Connection, name: str, value: Mapping[str, Any], now: datetime) -> None:
    """Save one cursor. Raises TypeError for a value that is not JSON."""
    row = storable_row(name=name, value=json.dumps(dict(value)), updated_at=moment_in(now))
    sound, damaged = sealed_rows.sound_and_damaged(
        connection, cursors, cursors.c.name == row["name"]
    )
    restoring.set_aside_rows(connection, cursors, damaged, moment_in(now))
    sealed_rows.put(connection, cursors, [row], sound)


def drop_cursors(connection: Connection, names: Collection[str]) -> None:
    """Delete the cursors of these names."""
    condition = cursors.c.name.in_(list(map(storable, names)))
    sound, damaged = sealed_rows.sound_and_damaged(connection, cursors, condition)
    sealed_rows.remove(connection, cursors, sound + damaged)


def save_report(connection: Connection, report: SyncReport) -> None:
    """Keep the report, delete the oldest ones, and add the report to the totals."""
    newest = sealed_rows.next_number(connection, reports)
    sealed_rows.put(connection, reports, [{"id": newest, "value": report_in(report)}])
    oldest = reports.c.id <= newest - _REPORTS_KEPT
    sound, damaged = sealed_rows.sound_and_damaged(connection, reports, oldest)
    sealed_rows.remove(connection, reports, sound + damaged)
    by_kind = totals(connection)
    by_kind[report.kind] = by_kind.get(report.kind, SyncTotals()).plus(report)
    save_cursor(connection, _TOTALS, totals_in(by_kind), report.finished_at)


def last_reports(connection: Connection, limit: int) -> tuple[SyncReport, ...]:
    """Reports of the last syncs, newest first. A damaged one is left out."""
    rows: Sequence[Any] = ()
    with readable_part("reports"):
        rows = connection.execute(select(reports).order_by(reports.c.id.desc()).limit(limit)).all()
    sound = [row for row in rows if seals.row_problem(reports, row) is None]
    if len(sound) < len(rows):
        seals.say_left_out("reports")
    return tuple(report_out(row.value) for row in sound)


def totals(connection: Connection) -> dict[str, SyncTotals]:
    """The sums over all syncs, by kind of sync."""
    return totals_out(cursor(connection, _TOTALS))
