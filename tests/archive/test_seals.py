"""Damage of each kind: how it is read, named, mended and restored."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kchat_search.archive import SqlArchive, open_archive
from kchat_search.errors import ArchiveError
from kchat_search.kchat.parse import ChatParser
from kchat_search.models.chats import FetchedChat, RejectedChat, StoredChat, StoredVersion
from kchat_search.models.damage import DamagedRow, Mended
from kchat_search.search.verify import check_archive
from tests.contracts.archive.chats import at, stored, stored_versions
from tests.world import chat

from .conftest import url_of

PARSER = ChatParser(ZoneInfo("Asia/Shanghai"))


def sent(chat_id: int, *said: str, **fields: Any) -> FetchedChat:
    fetched = PARSER.parse_chat(chat(chat_id, *said, **fields))
    assert isinstance(fetched, FetchedChat)
    return fetched


@pytest.fixture
def filled(archive: SqlArchive) -> SqlArchive:
    """Chats 1 to 9; 1 to 5 have two versions, 1 has three."""
    archive.save([sent(i) for i in range(1, 10)], now=at(0), cursor=("backfill", {"page": 3}))
    archive.save([sent(i, "退款") for i in range(1, 6)], now=at(1))
    archive.save([sent(1, "到账")], [RejectedChat("chat:77", 77, '{"id":77}', "odd")], now=at(2))
    archive.save_agents({"2192": "李雷", "2193": "韩梅梅"}, now=at(3))
    return archive


def run(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.create_function("one_bit", 1, flipped)
        for statement in statements:
            connection.execute(statement)


def found(archive: SqlArchive) -> tuple[DamagedRow, ...]:
    return check_archive(archive, PARSER.understand)[1]


def named(archive: SqlArchive) -> set[str]:
    return {finding.what for finding in found(archive)}


def mend(archive: SqlArchive) -> Mended:
    return archive.mend(found(archive), understand=PARSER.understand, now=at(60))


def repaired(archive: SqlArchive, *kchat: FetchedChat) -> SqlArchive:
    """The archive after everything was done about its damage; `kchat` is what Kchat has."""
    wanted = {finding.chat_id for finding in mend(archive).fetch}
    archive.restore([item for item in kchat if item.chat.id in wanted], now=at(60))
    mend(archive)
    assert found(archive) == ()
    return archive


def test_a_sound_archive_has_nothing_to_find(filled: SqlArchive) -> None:
    rows, findings = check_archive(filled, PARSER.understand)
    assert findings == ()
    assert rows == 9 + 6 + 1 + 2 + 1  # chats, versions, rejects, agents, cursors
    assert mend(filled) == Mended((), ())


@pytest.mark.parametrize(
    "change",
    [
        "raw = replace(raw, 'chat', 'chqt')",
        "raw = one_bit(raw)",
        "raw = (SELECT raw FROM chats WHERE id = 6)",
        "raw = x'ff80'",
        "raw = CAST(x'7bff7d' AS TEXT)",
        "digest = 'x'",
        "sha256 = (SELECT sha256 FROM chats WHERE id = 6)",
        "seal = NULL",
        "version = 2",
        "version = 1e300",
        "status = 'open'",
        "agent_id = CAST(x'ff' AS TEXT)",
        "created_at = NULL",
        "created_at = '2016'",
        "first_seen_at = first_seen_at - 1",
        "seen_at = 9223372036854775807",
        "changed_at = changed_at + 3600000000",
        "gone_at = seen_at",
    ],
)
def test_an_edited_chat_is_never_read_as_it_stands_and_can_be_restored(
    filled: SqlArchive, file: Path, change: str
) -> None:
    before = stored(filled, 7)
    run(file, f"UPDATE chats SET {change} WHERE id = 7")  # noqa: S608
    damaged = filled.get([6, 7, 8])
    assert isinstance(damaged[7], DamagedRow)
    assert "kchat-search repair" in str(damaged[7])
    assert "reindex" not in str(damaged[7])
    assert {i for i, one in damaged.items() if isinstance(one, StoredChat)} == {6, 8}
    assert [i for i, one in enumerate(filled.iterate(), 1) if isinstance(one, DamagedRow)] == [7]
    assert isinstance(filled.versions(7)[0], DamagedRow)
    assert any(finding.chat_id == 7 for finding in found(filled))

    restored = stored(repaired(filled, sent(7)), 7)
    assert (restored.raw, restored.digest, restored.version) == (before.raw, before.digest, 1)
    assert set_aside(file, 7)


def flipped(value: Any) -> Any:
    """The value with one bit of it flipped."""
    if isinstance(value, int):
        return value ^ 4
    if isinstance(value, str):
        middle = len(value) // 2
        return value[:middle] + chr(ord(value[middle]) ^ 1) + value[middle + 1 :]
    return value


@pytest.mark.parametrize("table", ["chats", "versions", "rejects", "agents", "cursors"])
def test_one_flipped_bit_of_any_column_is_undone_to_the_letter(
    filled: SqlArchive, file: Path, table: str
) -> None:
    before = content(file, table)
    for column in [name for name in before[-1] if name != "id" or table != "chats"]:
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(
                f"UPDATE {table} SET {column} = ? WHERE rowid = "  # noqa: S608
                f"(SELECT max(rowid) FROM {table})",
                [flipped(before[-1][column])],
            )
        mend(filled)
        assert found(filled) == (), column
        assert content(file, table) == before, column


def test_what_was_said_before_and_is_lost_is_named_in_the_history(
    filled: SqlArchive, file: Path
) -> None:
    sound = stored_versions(filled, 1)
    run(file, "UPDATE versions SET raw = '{}' WHERE chat_id = 1 AND version = 2")
    run(file, "DELETE FROM versions WHERE chat_id = 3")
    for _ in range(2):
        first, second, third = filled.versions(1)
        assert (first, third) == (sound[0], sound[2])
        assert isinstance(second, DamagedRow)
        assert [isinstance(one, DamagedRow) for one in filled.versions(3)] == [True, False]
        repaired(filled)  # there is nothing that Kchat could give
    assert set_aside(file, 1) == ["{}"]


@pytest.mark.parametrize(
    ("damage", "names"),
    [
        ("UPDATE chats SET raw = 'x' WHERE id = 9", {"chat 9, version 1"}),
        ("DELETE FROM versions WHERE chat_id = 2", {"chat 2, version 1", "versions"}),
        ("DELETE FROM chats WHERE id = 2", {"chat 2", "chats", "tally"}),
        ("DELETE FROM chats WHERE id = 8", {"chats", "tally"}),
        ("DELETE FROM agents WHERE id = '2193'", {"agents"}),
        ("DELETE FROM cursors", {"cursors"}),
        ("DELETE FROM rejects", {"rejects", "tally"}),
        ("UPDATE agents SET name = '韩'", {"agents 2192", "agents 2193"}),
        ("UPDATE cursors SET value = '{}'", {"cursors backfill"}),
        ("UPDATE cursors SET name = 'tick'", {"cursors tick"}),
        ("UPDATE rejects SET reason = 'x'", {"rejects chat:77"}),
        ("UPDATE tally SET chats = 8", {"tally"}),
        ("UPDATE tally SET sums = '{}'", {"tally"}),
        ("DELETE FROM tally", {"tally"}),
        ("INSERT INTO agents SELECT 'x', name, seen_at, seal FROM agents LIMIT 1", {"agents x"}),
    ],
)
def test_every_edit_is_named_with_its_row(
    filled: SqlArchive, file: Path, damage: str, names: set[str]
) -> None:
    run(file, "PRAGMA foreign_keys = OFF", damage)
    assert named(filled) >= names
    repaired(filled, *(sent(i, "退款") for i in range(2, 6)), *(sent(i) for i in range(6, 10)))


def test_an_older_copy_of_a_row_is_not_taken_for_the_present_one(
    filled: SqlArchive, file: Path
) -> None:
    run(file, "CREATE TABLE old AS SELECT * FROM agents")
    filled.save_agents({"2192": "李雷雷"}, now=at(9))
    run(file, "INSERT OR REPLACE INTO agents SELECT * FROM old", "DROP TABLE old")
    assert named(filled) == {"agents"}

    run(file, "CREATE TABLE old AS SELECT * FROM chats WHERE id = 5")
    filled.save([sent(5, "第三次")], now=at(10))
    run(file, "INSERT OR REPLACE INTO chats SELECT * FROM old", "DROP TABLE old")
    assert "chat 5, version 2" in named(filled)
    repaired(filled)
    assert len(stored_versions(filled, 5)) == 3


def test_sync_restores_a_damaged_chat_and_keeps_what_was_damaged(
    filled: SqlArchive, file: Path
) -> None:
    run(file, "UPDATE chats SET status = 'x', raw = 'lost' WHERE id = 4")
    report = filled.save([sent(4, "又来")], now=at(9))
    assert (report.changed, report.same) == (1, 0)
    assert set_aside(file, 4) == ["lost"]
    first, lost, present = filled.versions(4)
    assert isinstance(first, StoredVersion)
    assert isinstance(lost, DamagedRow)
    assert isinstance(present, StoredVersion)
    assert "又来" in json.loads(present.raw)["messages"][0]["msg"]
    assert 4 in {entry.chat_id for entry in filled.changes(99)}


def test_marking_a_damaged_chat_does_not_make_it_look_sound(filled: SqlArchive, file: Path) -> None:
    run(file, "UPDATE chats SET status = 'x' WHERE id = 4")
    filled.see([4], now=at(9))
    assert filled.mark_gone([4], now=at(9)) == 0
    assert isinstance(filled.get([4])[4], DamagedRow)


def test_a_list_item_does_not_replace_a_damaged_chat(filled: SqlArchive, file: Path) -> None:
    # It may lack what the chat has; the chat waits until it is fetched by itself.
    run(file, "UPDATE chats SET status = 'x', raw = '' WHERE id = 4")
    listed = PARSER.parse_list_page({"chats": [chat(4, "短")]}, 1, 10).chats
    filled.save(listed, now=at(9))
    assert isinstance(filled.get([4])[4], DamagedRow)
    assert set_aside(file, 4) == []


def test_a_damaged_tally_is_counted_from_the_rows(filled: SqlArchive, file: Path) -> None:
    sizes = filled.counts()
    run(file, "UPDATE tally SET chats = 99999")
    assert filled.counts() == sizes
    filled.save([sent(10)], now=at(9))  # it stays as it is
    assert filled.counts().chats == 10
    assert named(filled) == {"tally"}
    repaired(filled)
    assert filled.counts().chats == 10


def test_a_check_goes_on_where_it_stopped(filled: SqlArchive, file: Path) -> None:
    run(file, "UPDATE chats SET status = 'x' WHERE id IN (2, 9)")
    position: str | None = ""
    steps, seen = 0, set()
    while position is not None:
        part = filled.check(position, understand=PARSER.understand, most_bytes=1)
        seen |= {finding.what for finding in part.findings}
        position = part.next
        steps += 1
    assert seen >= {"chat 2, version 2", "chat 9, version 1"}
    assert steps >= 9 + 6  # a row at a time


# -- the file ----------------------------------------------------------------------------------


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


def content(file: Path, table: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute(f"SELECT * FROM {table} ORDER BY rowid")  # noqa: S608
        return [dict(row) for row in rows]


def set_aside(file: Path, chat_id: int) -> list[Any]:
    """The raw JSON of the rows of this chat that were set aside."""
    return [
        json.loads(row["content"])["raw"]
        for row in content(file, "set_aside")
        if row["chat_id"] == chat_id
    ]
