"""Conditions of the demo server: what each does to the answers over real HTTP, alone and
together."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import requests

from kchat_search.demo.conditions import CONDITIONS
from kchat_search.demo.server import DemoServer
from tests.demo.conftest import CHATS, NOW, Get, MakeServer, single, small_chat

USERS = "/apiv2/users.json"


def outcome(get: Get, **parameters: object) -> object:
    """The status of a list, or what is wrong with its answer."""
    try:
        response = get(**parameters)
    except requests.RequestException as error:
        return "cut" if isinstance(error, requests.exceptions.ChunkedEncodingError) else "reset"
    if response.status_code == 200:
        try:
            response.json()
        except ValueError:
            return response.headers["Content-Type"].partition(";")[0]
    return response.status_code


def ids(get: Get, **parameters: object) -> list[Any]:
    return [chat["id"] for chat in get(**parameters).json()["chats"]]


# Faults of the connection


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("too_many_requests", {}, [200, 200, 429] * 3),
        ("too_many_requests", {"every": 2}, [200, 429] * 3),
        ("too_many_requests", {"every": 1}, [429] * 5),
        ("server_errors", {}, [*[200] * 6, 503, 503, *[200] * 5, 503, 503, 200]),
        ("server_errors", {"every": 3, "burst": 1, "status": 500}, [200, 200, 500] * 2),
        ("server_errors", {"every": 2, "burst": 9}, [200, 503, 503, 503, 503]),
        ("resets", {}, [*[200] * 4, "reset"] * 2),
        ("truncated", {}, [*[200] * 4, "application/json"] * 2),
        ("truncated", {"every": 2, "announced": "whole"}, [200, "cut"] * 2),
        ("html", {"every": 2}, [200, "text/html"] * 2),
    ],
)
def test_each_nth_request_is_hit(
    server: DemoServer, get: Get, name: str, options: dict[str, Any], expected: list[object]
) -> None:
    assert outcome(get) == 200  # requests before the condition is on are not counted
    server.switch_on(name, **options)
    assert [outcome(get) for _ in expected] == expected
    server.switch_off(name)
    assert [outcome(get) for _ in range(8)] == [200] * 8


@pytest.mark.parametrize(
    ("name", "options", "header"),
    [
        ("too_many_requests", {}, "1"),
        ("too_many_requests", {"seconds": 30}, "30"),
        ("too_many_requests", {"retry_after": "none"}, None),
        ("server_errors", {}, None),
        ("server_errors", {"retry_after": 9}, "9"),
    ],
)
def test_retry_after_says_how_long_to_wait(
    server: DemoServer, get: Get, name: str, options: dict[str, Any], header: str | None
) -> None:
    server.switch_on(name, every=1, **options)
    assert get().headers.get("Retry-After") == header


@pytest.mark.parametrize("fraction", [0, 1, 900_000])
def test_retry_after_may_be_a_date_by_the_servers_clock(
    make_server: MakeServer, client: requests.Session, fraction: int
) -> None:
    now = NOW.replace(microsecond=fraction)
    server = make_server(clock=lambda: now)
    server.switch_on("too_many_requests", every=1, retry_after="date", seconds=60)
    told = client.get(server.url, timeout=60).headers["Retry-After"]
    assert told.endswith("GMT")
    assert 60 <= (parsedate_to_datetime(told) - now).total_seconds() <= 61


def test_under_slow_every_answer_and_every_commanded_fault_is_late(
    server: DemoServer, get: Get
) -> None:
    server.switch_on("slow", seconds=0.05)
    server.fail_next(500, delay=0.05)
    for status, least in ((500, 0.1), (200, 0.05), (200, 0.05)):
        began = monotonic()
        assert get().status_code == status
        assert monotonic() - began >= least


def test_a_truncated_answer_is_the_first_half_of_the_correct_one(
    server: DemoServer, get: Get
) -> None:
    whole = get().content
    server.switch_on("truncated", every=1)
    assert get().content == whole[: len(whole) // 2]


def test_a_retry_is_not_hit_whatever_other_conditions_and_requests_there_are(
    server: DemoServer, get: Get
) -> None:
    server.switch_on("too_many_requests", every=2)
    server.switch_on("resets", every=3)
    asked = ["a", "b", "b", "a", "c", "c", "b", "d", "d"]
    seen = [outcome(get, unknown=name) for name in asked]
    # One condition hits the 2nd request. Its retry is the turn of the other one, and so on.
    assert seen == [200, 429, 200, 429, 200, 429, 200, 429, 200]


def test_commanded_faults_come_before_conditions_and_are_counted(
    server: DemoServer, get: Get
) -> None:
    server.switch_on("too_many_requests", every=2)
    server.fail_next(500)
    assert [outcome(get) for _ in range(4)] == [500, 429, 200, 429]


def test_every_counts_the_requests_of_many_threads_correctly(server: DemoServer, get: Get) -> None:
    server.switch_on("too_many_requests", every=3)
    seen: list[object] = []

    def ask() -> None:
        seen.extend(
            requests.get(server.url + CHATS, timeout=60).status_code  # refused: 401
            for _ in range(30)
        )

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert Counter(seen) == {401: 160, 429: 80}


# Lists


def lists(name: str, options: dict[str, Any] | None = None, /, **parameters: object) -> Any:
    """A case: a condition, and the requested page."""
    return name, options or {}, parameters


PAGE_1, PAGE_2 = (f"{CHATS}?page={page}&per_page=3" for page in (1, 2))


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        (lists("small_pages"), {"ids": [1, 2, 3], "next_page": f"{CHATS}?page=2"}),
        (lists("small_pages", {"size": 2}, page=2), {"ids": [3, 4]}),
        (lists("small_pages", {"size": 200}, per_page=150), {}),
        (lists("without_paging", per_page=3), {"keys": {"chats"}}),
        (lists("null_next_page", page=1, per_page=3), {"next_page": None, "count": 7}),
        (lists("foreign_next_page"), {"next_page": f"https://elsewhere.example.com{CHATS}?page=2"}),
        (lists("foreign_next_page", {"url": "https://b.cn/"}), {"next_page": "https://b.cn/"}),
        (lists("repeated_next_page", page=2, per_page=3), {"ids": [4, 5, 6], "next_page": PAGE_2}),
        (lists("wrong_count"), {"count": 12}),
        (lists("wrong_count", {"by": -3}), {"count": 4}),
        (lists("last_page_for_ever", page=9, per_page=3), {"ids": [7], "next_page": None}),
        (lists("last_page_for_ever", page=1, per_page=3), {"ids": [1, 2, 3], "next_page": PAGE_2}),
        (lists("last_page_for_ever", user_id=0), {"ids": [], "count": 0}),
        (lists("deletes_between_pages", page=2, per_page=3), {"ids": [5, 6, 7], "count": 6}),
        (lists("deletes_between_pages", page=3, per_page=3), {"ids": [7], "count": 7}),
        (lists("deletes_between_pages", page=2, per_page=3, visitor_id=501), {"ids": [7]}),
        (lists("adds_between_pages", page=2, per_page=4), {"ids": [5, 6, 7, 8], "count": 8}),
        (lists("adds_between_pages", {"on_page": 3}, page=3, per_page=4), {"ids": [], "count": 8}),
        (lists("adds_between_pages", page=1), {"ids": [1, 2, 3, 4, 5, 6, 7], "count": 7}),
    ],
)
def test_a_condition_changes_the_paging_of_lists(
    server: DemoServer, get: Get, case: Any, changes: dict[str, Any]
) -> None:
    name, options, parameters = case
    server.switch_on(name, **options)
    page = get(**parameters).json()
    found = {
        **page,
        "ids": [chat["id"] for chat in page["chats"]],
        "keys": set(page),
        "next_page": (page.get("next_page") or "").removeprefix(server.url) or None,
    }
    assert {key: found[key] for key in changes} == changes


def test_lists_may_lack_messages_that_single_chats_have(server: DemoServer, get: Get) -> None:
    server.switch_on("without_messages")
    assert all("messages" not in chat for chat in get().json()["chats"])
    assert single(get, 3) == server.shown()[2] == small_chat(3)


def test_a_change_between_pages_happens_the_given_number_of_times(
    server: DemoServer, get: Get
) -> None:
    server.switch_on("deletes_between_pages", times=2)
    server.switch_on("adds_between_pages")
    assert [ids(get, page=2, per_page=4) for _ in range(3)] == [[6, 7, 8], [7, 8], [7, 8]]
    assert [chat["id"] for chat in server.chats()] == [3, 4, 5, 6, 7, 8]


def test_a_condition_changes_what_the_date_filters_mean(server: DemoServer, get: Get) -> None:
    for number in (2, 3, 4):
        server.put({**small_chat(number), "end_at": f"2015-04-{number + 10} 09:00:00"})
    april = {"start": "2015-04-12", "end": "2015-04-14"}
    for options, asked, expected in (
        ({}, {"start": "2015-04-02", "end": "2015-04-04"}, [2, 3, 4]),
        ({"inclusive": False}, {"start": "2015-04-02", "end": "2015-04-04"}, [3]),
        ({"reads": "ended"}, april, [2, 3, 4]),
        ({"reads": "ended", "inclusive": False}, april, [3]),
        ({"reads": "ended", "without_end": "shown"}, april, [1, 2, 3, 4, 5, 6, 7]),
        ({"reads": "ended"}, {"start": "2015-04-01"}, [2, 3, 4]),
        ({"reads": "ended"}, {}, [1, 2, 3, 4, 5, 6, 7]),
    ):
        server.switch_on("start_end", **options)
        assert ids(get, **asked) == expected, options


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [("no_single_chats", "/apiv2/chats/3.json", 404), ("no_agents", USERS, 403)],
)
def test_a_condition_closes_addresses(
    server: DemoServer, get: Get, name: str, path: str, status: int
) -> None:
    assert get(path).status_code == 200
    server.switch_on(name)
    assert get(path).status_code == status
    assert (get().status_code, server.shown()) == (200, server.chats())


# Together


def test_conditions_can_be_combined(server: DemoServer, get: Get) -> None:
    for name, options in (
        ("malformed", {"how": "message_text"}), ("long_chat", {"chat_id": 7, "messages": 9}),
        ("text_ids", {}), ("unknown_types", {}), ("small_pages", {"size": 4}),
        ("repeated_next_page", {}), ("wrong_count", {"by": 1}), ("html", {"every": 2}),
    ):  # fmt: skip
        server.switch_on(name, **options)
    page = get(page=2).json()
    assert get(page=2).headers["Content-Type"].startswith("text/html")
    assert page["chats"] == server.shown()[4:]
    assert [chat["id"] for chat in page["chats"]] == ["5", "6", "7"]
    assert [page["count"], page["next_page"]] == [8, f"{server.url}{CHATS}?page=2"]
    first, *others = page["chats"][2]["messages"]
    assert isinstance(first, str)
    assert len(others) == 8
    assert {message["type"] for message in others} == {"chat.hologram"}


def test_the_order_of_switching_on_does_not_matter(server: DemoServer) -> None:
    names = [name for name, condition in CONDITIONS.items() if condition.content]
    seen: list[list[Any]] = []
    for order in (names, names[::-1]):
        server.switch_off()
        for name in order:
            server.switch_on(name, **({"how": "no_object"} if name == "malformed" else {}))
        seen.append(server.shown())
    assert seen[0] == seen[1]
    assert seen[0][6] == "chat 7"


def test_the_options_of_the_constructor_still_hold_under_conditions(
    make_server: MakeServer, client: requests.Session
) -> None:
    server = make_server(max_per_page=2, omit={"count"})
    server.switch_on("small_pages", size=3)
    server.switch_on("without_messages")
    page = client.get(server.url + CHATS, timeout=60).json()
    assert [len(page["chats"]), "count" in page, "messages" in page["chats"][0]] == [
        2,
        False,
        False,
    ]


def test_every_condition_has_a_case_in_these_files() -> None:
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_condition*.py"))
    assert [name for name in CONDITIONS if f'"{name}"' not in text] == []


# Switching


def test_conditions_that_are_on_are_listed_with_all_their_options(server: DemoServer) -> None:
    assert server.conditions() == {}
    server.switch_on("malformed", how="bad_time")
    server.switch_on("slow", seconds=0)
    server.switch_on("slow")
    malformed = {"every": 7, "how": "bad_time"}
    assert list(server.conditions().items()) == [
        ("slow", {"seconds": 0.1}),
        ("malformed", malformed),
    ]
    server.switch_off("slow")
    server.switch_off("nul")
    assert server.conditions() == {"malformed": malformed}
    server.switch_off()
    assert server.conditions() == {}


@pytest.mark.parametrize(
    ("name", "options", "named"),
    [
        ("slwo", {}, ["'slwo'", "slow", "no_agents"]),
        ("slow", {"second": 1}, ["'second'", "seconds"]),
        ("no_agents", {"every": 1}, ["'every'", "none"]),
        ("slow", {"seconds": "1"}, ["seconds", "a number", "'1'"]),
        ("slow", {"seconds": float("nan")}, ["seconds", "nan"]),
        ("slow", {"seconds": True}, ["seconds", "True"]),
        ("resets", {"every": 0}, ["every", "from 1", "0"]),
        ("resets", {"every": 2.0}, ["every", "whole", "2.0"]),
        ("resets", {"every": None}, ["every", "None"]),
        ("server_errors", {"status": 404}, ["status", "500", "599", "404"]),
        ("malformed", {"how": "no"}, ["how", "no_id", "no_object", "'no'"]),
        ("start_end", {"inclusive": 1}, ["inclusive", "true or false"]),
        ("foreign_next_page", {"url": None}, ["url", "a text"]),
        ("huge_message", {"chat_id": "1"}, ["chat_id", "whole", "'1'"]),
    ],
)
def test_an_unknown_condition_or_option_is_refused_and_the_error_names_it(
    server: DemoServer, name: str, options: dict[str, Any], named: list[str]
) -> None:
    with pytest.raises(ValueError, match=name) as refused:
        server.switch_on(name, **options)
    assert [word for word in named if word not in str(refused.value)] == []
    assert server.conditions() == {}


def test_switching_off_an_unknown_condition_is_an_error(server: DemoServer) -> None:
    server.switch_on("slow")
    with pytest.raises(ValueError, match="'fast'"):
        server.switch_off("fast")
    assert set(server.conditions()) == {"slow"}


def test_the_timeline_goes_on_under_conditions(
    make_server: MakeServer, client: requests.Session
) -> None:
    class Timeline:
        def advance(self, now: datetime) -> list[dict[str, Any]]:
            return [{**small_chat(9), "created_at": f"{now:%Y-%m-%d} 10:00:00"}]

    server = make_server(timeline=Timeline(), clock=lambda: NOW.astimezone(UTC))
    server.switch_on("malformed", every=9, how="text_id")
    found = client.get(server.url + CHATS, timeout=60).json()["chats"][-1]
    assert found == server.shown()[-1] == {
        **small_chat(9), "id": "chat-9", "created_at": "2026-03-18 10:00:00"
    }  # fmt: skip
