"""An archive in a file of SQLite, on a real disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kchat_search.archive import SqlArchive, open_archive


def url_of(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an archive that has its tables and no chats, to be copied."""
    file = tmp_path_factory.mktemp("archive") / "empty.sqlite3"
    open_archive(url_of(file)).close()
    return file


@pytest.fixture
def file(tmp_path: Path, empty_file: Path) -> Path:
    return Path(shutil.copyfile(empty_file, tmp_path / "archive.sqlite3"))


@pytest.fixture
def archive(file: Path) -> Iterator[SqlArchive]:
    opened = open_archive(url_of(file))
    yield opened
    opened.close()
