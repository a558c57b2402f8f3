"""What the archive answers: chats, what sync decides by, cursors, reports."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kchat_search.models.chats import revision
from kchat_search.models.reports import ArchiveCounts, SyncReport
from kchat_search.ports import Archive

from .chats import START, all_stored, at, fetched


def test_an_empty_archive_answers_everything(archive: Archive) -> None:
    assert archive.get([]) == archive.get([1, -(10**30)]) == {}
    assert not list(archive.iterate())
    assert not list(archive.id_revisions())
    assert archive.versions(1) == archive.versions(10**30) == ()
    assert archive.ids_not_seen_since(at(0)) == ()
    assert archive.changes(5) == ()
    assert archive.rejects() == ()
    assert archive.cursor("list") is None
    assert archive.newest_created() is None
    assert archive.states_to_recheck(at(0), 5) == ()
    assert archive.reports() == ()
    assert archive.agents() == {}
    assert archive.counts() == ArchiveCounts(0, 0, 0, 0, 0)


def test_one_version_is_that_of_all_versions(archive: Archive) -> None:
    for minute in range(5):
        archive.save([fetched(1, f"text {minute}"), fetched(2)], now=at(minute))
    for chat_id in (1, 2, 3):
        every = archive.versions(chat_id)
        assert archive.count_versions(chat_id) == len(every) == {1: 5, 2: 1}.get(chat_id, 0)
        assert every == tuple(
            one for number in range(1, 7) for one in archive.versions(chat_id, number)
        )
        assert archive.versions(chat_id, 0) == archive.versions(chat_id, 99) == ()
    assert archive.count_versions(10**30) == 0


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 200])
def test_iterating_gives_every_chat_once_whatever_the_batch(archive: Archive, batch: int) -> None:
    ids = [-3, 0, 1, 5, 9, 10, 11]
    archive.save([fetched(i) for i in reversed(ids)], now=at(0))
    assert [chat.id for chat in all_stored(archive, -10, batch)] == ids
    assert [chat.id for chat in all_stored(archive, batch=batch)] == [1, 5, 9, 10, 11]
    assert [chat.id for chat in all_stored(archive, 9, batch)] == [10, 11]


def test_iterating_blocks_no_writer(archive: Archive) -> None:
    archive.save([fetched(i) for i in range(1, 6)], now=at(0))
    walk = all_stored(archive, batch=2)
    first = next(walk)
    archive.save([fetched(5, "new"), fetched(6)], now=at(1))
    rest = list(walk)
    assert [first.id, *(chat.id for chat in rest)] == [1, 2, 3, 4, 5, 6]
    assert rest[3].version == 2


def test_ids_and_revisions_are_of_one_state(archive: Archive) -> None:
    archive.save([fetched(2), fetched(1), fetched(4)], now=at(0))
    archive.save([fetched(2, "new")], now=at(1))
    archive.mark_gone([4], now=at(1))
    walk = archive.id_revisions()
    assert next(walk) == (1, revision(1, gone=False))
    archive.save([fetched(2, "newer"), fetched(3), fetched(4)], now=at(2))
    assert list(walk) == [(2, revision(2, gone=False)), (4, revision(1, gone=True))]
    assert dict(archive.id_revisions())[4] == revision(1, gone=False)


def test_chats_not_seen_since_a_moment(archive: Archive) -> None:
    tick = timedelta(microseconds=1)
    archive.save([fetched(3), fetched(1)], now=at(0) - tick)
    archive.save([fetched(2)], now=at(0))
    archive.save([fetched(4)], now=at(0) - 2 * tick)
    archive.mark_gone([4], now=at(1))
    assert archive.ids_not_seen_since(at(0)) == (1, 3)
    assert archive.ids_not_seen_since(at(0) + tick) == (1, 2, 3)


def test_open_and_lately_ended_chats_are_to_be_rechecked(archive: Archive) -> None:
    week, day = timedelta(days=7), timedelta(days=1)
    old = START - 3 * week
    for minute, (chat_id, status, created, end) in enumerate(
        [
            (9, "close", old, START - day),  # ended lately
            (8, "open", old, None),
            (7, "close", START - day, None),  # has no end, created lately
            (6, "close", old, START - week),  # ended exactly a week before
            (5, "close", START, old),  # ended long ago
            (4, "close", None, None),
            (3, "", None, None),  # nothing says that it is closed
            (2, "open", START, START),  # open and ended lately
            (1, "open", START, None),  # gone
        ]
    ):
        archive.save(
            [fetched(chat_id, status=status, created_at=created, end_at=end)], now=at(minute)
        )
    archive.mark_gone([1], now=at(20))
    states = archive.states_to_recheck(START - week, 100)
    assert [state.id for state in states] == [9, 8, 7, 6, 3, 2]
    assert (states[0].status, states[0].end_at) == ("close", START - day)
    assert (states[0].created_at, states[0].seen_at) == (old, at(0))
    assert archive.states_to_recheck(START - week, 3) == states[:3]
    assert archive.states_to_recheck(START - week, 0) == ()


def test_the_creation_of_the_newest_chat_is_known_to_the_second(archive: Archive) -> None:
    archive.save([fetched(1, created_at=at(5)), fetched(2, created_at=None)], now=at(0))
    archive.save([fetched(3, created_at=at(-5_000_000))], now=at(0))
    assert archive.newest_created() == at(5)


def test_a_cursor_is_replaced(archive: Archive) -> None:
    archive.set_cursor("list", {"page": 3, "done": None}, now=at(0))
    archive.set_cursor("other", {}, now=at(0))
    archive.set_cursor("list", {"page": 4, "窗": [1.5, "二"]}, now=at(1))
    assert archive.cursor("list") == {"page": 4, "窗": [1.5, "二"]}
    assert archive.cursor("other") == {}


def test_reports_come_back_newest_first(archive: Archive) -> None:
    made = [
        SyncReport("tick", at(n), at(n) + timedelta(microseconds=7), seen=n, notes=("一", "\ud800"))
        for n in range(5)
    ]
    for report in made:
        archive.save_report(report)
    assert archive.reports() == tuple(reversed(made))
    assert archive.reports(2) == (made[4], made[3])


def test_a_clock_that_was_set_back_takes_nothing_from_the_totals(archive: Archive) -> None:
    archive.save_report(SyncReport("tick", at(1), at(2)))
    archive.save_report(SyncReport("tick", at(9), at(3)))
    assert archive.totals()["tick"].seconds == 60.0


def test_why_a_sync_ended_early_is_kept(archive: Archive) -> None:
    failed = SyncReport("tick", at(0), at(1), error="Kchat is away \ud800")
    archive.save_report(failed)
    assert archive.reports() == (failed,)
    assert archive.reports()[0].outcome == "failed"
