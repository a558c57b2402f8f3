"""Open a database: check its address, make its file, migrate its tables.

Invariant: a database that `open_database` returns has the present tables. Usually there is nothing
to migrate; four small reads show that, without a lock and without loading Alembic. Otherwise one
process at a time migrates, in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, Engine, inspect, literal, make_url, select, table, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from kchat_search import private_files
from kchat_search.databases.connections import (
    OnPostgres,
    make_engine,
    outside_transactions,
    reading,
    writing,
)
from kchat_search.databases.error_translation import database_errors
from kchat_search.databases.kind import Kind

if TYPE_CHECKING:
    from alembic.config import Config

_DAMAGED = (
    "The {noun} {location} is damaged: {problem}. Put a backup in its place, or save what can be "
    "read with: sqlite3 FILE .recover"
)
_MIGRATION_SECONDS = 600.0
_LEAST_POSTGRES = 14
_MIGRATION_LOCK = ".migration.lock"
_BESIDE = ("-wal", "-shm", "-journal", _MIGRATION_LOCK)
"""Ends of the names of files beside a database."""
UNFINISHED = "unfinished_copy"
"""The table that a database has while another one is copied into it."""
_UNFINISHED = (
    "The {noun} {location} is an unfinished copy of another one. Run kchat-search archive copy "
    "again: it goes on where it stopped."
)
_OURS = ("archive.sqlite3", "access.sqlite3")
_DEMO = ("demo", "demo.lock")

Problem = Callable[[Connection], str | None]
"""What is wrong with the definitions of a database's tables; None if nothing is."""


@dataclass(frozen=True, slots=True)
class OpenDatabase:
    """A database with the present tables."""

    engine: Engine
    location: str
    """Names it in messages: a file, or an address without its password."""
    file: Path | None
    """None on PostgreSQL."""


def open_database(
    kind: Kind,
    url: str,
    *,
    wait_seconds: float,
    on_postgres: OnPostgres | None = None,
    problem: Problem = lambda _: None,
    may_be_unfinished: bool = False,
) -> OpenDatabase:
    """Open the database at `url` (`sqlite:///var/archive.sqlite3`, or
    `postgresql://user:password@host/database`); make or migrate its tables if needed.

    A writer waits at most `wait_seconds` for another one.

    Raises `kind.error` for an address that can't be used, a folder that can't be written, a file
    that is not a database of this program, tables that are newer than this program, and a copy that
    is not finished, unless it `may_be_unfinished`; `kind.full` where the disk has no room.
    """
    address = _address(kind, url)
    file = Path(address.database or "") if address.get_backend_name() == "sqlite" else None
    location = _location(address)
    engine = _engine(kind, address, wait_seconds, on_postgres)
    try:
        with database_errors(kind, location, opening=True):
            if file:
                _prepare(kind, file)
            if not may_be_unfinished:
                _refuse_unfinished(kind, engine, location)
            if not _is_current(kind, engine, location, problem):
                with _one_at_a_time(kind, file, location):
                    _migrate(kind, engine, location)
    except BaseException:
        engine.dispose()
        raise
    return OpenDatabase(engine, location, file)


