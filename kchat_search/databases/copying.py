"""Copy a database, from SQLite or PostgreSQL to either, and prove the copy row by row.

Nobody else writes the source meanwhile: the copy holds its writers' lock. Rows go part by part, and
each part is one transaction of the target, with a note of how far the copy is. So a copy that was
killed goes on there. At last every row is read from both databases and compared; where the source
has changed since an earlier, killed run, the target follows.

Invariants: a target that has anything else in it is refused and not changed. Until the last row is
proven, the target has a table that keeps the program from opening it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    func,
    inspect,
    select,
    tuple_,
)
from sqlalchemy.exc import IntegrityError

from kchat_search.databases.column_values import storable
from kchat_search.databases.connections import OnPostgres, reading, writing
from kchat_search.databases.driver_statements import insert_many
from kchat_search.databases.error_translation import database_errors
from kchat_search.databases.kind import Kind
from kchat_search.databases.numbering import go_on_after, last_number, numbers_its_rows
from kchat_search.databases.opening import (
    UNFINISHED,
    OpenDatabase,
    filled_tables,
    location_of,
    open_database,
)
from kchat_search.databases.statements import chunks, upsert
from kchat_search.models.copies import Copied, CopiedTable
from kchat_search.models.reports import Progress

Row = tuple[Any, ...]

_ROWS_AT_ONCE = 2_000
_CHARACTERS_AT_ONCE = 4_000_000
_ROWS_AHEAD = 100
_WAIT_SECONDS = 30.0
_MODULUS = 2**256

_note = Table(
    UNFINISHED,
    MetaData(),
    Column("id", Integer, primary_key=True, autoincrement=False),
    # JSON: {"from": where the source is, "after": {table: key of the last row, null at its end}}
    Column("value", Text, nullable=False),
)


@dataclass(frozen=True)
class Subject:
    """What is particular about one kind of database."""

    kind: Kind
    summary: Table
    """A table of one row, which says what the others hold. It is there from the beginning on, and
    is written last."""
    is_damaged: Callable[[Table, Row], bool]
    """Is a row not what was stored?"""
    check: Callable[[Connection, str], None]
    """Raises `kind.error` for a source (and its location) that can't be copied as it is."""
    finish: Callable[[Connection, Connection], int]
    """From source to target: writes the summary, when all other rows are there and are proven.
    Returns how many more things are not what was stored."""


def copy_database(
    subject: Subject,
    source_url: str,
    target_url: str,
    *,
    on_postgres: OnPostgres,
    progress: Progress,
) -> Copied:
    """Copy the database at `source_url` to `target_url`, or go on with that. The tables of the
    source become the present ones, as whenever it is opened.

    Raises `kind.error` where one of the two can't be read or written, the source has a row that no
    database can hold, or the target has other content; `kind.full` where its disk has no room.
    """
    ours = subject.kind
    with ExitStack() as stack:

        def opened(kind: Kind, url: str, *, may_be_unfinished: bool = False) -> OpenDatabase:
            database = open_database(
                kind,
                url,
                wait_seconds=_WAIT_SECONDS,
                on_postgres=on_postgres,
                may_be_unfinished=may_be_unfinished,
            )
            stack.callback(database.engine.dispose)
            return database

        if ours.version_table not in filled_tables(replace(ours, setting="FROM"), source_url):
            raise ours.error(f"FROM has no {ours.noun}")
        source = opened(replace(ours, setting="FROM"), source_url)
        to = replace(ours, setting="TO")
        if location_of(to, target_url) == source.location:
            raise ours.error("FROM and TO are the same database")
        _refuse_content(subject, filled_tables(to, target_url))
        target = opened(to, target_url, may_be_unfinished=True)
        with (
            database_errors(replace(ours, setting="FROM"), source.location),
            writing(source.engine, patient=True) as connection,
        ):
            subject.check(connection, source.location)
            return _Copy(subject, connection, source.location, target, to).run(progress)


def _refuse_content(subject: Subject, there: Mapping[str, bool]) -> None:
    kind = subject.kind
    if UNFINISHED in there or kind.version_table not in there:
        return  # what is of another program is refused when it is opened
    empty = (kind.version_table, subject.summary.name)
    filled = sorted(name for name, has_rows in there.items() if has_rows and name not in empty)
    if filled:
        raise kind.error(
            f"TO has content of its own ({', '.join(filled)}), which a copy would replace. Give a "
            "database that is empty"
        )


