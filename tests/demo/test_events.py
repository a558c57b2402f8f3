"""Events: what they do to the demo server's chats, and which chats they happen to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from kchat_search.demo.conversations import Timeline
from kchat_search.demo.events import EVENTS
from kchat_search.demo.server import DemoServer
from tests.demo.conftest import NOW, Chats, Get, MakeServer, single, small_chat

LOCAL = "2026-03-18 14:30:00"
"""The server's clock, as the API writes times."""


def changes(server: DemoServer, event: str, chat_id: int | None = None) -> dict[str, Any]:
    """What is different in the chat afterwards; no other chat may be."""
    before = {chat["id"]: chat for chat in server.chats()}
    happened = server.happen(event, chat_id)
    after = {chat["id"]: chat for chat in server.chats()}
    assert {key for key in before if before[key] != after.get(key)} <= {happened}
    old, new = before.get(happened, {}), after.get(happened, {})
    return {"id": happened} | {key: new[key] for key in new if new[key] != old.get(key)}


def test_every_event_shows_in_the_answers(server: DemoServer, get: Get) -> None:
    server.put({**small_chat(6), "status": "open"})
    for event in EVENTS:
        before = get().json()
        changed = server.happen(event)
        assert get().json() != before, event
        assert get().json()["chats"] == server.shown()
        gone = get(f"/apiv2/chats/{changed}.json").status_code == 404
        assert gone == (event == "is_deleted")


def test_a_chat_grows_by_a_message_of_its_own(server: DemoServer) -> None:
    first, second = changes(server, "grows"), changes(server, "grows")
    assert set(first) == {"id", "messages"}
    *earlier, last = second["messages"]
    assert earlier == first["messages"]
    assert first["messages"][:-1] == small_chat(7)["messages"]
    assert (last["created_at"], last["type"], last["chat_id"]) == (LOCAL, "chat.msg", 7)
    assert last["name"] == "访客5"
    assert last["id"] > earlier[-1]["id"] > 1_000
    assert last["msg"] != earlier[-1]["msg"] != ""


def test_a_chat_is_closed_and_opened_again(server: DemoServer) -> None:
    server.put({**small_chat(7), "end_at": "2015-04-07 09:00:00"})
    assert changes(server, "reopens") == {"id": 7, "status": "open", "end_at": None}
    assert changes(server, "closes") == {"id": 7, "status": "close", "end_at": LOCAL}


def test_counts_and_durations_follow_where_a_chat_has_them(server: DemoServer) -> None:
    known = {"message_count": 1, "duration": None, "status": "open"}
    server.put({**small_chat(8), **known, "created_at": "2026-03-18 14:29:30"})
    assert changes(server, "grows")["message_count"] == 2
    assert changes(server, "closes")["duration"] == 30
    assert changes(server, "reopens")["duration"] is None
    server.put({**small_chat(8), **known, "created_at": "gestern"})
    assert changes(server, "closes") == {"id": 8, "status": "close", "end_at": LOCAL}


def test_a_rating_changes_each_time(server: DemoServer) -> None:
    seen = [changes(server, "is_rated", 3) for _ in range(3)]
    assert seen == [{"id": 3, "rating": rating} for rating in (1, 4, 1)]


def test_a_recalled_message_is_empty_and_marked_and_an_edited_one_is_longer(
    server: DemoServer,
) -> None:
    (edited,) = changes(server, "is_edited")["messages"]
    assert edited == {**small_chat(7)["messages"][0], "msg": "你好,在吗?（已更正）"}
    (recalled,) = changes(server, "is_recalled")["messages"]
    assert recalled == {**edited, "recalled": True, "msg": ""}


def test_the_id_of_a_new_chat_is_above_all_earlier_ids(server: DemoServer, get: Get) -> None:
    assert changes(server, "is_deleted") == {"id": 7}
    new = changes(server, "is_new")
    assert (new["id"], new["created_at"], new["status"]) == (8, LOCAL, "wait")
    assert new["messages"] == single(get, 8)["messages"]
    assert {message["created_at"] for message in new["messages"]} == {LOCAL}
    assert server.happen("is_new", 20) == 20
    assert server.happen("is_new") == 21
    with pytest.raises(ValueError, match="above 21"):
        server.happen("is_new", 21)


@pytest.mark.parametrize(
    ("event", "given", "expected"),
    [
        ("grows", {2: {"status": "open"}, 4: {"status": "wait"}}, 4),
        ("grows", {}, 7),
        ("closes", {2: {"status": "open"}}, 2),
        ("reopens", {7: {"status": "open"}}, 6),
        ("is_rated", {7: {"rating": 0}, 6: {"status": "open"}}, 5),
        ("is_rated", {number: {"rating": 2} for number in range(1, 8)}, 7),
        ("is_recalled", {7: {"messages": []}, 6: {"messages": "none"}, 5: {"messages": [1]}}, 4),
        ("is_edited", {7: {"messages": [{"type": "chat.system", "msg": "x"}]}}, 6),
        ("is_edited", {7: {"messages": [{"type": "chat.msg", "msg": "", "recalled": True}]}}, 6),
        ("is_deleted", {}, 7),
    ],
)
def test_an_event_happens_to_the_newest_of_the_best_suited_chats(
    server: DemoServer, event: str, given: dict[int, dict[str, Any]], expected: int
) -> None:
    for number, fields in given.items():
        server.put({**small_chat(number), **fields})
    assert changes(server, event)["id"] == expected


@pytest.mark.parametrize(
    ("event", "chat_id", "error", "words"),
    [
        ("explodes", None, ValueError, "'explodes'.*grows.*is_new"),
        ("grows", 99, KeyError, "99"),
        ("closes", None, ValueError, "closes suits no chat"),
        ("closes", 3, ValueError, "closes does not suit chat 3"),
    ],
)
def test_an_event_that_cannot_happen_is_refused_and_changes_nothing(
    server: DemoServer, event: str, chat_id: int | None, error: type[Exception], words: str
) -> None:
    before = server.chats()
    with pytest.raises(error, match=words):
        server.happen(event, chat_id)
    assert server.chats() == before


def test_an_answer_that_is_being_written_does_not_change(server: DemoServer) -> None:
    for event in ("grows", "reopens", "closes", "is_rated", "is_edited", "is_recalled"):
        held, before = server._store.chats(), server.chats()
        server.happen(event, 7)
        assert list(held) == before, event


def test_the_timeline_neither_undoes_events_nor_takes_their_ids(make_server: MakeServer) -> None:
    class Returning:
        """Brings the same chats again and again."""

        def advance(self, now: datetime) -> Chats:
            assert now == NOW
            return [small_chat(number) for number in range(1, 10)]

    server = make_server([small_chat(1)], timeline=Returning(), clock=lambda: NOW)
    assert server.happen("is_deleted") == 9
    assert server.happen("is_edited") == 8
    assert server.happen("is_new") == 10
    shown = {chat["id"]: chat for chat in server.shown()}
    assert set(shown) == {1, 2, 3, 4, 5, 6, 7, 8, 10}
    assert shown[8] != small_chat(8)
    assert shown[7] == small_chat(7)


def test_every_event_suits_some_made_up_conversation(make_server: MakeServer) -> None:
    timeline = Timeline(3, NOW, 60)
    server = make_server(timeline.chats(), timeline=timeline, clock=lambda: NOW)
    happened = [server.happen(event) for event in EVENTS]
    assert len(server.chats()) == 60
    assert happened[-1] == max(chat["id"] for chat in timeline.chats()) + 1
