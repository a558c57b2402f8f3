"""Damage of the file: pages that can't be read, definitions that were changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kchat_search.archive import SqlArchive, open_archive
from kchat_search.errors import ArchiveError
from kchat_search.models.chats import StoredChat
from kchat_search.models.damage import DamagedRow
from tests.archive.damage import (
    found,
    repaired,
    run,
    sent,
    url_of,
)
from tests.contracts.archive.chats import at


def pages(file: Path) -> dict[str, list[int]]:
    """The pages of each table and index."""
    with closing(sqlite3.connect(file)) as connection:
        try:
            rows = connection.execute("SELECT name, pageno FROM dbstat").fetchall()
        except sqlite3.OperationalError:
            pytest.skip("this build of SQLite has no dbstat")
    found: dict[str, list[int]] = {}
    for name, number in rows:
        found.setdefault(name, []).append(number)
    return found


def overwrite(file: Path, page: int) -> None:
    content = bytearray(file.read_bytes())
    content[(page - 1) * 4096 : (page - 1) * 4096 + 2_000] = b"\xff" * 2_000
    file.write_bytes(content)


@pytest.fixture
def closed(filled: SqlArchive, file: Path) -> Path:
    filled.save([sent(i, f"{i}" * 900) for i in range(20, 40)], now=at(4))
    filled.close()
    return file


@pytest.fixture
def reopened() -> Iterator[Callable[[Path], SqlArchive]]:
    opened: list[SqlArchive] = []

    def reopen(file: Path) -> SqlArchive:
        opened.append(open_archive(url_of(file)))
        return opened[-1]

    yield reopen
    for archive in opened:
        archive.close()


def test_chats_of_an_unreadable_page_are_named_and_the_others_come(
    closed: Path, reopened: Callable[[Path], SqlArchive]
) -> None:
    overwrite(closed, pages(closed)["chats"][-1])
    archive = reopened(closed)
    got = archive.get(range(1, 40))
    assert set(got) == {*range(1, 10), *range(20, 40)}
    lost = {i for i, one in got.items() if isinstance(one, DamagedRow)}
    assert 0 < len(lost) < 20
    assert {i.chat_id for i in archive.iterate() if isinstance(i, DamagedRow)} == lost
    assert {f.chat_id for f in found(archive) if f.table == "chats" and f.chat_id} == lost
    assert archive.counts().chats == 29

    repaired(archive, *(sent(i, f"{i}" * 900) for i in range(20, 40)))
    assert all(isinstance(one, StoredChat) for one in archive.get(range(1, 40)).values())
    assert list(closed.parent.glob("*.damaged-*")), "the damaged file is kept"
    assert not list(closed.parent.glob("*.salvaged*"))


def test_an_unreadable_index_is_built_again(
    closed: Path, reopened: Callable[[Path], SqlArchive]
) -> None:
    for name, numbers in pages(closed).items():
        if name.startswith("ix_chats"):
            overwrite(closed, numbers[-1])
    archive = reopened(closed)
    assert {f.table for f in found(archive)} == {"file"}
    assert all(isinstance(one, StoredChat) for one in archive.get(range(1, 40)).values())
    repaired(archive)


def test_changed_definitions_are_refused_when_the_archive_is_opened(closed: Path) -> None:
    content = closed.read_bytes()
    assert content.count(b"visitor_id TEXT") == 1
    closed.write_bytes(content.replace(b"visitor_id TEXT", b"visitor_id TEXU"))
    with pytest.raises(ArchiveError, match="damaged: the definition of chats has changed"):
        open_archive(url_of(closed))


@pytest.mark.parametrize("number", ["'0002'", "'0001'", "NULL"])
def test_an_archive_is_not_sealed_again_because_its_number_was_changed(
    closed: Path, number: str
) -> None:
    run(closed, "UPDATE chats SET status = 'x' WHERE id = 1")
    run(
        closed,
        "DELETE FROM alembic_version"
        if number == "NULL"
        else f"UPDATE alembic_version SET version_num = {number}",  # noqa: S608
    )
    with pytest.raises(ArchiveError, match="is damaged"):
        open_archive(url_of(closed))
