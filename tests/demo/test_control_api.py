"""The demo's own addresses: conditions and events over HTTP, and which requests are refused."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from kchat_search.cli.demo import how_to_connect
from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.conditions import CONDITIONS
from kchat_search.demo.control_api import LONGEST_BODY
from kchat_search.demo.server import DemoServer
from tests.demo.conftest import CHATS, Get

Do = Callable[..., requests.Response]


@pytest.fixture
def do(server: DemoServer, client: requests.Session) -> Do:
    def send(method: str, path: str, body: object = None, **more: Any) -> requests.Response:
        data = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        return client.request(method, f"{server.url}/demo{path}", data=data, timeout=5, **more)

    return send


def test_conditions_are_listed_switched_on_and_off(server: DemoServer, do: Do) -> None:
    listed = do("GET", "/conditions").json()
    assert listed["on"] == {}
    assert set(listed["known"]) == set(CONDITIONS)
    assert listed["known"]["resets"]["options"] == {"every": 5}
    assert all(row["says"] and "\n" not in row["says"] for row in listed["known"].values())
    slow, malformed = {"seconds": 0.5}, {"every": 2, "how": "no_id"}
    assert do("PUT", "/conditions/slow", slow).json() == {"on": {"slow": slow}}
    assert do("PUT", "/conditions/malformed", {"every": 2}).status_code == 200
    assert do("PUT", "/conditions/no_agents").status_code == 200
    on = {"slow": slow, "malformed": malformed, "no_agents": {}}
    assert do("GET", "/conditions").json()["on"] == server.conditions() == on
    assert do("DELETE", "/conditions/no_agents").json() == {"on": server.conditions()}
    assert set(server.conditions()) == {"slow", "malformed"}
    assert do("DELETE", "/conditions").json() == {"on": {}}
    assert server.conditions() == {}


def test_every_default_that_is_listed_can_be_given(server: DemoServer, do: Do) -> None:
    for name, row in do("GET", "/conditions").json()["known"].items():
        assert do("PUT", f"/conditions/{name}", row["options"]).status_code == 200
        assert server.conditions()[name] == row["options"]


def test_a_condition_that_was_switched_on_over_http_changes_the_answers(do: Do, get: Get) -> None:
    do("PUT", "/conditions/small_pages", {"size": 1})
    assert len(get().json()["chats"]) == 1
    do("DELETE", "/conditions/small_pages")
    assert len(get().json()["chats"]) == 7


def test_events_can_be_commanded_over_http(server: DemoServer, do: Do) -> None:
    assert do("POST", "/events/is_new").json() == {"chat_id": 8}
    assert do("POST", "/events/is_rated", {"chat_id": 3}).json() == {"chat_id": 3}
    assert do("POST", "/events/is_deleted", {"chat_id": None}).json() == {"chat_id": 8}
    assert [chat.get("rating") for chat in server.chats()] == [None, None, 1, *[None] * 4]


@pytest.mark.parametrize(
    ("request_line", "body", "status", "named"),
    [
        ("PUT /conditions/slwo", {}, 404, "'slwo'"),
        ("PUT /conditions/%E6%85%A2", {}, 404, "'慢'"),
        ("DELETE /conditions/slwo", None, 404, "no_agents"),
        ("PUT /conditions/slow", {"second": 1}, 400, "'second'"),
        ("PUT /conditions/slow", {"name": 1, "self": 1}, 400, "'name'"),
        ("PUT /conditions/slow", {"seconds": "x"}, 400, "'x'"),
        ("PUT /conditions/slow", '{"seconds": NaN}', 400, "nan"),
        ("PUT /conditions/slow", "[1]", 400, "object"),
        ("PUT /conditions/slow", "{", 400, "no JSON"),
        ("PUT /conditions/slow", b"\xff\xfe\xfd", 400, "no JSON"),
        ("PUT /conditions/slow", "[" * 60_000, 400, "no JSON"),
        ("PUT /conditions/slow", '{"seconds": %s}' % ("9" * 5_000), 400, "no JSON"),
        ("PUT /conditions/slow", b" " * (LONGEST_BODY + 1), 413, str(LONGEST_BODY)),
        ("POST /events/explodes", None, 404, "'explodes'"),
        ("POST /events/grows", {"chat_id": 99}, 404, "99"),
        ("POST /events/grows", {"chat_id": "3"}, 400, "'3'"),
        ("POST /events/grows", {"chat_id": True}, 400, "True"),
        ("POST /events/grows", {"chat": 3}, 400, "'chat'"),
        ("POST /events/closes", None, 400, "closes"),
        ("GET /events/grows", None, 405, "POST"),
        ("POST /conditions", None, 405, "GET"),
        ("GET /conditions/slow", None, 405, "PUT"),
        ("PATCH /conditions", None, 405, "DELETE"),
        ("GET ", None, 404, "/conditions"),
        ("GET /", None, 404, "/conditions"),
        ("GET /conditions/slow/more", None, 404, "/conditions"),
    ],
)
def test_wrong_input_is_refused_and_the_error_names_it(
    server: DemoServer, do: Do, *, request_line: str, body: object, status: int, named: str
) -> None:
    before = server.chats()
    response = do(*request_line.split(" "), body)
    assert response.status_code == status
    assert set(response.json()) == {"error", "message"}
    assert named in response.json()["message"]
    assert (server.conditions(), server.chats()) == ({}, before)
    assert do("GET", "/conditions").status_code == 200  # the connection is still good


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Length": "-1"}, 400),
        ({"Content-Length": "many"}, 400),
        ({"Content-Length": "9" * 30}, 400),
        ({"Content-Length": str(10**15)}, 413),
        ({"Transfer-Encoding": "chunked"}, 411),
    ],
)
def test_a_body_of_unknown_or_excessive_length_is_not_read(
    server: DemoServer, headers: dict[str, str], status: int
) -> None:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    connection.putrequest("PUT", "/demo/conditions/slow")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == status
    assert json.loads(response.read())["error"]
    assert response.headers["Connection"] == "close"
    connection.close()


def test_control_needs_the_login_of_the_kchat_account(server: DemoServer, do: Do) -> None:
    token = do("PUT", "/conditions/no_agents", auth=(f"{DEMO_EMAIL}/token", DEMO_API_TOKEN))
    assert token.status_code == 200
    wrong = do("DELETE", "/conditions", auth=(DEMO_EMAIL, DEMO_API_TOKEN))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "Unauthorized")
    assert wrong.headers["WWW-Authenticate"].startswith("Basic")
    assert set(server.conditions()) == {"no_agents"}


def test_no_condition_fault_or_count_applies_to_control(
    server: DemoServer, do: Do, get: Get
) -> None:
    server.switch_on("server_errors", every=1)
    server.switch_on("too_many_requests", every=2)
    server.fail_next(500)
    for _ in range(3):
        assert do("GET", "/conditions").status_code == 200
    assert (server.requests, server.request_count) == ((), 0)
    server.switch_off("server_errors")
    assert [get().status_code for _ in range(2)] == [500, 429]
    assert server.requests == (CHATS, CHATS)
    assert get("/demonstration").status_code == 404
    assert server.request_count == 3


def test_the_hint_how_to_connect_names_the_control_addresses(server: DemoServer) -> None:
    *settings, hint = how_to_connect(server).splitlines()
    assert [line.split("=")[0] for line in settings] == [
        "export KCHAT_BASE_URL", "export KCHAT_EMAIL", "export KCHAT_API_TOKEN"
    ]  # fmt: skip
    assert hint.startswith("# ")  # so that a shell can run the whole text
    command = f"curl -u {DEMO_EMAIL}:{DEMO_PASSWORD} {server.url}/demo/conditions"
    assert hint.endswith(command)
