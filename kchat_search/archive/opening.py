"""Opening the archive: the address, the file, the migrations.

Invariant: what `open_archive` returns has the present tables. Where nothing is to do, that is
seen by three small reads, without a lock and without loading Alembic; else one process at a time
migrates, in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, Engine, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from kchat_search.archive.connections import make_engine, outside_transactions, reading, writing
from kchat_search.archive.error_translation import archive_errors
from kchat_search.archive.store import SqlArchive
from kchat_search.archive.tables import MIGRATION
from kchat_search.errors import ArchiveError

if TYPE_CHECKING:
    from alembic.config import Config

_FORMS = "sqlite:///var/archive.sqlite3 or postgresql://user:password@host/database"
_MIGRATION_SECONDS = 600.0


def open_archive(url: str, *, wait_seconds: float = 30.0) -> SqlArchive:
    """The archive at `url` (`sqlite:///var/archive.sqlite3`), made or migrated where needed.

    A writer waits `wait_seconds` for another one. Raises `ArchiveError` for an address that is
    none, a folder that can't be written, a file that is no database of this program, and tables
    that are newer than this program; `ArchiveFull` where there is no room.
    """
    address = _address(url)
    file = Path(address.database or "") if address.get_backend_name() == "sqlite" else None
    place = str(file) if file else address.render_as_string(hide_password=True)
    engine = _engine(address, wait_seconds)
    try:
        with archive_errors(place):
            if file:
                _make_folder(file)
            if not _is_current(engine, place):
                with _one_at_a_time(file, place):
                    _migrate(engine, place)
    except BaseException:
        engine.dispose()
        raise
    return SqlArchive(engine, place)


def _address(url: str) -> URL:
    # The text itself is never repeated: it may hold a password
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
            "KCHAT_ARCHIVE_URL must be sqlite:/// (three strokes) and the path of a file, "
            "and nothing else"
        )
    if not name or name == ":memory:" or name.startswith("file:"):
        raise ArchiveError(
            "KCHAT_ARCHIVE_URL must name a file, for example sqlite:///var/archive.sqlite3: an "
            "archive in memory would be lost, and no other process could read it"
        )
    # The working directory may change later; the archive does not move with it
    return address.set(drivername="sqlite", database=str(Path(name).absolute()))


def _engine(address: URL, wait_seconds: float) -> Engine:
    try:
        return make_engine(address, wait_seconds)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise ArchiveError(
            "An archive on PostgreSQL needs its driver: pip install 'psycopg[binary]'"
        ) from error


def _make_folder(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_dir():
        raise ArchiveError(f"The archive {file} is a folder: KCHAT_ARCHIVE_URL must name a file")


def _is_current(engine: Engine, place: str) -> bool:
    with reading(engine) as connection:
        if connection.dialect.name == "sqlite":
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
            if mode != "wal":
                return False
        return _present_migration(connection, place) == MIGRATION


def _present_migration(connection: Connection, place: str) -> str | None:
    """The migration that this database has come to; None for an empty one."""
    names = inspect(connection).get_table_names()
    if "alembic_version" in names:
        found = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return None if found is None else str(found)
    if names:
        raise ArchiveError(
            f"{place} is a database of some other program: give the archive one of its own"
        )
    return None


@contextmanager
def _one_at_a_time(file: Path | None, place: str) -> Iterator[None]:
    if file is None:  # PostgreSQL's writers take turns anyway
        yield
        return
    lock = FileLock(f"{file}.migration.lock", timeout=_MIGRATION_SECONDS)
    try:
        lock.acquire()
    except Timeout as error:
        raise ArchiveError(
            f"Another process has been preparing the archive {place} for "
            f"{_MIGRATION_SECONDS / 60:.0f} minutes. Wait until it is done, or end it; the file "
            f"{lock.lock_file} is its lock."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _migrate(engine: Engine, place: str) -> None:
    if engine.dialect.name == "sqlite":
        with reading(engine) as connection:  # before a foreign file is changed
            _check_migration(_present_migration(connection, place), place)
        with outside_transactions(engine) as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode = WAL").scalar()
        if mode != "wal":
            raise ArchiveError(
                f"The archive {place} can't be read and written at once on this disk (its journal "
                f"stays «{mode}»): put it on a local one"
            )
    with writing(engine) as connection:
        found = _present_migration(connection, place)
        _check_migration(found, place)
        if found != MIGRATION:
            _run_steps(connection)


def _check_migration(found: str | None, place: str) -> None:
    if found is None or found in _known_migrations():
        return
    raise ArchiveError(
        f"The archive {place} was written by a newer version of this program (its tables are at "
        f"{found!r}, this version knows {MIGRATION}): install that version, or a later one"
    )


def _known_migrations() -> set[str]:
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # 0.2 s, seldom needed

    return {step.revision for step in ScriptDirectory.from_config(_config()).walk_revisions()}


def _run_steps(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  # as above

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, MIGRATION)


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415  # as above

    config = Config()
    config.set_main_option("script_location", "kchat_search.archive:migrations")
    return config
