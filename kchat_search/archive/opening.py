"""Open the archive: check its address, make its file, migrate its tables.

Invariant: an archive that `open_archive` returns has the present tables. Usually there is nothing
to migrate; three small reads show that, without a lock and without loading Alembic. Otherwise one
process at a time migrates, in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, Engine, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from kchat_search import private_files
from kchat_search.archive import tally
from kchat_search.archive.connections import make_engine, outside_transactions, reading, writing
from kchat_search.archive.error_translation import archive_errors
from kchat_search.archive.saving import always_new
from kchat_search.archive.shape import shape_problem
from kchat_search.archive.store import SqlArchive
from kchat_search.archive.tables import MIGRATION, metadata
from kchat_search.errors import ArchiveError
from kchat_search.models.chats import AddsNothing

if TYPE_CHECKING:
    from alembic.config import Config

_FORMS = "sqlite:///var/archive.sqlite3 or postgresql://user:password@host/database"
_DAMAGED = (
    "The archive {location} is damaged: {problem}. Put a backup in its place, or save what can be "
    "read with: sqlite3 FILE .recover"
)
_MIGRATION_SECONDS = 600.0
_MIGRATION_LOCK = ".migration.lock"
_BESIDE = ("-wal", "-shm", "-journal", _MIGRATION_LOCK)
"""Ends of the names of files beside the archive."""
_DEMO = ("demo", "demo.lock")


def open_archive(
    url: str, *, wait_seconds: float = 30.0, adds_nothing: AddsNothing = always_new
) -> SqlArchive:
    """Open the archive at `url` (`sqlite:///var/archive.sqlite3`); make or migrate it if needed.

    A writer waits at most `wait_seconds` for another one. `adds_nothing` tells which chats need no
    new version although their digest is another one; by default none.

    Raises `ArchiveError` for an address that can't be used, a folder that can't be written, a file
    that is not a database of this program, and tables that are newer than this program;
    `ArchiveFull` where the disk has no room.
    """
    address = _address(url)
    file = Path(address.database or "") if address.get_backend_name() == "sqlite" else None
    location = str(file) if file else address.render_as_string(hide_password=True)
    engine = _engine(address, wait_seconds)
    try:
        with archive_errors(location, opening=True):
            if file:
                _prepare(file)
            if not _is_current(engine, location):
                with _one_at_a_time(file, location):
                    _migrate(engine, location)
    except BaseException:
        engine.dispose()
        raise
    return SqlArchive(engine, location, adds_nothing)


def _address(url: str) -> URL:
    # No message repeats the address, because it may have a password in it.
    try:
        address = make_url(url.strip())
    except (ArgumentError, ValueError) as error:
        raise ArchiveError(
            f"KCHAT_ARCHIVE_URL is no address of a database; it looks like {_FORMS}"
        ) from error
    if address.drivername in ("sqlite", "sqlite+pysqlite"):
        return _sqlite_address(address)
    if address.drivername in ("postgresql", "postgresql+psycopg"):
        return address.set(drivername="postgresql+psycopg")
    raise ArchiveError(
        f"KCHAT_ARCHIVE_URL names a database that is not known here; it looks like {_FORMS}"
    )


def _sqlite_address(address: URL) -> URL:
    name = address.database or ""
    if address.host or address.username or address.query or "\0" in name:
        raise ArchiveError(
            "KCHAT_ARCHIVE_URL must be sqlite:/// (three slashes) and the path of a file, "
            "and nothing else"
        )
    if not name or name == ":memory:" or name.startswith("file:"):
        raise ArchiveError(
            "KCHAT_ARCHIVE_URL must name a file, for example sqlite:///var/archive.sqlite3: an "
            "archive in memory would be lost, and no other process could read it"
        )
    # An absolute path, because the working directory may change later.
    return address.set(drivername="sqlite", database=str(Path(name).absolute()))


def _engine(address: URL, wait_seconds: float) -> Engine:
    try:
        return make_engine(address, wait_seconds)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise ArchiveError(
            "An archive on PostgreSQL needs its driver: pip install 'psycopg[binary]'"
        ) from error


def _prepare(file: Path) -> None:
    """See that the file, its folder and what SQLite keeps beside it are private, before SQLite
    opens them. SQLite gives new files beside it the mode of the archive."""
    private_files.make_folder(file.parent)
    if file.is_dir():
        raise ArchiveError(f"The archive {file} is a folder: KCHAT_ARCHIVE_URL must name a file")
    try:
        private_files.prepare(file)
        private_files.narrow(*(file.with_name(file.name + end) for end in _BESIDE))
    except private_files.NotARealFile as error:
        raise ArchiveError(
            f"The archive can't be opened: {error.strerror}, or name the file itself in "
            "KCHAT_ARCHIVE_URL."
        ) from error
    private_files.narrow_folder(file.parent, lambda name: _is_ours(name, file))


def _is_ours(name: str, file: Path) -> bool:
    """Whether a file beside the archive is this program's: the archive, what SQLite keeps with
    it, a copy of it, the demo's."""
    return name.startswith(file.stem) or name in _DEMO


