"""Rows of the audit, and a check of it: JSON, JSON Lines, CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast, get_args
from zoneinfo import ZoneInfo

from kchat_search.models.audit import AuditCheck, AuditRow
from kchat_search.search import dates
from kchat_search.serialization.audit_schemas import AuditCheckJson, AuditJson, AuditRowJson
from kchat_search.serialization.csv_cells import cell, csv_row
from kchat_search.serialization.json_text import json_text
from kchat_search.serialization.times import local

FileFormat = Literal["jsonl", "csv"]
FILE_FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)
TYPES: dict[FileFormat, str] = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8; header=present",
}
COLUMNS = (
    *("number", "at", "clock", "principal", "name", "address", "action", "object", "query"),
    *("count", "numbers", "erased", "hash"),
)
"""The columns of CSV: the fields of a row."""


def row_json(row: AuditRow, zone: ZoneInfo) -> AuditRowJson:
    """One row."""
    entry = row.entry
    return {
        "number": row.number,
        "at": _moment(row.at, zone),
        "clock": None if row.clock is None else _moment(row.clock, zone),
        "principal": entry.principal,
        "name": entry.name,
        "address": entry.address,
        "action": entry.action,
        "object": entry.object,
        "query": entry.query,
        "count": entry.count,
        "numbers": entry.numbers,
        "erased": [cast("Any", name) for name in row.erased],
        "hash": row.hash,
    }


def page_json(
    rows: Sequence[AuditRow], zone: ZoneInfo, *, total: int, before: int | None, next_: str | None
) -> AuditJson:
    """The answer of `GET /api/v1/audit`. `before`: the rows below this number follow."""
    return {
        "total": total,
        "rows": [row_json(row, zone) for row in rows],
        "cursor": None if before is None else str(before),
        "next": next_,
    }


def check_json(checked: AuditCheck) -> AuditCheckJson:
    """What a check found."""
    return {
        "ok": checked.ok,
        "rows": checked.rows,
        "head": checked.head,
        "problems": [{"number": one.number, "text": one.text} for one in checked.problems],
    }


def file_lines(rows: Iterable[AuditRow], form: FileFormat, zone: ZoneInfo) -> Iterator[str]:
    """The rows as a file, a line at a time. No cell of CSV is a formula."""
    if form == "jsonl":
        for row in rows:
            yield json_text(row_json(row, zone)) + "\n"
        return
    yield "\N{BOM}" + csv_row(COLUMNS)  # without it, Excel does not read UTF-8
    for row in rows:
        values = cast("dict[str, object]", row_json(row, zone))
        yield csv_row(_cell(values[name]) for name in COLUMNS)


def moments(
    since: str | None, until: str | None, zone: ZoneInfo
) -> tuple[datetime | None, datetime | None]:
    """The times `[since, until)` of an `AuditFilter`, from days or RFC 3339 times, both included.

    Raises `BadRequest` for what is neither.
    """
    return (
        None if since is None else _exactly(since, dates.parameter_start(since, zone, "since")),
        None
        if until is None
        else _exactly(until, dates.parameter_end(until, zone, "until"), timedelta(microseconds=1)),
    )


def _exactly(text: str, second: int | None, more: timedelta = timedelta(0)) -> datetime | None:
    """A day to the second, a time to the microsecond: a row's own time finds it."""
    if "T" in text.upper():
        return datetime.fromisoformat(text.upper()) + more
    return None if second is None else datetime.fromtimestamp(second, UTC)


def _moment(moment: datetime, zone: ZoneInfo) -> str:
    return local(moment, zone).isoformat(timespec="microseconds")


def _cell(value: object) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return "" if value is None else cell(str(value))
