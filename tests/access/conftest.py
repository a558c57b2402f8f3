"""A database of people: on SQLite, and on PostgreSQL where its server is installed.

A file of tests that is about one database only says so with a fixture `database` of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from kchat_search.access.store import SqlAccess

from .world import TABLES, Clock, Office, url_of


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables and nobody in it, to be copied."""
    file = tmp_path_factory.mktemp("access") / "empty.sqlite3"
    Office(url_of(file)).open().close()
    return file


@pytest.fixture(scope="session")
def postgres_url(postgres_server: str) -> str:
    """A database on a server, with the tables. Each test empties those of people."""
    Office(postgres_server).open().close()
    return postgres_server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def office(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    if database == "sqlite":
        empty = request.getfixturevalue("empty_file")
        return Office(url_of(Path(shutil.copyfile(empty, tmp_path / "access.sqlite3"))))
    url: str = request.getfixturevalue("postgres_url")
    with psycopg.connect(url) as connection:
        connection.execute(f"TRUNCATE {', '.join(TABLES)}, audit, audit_texts RESTART IDENTITY")
        connection.execute(
            "INSERT INTO audit_chain VALUES (1, 'tests', 0, repeat('0', 64)) ON CONFLICT (id) "
            "DO UPDATE SET rows = excluded.rows, head = excluded.head"
        )
    return Office(url)


@pytest.fixture
def clock(office: Office) -> Clock:
    return office.clock


@pytest.fixture
def access(office: Office) -> Iterator[SqlAccess]:
    opened = office.open()
    yield opened
    opened.close()