def _is_current(engine: Engine, location: str) -> bool:
    with reading(engine) as connection:
        if connection.dialect.name == "sqlite":
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
            if mode != "wal":
                return False
        if _present_migration(connection, location) != MIGRATION:
            return False
        row = tally.sound_row(connection)
        problem = None if row is None else shape_problem(connection, row["shape"])
        if problem is not None:
            raise ArchiveError(_DAMAGED.format(location=location, problem=problem))
        return True


def _present_migration(connection: Connection, location: str) -> str | None:
    """The number of the last migration of this database; None for an empty database."""
    names = inspect(connection).get_table_names()
    if "alembic_version" in names:
        number = connection.scalar(text("SELECT version_num FROM alembic_version"))
        older = number is None or (str(number) < MIGRATION and "set_aside" in names)
        if older and metadata.tables.keys() & set(names):
            problem = f"it says that its tables are at {number!r}, and they are not"
            raise ArchiveError(_DAMAGED.format(location=location, problem=problem))
        return None if number is None else str(number)
    if names:
        raise ArchiveError(
            f"{location} is a database of some other program: give the archive one of its own"
        )
    return None


@contextmanager
def _one_at_a_time(file: Path | None, location: str) -> Iterator[None]:
    if file is None:  # on PostgreSQL, `writing` already lets one process at a time migrate
        yield
        return
    path = file.with_name(file.name + _MIGRATION_LOCK)
    lock = FileLock(path, timeout=_MIGRATION_SECONDS, mode=private_files.FILE_MODE)
    try:
        lock.acquire()
    except Timeout as error:
        raise ArchiveError(
            f"Another process has been preparing the archive {location} for "
            f"{_MIGRATION_SECONDS / 60:.0f} minutes. Wait until it is done, or end it; the file "
            f"{lock.lock_file} is its lock."
        ) from error
    try:
        yield
    finally:
        lock.release()


def make_archive(file: Path) -> Engine:
    """An archive with empty tables in a new file."""
    private_files.prepare(file)
    engine = make_engine(URL.create("sqlite", database=str(file)), 30.0)
    _migrate(engine, str(file))
    return engine


def _migrate(engine: Engine, location: str) -> None:
    if engine.dialect.name == "sqlite":
        # Checked first, so that the file of another program is not changed.
        with reading(engine) as connection:
            _check_migration(_present_migration(connection, location), location)
        with outside_transactions(engine) as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode = WAL").scalar()
        if mode != "wal":
            raise ArchiveError(
                f"The archive {location} can't be read and written at once on this disk (its "
                f"journal stays «{mode}»): put it on a local disk"
            )
    with writing(engine) as connection:
        present = _present_migration(connection, location)
        _check_migration(present, location)
        if present != MIGRATION:
            _run_migrations(connection)


def _check_migration(present: str | None, location: str) -> None:
    if present is None or present in _known_migrations():
        return
    raise ArchiveError(
        f"The archive {location} was written by a newer version of this program (its tables are at "
        f"{present!r}, this version knows {MIGRATION}): install that version, or a later one"
    )


def _known_migrations() -> set[str]:
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # takes 0.2 s, seldom needed

    return {step.revision for step in ScriptDirectory.from_config(_config()).walk_revisions()}


def _run_migrations(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  # as above

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, MIGRATION)


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415  # as above

    config = Config()
    config.set_main_option("script_location", "kchat_search.archive:migrations")
    return config