class _Copy:
    """One copy under way, while nobody else writes the source."""

    def __init__(
        self, subject: Subject, source: Connection, came_from: str, target: OpenDatabase, to: Kind
    ) -> None:
        self._subject = subject
        self._source = source
        self._came_from = came_from
        self._target = target
        self._to = to
        tables = subject.kind.metadata.sorted_tables
        self._tables = [table for table in tables if table is not subject.summary]
        self._damaged = 0
        self._after: dict[str, list[Any] | None] = {}

    def run(self, progress: Progress) -> Copied:
        """All of it. `progress` counts rows."""
        is_new = self._begin()
        total = sum(_count(self._source, table) for table in self._tables)
        self._copy_rows(lambda rows: progress("copy", rows, total))
        if not is_new:  # the source may have changed since
            self._remove_others()
        proven = self._prove(lambda rows: progress("compare", rows, total))
        with self._writing() as connection:
            for table in self._tables:
                if numbers_its_rows(table):
                    go_on_after(connection, table, last_number(self._source, table))
            more = self._subject.finish(self._source, connection)
            _note.drop(connection)
        kind = self._subject.kind
        return Copied(kind.noun, kind.setting, proven, self._damaged + more)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._errors(), writing(self._target.engine, patient=True) as connection:
            yield connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with database_errors(self._to, self._target.location):
                yield
        except IntegrityError as error:
            raise self._broken("rows of it do not belong together") from error

    def _broken(self, what: str) -> Exception:
        kind = self._subject.kind
        return kind.error(
            f"The {kind.noun} {self._came_from} can't be copied: {what}. {kind.remedy}"
        )

    def _begin(self) -> bool:
        """Make the note, or read it. Returns whether it was made."""
        with self._writing() as connection:
            if inspect(connection).has_table(UNFINISHED):
                noted = json.loads(connection.scalars(select(_note.c.value)).one())
                if noted["from"] != self._came_from:
                    raise self._subject.kind.error(
                        f"TO is an unfinished copy of {noted['from']}. Go on with that one, or "
                        "give a database that is empty"
                    )
                self._after = noted["after"]
                return False
            _note.create(connection)
            connection.execute(_note.insert(), {"id": 1, "value": self._noted()})
            return True

    def _noted(self) -> str:
        return json.dumps({"from": self._came_from, "after": self._after})

    def _copy_rows(self, progress: Callable[[int], None]) -> None:
        """Copy what is not there yet."""
        with self._errors(), reading(self._target.engine, patient=True) as connection:
            done = sum(_count(connection, table) for table in self._tables)
        for table in self._tables:
            after = self._after.get(table.name, [])
            if after is None:
                continue
            for rows in _parts(self._source, table, after):
                for row in rows:
                    self._require_storable(table, row)
                self._after[table.name] = _key_of(table, rows[-1])
                self._write(table, rows)
                done += len(rows)
                progress(done)
            self._after[table.name] = None
            self._write(table, [])

    def _write(self, table: Table, rows: Sequence[Row]) -> None:
        with self._writing() as connection:
            if rows:
                insert_many(connection, list(table.columns), rows)
            elif connection.dialect.name == "postgresql":
                # Queries are planned by what is known of a table, and that takes its time else.
                connection.exec_driver_sql(f"ANALYZE {table.name}")
            connection.execute(_note.update().values(value=self._noted()))

    def _require_storable(self, table: Table, row: Row) -> None:
        for column, value in zip(table.columns, row, strict=True):
            if not _is_storable(column, value):
                key = ascii(_key_of(table, row))[1:-1]
                raise self._broken(f"the {column.name} of row {key} of {table.name} is damaged")

    def _remove_others(self) -> None:
        """Remove rows that the source does not have (any more)."""
        for table in reversed(self._tables):
            with self._errors(), reading(self._target.engine, patient=True) as connection:
                gone = [
                    key
                    for rows in _parts(connection, table, [])
                    for key in {tuple(_key_of(table, row)) for row in rows}
                    - _by_key(self._source, table, rows).keys()
                ]
            with self._writing() as connection:
                for part in chunks(gone, len(table.primary_key)):
                    connection.execute(delete(table).where(_is_one_of(table, part)))

    def _prove(self, progress: Callable[[int], None]) -> tuple[CopiedTable, ...]:
        """Read every row from both, and compare. What differs is put right and read again."""
        proven, done = [], 0
        for table in self._tables:
            rows_of_table = total = 0
            for rows in _parts(self._source, table, []):
                self._compare(table, rows)
                rows_of_table += len(rows)
                total += sum(_number_of(table, row) for row in rows)
                self._damaged += sum(self._subject.is_damaged(table, row) for row in rows)
                done += len(rows)
                progress(done)
            with self._errors(), reading(self._target.engine, patient=True) as connection:
                there = _count(connection, table)
            if there != rows_of_table:
                raise self._differs(f"{table.name} has {there:,} rows, not {rows_of_table:,}")
            proven.append(CopiedTable(table.name, rows_of_table, f"{total % _MODULUS:064x}"))
        return tuple(proven)

    def _compare(self, table: Table, rows: Sequence[Row]) -> None:
        differing = self._differing(table, rows)
        if not differing:
            return
        for row in differing:
            self._require_storable(table, row)
        with self._writing() as connection:
            names = table.c.keys()
            connection.execute(
                upsert(connection.dialect.name, table),
                [dict(zip(names, row, strict=True)) for row in differing],
            )
        if self._differing(table, differing):
            raise self._differs(f"rows of {table.name} do not come out as they were put in")

    def _differing(self, table: Table, rows: Sequence[Row]) -> list[Row]:
        with self._errors(), reading(self._target.engine, patient=True) as connection:
            there = _by_key(connection, table, rows)
        return [row for row in rows if there.get(tuple(_key_of(table, row))) != row]

    def _differs(self, what: str) -> Exception:
        return self._subject.kind.error(
            f"The copy at {self._target.location} is not what it was copied from: {what}. Nothing "
            "uses it. Give a database that is empty, and copy again"
        )


