"""The demo server over loopback: the documented API, and what can go wrong on command."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.conversations import Timeline
from kchat_search.demo.faults import with_next_page, without, without_messages
from tests.demo.conftest import NOW, Chats, MakeServer, small_chat

CHATS = "/apiv2/chats.json"


def get(client: requests.Session, url: str, **parameters: object) -> requests.Response:
    return client.get(url, params={k: str(v) for k, v in parameters.items()}, timeout=60)


def ids(response: requests.Response) -> list[int]:
    return [chat["id"] for chat in response.json()["chats"]]


def walk(client: requests.Session, url: str, **parameters: object) -> list[list[dict[str, Any]]]:
    pages = []
    page = get(client, url, **parameters).json()
    while True:
        pages.append(page["chats"])
        if page["next_page"] is None:
            return pages
        page = get(client, page["next_page"]).json()


# Logins


@pytest.mark.parametrize(
    ("user", "secret", "status"),
    [
        (DEMO_EMAIL, DEMO_PASSWORD, 200),
        (f"{DEMO_EMAIL}/token", DEMO_API_TOKEN, 200),
        (DEMO_EMAIL, DEMO_API_TOKEN, 401),
        (f"{DEMO_EMAIL}/token", DEMO_PASSWORD, 401),
        ("else@example.com", DEMO_PASSWORD, 401),
        (DEMO_EMAIL, "", 401),
    ],
)
def test_both_documented_logins_are_accepted_and_no_other(
    make_server: MakeServer, user: str, secret: str, status: int
) -> None:
    response = requests.get(make_server().url + CHATS, auth=(user, secret), timeout=60)
    assert response.status_code == status
    assert ("error" in response.json()) == (status == 401)


@pytest.mark.parametrize("header", [None, "", "Basic", "Basic %%%", "Bearer x", "Basic 4pyT"])
def test_an_invalid_login_is_refused_with_json(make_server: MakeServer, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = requests.get(make_server().url + CHATS, headers=headers, timeout=60)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Basic")
    assert response.json()["error"] == "Unauthorized"


# Lists


@pytest.mark.parametrize("path", [CHATS, "/apiv2/kchat/history.json"])
def test_all_pages_together_are_all_chats(
    make_server: MakeServer, client: requests.Session, made: Chats, path: str
) -> None:
    server = make_server(made[::-1])
    pages = walk(client, server.url + path)
    assert [chat for page in pages for chat in page] == made
    assert [len(page) for page in pages] == [100] * 20


def test_a_page_has_the_count_and_links_to_its_neighbours(
    make_server: MakeServer, client: requests.Session
) -> None:
    server = make_server()
    page = get(client, server.url + CHATS, page=2, per_page=3).json()
    assert [chat["id"] for chat in page["chats"]] == [4, 5, 6]
    assert page["count"] == 7
    assert page["next_page"] == f"{server.url}{CHATS}?page=3&per_page=3"
    assert page["previous_page"] == f"{server.url}{CHATS}?page=1&per_page=3"
    beyond = get(client, server.url + CHATS, page=9, per_page=3).json()
    assert (beyond["chats"], beyond["next_page"]) == ([], None)


def test_per_page_is_limited_to_the_maximum(
    make_server: MakeServer, client: requests.Session
) -> None:
    server = make_server(max_per_page=2)
    assert ids(get(client, server.url + CHATS, per_page=100)) == [1, 2]
    assert [len(page) for page in walk(client, server.url + CHATS)] == [2, 2, 2, 1]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"start": "2015-04-03", "end": "2015-04-05"}, [3, 4, 5]),
        ({"start": "2015-04-06"}, [6, 7]),
        ({"end": "2015-04-01"}, [1]),
        ({"visitor_id": 501}, [1, 3, 5, 7]),
        ({"user_id": 45190}, [3, 6]),
        ({"visitor_id": 501, "user_id": 45190, "end": "2015-04-30"}, [3]),
        ({"visitor_id": "none"}, []),
        ({"unknown": 1, "start": ""}, [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_filters_select_the_chats_that_they_name(
    make_server: MakeServer,
    client: requests.Session,
    parameters: dict[str, object],
    expected: list[int],
) -> None:
    pages = walk(client, make_server().url + CHATS, per_page=2, **parameters)
    assert [chat["id"] for page in pages for chat in page] == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page", "0"),
        ("page", "-1"),
        ("page", "x"),
        ("page", "١"),
        ("page", "9" * 5000),
        ("per_page", "0"),
        ("per_page", "1.5"),
        ("start", "2015-4-1"),
        ("start", "2015-02-30"),
        ("end", "20150401"),
        ("end", "today"),
    ],
)
def test_an_invalid_parameter_is_a_400_that_names_it(
    make_server: MakeServer, client: requests.Session, name: str, value: str
) -> None:
    response = get(client, make_server().url + CHATS, **{name: value})
    assert response.status_code == 400
    assert name in response.json()["message"]


# Single chats, users, and unknown addresses


def test_a_single_chat_is_shown_under_both_paths(
    make_server: MakeServer, client: requests.Session
) -> None:
    url = make_server().url
    for path in ("/apiv2/chats/3.json", "/apiv2/kchat/history/3.json"):
        assert get(client, url + path).json() == {"chat": small_chat(3)}


def test_agents_are_listed_by_role_and_paged(
    make_server: MakeServer, client: requests.Session
) -> None:
    url = make_server().url + "/apiv2/users.json"
    everyone = get(client, url, role="admin,agent").json()
    assert everyone["count"] == 12
    assert {"id", "name", "agent_display_name", "role"} <= set(everyone["users"][0])
    assert get(client, url, role="admin").json()["count"] == 1
    second = get(client, url, role="agent", per_page=10, page=2).json()
    assert [len(second["users"]), second["next_page"]] == [1, None]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/apiv2/chats/99.json",
        "/apiv2/chats/x.json",
        "/apiv2/tickets.json",
        "/apiv2/chats",
        "//[",
    ],
)
def test_anything_else_is_a_404_in_json(
    make_server: MakeServer, client: requests.Session, path: str
) -> None:
    url = make_server().url
    prepared = client.prepare_request(requests.Request("GET", url + "/x"))
    prepared.url = url + path
    response = client.send(prepared, timeout=60)
    assert response.status_code == 404
    assert response.json()["error"] == "RecordNotFound"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "BREW"])
def test_nothing_can_be_changed_over_http(
    make_server: MakeServer, client: requests.Session, method: str
) -> None:
    server = make_server()
    response = client.request(method, server.url + "/apiv2/chats/3.json", json={}, timeout=60)
    assert response.status_code in (404, 501)
    assert "error" in response.json()
    assert len(server.chats()) == 7


# Changes of the chats


def test_chats_can_be_put_replaced_and_deleted_while_it_runs(
    make_server: MakeServer, client: requests.Session
) -> None:
    server = make_server()
    server.put({**small_chat(2), "status": "open"})
    server.put(small_chat(20))
    server.delete(5)
    assert ids(get(client, server.url + CHATS)) == [1, 2, 3, 4, 6, 7, 20]
    assert get(client, server.url + "/apiv2/chats/2.json").json()["chat"]["status"] == "open"
    assert get(client, server.url + "/apiv2/chats/5.json").status_code == 404


def test_the_server_gives_and_takes_only_copies(make_server: MakeServer) -> None:
    server = make_server()
    mine = small_chat(9)
    server.put(mine)
    mine["messages"].clear()
    server.chats()[0]["messages"].clear()
    assert all(chat["messages"] for chat in server.chats())


def test_a_lone_surrogate_and_a_nul_go_through(
    make_server: MakeServer, client: requests.Session
) -> None:
    odd = {**small_chat(1), "name": "\ud83d \x00 退款"}
    response = get(client, make_server([odd]).url + "/apiv2/chats/1.json")
    assert response.json()["chat"] == odd


def test_many_requests_at_once_are_all_answered_and_counted(
    make_server: MakeServer, client: requests.Session
) -> None:
    server = make_server()
    answers: list[list[int]] = []

    def ask() -> None:
        with requests.Session() as own:
            own.auth = client.auth
            answers.extend(ids(get(own, server.url + CHATS)) for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == [[1, 2, 3, 4, 5, 6, 7]] * 80
    assert server.request_count == len(server.requests) == 80
    server.forget_requests()
    assert (server.request_count, server.requests) == (0, ())


def test_the_log_has_path_and_query(make_server: MakeServer, client: requests.Session) -> None:
    server = make_server()
    get(client, server.url + CHATS, page=2)
    assert server.requests == (f"{CHATS}?page=2",)


# Faults


def test_a_commanded_status_comes_the_given_number_of_times_with_its_headers(
    make_server: MakeServer, client: requests.Session
) -> None:
    server = make_server()
    server.fail_next(429, headers={"Retry-After": "7"}, times=2)
    seen = [get(client, server.url + CHATS) for _ in range(3)]
    assert [r.status_code for r in seen] == [429, 429, 200]
    assert seen[0].headers["Retry-After"] == "7"


def test_only_the_requests_that_match_fail(
    make_server: MakeServer, client: requests.Session
) -> None:
    server = make_server()
    server.fail_next(503, match=lambda target: "page=2" in target)
    assert get(client, server.url + CHATS).status_code == 200
    assert get(client, server.url + CHATS, page=2).status_code == 503
    assert get(client, server.url + CHATS, page=2).status_code == 200


def test_an_html_page_may_come_with_status_200(
    make_server: MakeServer, client: requests.Session
) -> None:
    server = make_server()
    server.fail_next(body="<h1>维护中</h1>", headers={"Content-Type": "text/html"})
    response = get(client, server.url + CHATS)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html")
    assert response.content.decode() == "<h1>维护中</h1>"


@pytest.mark.parametrize("order", [{"truncate": True}, {"reset": True}])
def test_an_answer_may_be_cut_short(
    make_server: MakeServer, client: requests.Session, order: dict[str, Any]
) -> None:
    server = make_server()
    server.fail_next(**order)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        get(client, server.url + CHATS)
    assert get(client, server.url + CHATS).status_code == 200


def test_a_slow_answer_comes_late_and_ends_with_the_server(
    make_server: MakeServer, client: requests.Session
) -> None:
    server = make_server()
    server.fail_next(delay=0.05)
    began = time.monotonic()
    assert get(client, server.url + CHATS).status_code == 200
    assert time.monotonic() - began >= 0.05
    # Much longer than the time limit of the suite: `close` does not wait for the answer.
    server.fail_next(delay=3_000)
    with pytest.raises(requests.Timeout):
        client.get(server.url + CHATS, timeout=0.1)
    server.close()


def test_lists_may_lack_what_the_api_does_not_guarantee(
    make_server: MakeServer, client: requests.Session
) -> None:
    server = make_server(omit={"count", "previous_page"})
    server.fail_next(edit=without_messages)
    server.fail_next(edit=without("next_page"))
    server.fail_next(edit=with_next_page("https://elsewhere.example.com/chats.json"))
    bare, lost, foreign = [get(client, server.url + CHATS).json() for _ in range(3)]
    assert all("messages" not in chat for chat in bare["chats"])
    assert set(lost) == {"chats"}
    assert foreign["next_page"].startswith("https://elsewhere.")
    whole = get(client, server.url + CHATS).json()
    assert set(whole) == {"chats", "next_page"}
    assert all(chat["messages"] for chat in whole["chats"])


def test_cleared_faults_are_not_served(make_server: MakeServer, client: requests.Session) -> None:
    server = make_server()
    server.fail_next(500, times=99)
    server.clear_faults()
    assert get(client, server.url + CHATS).status_code == 200


# Timeline


def test_a_server_with_a_timeline_shows_what_has_happened_by_each_request(
    make_server: MakeServer, client: requests.Session
) -> None:
    timeline, twin = Timeline(3, NOW, 30), Timeline(3, NOW, 30)
    clock = [NOW.astimezone(UTC)]
    server = make_server(timeline.chats(), timeline=timeline, clock=lambda: clock[0])
    assert len(ids(get(client, server.url + CHATS))) == 30
    clock[0] += timedelta(minutes=10)
    shown = get(client, server.url + CHATS).json()["chats"]
    expected = {chat["id"]: chat for chat in [*twin.chats(), *twin.advance(clock[0])]}
    assert shown == [expected[key] for key in sorted(expected)]
    assert 30 + 20 <= len(shown) <= 30 + 40


def test_closing_a_second_time_does_nothing(make_server: MakeServer) -> None:
    server = make_server(clock=lambda: datetime.now(UTC))
    server.close()
    server.close()
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url, timeout=1)
