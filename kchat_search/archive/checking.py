"""Check the archive, part by part: is everything in it what was stored?

A check goes through `STEPS`: SQLite checks its file; each table is read row by row, in the order of
its primary key; at last the sizes are held against the rows. A position says the step and the key
after which it goes on, as JSON.

Invariant: no damage ends a check. What can't be read is a finding, and the check goes on behind it.
On PostgreSQL that is so for what stands in rows. Files and pages are the server's own: where it
can't read one, it ends the transaction, and the check ends with an `ArchiveError` that says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    literal_column,
    select,
    text,
    tuple_,
)
from sqlalchemy.exc import DBAPIError

from kchat_search.archive import change_queue, sealed_rows, seals, stored_chats, tally
from kchat_search.archive.error_translation import readable_part
from kchat_search.archive.restoring import printable
from kchat_search.archive.shape import shape_problem
from kchat_search.archive.stored_columns import derived
from kchat_search.archive.tables import chats, metadata, versions
from kchat_search.databases.error_translation import is_damage
from kchat_search.databases.statements import chunks
from kchat_search.models.chats import FetchedChat, RejectedChat, StoredVersion, Understand
from kchat_search.models.damage import CheckedPart, DamagedRow, Remedy

STEPS = ("file", "chats", "versions", *sorted(set(tally.SUMMED) - {"chats", "versions"}), "sizes")
_ROWS_AT_ONCE = 500
_ROWS_AHEAD = 20

NOT_DERIVED = "its columns are not those that its raw JSON has"
TOO_MANY = "it has more versions than the present one says"


def check(
    connection: Connection, position: str, understand: Understand, most_bytes: int
) -> CheckedPart:
    """Check the next part, as `ports.ArchiveCheck.check` says."""
    step, after = json.loads(position) if position else (STEPS[0], None)
    if step == "file":
        return CheckedPart(tuple(file_findings(connection)), 0, _next_step(step))
    if step == "sizes":
        return CheckedPart(tuple(size_findings(connection)), 0, None)
    return _check_rows(connection, metadata.tables[step], after, understand, most_bytes)


def file_findings(connection: Connection) -> Iterator[DamagedRow]:
    """What SQLite finds in its file, and whether its definitions are those that were made."""
    if connection.dialect.name != "sqlite":
        return
    row = tally.sound_row(connection)
    if row is not None and (problem := shape_problem(connection, row["shape"])) is not None:
        yield DamagedRow("file", problem, "rebuild")
    try:
        found = [str(line) for line in connection.scalars(text("PRAGMA integrity_check")).all()]
    except DBAPIError as error:
        if not is_damage(error):
            raise
        found = [str(error.orig)]
    for line in found:
        if line != "ok":
            problem = " ".join(printable(line).replace("***", "").split())
            yield DamagedRow("file", problem, "rebuild")


def size_findings(connection: Connection) -> Iterator[DamagedRow]:
    """Where the tally does not agree with the rows."""
    row = tally.sound_row(connection)
    if row is None:
        yield DamagedRow("tally", seals.COLUMNS_DIFFER, "recompute")
        return
    stored_sums = tally.sums_of(row)
    for name in tally.SUMMED:
        rows = total = None
        with readable_part(name):  # `_check_rows` has named what can't be read
            rows, total = tally.sum_of_rows(connection, name)
        if rows is None:
            continue
        stored_rows, stored_total = stored_sums.get(name, (0, 0))
        if rows != stored_rows:
            problem = f"{stored_rows:,} rows were stored, there are {rows:,}"
            yield DamagedRow(name, problem, "recompute")
        elif total != stored_total:
            yield DamagedRow(name, "some rows are not the ones that were stored last", "recompute")
    with readable_part("changes"):
        if change_queue.nameless(connection):
            yield DamagedRow("changes", "entries name no chat", "recompute")
    there = None
    with readable_part("chats"):
        there = tally.counted(connection)
    if there is None:
        return
    for name in ("chats", "gone", "pending", "rejected", "versions"):
        if row[name] != getattr(there, name):
            problem = f"it says {row[name]:,} {name}, there are {getattr(there, name):,}"
            yield DamagedRow("tally", problem, "recompute")


def row_finding(
    table: Table, row: Sequence[Any], problem: str | None, understand: Understand
) -> DamagedRow | None:
    """What is wrong with one row; None if nothing is. `problem`: what its seal says."""
    columns = dict(zip(table.c.keys(), row, strict=True))
    if table is versions:
        return _version_finding(stored_chats.version_of_row(row, problem), understand)
    if table is chats:
        return _chat_finding(columns, problem, understand)
    if problem is None:
        return None
    key = " ".join(printable(columns[column.name]) for column in table.primary_key)
    return DamagedRow(table.name, problem, "none", key=key)


def _chat_finding(
    columns: sealed_rows.Row, problem: str | None, understand: Understand
) -> DamagedRow | None:
    version = columns["version"] if isinstance(columns["version"], int) else None
    if problem is not None:
        proven = proven_raw(columns, understand)
        remedy: Remedy = "fetch" if proven is None else "recompute"
        return DamagedRow("chats", problem, remedy, columns["id"], version)
    item = understand(columns["raw"])
    if isinstance(item, RejectedChat):
        problem = f"its raw JSON can't be understood ({item.reason})"
        return DamagedRow("chats", problem, "fetch", columns["id"], version)
    expected = {"id": item.chat.id, **derived(item)}
    if any(columns[name] != value for name, value in expected.items()):
        return DamagedRow("chats", NOT_DERIVED, "recompute", columns["id"], version)
    return None


def proven_raw(columns: sealed_rows.Row, understand: Understand) -> FetchedChat | None:
    """What a damaged row of a chat has as raw JSON, if its SHA-256 or its digest proves it."""
    raw = columns["raw"]
    if not isinstance(raw, str):
        return None
    try:
        item = understand(raw)
    except ValueError:  # it is no JSON any more
        return None
    if isinstance(item, RejectedChat) or item.chat.id != columns["id"]:
        return None
    proven = item.sha256 == columns["sha256"] or item.digest == columns["digest"]
    return item if proven else None


def _version_finding(
    stored: StoredVersion | DamagedRow, understand: Understand
) -> DamagedRow | None:
    if isinstance(stored, DamagedRow):
        return None if stored.problem == stored_chats.LOST else stored
    item = understand(stored.raw)
    if isinstance(item, RejectedChat) or (item.chat.id, item.digest) == (
        stored.chat_id,
        stored.digest,
    ):
        return None
    return DamagedRow("versions", NOT_DERIVED, "recompute", stored.chat_id, stored.version)


def _check_rows(
    connection: Connection, table: Table, after: Any, understand: Understand, most_bytes: int
) -> CheckedPart:
    part = read_part(connection, table, after, most_bytes)
    problems = [seals.row_problem(table, row) for row in part.rows]
    found = (
        row_finding(table, row, problem, understand)
        for row, problem in zip(part.rows, problems, strict=True)
    )
    sound = [row for row, problem in zip(part.rows, problems, strict=True) if problem is None]
    findings = [*part.findings, *(finding for finding in found if finding is not None)]
    if table is chats:
        findings += _number_findings(connection, sound)
    if table is versions:
        findings += _orphan_findings(connection, sound)
    following = _next_step(table.name)
    if part.last is not None:
        following = json.dumps([table.name, part.last])
    return CheckedPart(tuple(findings), len(part.rows), following)


@dataclass
class Part:
    """Rows of a table, and what of it can't be read."""

    rows: list[Sequence[Any]] = field(default_factory=list)
    findings: list[DamagedRow] = field(default_factory=list)
    last: Any = None
    """Where the last row stands; None if no row follows."""


