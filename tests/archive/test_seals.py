"""Damage of each kind: how it is read, named, mended and restored."""

from __future__ import annotations

import json
from itertools import product

import pytest

from kchat_search.archive import SqlArchive
from kchat_search.archive.tables import metadata
from kchat_search.models.chats import RejectedChat, StoredChat, StoredVersion
from kchat_search.models.damage import DamagedRow, Mended
from kchat_search.models.reports import SyncReport
from kchat_search.search.verify import check_archive
from tests.archive.damage import (
    BOTH,
    PARSER,
    Place,
    content,
    flipped,
    found,
    mend,
    named,
    outside,
    repaired,
    run,
    sent,
    set_aside,
)
from tests.contracts.archive.chats import at, stored, stored_versions
from tests.world import chat

on_both = pytest.mark.parametrize("place", BOTH, indirect=True)

EDITS_OF_A_CHAT = [
    "raw = replace(raw, 'chat', 'chqt')",
    "raw = (SELECT raw FROM chats WHERE id = 6)",
    "digest = 'x'",
    "sha256 = (SELECT sha256 FROM chats WHERE id = 6)",
    "seal = NULL",
    "version = 2",
    "status = 'open'",
    "created_at = NULL",
    "first_seen_at = first_seen_at - 1",
    "seen_at = 9223372036854775807",
    "changed_at = changed_at + 3600000000",
    "gone_at = seen_at",
]
# PostgreSQL's columns have types and its texts an encoding, so it refuses these.
ON_SQLITE_ALONE = [
    "raw = one_bit(raw)",
    "raw = x'ff80'",
    "raw = CAST(x'7bff7d' AS TEXT)",
    "version = 1e300",
    "agent_id = CAST(x'ff' AS TEXT)",
    "created_at = '2016'",
]
ODD_VALUES = [
    "UPDATE chats SET created_at = 9223372036854775807 WHERE id = 6",
    "UPDATE chats SET seen_at = -9223372036854775807, status = 'open' WHERE id = 6",
    "UPDATE reports SET value = '{'",
]
ODD_VALUES_ON_SQLITE_ALONE = [
    "UPDATE chats SET created_at = 'x', end_at = x'ff', active_at = 9e99 WHERE id = 6",
    "UPDATE chats SET seen_at = x'00', status = x'ff' WHERE id = 6",
    "UPDATE changes SET chat_id = x'ff' WHERE chat_id = 6",
    "UPDATE changes SET chat_id = 'six' WHERE chat_id = 6",
    "UPDATE rejects SET chat_id = 'x'",
    "UPDATE tally SET sums = x'ff', pending = 'x'",
    "UPDATE cursors SET value = x'ff'",
]


def put_back(table: str, condition: str) -> tuple[str, ...]:
    """Statements that put the rows of the table `old` back where they were."""
    return (
        f"DELETE FROM {table} WHERE {condition}",  # noqa: S608
        f"INSERT INTO {table} SELECT * FROM old",  # noqa: S608
        "DROP TABLE old",
    )


@on_both
def test_a_sound_archive_has_nothing_to_find(filled: SqlArchive) -> None:
    rows, findings = check_archive(filled, PARSER.understand)
    assert findings == ()
    assert rows == 9 + 6 + 1 + 2 + 1  # chats, versions, rejects, agents, cursors
    assert mend(filled) == Mended((), ())


@pytest.mark.parametrize(
    ("place", "change"),
    [*product(BOTH, EDITS_OF_A_CHAT), *product(["sqlite"], ON_SQLITE_ALONE)],
    indirect=["place"],
)
def test_an_edited_chat_is_never_read_as_it_stands_and_can_be_restored(
    filled: SqlArchive, place: Place, change: str
) -> None:
    before = stored(filled, 7)
    run(place, f"UPDATE chats SET {change} WHERE id = 7")  # noqa: S608
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
    assert set_aside(place, 7)


@on_both
@pytest.mark.parametrize("table", ["chats", "versions", "rejects", "agents", "cursors"])
def test_one_flipped_bit_of_any_column_is_undone_to_the_letter(
    filled: SqlArchive, place: Place, table: str
) -> None:
    before = content(place, table)
    of_last = " AND ".join(
        f"{key.name} = '{before[-1][key.name]}'" for key in metadata.tables[table].primary_key
    )
    parameter = "%s" if isinstance(place, str) else "?"
    for column in [name for name in before[-1] if name != "id" or table != "chats"]:
        with outside(place) as connection:
            connection.execute(
                f"UPDATE {table} SET {column} = {parameter} WHERE {of_last}",  # noqa: S608
                [flipped(before[-1][column])],
            )
        mend(filled)
        assert found(filled) == (), column
        assert content(place, table) == before, column


@on_both
def test_what_was_said_before_and_is_lost_is_named_in_the_history(
    filled: SqlArchive, place: Place
) -> None:
    sound = stored_versions(filled, 1)
    run(place, "UPDATE versions SET raw = '{}' WHERE chat_id = 1 AND version = 2")
    run(place, "DELETE FROM versions WHERE chat_id = 3")
    for _ in range(2):
        first, second, third = filled.versions(1)
        assert (first, third) == (sound[0], sound[2])
        assert isinstance(second, DamagedRow)
        assert [isinstance(one, DamagedRow) for one in filled.versions(3)] == [True, False]
        repaired(filled)  # there is nothing that Kchat could give
    assert set_aside(place, 1) == ["{}"]


@on_both
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
    filled: SqlArchive, place: Place, damage: str, names: set[str]
) -> None:
    run(place, damage)
    assert named(filled) >= names
    repaired(filled, *(sent(i, "退款") for i in range(2, 6)), *(sent(i) for i in range(6, 10)))


