"""A database of people: on SQLite, and on PostgreSQL where its server is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kchat_search.access.store import SqlAccess

from .world import Clock, Office, url_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "access.sqlite3"


@pytest.fixture
def office(file: Path) -> Office:
    return Office(url_of(file))


@pytest.fixture
def clock(office: Office) -> Clock:
    return office.clock


@pytest.fixture
def access(office: Office) -> Iterator[SqlAccess]:
    opened = office.open()
    yield opened
    opened.close()