def place_of(connection: Connection, table: Table) -> list[ColumnElement[Any]]:
    """The columns by which rows are told apart and put in order. On SQLite that is the number that
    it gives every row: a primary key may be damaged itself."""
    if connection.dialect.name == "sqlite":
        return [literal_column(f"{table.name}.rowid")]
    return list(table.primary_key)


def read_part(connection: Connection, table: Table, after: Any, most_bytes: int) -> Part:
    """The next rows of a table behind the place `after`, some `most_bytes` of raw JSON, whatever of
    the table can be read."""
    place = place_of(connection, table)
    statement = select(*place, table).order_by(*place).limit(_ROWS_AT_ONCE)
    if after is not None:
        statement = statement.where(tuple_(*place) > tuple_(*after))
    if connection.dialect.name != "sqlite":
        # Else its driver reads all rows into memory first. On SQLite rows come one by one, so that
        # those before a damaged one are not lost.
        statement = statement.execution_options(yield_per=_ROWS_AHEAD)
    part, size = Part(), 0
    try:
        with connection.execute(statement) as found:
            for row in found:
                part.rows.append(row[len(place) :])
                part.last = list(row[: len(place)])
                size += len(row.raw) if "raw" in table.c and row.raw is not None else 100
                if size >= most_bytes:
                    break
    except DBAPIError as error:
        if not is_damage(error):
            raise
        _read_one_by_one(connection, table, part, after)
    return part


