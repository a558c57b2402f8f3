"""Nobody makes a person's browser change anything."""

from __future__ import annotations

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from kchat_search.web.http.csrf import SAFE_METHODS
from kchat_search.web.http.permissions import needs, public
from tests.web.doors import Doors
from tests.web.gates import browser, csrf_token, token
from tests.web.test_permissions import path_of

CHANGES = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture
def changing(gate: Doors) -> Flask:
    """The program with routes that change something: one as the log-in page is, one of the API."""
    app = gate.app()

    @app.route("/change", methods=CHANGES)
    @public
    def change() -> str:
        return "valid" if g.csrf_valid else "not"

    @app.route("/api/v1/change", methods=CHANGES)
    @needs("search")
    def change_by_api() -> str:
        return "changed"

    return app


def test_every_route_that_changes_something_needs_the_token(guarded: Flask, gate: Doors) -> None:
    for rule in guarded.url_map.iter_rules():
        if rule.endpoint == "elsewhere.back_channel":
            continue  # no browser calls it: the provider does, and signs what it says
        for method in sorted((rule.methods or set()) - SAFE_METHODS):
            for name in (None, "both", "cora", "otto"):
                client = browser(guarded, gate, name)
                csrf_token(client)
                answer = client.open(path_of(rule), method=method, data={"username": "a"})
                assert answer.status_code in (303, 403), (rule.endpoint, method, name)
                if answer.status_code == 303:
                    assert name is None
                    assert answer.headers["Location"].startswith("/login")


@pytest.mark.parametrize("method", CHANGES)
def test_a_form_of_our_own_page_is_taken(changing: Flask, method: str) -> None:
    client = changing.test_client()
    form = {"csrf_token": csrf_token(client)}
    assert client.open("/change", method=method, data=form).text == "valid"


def forged(client: FlaskClient) -> dict[str, dict[str, str]]:
    """What somebody without our page could send."""
    other = client.application.test_client()
    return {
        "nothing": {},
        "empty": {"csrf_token": ""},
        "raw": {"csrf_token": "raw"},
        "cut": {"csrf_token": csrf_token(client)[:-1]},
        "of a signed session": {"csrf_token": str(client.get_cookie("kchat"))},
        "null": {"csrf_token": "null"},
        "other field": {"x-csrf_token": csrf_token(client)},
        "of another": {"csrf_token": csrf_token(other)[::-1]},
    }


@pytest.mark.parametrize("method", CHANGES)
def test_every_other_form_is_refused(changing: Flask, method: str) -> None:
    client = changing.test_client()
    for what, form in forged(client).items():
        answer = client.open("/change", method=method, data=form)
        assert answer.status_code == 403, what
        assert "没有改动任何内容" in answer.text
    # The token in the address is none: addresses are logged.
    assert client.open(f"/change?csrf_token={csrf_token(client)}", method=method).status_code == 403


def test_the_token_of_another_browser_is_none(changing: Flask) -> None:
    """Log-in CSRF: the attacker has a form of their own, with a valid token for their cookie."""
    theirs, mine = changing.test_client(), changing.test_client()
    csrf_token(mine)
    valid = csrf_token(theirs, "theirs")
    assert theirs.post("/change", data={"csrf_token": valid}).status_code == 200
    assert mine.post("/change", data={"csrf_token": valid}).status_code == 403
    assert changing.test_client().post("/change", data={"csrf_token": valid}).status_code == 403


def test_the_api_takes_the_token_in_a_header_alone(changing: Flask, gate: Doors) -> None:
    client = browser(changing, gate, "lilei")
    valid = csrf_token(client)
    url = "/api/v1/change"
    assert client.post(url, headers={"X-CSRF-Token": valid}).status_code == 200
    assert client.post(url, data={"csrf_token": valid}).status_code == 403
    refused = client.post(url)
    assert refused.get_json()["type"].endswith(":form-expired")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Referer": "https://evil.example/"},
    ],
    ids=str,
)
def test_a_valid_token_from_another_site_is_refused_all_the_same(
    changing: Flask, gate: Doors, headers: dict[str, str]
) -> None:
    client = browser(changing, gate, "lilei")
    valid = csrf_token(client)
    sent = {"X-CSRF-Token": valid, **headers}
    assert client.post("/api/v1/change", headers=sent).status_code == 403
    assert client.post("/change", headers=headers, data={"csrf_token": valid}).status_code == 403


def test_a_token_of_a_program_needs_no_form(changing: Flask, gate: Doors) -> None:
    client = changing.test_client()
    headers = token(gate, "compliance")
    assert client.post("/api/v1/change", headers=headers).status_code == 200
    assert client.post("/api/v1/change", headers={"Authorization": "Bearer x"}).status_code == 401
    # On a route that answers everybody, the token has not been looked at, so it frees from nothing.
    assert client.post("/change", headers={"Authorization": "Bearer x"}).status_code == 403
    assert client.post("/change", headers=headers).status_code == 403
