"""What the world does wrong to an archive, said so that a person can act on it.

The one place that turns a database's errors into ours. A bug (a wrong statement, a broken
constraint, a wrong type) is not wrapped: it flies as what it is.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError

from kchat_search.errors import ArchiveError, ArchiveFull

_DAMAGED = (
    "The archive {place} is damaged or is no database ({detail}). Put back a copy of it, or "
    "save what can be read with: sqlite3 FILE .recover"
)
_UNWRITABLE = (
    "The archive {place} can't be opened for writing ({detail}). See that the file and its folder "
    "exist, belong to the user who runs this program and are not on a read-only disk."
)
_LOCKED = (
    "The archive {place} is held by another program ({detail}). Nothing was changed: end that "
    "program, or wait, and run again."
)
_DISK = "The disk of the archive {place} fails ({detail}). See the system's log; nothing was saved."
_FULL = (
    "The disk of the archive {place} has no room left. Free some space and run again; "
    "nothing was lost."
)

# By SQLite's primary result code: https://sqlite.org/rescode.html
_SQLITE = {
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_FORMAT: _DAMAGED,
    sqlite3.SQLITE_READONLY: _UNWRITABLE,
    sqlite3.SQLITE_CANTOPEN: _UNWRITABLE,
    sqlite3.SQLITE_PERM: _UNWRITABLE,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_PROTOCOL: _LOCKED,
    sqlite3.SQLITE_IOERR: _DISK,
}
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def archive_errors(place: str) -> Iterator[None]:
    """Say what goes wrong inside as `ArchiveError` or `ArchiveFull`; `place` is where the archive
    is, without a password."""
    try:
        yield
    except DBAPIError as error:
        told = _tell(error, place)
        if told is None:
            raise
        raise told from error
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise ArchiveFull(_FULL.format(place=place)) from error
        detail = error.strerror or str(error)
        raise ArchiveError(_UNWRITABLE.format(place=place, detail=detail)) from error


def _tell(error: DBAPIError, place: str) -> ArchiveError | None:
    # The database's own words, in one line; SQLAlchemy's would bring the statement along
    detail = " ".join(str(error.orig).split())
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        # The index of the write-ahead log is made larger outside of a transaction, and SQLite does
        # not say «full» where that finds no room
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE):
            return ArchiveFull(_FULL.format(place=place))
        text = _SQLITE.get(code & 0xFF)
        return None if text is None else ArchiveError(text.format(place=place, detail=detail))
    state = getattr(error.orig, "sqlstate", None)
    if state == "53100":  # PostgreSQL: disk_full
        return ArchiveFull(_FULL.format(place=place))
    if state == "25006":  # read_only_sql_transaction: a standby
        return ArchiveError(_UNWRITABLE.format(place=place, detail=detail))
    if isinstance(error, OperationalError) and not isinstance(error.orig, sqlite3.Error):
        return ArchiveError(
            f"The archive {place} can't be reached ({detail}). See that the database runs and that "
            "KCHAT_ARCHIVE_URL is right."
        )
    return None
