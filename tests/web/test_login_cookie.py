"""The cookie of a log-in: its attributes, and what a log-in, a log-out and another key do to it."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest
from flask import Flask

from kchat_search.errors import AccessError
from kchat_search.web.http import current, sessions
from kchat_search.web.http.permissions import public
from tests.web.doors import Doors
from tests.web.gates import browser

ME = "/api/v1/me"
HTTPS = {"base_url": "https://localhost"}


def with_log_in(gate: Doors) -> Flask:
    """The program with two more routes: one logs the named person in, one out."""
    app = gate.app()

    @app.get("/begin/<name>")
    @public
    def begin(name: str) -> str:
        sessions.begin(gate.access.people.person(name))
        return "in"

    @app.get("/end")
    @public
    def end() -> str:
        sessions.end()
        return "out"

    return app


@pytest.mark.parametrize(("base", "name"), [("http", "kchat"), ("https", "__Host-kchat")])
def test_no_script_and_no_other_site_gets_the_cookie(gate: Doors, base: str, name: str) -> None:
    answer = with_log_in(gate).test_client().get("/begin/lilei", base_url=f"{base}://localhost")
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith(f"{name}=")
    parts = [part.strip() for part in cookie.split(";")[1:]]
    assert "HttpOnly" in parts
    assert "SameSite=Lax" in parts
    assert "Path=/" in parts
    assert ("Secure" in parts) == (base == "https")
    assert not any(part.startswith(("Domain", "Expires", "Max-Age")) for part in parts)
    assert "Cookie" in answer.headers["Vary"]


def test_a_log_in_makes_a_new_secret_and_ends_the_one_before(gate: Doors) -> None:
    app = with_log_in(gate)
    client = app.test_client()
    client.get("/begin/lilei")
    planted = client.get_cookie("kchat")
    assert planted is not None
    client.get("/begin/cora")
    assert client.get(ME).get_json()["name"] == "cora"
    # Whoever planted the cookie before the log-in has nothing.
    other = app.test_client()
    other.set_cookie("kchat", planted.value)
    assert other.get(ME).status_code == 401
    assert gate.access.sessions.of("lilei") == ()


def test_after_log_out_the_cookie_is_worth_nothing_anywhere(gate: Doors) -> None:
    app = with_log_in(gate)
    client = app.test_client()
    client.get("/begin/lilei")
    kept = client.get_cookie("kchat")
    assert kept is not None
    left = SimpleCookie(client.get("/end").headers["Set-Cookie"])
    assert left["kchat"].value == ""
    assert client.get(ME).status_code == 401
    client.set_cookie("kchat", kept.value)
    assert client.get(ME).status_code == 401
    assert client.get("/end").status_code == 200  # once more: nothing happens


def test_a_cookie_of_http_is_not_read_over_https_nor_the_other_way_round(
    gate: Doors,
) -> None:
    app = with_log_in(gate)
    client = app.test_client()
    client.get("/begin/lilei")
    plain = client.get_cookie("kchat")
    assert plain is not None
    over_https = app.test_client()
    over_https.set_cookie("kchat", plain.value)
    assert over_https.get(ME, **HTTPS).status_code == 401


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "x",
        "eyJzZWNyZXQiOiJ4In0.aaaa.bbbb",
        ".eJw.x.y",
        "\u00ff",
        "a" * 4_000,
        "null",
        "W10.a.b",
    ],
)
def test_a_cookie_that_we_did_not_sign_is_nobody(guarded: Flask, forged: str) -> None:
    client = guarded.test_client()
    client.set_cookie("kchat", forged)
    assert client.get(ME).status_code == 401


def test_the_cookie_is_signed_with_the_key_of_the_database(gate: Doors) -> None:
    """So it counts in all processes, and in none that has another database."""
    app = with_log_in(gate)
    client = app.test_client()
    client.get("/begin/lilei")
    kept = client.get_cookie("kchat")
    assert kept is not None
    another_process = gate.app().test_client()
    another_process.set_cookie("kchat", kept.value)
    assert another_process.get(ME).status_code == 200
    assert "lilei" not in kept.value
    app.config["SECRET_KEY"] = b"another"
    assert client.get(ME).status_code == 401


def test_without_the_key_there_is_no_cookie_and_no_answer(
    gate: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> bytes:
        raise AccessError("locked")

    app = gate.app()
    monkeypatch.setattr(gate.access, "signing_key", fail)
    monkeypatch.setattr(gate.access.people, "ever", fail)
    answer = app.test_client().get("/login")
    assert answer.status_code == 503
    assert "Set-Cookie" not in answer.headers


def test_no_cookie_leaves_where_the_log_in_can_not_be_recorded(gate: Doors) -> None:
    app = with_log_in(gate)
    gate.disk_full = True

    @app.get("/recorded")
    @public
    def recorded() -> str:
        sessions.begin(gate.access.people.person("lilei"))
        current.recorder()
        return "in"

    answer = app.test_client().get("/recorded")
    assert answer.status_code == 503
    assert "Set-Cookie" not in answer.headers


def test_hsts_is_sent_where_the_address_is_https(guarded: Flask, gate: Doors) -> None:
    client = guarded.test_client()
    assert "Strict-Transport-Security" not in client.get("/healthz").headers
    assert (
        client.get("/healthz", **HTTPS).headers["Strict-Transport-Security"].startswith("max-age")
    )
    gate.set_entrance(public_url="https://chats.example")
    public_app = gate.app().test_client()
    answer = public_app.get("/healthz", headers={"Host": "chats.example"})
    assert "Strict-Transport-Security" in answer.headers


def test_the_browser_of_a_session_is_kept_short(gate: Doors) -> None:
    with_log_in(gate).test_client().get("/begin/lilei", headers={"User-Agent": "x" * 5_000})
    (session,) = gate.access.sessions.of("lilei")
    assert len(session.browser) <= 200
    assert session.address == "127.0.0.1"


def test_the_cookie_is_sent_when_it_changes_and_not_again(guarded: Flask, gate: Doors) -> None:
    client = browser(guarded, gate, "lilei")
    assert "Set-Cookie" in client.get("/?q=退款").headers  # the token of the form to log out
    assert "Set-Cookie" not in client.get("/?q=退款").headers
