"""Repair: what is damaged in the archive is as it was, or is named."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from kchat_search.errors import SettingsError
from kchat_search.models.chats import StoredChat
from kchat_search.models.damage import RepairReport
from tests.world import World, chat

pytestmark = pytest.mark.slow


@contextmanager
def archive_file(folder: Path) -> Iterator[sqlite3.Connection]:
    """The archive's file, for whoever edits it behind the program's back."""
    with closing(sqlite3.connect(folder / "archive.sqlite3")) as connection, connection:
        yield connection


def repair(world: World, *, dry_run: bool = False) -> RepairReport:
    with world.service.indexing("repair"):
        return world.service.repair(dry_run=dry_run)


def outcomes(report: RepairReport) -> Counter[tuple[str, int | None, str]]:
    return Counter((r.finding.table, r.finding.chat_id, r.outcome) for r in report.repairs)


def other_text(connection: sqlite3.Connection, chat_id: int, word: str) -> None:
    connection.execute(
        "UPDATE chats SET raw = replace(raw, '访客', ?) WHERE id = ?", (word, chat_id)
    )


DAMAGE = {
    "another text": "UPDATE chats SET raw = replace(raw, 'chat.msg', 'chat.mag') WHERE id = 105",
    "no JSON": "UPDATE chats SET raw = substr(raw, 1, 100) WHERE id = 105",
    "another digest": "UPDATE chats SET digest = replace(digest, 'a', 'b') WHERE id = 105",
    "another SHA-256": "UPDATE chats SET sha256 = replace(sha256, 'a', 'b') WHERE id = 105",
    "another status": "UPDATE chats SET status = 'open' WHERE id = 105",
    "another time": "UPDATE chats SET created_at = created_at + 1 WHERE id = 105",
    "another size": "UPDATE tally SET chats = chats + 1",
}


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE.keys())
def test_what_can_be_had_again_is_as_it_was(world: World, tmp_path: Path, statement: str) -> None:
    world.sync()
    before = world.archived()
    with archive_file(tmp_path) as connection:
        assert connection.execute(statement).rowcount == 1
    assert not repair(world, dry_run=True).sound
    report = repair(world.later(hours=1))
    assert report.sound, report
    assert report.repairs
    assert world.archived() == before
    assert repair(world).repairs == (), "a second repair finds nothing"
    world.check_whole()


def test_a_chat_that_kchat_changed_meanwhile_is_a_new_version(world: World, tmp_path: Path) -> None:
    world.sync()
    with archive_file(tmp_path) as connection:
        connection.execute("UPDATE chats SET raw = '{}' WHERE id = 105")
    world.kchat.put(chat(105, "改过了 保修", end_at="2016-03-20 10:00:00"))
    report = repair(world.later(hours=1))
    assert outcomes(report)["chats", 105, "fetched"]
    assert world.found("保修") == {105}
    stored = world.service.archive.get([105])[105]
    assert isinstance(stored, StoredChat)
    assert stored.version == 2
    assert repair(world).repairs == ()


def test_what_kchat_no_longer_has_is_named_each_time_and_stays(
    world: World, tmp_path: Path
) -> None:
    world.sync()
    with archive_file(tmp_path) as connection:
        connection.execute("UPDATE chats SET raw = 'noise' WHERE id IN (105, 106)")
    world.kchat.delete(105)
    for _ in range(2):
        report = repair(world)
        assert not report.sound
        assert outcomes(report)["chats", 105, "gone"]
        with archive_file(tmp_path) as connection:
            rows = connection.execute("SELECT id FROM chats WHERE raw = 'noise'").fetchall()
            assert rows == [(105,)]
    assert json.loads(world.service.archive.get([106])[106].raw)["id"] == 106  # type: ignore[union-attr]


def test_an_earlier_version_that_is_damaged_is_put_aside_and_said_to_be_lost(
    world: World, tmp_path: Path
) -> None:
    world.sync()
    world.kchat.put(chat(105, "改过了 保修", end_at="2016-03-20 10:00:00"))
    world.later(hours=1).sync(reconcile=True)
    with archive_file(tmp_path) as connection:
        assert connection.execute("UPDATE versions SET raw = '{}'").rowcount == 1
    report = repair(world)
    assert not report.sound
    assert "lost" in {repair.outcome for repair in report.repairs}
    assert repair(world).repairs == ()
    assert len(world.service.versions(105)) == 2
    world.check_index()


def test_without_kchat_everything_that_needs_none_is_mended_and_the_rest_waits(
    world: World, tmp_path: Path
) -> None:
    world.sync()
    before = world.archived()
    with archive_file(tmp_path) as connection:
        connection.execute("UPDATE chats SET raw = 'noise' WHERE id = 105")
        connection.execute("UPDATE chats SET status = 'open' WHERE id = 106")
    world.kchat.fail_next(status=503, times=99)
    report = repair(world)
    assert report.may_succeed_later
    assert outcomes(report)["chats", 105, "later"]
    assert outcomes(report)["chats", 106, "mended"]
    world.kchat.clear_faults()
    assert repair(world.later(hours=1)).sound
    assert world.archived() == before


def test_a_repair_that_ends_in_the_middle_loses_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    before = world.archived()
    with archive_file(tmp_path) as connection:
        connection.execute("UPDATE chats SET raw = 'noise' WHERE id BETWEEN 105 AND 108")
        connection.execute("UPDATE chats SET status = 'open' WHERE id = 109")
    for method in ("mend", "restore"):
        with monkeypatch.context() as patch:
            patch.setattr(world.service.archive, method, _killed)
            with pytest.raises(KeyboardInterrupt):
                repair(world)
    assert repair(world).sound
    assert world.archived() == before
    world.check_whole()


def _killed(*arguments: object, **named: object) -> None:
    raise KeyboardInterrupt


def test_a_damaged_archive_without_an_account_says_what_to_set(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    with archive_file(tmp_path) as connection:
        connection.execute("UPDATE chats SET raw = 'noise' WHERE id = 105")

    def no_account() -> None:
        raise SettingsError("set KCHAT_EMAIL")

    object.__setattr__(world.service.syncer, "source", no_account)
    (repaired,) = (r for r in repair(world).repairs if r.finding.table == "chats")
    assert (repaired.outcome, repaired.detail) == ("later", "set KCHAT_EMAIL")