def _parts(connection: Connection, table: Table, after: Sequence[Any]) -> Iterator[list[Row]]:
    """The rows behind the key `after` in the order of the primary key, some at a time."""
    key = list(table.primary_key)
    statement = select(table).order_by(*key).limit(_ROWS_AT_ONCE)
    if connection.dialect.name == "postgresql":  # else its driver reads all of them at once
        statement = statement.execution_options(yield_per=_ROWS_AHEAD)
    while True:
        rows: list[Row] = []
        size = 0
        behind = statement.where(tuple_(*key) > tuple_(*after)) if after else statement
        with connection.execute(behind) as found:
            for row in found:
                rows.append(tuple(row))
                size += sum(len(value) for value in row if isinstance(value, str))
                if size >= _CHARACTERS_AT_ONCE:
                    break
        if not rows:
            return
        yield rows
        after = _key_of(table, rows[-1])


def _by_key(
    connection: Connection, table: Table, rows: Sequence[Row]
) -> dict[tuple[Any, ...], Row]:
    """The rows that have the keys of these rows."""
    keys = [tuple(_key_of(table, row)) for row in rows]
    return {
        tuple(_key_of(table, row)): tuple(row)
        for part in chunks(keys, len(table.primary_key))
        for row in connection.execute(select(table).where(_is_one_of(table, part)))
    }


def _is_one_of(table: Table, keys: Sequence[tuple[Any, ...]]) -> ColumnElement[bool]:
    columns = list(table.primary_key)
    if len(columns) == 1:
        return columns[0].in_([key for (key,) in keys])
    return tuple_(*columns).in_(keys)


def _key_of(table: Table, row: Row) -> list[Any]:
    names = table.c.keys()
    return [row[names.index(column.name)] for column in table.primary_key]


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _number_of(table: Table, row: Row) -> int:
    return int.from_bytes(sha256(ascii((table.name, *row)).encode()).digest())


def _is_storable(column: Column[Any], value: object) -> bool:
    """Can every database hold it? What a damaged file of SQLite has may be anything."""
    if value is None:
        return bool(column.nullable)
    if isinstance(column.type, Text):
        return isinstance(value, str) and storable(value) == value
    bits = 63 if isinstance(column.type, BigInteger) else 31
    return type(value) is int and -(2**bits) <= value < 2**bits
