"""Who asks: by a token, a cookie, a trusted proxy, or nobody."""

from __future__ import annotations

import logging

import pytest
from flask import Flask

from kchat_search.errors import AccessError
from kchat_search.models.people import ANYONE, NOBODY
from kchat_search.web.http import who
from tests.web.doors import Doors
from tests.web.gates import browser, csrf_token, token

ME = "/api/v1/me"
FROM_PROXY = {"environ_overrides": {"REMOTE_ADDR": "10.1.2.3"}}


def test_a_person_and_a_token_are_told_who_they_are(guarded: Flask, gate: Doors) -> None:
    assert browser(guarded, gate, "lilei").get(ME).get_json() == {
        "kind": "person", "name": "lilei", "roles": ["agent"], "agent_id": "2192",
        "permissions": ["search", "agents", "own_account", "own_searches", "own_audit"],
    }  # fmt: skip
    said = guarded.test_client().get(ME, headers=token(gate, "metrics")).get_json()
    assert (said["kind"], said["roles"], said["permissions"]) == ("token", ["metrics"], ["metrics"])


@pytest.mark.parametrize(
    "header",
    [
        "Bearer", "Bearer ", "bearer nonsense", "Bearer kchat_" + "a" * 43, "Bearer a b",
        "Bearer ' or 1=1 --", "Bearer \u00ff", "Bearer " + "a" * 20_000, "Bearer a, Bearer b",
    ],
)  # fmt: skip
def test_a_token_that_is_none_is_told_so(guarded: Flask, header: str) -> None:
    for path in (ME, "/status"):
        answer = guarded.test_client().get(path, headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == (
            'Bearer realm="kchat-search", error="invalid_token"'
        )


def test_the_scheme_is_read_in_any_case_and_others_are_not_ours(
    guarded: Flask, gate: Doors
) -> None:
    secret = token(gate, "compliance")["Authorization"].split()[1]
    client = guarded.test_client()
    assert client.get(ME, headers={"Authorization": f"bEARER  {secret}"}).status_code == 200
    basic = {"Authorization": "Basic YTpi"}
    answer = client.get(ME, headers=basic)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (
        401,
        'Bearer realm="kchat-search"',
    )
    # A proxy that asks for a password itself passes it on, beside our cookie.
    assert browser(guarded, gate, "lilei").get(ME, headers=basic).status_code == 200


@pytest.mark.parametrize("name", ["access_token", "token", "bearer", "authorization", "api_key"])
def test_a_token_in_an_address_is_worth_nothing(guarded: Flask, gate: Doors, name: str) -> None:
    secret = token(gate, "compliance")["Authorization"].split()[1]
    client = guarded.test_client()
    assert client.get(f"/api/v1/search?q=退款&{name}={secret}").status_code == 401
    assert client.post(ME, data={name: secret}).status_code == 401
    assert gate.service.asked == []


@pytest.mark.parametrize("works", [True, False])
def test_a_token_and_a_cookie_together_are_refused(
    guarded: Flask, gate: Doors, *, works: bool
) -> None:
    client, headers = browser(guarded, gate, "ada"), token(gate, "agent", agent_id="2192")
    if not works:
        headers = {"Authorization": "Bearer nonsense"}
    for path in (ME, "/status", "/api/v1/search?q=退款", "/metrics"):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 400, path
        assert answer.headers["Content-Type"].startswith(("application/problem", "text/html"))
    assert client.get(ME, headers=headers).get_json()["parameter"] == "Authorization"
    assert gate.service.asked == []


def test_a_cookie_without_a_log_in_is_no_second_credential(guarded: Flask, gate: Doors) -> None:
    client = guarded.test_client()
    csrf_token(client)  # as after a look at the log-in page
    assert client.get(ME, headers=token(gate, "compliance")).status_code == 200


def test_a_token_changes_without_a_csrf_token_and_a_cookie_does_not(
    guarded: Flask, gate: Doors
) -> None:
    """No route of the API changes anything yet, so 405 is the route's own answer."""
    assert guarded.test_client().post(ME, headers=token(gate, "compliance")).status_code == 405


def test_what_ends_a_token_ends_it_with_the_next_request(guarded: Flask, gate: Doors) -> None:
    client, people = guarded.test_client(), gate.access.people
    of_cora = token(gate, "compliance", owner="cora")
    assert client.get("/api/v1/search?q=退款", headers=of_cora).status_code == 200
    people.set_roles("cora", ["agent"])
    assert client.get("/api/v1/search?q=退款", headers=of_cora).status_code in (401, 403)
    people.set_roles("cora", ["compliance"])
    assert client.get("/api/v1/search?q=退款", headers=of_cora).status_code == 200
    people.disable("cora")
    assert client.get("/api/v1/search?q=退款", headers=of_cora).status_code == 401
    people.enable("cora")
    (kept,) = gate.access.tokens.everything(owner="cora")
    gate.access.tokens.revoke(kept.id)
    assert client.get("/api/v1/search?q=退款", headers=of_cora).status_code == 401


def test_a_role_that_is_taken_away_ends_with_the_next_request_of_an_open_tab(
    guarded: Flask, gate: Doors
) -> None:
    tab = browser(guarded, gate, "cora")
    assert tab.get("/?q=退款").status_code == 200
    gate.access.people.set_roles("cora", ["auditor"])
    assert tab.get("/?q=退款").status_code in (302, 403)
    assert tab.get("/api/v1/export?q=退款").status_code in (401, 403)


@pytest.mark.parametrize("how", ["disable", "remove"])
def test_an_account_that_ends_has_no_session(guarded: Flask, gate: Doors, how: str) -> None:
    tab = browser(guarded, gate, "cora")
    getattr(gate.access.people, how)("cora")
    assert tab.get(ME).status_code == 401
    assert tab.get("/?q=退款").headers["Location"].startswith("/login?next=")


def test_a_trusted_proxy_names_who_has_signed_in(guarded: Flask, gate: Doors) -> None:
    named = {"X-Remote-User": "lilei"}
    answer = guarded.test_client().get(ME, headers=named, **FROM_PROXY)
    assert (answer.status_code, answer.get_json()["name"]) == (200, "lilei")
    for name in ("", "nobody", "lilei, ada"):
        said = guarded.test_client().get(ME, headers={"X-Remote-User": name}, **FROM_PROXY)
        assert said.status_code == 401, name
    gate.access.people.disable("lilei")
    assert guarded.test_client().get(ME, headers=named, **FROM_PROXY).status_code == 401


def test_a_proxy_may_name_somebody_in_chinese(guarded: Flask, gate: Doors) -> None:
    gate.access.people.add("韩梅梅", ["agent"])
    for sent, status in (("韩梅梅".encode(), 200), ("韩梅梅".encode("gbk"), 401)):
        named = {"X-Remote-User": sent.decode("latin-1")}
        assert guarded.test_client().get(ME, headers=named, **FROM_PROXY).status_code == status


def test_whom_the_proxy_names_counts_and_not_the_cookie_of_somebody_else(
    guarded: Flask, gate: Doors
) -> None:
    client = browser(guarded, gate, "ada")
    named = {"X-Remote-User": "lilei"}
    assert client.get(ME, headers=named, **FROM_PROXY).get_json()["name"] == "lilei"
    gone = {"X-Remote-User": "gone"}
    assert client.get(ME, headers=gone, **FROM_PROXY).status_code == 401


@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.1", "11.0.0.1", ""])
def test_the_same_header_from_elsewhere_is_refused_logged_and_recorded(
    guarded: Flask, gate: Doors, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    forged = {"X-Remote-User": "ada", "X-Forwarded-For": "10.0.0.1"}
    more = {"headers": forged, "environ_overrides": {"REMOTE_ADDR": address}}
    with caplog.at_level(logging.WARNING):
        answers = [browser(guarded, gate, "lilei").get(ME, **more) for _ in range(3)]
        answers.append(guarded.test_client().get("/login", **more))
    assert {answer.status_code for answer in answers} == {403}
    (entry,) = gate.recorded  # of one address once a minute: else they would fill the disk
    assert (entry.action, entry.object, entry.name) == ("refused", "header:X-Remote-User", "")
    assert entry.address == address
    assert caplog.text.count("no trusted proxy") == 1
    assert "ada" not in caplog.text


def test_without_the_setting_the_header_is_one_like_any_other(gate: Doors) -> None:
    gate.set_entrance(remote_user_header=None)
    app = gate.app()
    named = {"X-Remote-User": "ada"}
    assert app.test_client().get(ME, headers=named, **FROM_PROXY).status_code == 401
    assert browser(app, gate, "lilei").get(ME, headers=named).get_json()["name"] == "lilei"


class _Gone:
    """People, or whatever else, that can't be looked up any more."""

    def __getattr__(self, name: str) -> object:
        def fail(*args: object, **kwargs: object) -> object:
            raise AccessError("/var/lib/secret/access.sqlite3 is locked")

        return fail


def test_where_people_can_not_be_looked_up_nobody_gets_an_answer(
    guarded: Flask, gate: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, headers = browser(guarded, gate, "cora"), token(gate, "compliance")
    monkeypatch.setattr(gate.access, "people", _Gone())
    other = guarded.test_client()
    for path in ("/", "/?q=退款", "/login", "/readyz", ME, "/metrics", "/nope", "/api/nope"):
        for answer in (client.get(path), other.get(path), other.get(path, headers=headers)):
            assert answer.status_code == 503, path
            assert "secret" not in answer.text
            assert "退款流程" not in answer.text
    assert other.get("/healthz").get_json() == {"status": "ok"}
    with other.get("/static/app.js") as file:
        assert file.status_code == 200


def test_a_process_that_once_saw_people_never_opens_again(
    guarded: Flask, gate: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = guarded.test_client()
    assert client.get("/?q=退款").status_code == 302
    monkeypatch.setattr(gate.access.people, "ever", lambda: False)
    assert client.get("/?q=退款").status_code == 302
    assert client.get("/api/v1/search?q=退款").status_code == 401


def test_an_answer_under_way_ends_with_the_first_person(empty_doors: Doors) -> None:
    access = empty_doors.access
    asker = who.at_this_machine(access)
    assert asker.again() == ANYONE
    access.people.add("ada", ["admin"])
    assert asker.again() == NOBODY
    assert who.at_this_machine(None).again() == ANYONE


@pytest.mark.parametrize("part", ["sessions", "tokens", "requests"])
def test_where_one_part_can_not_be_looked_up_there_is_no_answer_either(
    guarded: Flask, gate: Doors, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    client, headers = browser(guarded, gate, "cora"), token(gate, "compliance")
    monkeypatch.setattr(gate.access, part, _Gone())
    answer = guarded.test_client().get(ME, headers=headers) if part == "tokens" else client.get(ME)
    assert answer.status_code == 503
    assert answer.get_json()["type"].endswith(":access-unavailable")
    assert "secret" not in answer.text


def test_nobody_is_told_a_figure_by_the_health_of_the_program(guarded: Flask, gate: Doors) -> None:
    assert guarded.test_client().get("/readyz").get_json() == {"status": "ok"}
    assert browser(guarded, gate, "lilei").get("/readyz").get_json() == {"status": "ok"}
    assert browser(guarded, gate, "ada").get("/readyz").get_json() == {"status": "ok", "alerts": []}
    health = guarded.test_client().get("/healthz", headers={"Authorization": "Bearer nonsense"})
    assert health.get_json() == {"status": "ok"}
