"""A database of people: on SQLite, and on PostgreSQL where its server is installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kchat_search.access.store import SqlAccess

from .world import Clock, Office, url_of


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables and nobody in it, to be copied."""
    file = tmp_path_factory.mktemp("access") / "empty.sqlite3"
    Office(url_of(file)).open().close()
    return file


@pytest.fixture
def office(tmp_path: Path, empty_file: Path) -> Office:
    return Office(url_of(Path(shutil.copyfile(empty_file, tmp_path / "access.sqlite3"))))


@pytest.fixture
def clock(office: Office) -> Clock:
    return office.clock


@pytest.fixture
def access(office: Office) -> Iterator[SqlAccess]:
    opened = office.open()
    yield opened
    opened.close()
