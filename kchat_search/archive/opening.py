"""Open the archive: `databases.opening`, and whether its definitions are those that were made."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine

from kchat_search.archive import tally
from kchat_search.archive.error_translation import ARCHIVE
from kchat_search.archive.saving import always_new
from kchat_search.archive.shape import shape_problem
from kchat_search.archive.store import SqlArchive
from kchat_search.databases.connections import OnPostgres
from kchat_search.databases.opening import make_database, open_database
from kchat_search.models.chats import AddsNothing


def open_archive(
    url: str,
    *,
    wait_seconds: float = 30.0,
    on_postgres: OnPostgres | None = None,
    adds_nothing: AddsNothing = always_new,
) -> SqlArchive:
    """Open the archive at `url` (`sqlite:///var/archive.sqlite3`, or
    `postgresql://user:password@host/database`); make or migrate it if needed.

    A writer waits at most `wait_seconds` for another one. `adds_nothing` tells which chats need no
    new version although their digest is another one; by default none.

    Raises `ArchiveError` for an address that can't be used, a folder that can't be written, a file
    that is not a database of this program, and tables that are newer than this program;
    `ArchiveFull` where the disk has no room.
    """
    opened = open_database(
        ARCHIVE, url, wait_seconds=wait_seconds, on_postgres=on_postgres, problem=_problem
    )
    return SqlArchive(opened.engine, opened.location, adds_nothing)


def make_archive(file: Path) -> Engine:
    """An archive with empty tables in a new file."""
    return make_database(ARCHIVE, file)


def _problem(connection: Connection) -> str | None:
    row = tally.sound_row(connection)
    return None if row is None else shape_problem(connection, row["shape"])
