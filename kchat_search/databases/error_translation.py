"""Translate a database's errors into those of its kind.

Their messages say what happened and what to do next. No other file translates them. A bug (a wrong
statement, a broken constraint, a wrong type) is not translated, so that it is seen as a bug.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

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
_ALL_IN_USE = (
    "All connections of this process to the {noun} {location} are in use. Try again; if that "
    "happens often, raise KCHAT_DATABASE_POOL_SIZE."
)
_READ_ONLY = (
    "The {noun} {location} can only be read ({detail}). {setting} must name the primary server, "
    "not a standby."
)
_FORBIDDEN = (
    "The {noun} {location} does not allow this to the user in {setting} ({detail}). Make that user "
    "the owner of the database and of its tables."
)
_SLOW = (
    "The {noun} {location} did not answer in time ({detail}). Try again; if that happens often, "
    "see what the server is busy with, or raise KCHAT_DATABASE_STATEMENT_SECONDS."
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
# By PostgreSQL's code: https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES = {
    "0A000": _READ_ONLY,  # a standby can't begin a transaction that writes
    "25006": _READ_ONLY,
    "25P03": _SLOW,  # nothing happened in a transaction for too long
    "40001": _LOCKED,  # a program of somebody else changed what is read here
    "40P01": _LOCKED,
    "42501": _FORBIDDEN,
    "55P03": _LOCKED,  # another writer did not end within the wait
    "57014": _SLOW,
    "58030": _DISK,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}
_PASSES = {_LOCKED, _SLOW, _ALL_IN_USE, _UNREACHABLE}
"""Of PostgreSQL: the same call may succeed later."""
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
    except PoolTimeout as error:
        raise _on_postgres(_ALL_IN_USE, kind, location, "") from error
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
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        detail = _one_line(error.orig)
        # SQLite enlarges the index of the write-ahead log outside of a transaction. If the disk has
        # no room for that, SQLite gives an I/O error and not «full».
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE):
            return kind.full(_said(_FULL, kind, location, detail))
        text = _SQLITE.get(code & 0xFF)
        if code == sqlite3.SQLITE_ERROR and _our_definitions_are_gone(detail, kind):
            text = _DAMAGED
        text = damaged if text is _DAMAGED else text
        return None if text is None else kind.error(_said(text, kind, location, detail))
    if isinstance(error.orig, sqlite3.Error):
        return None
    return _translated_from_postgres(error, kind, location)


def _translated_from_postgres(
    error: DBAPIError, kind: Kind, location: str
) -> KchatSearchError | None:
    # Without the lines below the message, which may have what people said in them.
    diagnosis = getattr(error.orig, "diag", None)
    detail = _one_line(getattr(diagnosis, "message_primary", None) or error.orig)
    state = getattr(error.orig, "sqlstate", None)
    if state == "53100":  # disk_full
        return kind.full(_said(_FULL, kind, location, detail))
    text = _POSTGRES.get(state or "")
    if state == "42P01" and _names_a_table(detail, kind):  # undefined_table
        text = _DAMAGED
    # `ProgrammingError` without a code: an option in the address that the driver does not know.
    no_code = isinstance(error, ProgrammingError) and state is None
    if text is None and (isinstance(error, OperationalError) or no_code):
        text = _UNREACHABLE
    if text is None and error.connection_invalidated:
        text = _UNREACHABLE
    return None if text is None else _on_postgres(text, kind, location, detail)


def _on_postgres(text: str, kind: Kind, location: str, detail: str) -> KchatSearchError:
    error = kind.error(_said(text, kind, location, detail))
    error.retry = text in _PASSES
    return error


def _one_line(message: object) -> str:
    """The database's own message; SQLAlchemy's would have the statement in it."""
    return " ".join(str(message).split())


def _names_a_table(detail: str, kind: Kind) -> bool:
    """PostgreSQL's counterpart to `_our_definitions_are_gone`: a table was dropped."""
    return any(f'"{name}"' in detail for name in kind.metadata.tables)
