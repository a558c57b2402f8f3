"""The change queue: no queued chat is lost, whenever it was queued."""

from __future__ import annotations

from dataclasses import replace

from kchat_search.kchat.json_codec import encode
from kchat_search.models.chats import FetchedChat, QueueEntry
from kchat_search.ports import Archive

from .chats import at, fetched


def queued(archive: Archive) -> list[int]:
    return [entry.chat_id for entry in archive.changes(1_000)]


def test_a_chat_that_is_queued_again_after_it_was_taken_stays(archive: Archive) -> None:
    archive.save([fetched(1), fetched(2)], now=at(0))
    taken = archive.changes(10)
    archive.save([fetched(1, "new")], now=at(1))
    archive.done(taken)
    (left,) = archive.changes(10)
    assert left.chat_id == 1
    assert left.sequence > max(entry.sequence for entry in taken)
    assert archive.counts().pending == 1


def test_a_sequence_number_is_never_used_twice(archive: Archive) -> None:
    used = set()
    for _ in range(3):
        archive.queue([1])
        (entry,) = archive.changes(10)
        assert entry.sequence not in used
        used.add(entry.sequence)
        archive.done([entry])
        assert archive.last_sequence() == 0


def test_done_removes_only_entries_with_this_number_and_this_chat(archive: Archive) -> None:
    archive.queue([7, 8])
    first, second = archive.changes(10)
    archive.done([QueueEntry(first.sequence, 8), QueueEntry(999, 7)])
    assert archive.changes(10) == (first, second)
    archive.done([])
    archive.done([first, QueueEntry(first.sequence, 8)])
    assert archive.changes(10) == (second,)
    assert archive.counts().pending == 1


def test_done_through_leaves_what_was_queued_later(archive: Archive) -> None:
    archive.queue([1, 2])
    last = archive.last_sequence()
    archive.queue([1])
    archive.done_through(last)
    assert queued(archive) == [1]
    assert archive.counts().pending == 1


def test_the_oldest_entries_come_first(archive: Archive) -> None:
    archive.queue([3])
    archive.queue([2, 1])
    assert [entry.chat_id for entry in archive.changes(2)] == [3, 1]
    archive.queue([3, 2**80])
    assert queued(archive) == [1, 2, 3]


def test_chats_that_were_handed_over_are_queued_when_an_agent_gets_a_name(archive: Archive) -> None:
    def raw(chat_id: int, **message: object) -> FetchedChat:
        given = fetched(chat_id, agent_id="9")
        sent = {"id": chat_id, "messages": [{"name": "访客5"} | message]}
        return replace(given, raw=encode(sent), digest=str(message), sha256="")

    archive.save(
        [
            raw(1, name="韩梅梅"),
            raw(2, name=' 韩"梅 '),
            raw(3, user_id=8),
            raw(4, user_id="8"),
            raw(5, user_id=9),
            raw(6, name="韩梅梅"),
        ],
        now=at(0),
    )
    archive.save([raw(6)], now=at(1))  # its earlier version names her
    archive.done_through(archive.last_sequence())
    archive.save_agents({"8": "韩梅梅"}, now=at(2))
    assert queued(archive) == [1, 3, 4, 6]
    archive.done_through(archive.last_sequence())
    archive.save_agents({"8": '韩"梅'}, now=at(3))
    assert queued(archive) == [1, 2, 3, 4, 6]
    archive.done_through(archive.last_sequence())
    archive.save_agents({str(i): f"客服{i}" for i in range(20, 24)}, now=at(4))
    assert queued(archive) == [1, 2, 3, 4, 5, 6]


def test_the_chats_of_an_agent_with_a_new_name_are_queued(archive: Archive) -> None:
    archive.save([fetched(i, agent_id=str(i % 3)) for i in range(1, 10)], now=at(0))
    archive.done_through(archive.last_sequence())
    archive.save_agents({"0": "李雷", "1": "韩梅梅"}, now=at(1))
    assert queued(archive) == [1, 3, 4, 6, 7, 9]
    archive.done_through(archive.last_sequence())
    archive.save_agents({"0": "李雷", "1": "韩梅", "5": "无"}, now=at(2))
    assert queued(archive) == [1, 4, 7]
    assert archive.agents() == {"0": "李雷", "1": "韩梅", "5": "无"}
    archive.save_agents({}, now=at(3))
    assert len(archive.agents()) == 3
