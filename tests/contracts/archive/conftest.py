"""Every archive, one after the other, for the contract that all of them fulfil.

Tests in this folder speak of the port `Archive` alone. What only one database does (its files,
its locks, its errors) is tested in `tests/archive/`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from kchat_search.archive import open_archive
from kchat_search.ports import Archive
from tests.archive_on_postgres import EmptyOnPostgres

NewArchive = Callable[[], AbstractContextManager[Archive]]
"""Opens an empty archive; it is closed and deleted at the end of the `with` block."""


def sqlite_archives(folder: Path) -> NewArchive:
    """Archives on SQLite. The tables are made once, in `folder`, and copied for each archive."""
    empty = folder / "empty.sqlite3"
    open_archive(f"sqlite:///{empty}").close()

    @contextmanager
    def new() -> Iterator[Archive]:
        with tempfile.TemporaryDirectory() as place:
            file = shutil.copyfile(empty, Path(place) / "archive.sqlite3")
            archive = open_archive(f"sqlite:///{file}")
            try:
                yield archive
            finally:
                archive.close()

    return new


def postgres_archives(place: EmptyOnPostgres) -> NewArchive:
    """Archives on PostgreSQL, in one database, which is emptied for each of them."""

    @contextmanager
    def new() -> Iterator[Archive]:
        archive = open_archive(place.emptied())
        try:
            yield archive
        finally:
            archive.close()

    return new


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> NewArchive:
    return sqlite_archives(tmp_path_factory.mktemp("archives"))


@pytest.fixture(scope="session")
def postgres(archive_on_postgres: EmptyOnPostgres) -> NewArchive:
    return postgres_archives(archive_on_postgres)


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def new_archive(request: pytest.FixtureRequest) -> NewArchive:
    """Every archive under test. To test another one, name its fixture here."""
    new: NewArchive = request.getfixturevalue(request.param)
    return new


@pytest.fixture
def archive(new_archive: NewArchive) -> Iterator[Archive]:
    with new_archive() as archive:
        yield archive
