"""Salvage: make a sound file of what can be read of a damaged one.

Wrong indexes are built again in place. Where that is not enough, every row that can be read is
copied into a new database beside the archive, and the archive is overwritten with it in one
transaction of SQLite (its backup API), so that programs that have the archive open go on with the
sound one. The damaged file is kept beside it, byte for byte.

Invariants: a row is copied as it is, damaged or not; what to do with it is decided by `mending`.
The tally is copied too, so that rows that were lost stay missed.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, insert, text
from sqlalchemy.exc import DBAPIError

from kchat_search import private_files
from kchat_search.archive import checking
from kchat_search.archive.tables import changes, metadata, tally
from kchat_search.databases.connections import outside_transactions, reading
from kchat_search.databases.error_translation import is_damage
from kchat_search.databases.numbering import go_on_after, last_number
from kchat_search.models.damage import DamagedRow

log = logging.getLogger(__name__)

_PART_BYTES = 4_000_000


def needed(findings: Sequence[DamagedRow]) -> bool:
    """Is something wrong with the file, and not only with what stands in its rows?"""
    return any(finding.remedy == "rebuild" for finding in findings)


def salvage(
    engine: Engine, file: Path, new_archive: Callable[[Path], Engine], now: datetime
) -> Path | None:
    """Make the file sound. Returns where the damaged file is kept; None if building the indexes
    again was enough. `new_archive` makes an archive with empty tables.

    Raises DBAPIError where not even the definitions of the tables can be read.
    """
    if _reindexed(engine):
        return None
    kept = file.with_name(f"{file.name}.damaged-{now:%Y%m%d-%H%M%S}")
    new = file.with_name(f"{file.name}.salvaged")
    _remove(new)
    try:
        target = new_archive(new)
        try:
            with reading(engine) as source:
                _copy(source, target)
        finally:
            target.dispose()
        _keep(engine, file, kept)
        _overwrite(new, engine)
    finally:
        _remove(new)
    log.warning("What can be read of the archive is in a sound file now; the old one is %s.", kept)
    return kept


def _reindexed(engine: Engine) -> bool:
    """Build all indexes again. Was that enough?"""
    with outside_transactions(engine) as connection:
        try:
            connection.execute(text("REINDEX"))
        except DBAPIError as error:
            log.info("The indexes can't be built again: %s", error.orig)
            return False
    with reading(engine) as connection:
        return not list(checking.file_findings(connection))


def _copy(source: Connection, target: Engine) -> None:
    with outside_transactions(target) as connection:
        connection.execute(text("PRAGMA foreign_keys = OFF"))
        connection.execute(text("BEGIN IMMEDIATE"))
        connection.execute(tally.delete())
        for table in metadata.sorted_tables:
            for row in _rows(source, table):
                _put(connection, table, row)
        _continue_numbers(source, connection)
        connection.execute(text("COMMIT"))


def _rows(source: Connection, table: Table) -> Iterator[Sequence[Any]]:
    after: Any = None
    while True:
        part = checking.read_part(source, table, after, _PART_BYTES)
        yield from part.rows
        if part.last is None:
            return
        after = part.last


def _put(connection: Connection, table: Table, row: Sequence[Any]) -> None:
    values = dict(zip(table.c.keys(), row, strict=True))
    try:
        connection.execute(insert(table), [values])
    except DBAPIError as error:  # its key is there twice, or a value is missing
        log.warning("A row of %s is lost: %s", table.name, error.orig)


def _continue_numbers(source: Connection, target: Connection) -> None:
    """A sequence number is never used twice, so the new file goes on where the old one was."""
    with suppress(DBAPIError):
        go_on_after(target, changes, last_number(source, changes))


def _keep(engine: Engine, file: Path, kept: Path) -> None:
    """Copy the damaged file, with what its write-ahead log has."""
    with outside_transactions(engine) as connection:
        try:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        except DBAPIError as error:
            if not is_damage(error):
                raise
    with file.open("rb") as damaged, private_files.create(kept) as copy:
        shutil.copyfileobj(damaged, copy)


def _overwrite(new: Path, engine: Engine) -> None:
    with closing(sqlite3.connect(new)) as sound, outside_transactions(engine) as connection:
        there = connection.connection.dbapi_connection
        assert isinstance(there, sqlite3.Connection)
        sound.backup(there)


def _remove(file: Path) -> None:
    for name in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
        name.unlink(missing_ok=True)
    file.with_name(f"{file.name}.migration.lock").unlink(missing_ok=True)