def filled_tables(kind: Kind, url: str) -> dict[str, bool]:
    """The tables at `url` by name, and whether they have rows; none where there is no such file.
    Nothing is made or migrated. Raises `kind.error` where it can't be read."""
    address = _address(kind, url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").exists():
        return {}
    engine = _engine(kind, address, 30.0, None)
    try:
        with (
            database_errors(kind, _location(address), opening=True),
            reading(engine) as connection,
        ):
            names = inspect(connection).get_table_names()
            rows = {name: select(literal(1)).select_from(table(name)).limit(1) for name in names}
            return {name: connection.scalar(row) is not None for name, row in rows.items()}
    finally:
        engine.dispose()


def make_database(kind: Kind, file: Path) -> Engine:
    """A database with empty tables in a new file."""
    private_files.prepare(file)
    engine = make_engine(URL.create("sqlite", database=str(file)), 30.0)
    _migrate(kind, engine, str(file))
    return engine


def _address(kind: Kind, url: str) -> URL:
    # No message repeats the address, because it may have a password in it.
    try:
        address = make_url(url.strip())
    except (ArgumentError, ValueError) as error:
        raise kind.error(
            f"{kind.setting} is no address of a database; it looks like {kind.forms}"
        ) from error
    if address.drivername in ("sqlite", "sqlite+pysqlite"):
        return _sqlite_address(kind, address)
    if address.drivername in ("postgresql", "postgresql+psycopg"):
        return address.set(drivername="postgresql+psycopg")
    raise kind.error(
        f"{kind.setting} names a database that is not known here; it looks like {kind.forms}"
    )


def location_of(kind: Kind, url: str) -> str:
    """What names the database in messages: a file, or an address without its password. Raises
    `kind.error` for no address."""
    return _location(_address(kind, url))


def _location(address: URL) -> str:
    if address.get_backend_name() == "sqlite":
        return str(address.database)
    return _without_secrets(address)


def _without_secrets(address: URL) -> str:
    """The address for messages: without its password, and of its options, which may have one too,
    with those alone that name hosts."""
    hosts = {name: value for name, value in address.query.items() if name in ("host", "port")}
    shown = address.set(drivername="postgresql", query=hosts)
    return shown.render_as_string(hide_password=True)


def _sqlite_address(kind: Kind, address: URL) -> URL:
    name = address.database or ""
    if address.host or address.username or address.query or "\0" in name:
        raise kind.error(
            f"{kind.setting} must be sqlite:/// (three slashes) and the path of a file, "
            "and nothing else"
        )
    if not name or name == ":memory:" or name.startswith("file:"):
        raise kind.error(
            f"{kind.setting} must name a file, for example {kind.example}: a database in memory "
            "would be lost, and no other process could read it"
        )
    # An absolute path, because the working directory may change later.
    return address.set(drivername="sqlite", database=str(Path(name).absolute()))


def _engine(
    kind: Kind, address: URL, wait_seconds: float, on_postgres: OnPostgres | None
) -> Engine:
    try:
        return make_engine(address, wait_seconds, on_postgres)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise kind.error(
            f"{kind.setting} is on PostgreSQL, which needs its driver: "
            "pip install 'psycopg[binary]'"
        ) from error


def _prepare(kind: Kind, file: Path) -> None:
    """See that the file, its folder and what SQLite keeps beside it are private, before SQLite
    opens them. SQLite gives new files beside it the mode of the file."""
    private_files.make_folder(file.parent)
    if file.is_dir():
        raise kind.error(f"The {kind.noun} {file} is a folder: {kind.setting} must name a file")
    try:
        private_files.prepare(file)
        private_files.narrow(*(file.with_name(file.name + end) for end in _BESIDE))
    except private_files.NotARealFile as error:
        raise kind.error(
            f"The {kind.noun} can't be opened: {error.strerror}, or name the file itself in "
            f"{kind.setting}."
        ) from error
    private_files.narrow_folder(file.parent, lambda name: _is_ours(name, file))


def _is_ours(name: str, file: Path) -> bool:
    """Whether a file beside the database is this program's: the database, what SQLite keeps with
    it, a copy of it, the other database, the demo's."""
    return name.startswith((file.stem, *_OURS)) or name in _DEMO


def _refuse_unfinished(kind: Kind, engine: Engine, location: str) -> None:
    with reading(engine) as connection:
        if inspect(connection).has_table(UNFINISHED):
            raise kind.error(_UNFINISHED.format(noun=kind.noun, location=location))


def _is_current(kind: Kind, engine: Engine, location: str, problem: Problem) -> bool:
    with reading(engine) as connection:
        if connection.dialect.name == "sqlite":
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
            if mode != "wal":
                return False
        if _present_migration(kind, connection, location) != kind.migration:
            return False
        found = problem(connection)
        if found is not None:
            raise kind.error(_DAMAGED.format(noun=kind.noun, location=location, problem=found))
        return True


def _present_migration(kind: Kind, connection: Connection, location: str) -> str | None:
    """The number of the last migration of this database; None for an empty database."""
    names = inspect(connection).get_table_names()
    if kind.version_table in names:
        of = kind.version_table
        statement = f"SELECT version_num FROM {of}"  # noqa: S608  # nosec B608  # our own name
        number = connection.scalar(text(statement))
        older = number is None or (str(number) < kind.migration and kind.newest_table in names)
        if older and kind.metadata.tables.keys() & set(names):
            problem = f"it says that its tables are at {number!r}, and they are not"
            raise kind.error(_DAMAGED.format(noun=kind.noun, location=location, problem=problem))
        return None if number is None else str(number)
    if names:
        raise kind.error(
            f"{location} is a database of some other program: give the {kind.noun} one of its own"
        )
    return None


@contextmanager
def _one_at_a_time(kind: Kind, file: Path | None, location: str) -> Iterator[None]:
    if file is None:  # on PostgreSQL, `writing` already lets one process at a time migrate
        yield
        return
    path = file.with_name(file.name + _MIGRATION_LOCK)
    lock = FileLock(path, timeout=_MIGRATION_SECONDS, mode=private_files.FILE_MODE)
    try:
        lock.acquire()
    except Timeout as error:
        raise kind.error(
            f"Another process has been preparing the {kind.noun} {location} for "
            f"{_MIGRATION_SECONDS / 60:.0f} minutes. Wait until it is done, or end it; the file "
            f"{lock.lock_file} is its lock."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _migrate(kind: Kind, engine: Engine, location: str) -> None:
    if engine.dialect.name == "sqlite":
        # Checked first, so that the file of another program is not changed.
        with reading(engine) as connection:
            _check_migration(kind, _present_migration(kind, connection, location), location)
        with outside_transactions(engine) as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode = WAL").scalar()
        if mode != "wal":
            raise kind.error(
                f"The {kind.noun} {location} can't be read and written at once on this disk (its "
                f"journal stays «{mode}»): put it on a local disk"
            )
    with writing(engine, patient=True) as connection:
        if connection.dialect.name == "postgresql":
            _check_server(kind, connection, location)
        present = _present_migration(kind, connection, location)
        _check_migration(kind, present, location)
        if present != kind.migration:
            _run_migrations(kind, connection)


def _check_server(kind: Kind, connection: Connection, location: str) -> None:
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
    if version < _LEAST_POSTGRES:
        raise kind.error(
            f"The {kind.noun} {location} is on PostgreSQL {version}: it takes {_LEAST_POSTGRES} or "
            "newer"
        )
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if encoding != "UTF8":
        raise kind.error(
            f"The {kind.noun} {location} can't hold every text, because its encoding is "
            f"{encoding}: make a database with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


def _check_migration(kind: Kind, present: str | None, location: str) -> None:
    if present is None or present in _known_migrations(kind):
        return
    raise kind.error(
        f"The {kind.noun} {location} was written by a newer version of this program (its tables "
        f"are at {present!r}, this version knows {kind.migration}): install that version, or a "
        "later one"
    )


def _known_migrations(kind: Kind) -> set[str]:
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # takes 0.2 s, seldom needed

    return {step.revision for step in ScriptDirectory.from_config(config(kind)).walk_revisions()}


def _run_migrations(kind: Kind, connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  # as above

    steps = config(kind)
    steps.attributes["connection"] = connection
    command.upgrade(steps, kind.migration)


def config(kind: Kind) -> Config:
    """Alembic's configuration: where the migrations are."""
    from alembic.config import Config  # noqa: PLC0415  # as above

    found = Config()
    found.set_main_option("script_location", kind.migrations)
    return found
