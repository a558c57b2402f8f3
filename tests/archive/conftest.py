"""An archive in a file of SQLite, on a real disk; or on PostgreSQL, for tests that say so:

@pytest.mark.parametrize("place", BOTH, indirect=True)
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kchat_search.archive import SqlArchive, open_archive
from kchat_search.models.chats import RejectedChat
from tests.archive.damage import Place, sent, url_of
from tests.archive_on_postgres import EmptyOnPostgres
from tests.contracts.archive.chats import at


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
def place(request: pytest.FixtureRequest) -> Place:
    """Where the archive of a test is."""
    if getattr(request, "param", "sqlite") == "sqlite":
        file: Path = request.getfixturevalue("file")
        return file
    on_postgres: EmptyOnPostgres = request.getfixturevalue("archive_on_postgres")
    return on_postgres.emptied()


@pytest.fixture
def archive(place: Place) -> Iterator[SqlArchive]:
    opened = open_archive(url_of(place))
    yield opened
    opened.close()


@pytest.fixture
def filled(archive: SqlArchive) -> SqlArchive:
    """Chats 1 to 9; 1 to 5 have two versions, 1 has three."""
    archive.save([sent(i) for i in range(1, 10)], now=at(0), cursor=("backfill", {"page": 3}))
    archive.save([sent(i, "退款") for i in range(1, 6)], now=at(1))
    archive.save([sent(1, "到账")], [RejectedChat("chat:77", 77, '{"id":77}', "odd")], now=at(2))
    archive.save_agents({"2192": "李雷", "2193": "韩梅梅"}, now=at(3))
    return archive
