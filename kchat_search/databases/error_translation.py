"""Translate a database's errors into those of its kind.

Their messages say what happened and what to do next. No other file translates them. A bug (a wrong
statement, a broken constraint, a wrong type) is not translated, so that it is seen as a bug.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError

from kchat_search.databases.kind import Kind
from kchat_search.errors import KchatSearchError

_DAMAGED = "The {noun} {location} is damaged ({detail}). {remedy}"
_NO_DATABASE = (
    "The {noun} {location} is damaged or is no database ({detail}). Put a backup in its place, or "
    "save what can be read with: sqlite3 FILE .recover"
)
_UNWRITABLE = (
    "The {noun} {location} can't be opened for writing ({detail}). Check that the file and its "
    "folder exist, belong to the user who runs this program, and are not on a read-only disk."
)
_LOCKED = (
    "The {noun} {location} is held by another program ({detail}). Nothing was changed: end that "
    "program, or wait, and run again."
)
_DISK = (
    "The disk of the {noun} {location} fails ({detail}). See the system's log; nothing was saved."
)
_FULL = (
    "The disk of the {noun} {location} has no room left. Free some space and run again; "
    "nothing was lost."
)
_UNREACHABLE = (
    "The {noun} {location} can't be reached ({detail}). Check that the database runs and that "
    "{setting} is right."
)

# By SQLite's primary result code: https://sqlite.org/rescode.html
_SQLITE = {
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_FORMAT: _DAMAGED,
    sqlite3.SQLITE_TOOBIG: _DAMAGED,  # the length of a value was changed to gigabytes
    sqlite3.SQLITE_READONLY: _UNWRITABLE,
    sqlite3.SQLITE_CANTOPEN: _UNWRITABLE,
    sqlite3.SQLITE_PERM: _UNWRITABLE,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_PROTOCOL: _LOCKED,
    sqlite3.SQLITE_IOERR: _DISK,
}
_UNREADABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_TOOBIG}
_UNREADABLE_EXTENDED = {
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
    sqlite3.SQLITE_IOERR_CORRUPTFS,
}
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def database_errors(kind: Kind, location: str, *, opening: bool = False) -> Iterator[None]:
    """Translate errors that are raised inside the block. `location` names the database in messages:
    a file, or an address without its password. `opening`: what mends a database can't open it
    either.

    Raises `kind.full` where the disk is full, `kind.error` for anything else that a person can put
    right, and the original error for a bug.
    """
    try:
        yield
    except DBAPIError as error:
        translated = _translated(error, kind, location, _NO_DATABASE if opening else _DAMAGED)
        if translated is None:
            raise
        raise translated from error
    except OSError as error:
        detail = error.strerror or str(error)
        if error.errno in _NO_ROOM:
            raise kind.full(_said(_FULL, kind, location, detail)) from error
        raise kind.error(_said(_UNWRITABLE, kind, location, detail)) from error


def is_damage(error: DBAPIError) -> bool:
    """Could SQLite not read this part of the file? Others may be readable."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF in _UNREADABLE or code in _UNREADABLE_EXTENDED)


def _said(text: str, kind: Kind, location: str, detail: str) -> str:
    return text.format(
        noun=kind.noun,
        setting=kind.setting,
        remedy=kind.remedy,
        location=location,
        detail=detail,
    )


def _our_definitions_are_gone(detail: str, kind: Kind) -> bool:
    """SQLite has one code for a wrong statement, which is a bug, and for a file whose definitions
    were changed. It is the file, if it lacks a table or a column that every one has."""
    what, _, name = detail.partition(": ")
    if what == "unsupported file format":
        return True
    table, _, column = name.partition(".")
    known = kind.metadata.tables.get(table)
    return known is not None and (
        (what == "no such table" and not column) or (what == "no such column" and column in known.c)
    )


def _translated(
    error: DBAPIError, kind: Kind, location: str, damaged: str
) -> KchatSearchError | None:
    # The database's own message, in one line; SQLAlchemy's would have the statement in it.
    detail = " ".join(str(error.orig).split())
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        # SQLite enlarges the index of the write-ahead log outside of a transaction. If the disk has
        # no room for that, SQLite gives an I/O error and not «full».
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE):
            return kind.full(_said(_FULL, kind, location, detail))
        text = _SQLITE.get(code & 0xFF)
        if code == sqlite3.SQLITE_ERROR and _our_definitions_are_gone(detail, kind):
            text = _DAMAGED
        text = damaged if text is _DAMAGED else text
        return None if text is None else kind.error(_said(text, kind, location, detail))
    state = getattr(error.orig, "sqlstate", None)
    if state == "53100":  # PostgreSQL: disk_full
        return kind.full(_said(_FULL, kind, location, detail))
    if state == "25006":  # read_only_sql_transaction: a standby
        return kind.error(_said(_UNWRITABLE, kind, location, detail))
    if state == "42P01" and _names_a_table(detail, kind):  # undefined_table
        return kind.error(_said(_DAMAGED, kind, location, detail))
    if isinstance(error, OperationalError) and not isinstance(error.orig, sqlite3.Error):
        return kind.error(_said(_UNREACHABLE, kind, location, detail))
    return None


def _names_a_table(detail: str, kind: Kind) -> bool:
    """PostgreSQL's counterpart to `_our_definitions_are_gone`: a table was dropped."""
    return any(f'"{name}"' in detail for name in kind.metadata.tables)
