"""Bodies of requests, as the application meets them under any server."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from kchat_search.web.http.bodies import MAX_BODY_BYTES
from tests.web.fake_service import FakeService


class Unread:
    """A body that nobody may read."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the body is asked for: {name}")


@pytest.mark.parametrize("path", ["/", "/api/v1/search", "/static/app.js", "/nope", "/healthz"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "FOO"])
def test_a_large_body_is_refused_by_its_length(
    client: FlaskClient, service: FakeService, path: str, method: str
) -> None:
    for length in (str(MAX_BODY_BYTES + 1), "400000000", "9" * 5_000, "-1", "+1", "１"):
        answer = client.open(
            path,
            method=method,
            environ_overrides={"CONTENT_LENGTH": length, "wsgi.input": Unread()},
        )
        assert answer.status_code == 413
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not service.asked


def test_a_body_must_say_its_length(client: FlaskClient) -> None:
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked"}
    answer = client.post("/api/v1/search", environ_overrides=chunked)
    assert answer.status_code == 411
    assert answer.get_json()["type"] == "urn:kchat-search:problem:length-required"


def test_who_may_not_ask_is_told_so_whatever_the_body(client: FlaskClient) -> None:
    answer = client.post(
        "/", headers={"Host": "evil.example"}, environ_overrides={"CONTENT_LENGTH": "400000000"}
    )
    assert answer.status_code == 403


def test_a_small_form_reaches_the_routes(client: FlaskClient) -> None:
    assert client.post("/", data={"user": "a", "password": "b"}).status_code == 405
    assert client.post("/", data=b"a" * MAX_BODY_BYTES).status_code == 405
    assert client.get("/healthz", data=b"a").status_code == 200
