"""How conditions change chats: in lists, in single answers and in `shown` alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from kchat_search.demo.server import DemoServer
from tests.demo.conftest import Get, single, small_chat

USERS = "/apiv2/users.json"


def texts(chat: dict[str, Any]) -> list[str]:
    return [message["msg"] for message in chat["messages"]]


class Case(NamedTuple):
    name: str
    options: dict[str, Any]
    hit: set[int]
    look: Callable[[Any], object]
    """How a chat that the condition hits looks."""
    expected: object


ALL = {1, 2, 3, 4, 5, 6, 7}
IDS = ("id", "chat_id")


@pytest.mark.parametrize(
    "case",
    [
        Case("text_ids", {}, ALL, lambda c: (
            type(c["id"]), type(c["visitor_id"]), {type(c["messages"][0][key]) for key in IDS}
        ), (str, str, {str})),
        Case("null_fields", {}, ALL, lambda c: (
            c["agent_id"], c["user_id"], c["rating"], c["assigned_at"], c["started_by"],
            c["messages"][0]["upload"],
        ), (None,) * 6),
        Case("unknown_fields", {}, ALL, lambda c: (
            len(set(c) - set(small_chat(1))),
            len(set(c["messages"][0]) - set(small_chat(1)["messages"][0])),
        ), (2, 2)),
        Case("unknown_types", {}, ALL, lambda c: (
            c["type"], c["messages"][0]["type"]
        ), ("hologram", "chat.hologram")),
        Case("lone_surrogates", {}, {5}, texts, ["你好,在吗?\ud83d"]),
        Case("lone_surrogates", {"every": 3}, {3, 6}, texts, ["你好,在吗?\ud83d"]),
        Case("nul", {}, {5}, texts, ["你好,\x00在吗?"]),
        Case("huge_message", {}, {1}, lambda c: list(map(len, texts(c))), [1_000_000]),
        Case("huge_message", {"chat_id": 4, "characters": 7}, {4}, texts, ["退款流程很长，"]),
        Case("long_chat", {}, {1}, lambda c: len({m["id"] for m in c["messages"]}), 5_000),
        Case("long_chat", {"chat_id": 2, "messages": 3}, {2}, lambda c: len(c["messages"]), 3),
        Case("malformed", {}, {7}, lambda c: "id" in c, False),
        Case("malformed", {"how": "text_id", "every": 6}, {6}, lambda c: c["id"], "chat-6"),
        Case("malformed", {"how": "messages_text"}, {7}, lambda c: type(c["messages"]), str),
        Case("malformed", {"how": "message_text"}, {7}, lambda c: type(c["messages"][0]), str),
        Case("malformed", {"how": "bad_time"}, {7}, lambda c: c["created_at"], "昨天下午"),
        Case("malformed", {"how": "list_agent"}, {7}, lambda c: c["agent_id"], [None]),
        Case("malformed", {"how": "no_object", "every": 2}, {2, 4, 6}, type, str),
    ],
)  # fmt: skip
def test_a_condition_changes_chats_in_lists_and_single_answers_alike(
    server: DemoServer, get: Get, case: Case
) -> None:
    true = server.chats()
    server.switch_on(case.name, **case.options)
    shown = server.shown()
    assert get().json()["chats"] == shown
    assert [single(get, chat["id"]) for chat in true] == shown
    changed = {before["id"] for before, now in zip(true, shown, strict=True) if before != now}
    assert changed == case.hit
    assert [case.look(shown[number - 1]) for number in changed] == [case.expected] * len(changed)
    assert server.chats() == true
    server.switch_off()
    assert server.shown() == get().json()["chats"] == true


def test_ids_as_texts_name_the_same_chats(server: DemoServer) -> None:
    server.switch_on("text_ids")
    chat = server.shown()[2]
    assert (chat["id"], chat["visitor_id"], chat["user_id"]) == ("3", "501", "45190")
    assert server.shown()[0]["user_id"] is None


def test_ids_of_agents_are_texts_if_those_of_chats_are(server: DemoServer, get: Get) -> None:
    server.switch_on("text_ids")
    assert all(isinstance(agent["id"], str) for agent in get(USERS).json()["users"])


def test_a_condition_stays_with_the_chat_that_was_the_first(server: DemoServer, get: Get) -> None:
    server.switch_on("huge_message", characters=50)
    assert len(texts(single(get, 1))[0]) == 50
    server.delete(1)
    assert server.shown() == server.chats()


def test_php_sends_lists_as_objects_and_nothing_as_an_empty_text(
    server: DemoServer, get: Get
) -> None:
    server.switch_on("php_forms")
    page = get().json()["chats"]
    assert list(page) == [str(2 * number) for number in range(len(server.chats()))]
    assert list(page.values()) == server.shown()
    shown = page["0"]
    assert single(get, 1) == shown
    assert (shown["id"], shown["user_id"]) == ("1", "")
    sent = server.chats()[0]["messages"]
    assert [m["msg"] for m in shown["messages"].values()] == [m["msg"] for m in reversed(sent)]
    assert isinstance(get(USERS).json()["users"], dict)


def test_a_page_shows_its_first_chat_twice(server: DemoServer, get: Get) -> None:
    longer = {**server.chats()[0], "messages": [*server.chats()[0]["messages"]] * 2}
    server.put(longer)
    server.switch_on("listed_twice")
    first, second = get().json()["chats"][:2]
    assert second == longer
    assert first == {**longer, "messages": longer["messages"][:-1]}
    assert single(get, longer["id"]) == longer
