"""Opening an archive: good addresses, bad ones, migrations."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import create_engine

from kchat_search.archive import SqlArchive, open_archive
from kchat_search.archive.error_translation import ARCHIVE
from kchat_search.archive.tables import MIGRATION, metadata
from kchat_search.databases import opening
from kchat_search.errors import ArchiveError
from kchat_search.kchat.parse import ChatParser
from kchat_search.models.chats import FetchedChat, StoredChat
from kchat_search.search.verify import check_archive
from tests.contracts.archive.chats import at, fetched
from tests.world import chat

from .damage import url_of


def run(file: Path, *statements: str) -> None:
    connection = sqlite3.connect(file)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_the_folder_of_a_new_archive_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    opened = open_archive("sqlite:///a/50% 档案/archive.sqlite3")
    monkeypatch.chdir("/")
    opened.save([fetched(1)], now=at(0))
    opened.close()
    again = open_archive(url_of(tmp_path / "a/50% 档案/archive.sqlite3"))
    assert again.counts().chats == 1
    again.close()


def test_an_empty_file_becomes_an_archive(tmp_path: Path) -> None:
    file = tmp_path / "archive.sqlite3"
    file.touch()
    opened = open_archive(url_of(file))
    assert opened.counts().chats == 0
    opened.close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "no address"),
        ("var/archive.sqlite3", "no address"),
        ("postgresql://u:s3cret@host:port/db", "no address"),
        ("mysql://u:s3cret@host/db", "not known"),
        ("sqlite+aiosqlite:///x.sqlite3", "not known"),
        ("sqlite://var/archive.sqlite3", "three slashes"),
        ("sqlite:///x.sqlite3?mode=ro", "three slashes"),
        ("sqlite:///a\0b", "three slashes"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite:///file:x", "must name a file"),
        ("sqlite:////", "is a folder"),
        ("sqlite:////dev/null/x/archive.sqlite3", "can't be opened for writing"),
        ("sqlite:////dev/null/archive.sqlite3", "can't be opened for writing"),
        (f"sqlite:////tmp/{'x' * 300}/archive.sqlite3", "can't be opened for writing"),
        (f"sqlite:////tmp/{'x' * 300}", "can't be opened for writing"),
    ],
)
def test_a_wrong_address_is_reported_in_one_line_without_its_password(
    url: str, reason: str
) -> None:
    with pytest.raises(ArchiveError, match=reason) as error:
        open_archive(url)
    assert "s3cret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_database_is_refused_and_not_changed(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear reader, " * 100)
    with pytest.raises(ArchiveError, match="is no database"):
        open_archive(url_of(file))
    assert file.read_text() == "Dear reader, " * 100


def test_a_database_of_another_program_is_refused_and_not_changed(tmp_path: Path) -> None:
    file = tmp_path / "cookies.sqlite3"
    run(file, "CREATE TABLE cookies (name TEXT)")
    before = file.read_bytes()
    with pytest.raises(ArchiveError, match="some other program"):
        open_archive(url_of(file))
    assert file.read_bytes() == before


def test_tables_of_a_newer_program_are_refused(file: Path) -> None:
    run(file, "UPDATE alembic_version SET version_num = '9999'")
    before = file.read_bytes()
    with pytest.raises(ArchiveError, match=r"newer version .*9999"):
        open_archive(url_of(file))
    assert file.read_bytes() == before


def test_an_archive_that_lost_its_write_ahead_log_mode_gets_it_back(file: Path) -> None:
    run(file, "PRAGMA journal_mode = DELETE")
    open_archive(url_of(file)).close()
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_commit_is_on_the_disk_and_references_hold(archive: SqlArchive) -> None:
    with archive._reading() as connection:
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert settings == ["wal", 2, 1, 30_000]


def test_one_process_at_a_time_migrates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_MIGRATION_SECONDS", 0.05)
    file = tmp_path / "archive.sqlite3"
    with (
        FileLock(f"{file}.migration.lock"),
        pytest.raises(ArchiveError, match="Another process has been preparing"),
    ):
        open_archive(url_of(file))
    open_archive(url_of(file)).close()


def test_migrations_and_tables_agree(file: Path) -> None:
    engine = create_engine(url_of(file))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_migrations_and_tables_make_the_same_statements(file: Path, tmp_path: Path) -> None:
    # Alembic's comparison does not see partial indexes, checks and autoincrement.
    direct = tmp_path / "direct.sqlite3"
    engine = create_engine(url_of(direct))
    metadata.create_all(engine)
    engine.dispose()
    assert statements_of(direct) == statements_of(file)


def test_an_archive_of_the_first_version_keeps_all_that_it_has(tmp_path: Path) -> None:
    file = tmp_path / "old.sqlite3"
    engine = create_engine(url_of(file))
    with engine.begin() as connection:
        config = opening.config(ARCHIVE)
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    run(file, "INSERT INTO rejects VALUES ('chat:5', 5, 'odd', 1000000, 2000000, 3, '{}')")
    run(file, "UPDATE tally SET rejected = 1")
    archive = open_archive(url_of(file))
    (stored,) = archive.rejects()
    assert (stored.reject.key, stored.times, stored.gone_at) == ("chat:5", 3, None)
    assert archive.counts().rejected == 1
    archive.save([fetched(5)], now=at(0))
    assert archive.counts().rejected == 0
    archive.close()


def test_everything_of_an_archive_without_seals_is_sealed(tmp_path: Path) -> None:
    file = tmp_path / "old.sqlite3"
    engine = create_engine(url_of(file))
    with engine.begin() as connection:
        config = opening.config(ARCHIVE)
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    engine.dispose()
    parser = ChatParser(ZoneInfo("Asia/Shanghai"))
    numbers = range(1, 230)  # more than one batch
    for number in numbers:
        item = parser.parse_chat(chat(number))
        assert isinstance(item, FetchedChat)
        visitor = f"'{number % 7}'" if number % 7 else "NULL"  # Kchat's 0 is nobody
        second = 1456797600 + 86_400 * (number % 20)
        run(
            file,
            f"INSERT INTO chats VALUES ({number}, 2, '{item.digest}', {second}, {second + 1800}, "  # noqa: S608
            f"{second + 1800}, 'close', '{2192 + number % 2}', {visitor}, 5, 6, 7, NULL, "
            f"'{item.raw}')",
            f"INSERT INTO versions VALUES ({number}, 1, '{item.digest}', 5, '{item.raw}')",  # noqa: S608
        )
    count = len(numbers)
    run(
        file,
        f"UPDATE tally SET chats = {count}, versions = {2 * count}, rejected = 1",  # noqa: S608
        "INSERT INTO rejects VALUES ('chat:5', 5, 'odd', 1000000, 2000000, 3, '{}', NULL)",
        "INSERT INTO agents VALUES ('2192', '李雷', 3)",
        "INSERT INTO cursors VALUES ('tick', '{}', 4)",
    )
    archive = open_archive(url_of(file))
    rows, findings = check_archive(archive, parser.understand)
    assert findings == ()
    assert rows == 2 * count + 3
    assert all(isinstance(one, StoredChat) for one in archive.get(numbers).values())
    assert archive.agents() == {"2192": "李雷"}
    archive.close()


def statements_of(file: Path) -> set[str]:
    connection = sqlite3.connect(file)
    rows = connection.execute(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name != 'alembic_version'"
    ).fetchall()
    connection.close()
    # SQLite writes a column that was added with other blanks around it.
    return {" ".join(sql.split()).replace(" ,", ",").replace(" )", ")") for (sql,) in rows}


def test_the_last_migration_is_the_one_that_the_tables_name() -> None:
    assert ScriptDirectory.from_config(opening.config(ARCHIVE)).get_heads() == [MIGRATION]


def test_alembic_is_not_loaded_where_nothing_is_to_be_migrated(file: Path) -> None:
    code = (
        "import sys; from kchat_search.archive import open_archive; "
        "open_archive(sys.argv[1]).close(); print('alembic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, url_of(file)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "False"
    assert not file.with_name(f"{file.name}.migration.lock").exists()


@pytest.mark.slow
def test_migrations_are_found_wherever_the_package_is(tmp_path: Path) -> None:
    package = Path(sys.modules["kchat_search"].__file__ or "").parent
    shutil.copytree(package, tmp_path / "kchat_search", ignore=shutil.ignore_patterns("__pyc*"))
    code = (
        "import kchat_search, sys; from kchat_search.archive import open_archive; "
        "a = open_archive('sqlite:///here.sqlite3'); print(kchat_search.__file__, a.counts())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert done.stdout.startswith(str(tmp_path))
