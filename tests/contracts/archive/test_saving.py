"""What a save keeps of chats, rejects and the cursor."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kchat_search.models.chats import SaveReport
from kchat_search.models.reports import ArchiveCounts
from kchat_search.ports import Archive

from .chats import START, at, fetched, rejected, stored, stored_versions


def test_a_new_chat_comes_back_as_it_was_saved(archive: Archive) -> None:
    chat = fetched(290)
    moment = START + timedelta(microseconds=123_457)
    assert archive.save([chat], now=moment) == SaveReport(new=1)
    assert list(archive.get([290, 291])) == [290]
    there = stored(archive, 290)
    assert (there.id, there.raw, there.digest, there.version) == (290, chat.raw, chat.digest, 1)
    assert there.first_seen_at == there.changed_at == there.seen_at == moment
    assert there.gone_at is None
    assert [entry.chat_id for entry in archive.changes(10)] == [290]


def test_a_chat_with_the_same_digest_is_only_seen_again(archive: Archive) -> None:
    archive.save([fetched(1)], now=at(0))
    archive.done(archive.changes(10))
    renewed = replace(fetched(1), raw='{"token": "renewed"}')
    assert archive.save([renewed], now=at(1)) == SaveReport(same=1)
    there = stored(archive, 1)
    assert (there.version, there.changed_at, there.seen_at) == (1, at(0), at(1))
    assert there.raw == fetched(1).raw
    assert archive.changes(10) == ()


def test_a_chat_that_was_seen_just_now_is_not_written_unless_something_is_new(
    archive: Archive,
) -> None:
    """One that changed is, and one that was gone; and one that was last seen at a time to come,
    because a clock was ahead."""
    archive.save([fetched(1), fetched(2), fetched(3), fetched(4)], now=at(5))
    archive.mark_gone([3], now=at(5))
    archive.save([fetched(4)], now=at(90))
    again = [fetched(1), fetched(2, "changed"), fetched(3), fetched(4)]
    report = archive.save(again, now=at(10), seen_since=at(5))
    assert report == SaveReport(new=0, changed=1, same=3, replaced={2: fetched(2).digest})
    assert {i: stored(archive, i).seen_at for i in range(1, 5)} == {
        1: at(5), 2: at(10), 3: at(10), 4: at(10),
    }  # fmt: skip
    assert stored(archive, 3).gone_at is None
    archive.save(again, now=at(11), seen_since=at(6))
    assert stored(archive, 1).seen_at == at(11)


def test_a_changed_chat_keeps_its_earlier_versions(archive: Archive) -> None:
    fetches = [fetched(1, text) for text in ("one", "two", "three")]
    for minute, item in enumerate(fetches):
        archive.save([item], now=at(minute))
    archive.save([fetches[-1]], now=at(9))
    versions = stored_versions(archive, 1)
    assert [(v.chat_id, v.version, v.raw, v.digest, v.seen_at) for v in versions] == [
        (1, n + 1, item.raw, item.digest, at(n)) for n, item in enumerate(fetches)
    ]
    assert stored(archive, 1).first_seen_at == at(0)
    assert archive.counts() == ArchiveCounts(chats=1, gone=0, pending=1, rejected=0, versions=3)


def test_the_last_of_several_with_one_id_wins(archive: Archive) -> None:
    report = archive.save([fetched(1, "a"), fetched(2), fetched(1, "b")], now=at(0))
    assert report == SaveReport(new=2)
    assert stored(archive, 1).raw == fetched(1, "b").raw
    assert len(archive.versions(1)) == 1


@pytest.mark.parametrize("text", ["你好", "changed meanwhile"])
def test_a_gone_chat_that_is_seen_is_no_longer_gone(archive: Archive, text: str) -> None:
    archive.save([fetched(1), fetched(2)], now=at(0))
    assert archive.mark_gone([1, 2, 77, 10**30], now=at(1)) == 2
    assert archive.mark_gone([1], now=at(2)) == 0
    assert stored(archive, 1).gone_at == at(1)
    archive.done(archive.changes(10))
    archive.save([fetched(1, text)], now=at(3))
    assert stored(archive, 1).gone_at is None
    assert [entry.chat_id for entry in archive.changes(10)] == [1]
    assert archive.counts().gone == 1


def test_rejects_are_counted_and_deleted_when_the_chat_is_understood(archive: Archive) -> None:
    first = archive.save([], [rejected("chat:5", 5, "a"), rejected("raw:ab")], now=at(0))
    assert first == SaveReport(rejected=2)
    archive.save([], [rejected("chat:5", 5, "x"), rejected("chat:5", 5, "b")], now=at(1))
    newest, other = archive.rejects()
    assert newest.reject == rejected("chat:5", 5, "b")
    assert (newest.first_seen_at, newest.last_seen_at, newest.times) == (at(0), at(1), 2)
    assert (other.reject.key, other.times) == ("raw:ab", 1)
    assert archive.rejects(limit=1, offset=1) == (other,)
    archive.save([fetched(5)], now=at(2))
    assert archive.rejects() == (other,)
    assert archive.counts().rejected == 1


def test_a_reject_never_touches_the_chat_that_was_understood(archive: Archive) -> None:
    archive.save([fetched(5)], now=at(0))
    before = archive.get([5])
    archive.save([], [rejected("chat:5", 5)], now=at(1))
    assert archive.get([5]) == before
    assert archive.counts().rejected == 1


def test_the_chat_counts_where_one_call_also_rejects_it(archive: Archive) -> None:
    assert archive.save([fetched(5)], [rejected("chat:5", 5)], now=at(0)) == SaveReport(new=1)
    assert archive.rejects() == ()


@pytest.mark.parametrize("odd", ["\ud83d", "\udc00x", "a\0b", "\ud800\udbff"])
def test_every_text_can_be_stored(archive: Archive, odd: str) -> None:
    archive.save(
        [fetched(1, status=odd, agent_id=odd, visitor_id=odd)],
        [rejected(odd, 2, odd)],
        now=at(0),
        cursor=(odd, {odd: odd}),
    )
    archive.save([], [rejected(odd, 2, odd)], now=at(1))
    archive.done(archive.changes(10))
    archive.save_agents({odd: odd}, now=at(2))
    assert [entry.chat_id for entry in archive.changes(10)] == [1]
    archive.done(archive.changes(10))
    archive.save_agents({odd: odd}, now=at(3))
    assert archive.changes(10) == ()
    assert archive.cursor(odd) == {odd: odd}
    stored = archive.rejects()[0]
    assert "\ufffd" in stored.reject.reason
    assert stored.times == 2
    stored.reject.key.encode()


def test_a_reject_may_have_an_id_that_no_column_holds(archive: Archive) -> None:
    archive.save([], [rejected("chat:9", 10**30)], now=at(0))
    assert archive.rejects()[0].reject.chat_id is None


def test_a_save_that_fails_midway_leaves_all_as_it_was(archive: Archive) -> None:
    archive.save([fetched(1)], [rejected("raw:a")], now=at(0), cursor=("list", {"page": 1}))
    before = (archive.get([1]), archive.counts(), archive.changes(9), archive.rejects())
    with pytest.raises(OverflowError):
        archive.save(
            [fetched(1, "new"), fetched(2), fetched(2**63)],
            [rejected("raw:b")],
            now=at(1),
            cursor=("list", {"page": 2}),
        )
    with pytest.raises(TypeError):  # the cursor is saved last, and this one is not JSON
        archive.save([fetched(2)], [rejected("raw:b")], now=at(1), cursor=("list", {"p": at(0)}))
    assert (archive.get([1]), archive.counts(), archive.changes(9), archive.rejects()) == before
    assert archive.cursor("list") == {"page": 1}
    archive.save([fetched(2)], now=at(2), cursor=("list", {"page": 2}))
    assert archive.cursor("list") == {"page": 2}


def test_a_time_without_a_zone_is_refused(archive: Archive) -> None:
    with pytest.raises(TypeError):
        archive.save([fetched(1)], now=at(0).replace(tzinfo=None))
    assert archive.counts().chats == 0