def _read_one_by_one(connection: Connection, table: Table, part: Part, after: Any) -> None:
    """Go on behind `part`, although the table can't be read in one go from there."""
    begin = part.last or after
    places = _places(connection, table, begin[0] if begin else None)
    place = place_of(connection, table)[0]
    part.last = None
    for number in places:
        try:
            row = connection.execute(select(table).where(place == number)).first()
        except DBAPIError as error:
            if not is_damage(error):
                raise
            part.findings.append(_unreadable(table, number))
        else:
            if row is not None:
                part.rows.append(row)
        part.last = [number]
    if not places:
        part.findings.append(DamagedRow(table.name, "a part of it can't be read", "rebuild"))


def _places(connection: Connection, table: Table, after: int | None) -> list[int]:
    """The next places of a table, from an index, so without reading the table."""
    index = "ix_chats_id_version_gone_at" if table is chats else f"sqlite_autoindex_{table.name}_1"
    statement = f"SELECT rowid FROM {table.name} INDEXED BY {index}"  # noqa: S608  # nosec B608  # our own names
    if after is not None:
        statement += f" WHERE rowid > {int(after)}"
    try:
        found = connection.exec_driver_sql(f"{statement} ORDER BY rowid LIMIT {_ROWS_AT_ONCE}")
        return [int(number) for (number,) in found]
    except DBAPIError:  # the index can't be read either, or the table has none
        return []


def _unreadable(table: Table, number: int) -> DamagedRow:
    if table is chats:
        return DamagedRow("chats", stored_chats.UNREADABLE, "fetch", number)
    return DamagedRow(table.name, stored_chats.UNREADABLE, "rebuild", key=f"row {number}")


def _number_findings(connection: Connection, rows: Sequence[Sequence[Any]]) -> Iterator[DamagedRow]:
    """Chats whose versions are not 1 to the present one. `rows`: sound ones."""
    expected = {row[0]: row[1] for row in rows}
    numbers: dict[int, set[int]] = {chat_id: set() for chat_id in expected}
    for part in chunks(sorted(expected)):
        columns = (versions.c.chat_id, versions.c.version)
        with readable_part("versions"):
            for chat_id, number in connection.execute(
                select(*columns).where(versions.c.chat_id.in_(part))
            ):
                numbers[chat_id].add(number)
    for chat_id, last in expected.items():
        for number in sorted(set(range(1, last)) - numbers[chat_id]):
            yield DamagedRow("versions", stored_chats.MISSING, "none", chat_id, number)
        if numbers[chat_id] - set(range(1, last)):
            yield DamagedRow("chats", TOO_MANY, "recompute", chat_id, last)


def _orphan_findings(connection: Connection, rows: Sequence[Sequence[Any]]) -> Iterator[DamagedRow]:
    """Chats that have earlier versions and no present one. `rows`: sound ones."""
    ids = sorted({row[0] for row in rows})
    for part in chunks(ids):
        there = stored_chats.known_ids(connection, part)
        for chat_id in part:
            if chat_id not in there:
                yield DamagedRow("chats", stored_chats.MISSING, "fetch", chat_id)


def _next_step(step: str) -> str:
    return json.dumps([STEPS[STEPS.index(step) + 1], None])