@on_both
def test_an_older_copy_of_a_row_is_not_taken_for_the_present_one(
    filled: SqlArchive, place: Place
) -> None:
    run(place, "CREATE TABLE old AS SELECT * FROM agents WHERE id = '2192'")
    filled.save_agents({"2192": "李雷雷"}, now=at(9))
    run(place, *put_back("agents", "id = '2192'"))
    assert named(filled) == {"agents"}

    run(place, "CREATE TABLE old AS SELECT * FROM chats WHERE id = 5")
    filled.save([sent(5, "第三次")], now=at(10))
    run(place, *put_back("chats", "id = 5"))
    assert "chat 5, version 2" in named(filled)
    repaired(filled)
    assert len(stored_versions(filled, 5)) == 3


@on_both
def test_sync_restores_a_damaged_chat_and_keeps_what_was_damaged(
    filled: SqlArchive, place: Place
) -> None:
    run(place, "UPDATE chats SET status = 'x', raw = 'lost' WHERE id = 4")
    report = filled.save([sent(4, "又来")], now=at(9))
    assert (report.changed, report.same) == (1, 0)
    assert set_aside(place, 4) == ["lost"]
    first, lost, present = filled.versions(4)
    assert isinstance(first, StoredVersion)
    assert isinstance(lost, DamagedRow)
    assert isinstance(present, StoredVersion)
    assert "又来" in json.loads(present.raw)["messages"][0]["msg"]
    assert 4 in {entry.chat_id for entry in filled.changes(99)}


@on_both
def test_marking_a_damaged_chat_does_not_make_it_look_sound(
    filled: SqlArchive, place: Place
) -> None:
    run(place, "UPDATE chats SET status = 'x' WHERE id = 4")
    filled.see([4], now=at(9))
    assert filled.mark_gone([4], now=at(9)) == 0
    assert isinstance(filled.get([4])[4], DamagedRow)


@on_both
def test_sync_goes_on_over_a_row_that_was_put_back_as_it_was_earlier(
    filled: SqlArchive, place: Place
) -> None:
    run(place, "CREATE TABLE old AS SELECT * FROM chats WHERE id = 5")
    filled.save([sent(5, "第三次")], now=at(10))
    before = stored_versions(filled, 5)
    run(place, *put_back("chats", "id = 5"))
    filled.save([sent(5, "第四次")], now=at(11))
    told = [one for one in filled.versions(5) if isinstance(one, StoredVersion)]
    assert told[:2] == before[:2]
    assert [one.version for one in told] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("place", "damage"),
    [*product(BOTH, ODD_VALUES), *product(["sqlite"], ODD_VALUES_ON_SQLITE_ALONE)],
    indirect=["place"],
)
def test_nothing_that_sync_reads_ends_it(filled: SqlArchive, place: Place, damage: str) -> None:
    filled.save_report(SyncReport("tick", at(0), at(1)))
    run(place, damage)
    newest = filled.newest_created()
    assert newest is not None
    assert newest.year == 2016
    states = filled.states_to_recheck(at(-999_999_999), 99)
    assert {state.id for state in states} >= {1, 2, 3, 4, 5, 7, 8, 9}
    assert set(filled.ids_not_seen_since(at(99))) <= set(range(1, 10))
    entries = filled.changes(99)
    assert set(filled.get([entry.chat_id for entry in entries])) >= {1, 2, 3, 4, 5, 7, 8, 9}
    filled.done(entries)
    assert filled.rejected_ids(None) in ((77,), ())
    assert list(filled.every_reject()) in ([], [RejectedChat("chat:77", 77, '{"id":77}', "odd")])
    filled.cursor("backfill")
    filled.facts("backfill")
    filled.reports()
    filled.totals()
    filled.save([sent(6, "又来"), sent(11)], now=at(100), cursor=("backfill", {"page": 4}))
    filled.mark_gone([6, 11], now=at(101))
    filled.save_report(SyncReport("tick", at(100), at(101)))
    repaired(filled, sent(6, "又来"))


@on_both
def test_a_list_item_does_not_replace_a_damaged_chat(filled: SqlArchive, place: Place) -> None:
    # It may lack what the chat has; the chat waits until it is fetched by itself.
    run(place, "UPDATE chats SET status = 'x', raw = '' WHERE id = 4")
    listed = PARSER.parse_list_page({"chats": [chat(4, "短")]}, 1, 10).chats
    filled.save(listed, now=at(9))
    assert isinstance(filled.get([4])[4], DamagedRow)
    assert set_aside(place, 4) == []


@on_both
def test_a_damaged_tally_is_counted_from_the_rows(filled: SqlArchive, place: Place) -> None:
    sizes = filled.counts()
    run(place, "UPDATE tally SET chats = 99999")
    assert filled.counts() == sizes
    filled.save([sent(10)], now=at(9))  # it stays as it is
    assert filled.counts().chats == 10
    assert named(filled) == {"tally"}
    repaired(filled)
    assert filled.counts().chats == 10


@on_both
def test_a_check_goes_on_where_it_stopped(filled: SqlArchive, place: Place) -> None:
    run(place, "UPDATE chats SET status = 'x' WHERE id IN (2, 9)")
    position: str | None = ""
    steps, seen = 0, set()
    while position is not None:
        part = filled.check(position, understand=PARSER.understand, most_bytes=1)
        seen |= {finding.what for finding in part.findings}
        position = part.next
        steps += 1
    assert seen >= {"chat 2, version 2", "chat 9, version 1"}
    assert steps >= 9 + 6  # a row at a time
