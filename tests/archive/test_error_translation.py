"""Full disks, damaged files and other programs become `ArchiveError`; bugs stay what they are."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError, OperationalError

from kchat_search.archive import SqlArchive, open_archive
from kchat_search.archive.error_translation import archive_errors
from kchat_search.errors import ArchiveError, ArchiveFull
from tests.contracts.archive.chats import at, fetched

from .damage import url_of


def limit_pages(archive: SqlArchive, pages: int) -> None:
    """Simulate a full disk: from now on the file may have this many pages and no more."""
    archive.close()  # a new limit needs new connections

    def limit(connection: Any, *_rest: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(archive._engine, "checkout", limit)


@pytest.mark.parametrize("spare_pages", [0, 1, 5, 40])
def test_a_full_disk_loses_nothing_and_works_again_with_room(
    archive: SqlArchive, file: Path, spare_pages: int
) -> None:
    archive.save([fetched(1)], now=at(0), cursor=("list", {"page": 1}))
    archive.close()
    before = (archive.get([1]), archive.counts(), archive.changes(10))
    big = [fetched(1, "x" * 50_000), *(fetched(i, "y" * 9_000) for i in range(2, 40))]
    limit_pages(archive, file.stat().st_size // 4096 + spare_pages)
    with pytest.raises(ArchiveFull, match="no room left") as error:
        archive.save(big, now=at(1), cursor=("list", {"page": 2}))
    assert error.value.retry
    assert (archive.get([1]), archive.counts(), archive.changes(10)) == before
    assert archive.cursor("list") == {"page": 1}
    assert len(archive.versions(1)) == 1
    limit_pages(archive, 2**30)
    archive.save(big, now=at(2), cursor=("list", {"page": 2}))
    assert archive.cursor("list") == {"page": 2}
    assert archive.counts().chats == 39
    assert len(archive.versions(1)) == 2


def test_a_locked_archive_is_reported_after_the_wait(file: Path) -> None:
    archive = open_archive(url_of(file), wait_seconds=0.05)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ArchiveError, match="held by another program"):
        archive.save([fetched(1)], now=at(0))
    assert archive.counts().chats == 0  # readers do not wait
    other.execute("ROLLBACK")
    other.close()
    archive.save([fetched(1)], now=at(0))
    assert archive.counts().chats == 1
    archive.close()


def test_a_damaged_archive_is_reported(archive: SqlArchive, file: Path) -> None:
    archive.save([fetched(i, "z" * 5_000) for i in range(50)], now=at(0))
    archive.close()
    data = file.read_bytes()
    file.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    with pytest.raises(ArchiveError, match="is damaged"):
        list(archive.iterate())


def test_a_read_only_archive_is_reported(archive: SqlArchive) -> None:
    def only_read(connection: Any, *_rest: Any) -> None:
        connection.execute("PRAGMA query_only = ON")

    event.listen(archive._engine, "checkout", only_read)
    with pytest.raises(ArchiveError, match="can't be opened for writing"):
        archive.save([fetched(1)], now=at(0))


def test_a_bug_is_not_translated(archive: SqlArchive) -> None:
    with pytest.raises(OperationalError, match="no such table"), archive._reading() as connection:
        connection.execute(text("SELECT * FROM lost"))
    insert = text("INSERT INTO tally VALUES (2, 0, 0, 0, 0, 0, '', '', '')")
    with pytest.raises(IntegrityError), archive._writing() as connection:
        connection.execute(insert)
    with pytest.raises(ZeroDivisionError), archive._writing():
        _ = 1 // 0


@pytest.mark.parametrize(("number", "kind"), [(28, ArchiveFull), (122, ArchiveFull), (30, None)])
def test_an_error_of_the_system_is_reported_with_the_archive_s_location(
    number: int, kind: type[ArchiveError] | None
) -> None:
    with pytest.raises(kind or ArchiveError) as error, archive_errors("/disk/a"):
        raise OSError(number, "said the system")
    assert "/disk/a" in str(error.value)
    assert (type(error.value) is ArchiveFull) == (kind is ArchiveFull)


def test_conversations_stay_out_of_errors(archive: SqlArchive) -> None:
    with pytest.raises(OperationalError) as error, archive._reading() as connection:
        connection.execute(text("SELECT * FROM lost WHERE x = :x"), {"x": "13912345678"})
    assert "13912345678" not in str(error.value)
