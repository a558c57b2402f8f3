"""Requests of one person or token, and what every answer says of them."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.web.doors import Doors
from tests.web.gates import browser, token

ME = "/api/v1/me"


@pytest.fixture
def limited(gate: Doors) -> Flask:
    gate.set_entrance(requests_per_minute=5)
    return gate.app()


def test_every_answer_says_how_many_are_left(limited: Flask, gate: Doors) -> None:
    client = browser(limited, gate, "lilei")
    answers = [client.get(path) for path in (ME, "/?q=退款", "/nope", "/api/v1/export")]
    assert [each.status_code for each in answers] == [200, 200, 404, 403]
    for left, each in zip((4, 3, 2, 1), answers, strict=True):
        assert each.headers["RateLimit-Policy"] == '"requests";q=5;w=60'
        assert each.headers["RateLimit"].startswith(f'"requests";r={left};t=')


def test_beyond_the_limit_is_a_429_that_says_when_to_come_again(
    limited: Flask, gate: Doors
) -> None:
    client, program = browser(limited, gate, "lilei"), token(gate, "compliance")
    for _ in range(5):
        assert client.get(ME).status_code == 200
    asked = len(gate.service.asked)
    api, page = client.get("/api/v1/search?q=退款"), client.get("/?q=退款")
    for answer in (api, page):
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert answer.headers["RateLimit"].startswith('"requests";r=0;t=')
    assert api.get_json()["type"].endswith(":too-many-requests")
    assert len(gate.service.asked) == asked
    # Another browser of the same person is the same person; others are not concerned.
    assert browser(limited, gate, "lilei").get(ME).status_code == 429
    assert browser(limited, gate, "cora").get(ME).status_code == 200
    assert limited.test_client().get(ME, headers=program).status_code == 200


def test_nobody_and_what_is_the_same_for_everybody_is_not_counted(
    limited: Flask, gate: Doors
) -> None:
    client = browser(limited, gate, "lilei")
    for _ in range(20):
        with client.get("/static/app.js") as file:
            assert file.status_code == 200
        assert client.get("/healthz").status_code == 200
        assert limited.test_client().get(ME).status_code == 401
    assert client.get(ME).headers["RateLimit"].startswith('"requests";r=4;t=')
