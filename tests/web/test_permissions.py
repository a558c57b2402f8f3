"""Every route, asked by each role, by tokens and by nobody, held to one table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule

from kchat_search.models.people import Role
from kchat_search.web import create_app
from kchat_search.web.http import permissions
from tests.web.doors import Doors
from tests.web.gates import ROLES, OpenGate, browser, csrf_token, token

READERS = frozenset({"agent", "compliance"})
COMPLIANCE = frozenset({"compliance"})
EVERYBODY = frozenset({"agent", "compliance", "admin", "auditor"})
ADMIN = frozenset({"admin"})
TOKEN_OWNERS = frozenset({"compliance", "admin", "auditor"})
PUBLIC = frozenset({"nobody"})

OPEN_TO: dict[str, frozenset[str]] = {
    "static": PUBLIC,
    "api.healthz": PUBLIC,
    "api.readyz": PUBLIC,
    "api.search": READERS,
    "api.related": READERS,
    "api.hot": READERS,
    "api.chat": READERS,
    "api.similar": READERS,
    "api.chat_versions": COMPLIANCE,
    "api.export": COMPLIANCE,
    "api.rejects": COMPLIANCE,
    "api.agents": READERS,
    "api.status": frozenset({"compliance", "admin"}),
    "api.audit": EVERYBODY,
    "audit.audit": EVERYBODY,
    "api.me": EVERYBODY | {"metrics"},
    "docs.description": EVERYBODY | {"metrics"},
    "docs.show": EVERYBODY | {"metrics"},
    "metrics": frozenset({"admin", "metrics"}),
    "pages.search": READERS,
    "meant.meant": READERS,
    "hot.hot": READERS,
    "chat.chat": READERS,
    "chat.message": READERS,
    "suggest.suggest": READERS,
    "similar.similar": READERS,
    "visitor.visitor": READERS,
    "pages.chat_versions": COMPLIANCE,
    "saved.saved": READERS,
    "saved.save": READERS,
    "saved.rename": READERS,
    "saved.mark_seen": READERS,
    "saved.remove": READERS,
    "setup.setup": frozenset({"admin"}),
    "setup.check": frozenset({"admin"}),
    "status.status": frozenset({"compliance", "admin"}),
    "chat.reveal": COMPLIANCE,
    "chat.image": READERS,
    "elsewhere.begin": PUBLIC,
    "elsewhere.callback": PUBLIC,
    "elsewhere.signed_out": PUBLIC,
    "elsewhere.back_channel": PUBLIC,
    "sign_in_code.form": PUBLIC,
    "sign_in_code.log_in": PUBLIC,
    "sign_in.login": PUBLIC,
    "sign_in.log_in": PUBLIC,
    "sign_in.log_out": PUBLIC,
    "account.account": EVERYBODY,
    "account.change_password": EVERYBODY,
    "account.end_session": EVERYBODY,
    "account.end_other_sessions": EVERYBODY,
    "account.add_token": TOKEN_OWNERS,
    "account.revoke_token": TOKEN_OWNERS,
    "people.people": ADMIN,
    "people.add": ADMIN,
    "people.one": ADMIN,
    "people.change": ADMIN,
    "people.set_password": ADMIN,
    "people.end_sessions": ADMIN,
    "people.disable": ADMIN,
    "people.enable": ADMIN,
    "people.ask_to_remove": ADMIN,
    "people.remove": ADMIN,
    "tokens.tokens": ADMIN,
    "tokens.add": ADMIN,
    "tokens.revoke": ADMIN,
}
"""Endpoint: the roles that it answers (DESIGN.md, section 9). A new route has no line here, and
turns the test red until somebody says whom it answers."""

OF_PEOPLE = ("account.", "people.", "tokens.", "api.audit", "audit.")
"""Where there are no people, these answer nobody."""
OF_A_PERSON = ("account.", "saved.")
"""A token has no account, and no saved searches."""
REFUSED = 403
API = ("/api/", "/metrics", "/openapi.json")
FILLED = {"chat_id": "290", "filename": "app.js"}


def asked(guarded: Flask) -> Iterator[tuple[str, str, str]]:
    """(endpoint, method, path) of every route."""
    for rule in guarded.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            yield rule.endpoint, method, path_of(rule)


def path_of(rule: Rule) -> str:
    with_values = {name: FILLED.get(name, "1") for name in rule.arguments}
    built = rule.build(with_values)
    assert built is not None
    return str(built[1])


def test_the_table_names_every_route(guarded: Flask) -> None:
    assert set(OPEN_TO) == {rule.endpoint for rule in guarded.url_map.iter_rules()}


@pytest.mark.parametrize("name", ROLES)
def test_a_person_gets_what_their_roles_open_and_no_more(
    gate: Doors, guarded: Flask, name: str
) -> None:
    client = browser(guarded, gate, name)
    for endpoint, method, path in asked(guarded):
        if method not in ("GET", "HEAD"):  # anew, since some of them end the log-in
            client = browser(guarded, gate, name)
        form = {"csrf_token": csrf_token(client), "username": "a", "password": "b"}
        may = OPEN_TO[endpoint] == PUBLIC or not OPEN_TO[endpoint].isdisjoint(ROLES[name])
        answer = client.open(path, method=method, data=None if method in ("GET", "HEAD") else form)
        assert (answer.status_code == REFUSED) is not may, (endpoint, method)
        assert answer.status_code != 500
        assert answer.status_code != 401 or endpoint in ("sign_in.log_in", "sign_in_code.log_in")
        answer.close()


@pytest.mark.parametrize("role", ["agent", "compliance", "admin", "auditor", "metrics"])
def test_a_token_gets_what_its_roles_open_and_no_more(
    gate: Doors, guarded: Flask, role: Role
) -> None:
    token(gate, "metrics")  # number 1, which some routes revoke
    client, headers = guarded.test_client(), token(gate, role)
    for endpoint, method, path in asked(guarded):
        if OPEN_TO[endpoint] == PUBLIC:
            continue
        may = role in OPEN_TO[endpoint] and not endpoint.startswith(OF_A_PERSON)
        answer = client.open(path, method=method, headers=headers)
        assert (answer.status_code == REFUSED) is not may, (endpoint, method)
        assert answer.status_code not in (401, 500)
        answer.close()


def test_nobody_gets_nothing_but_the_log_in_page(guarded: Flask, gate: Doors) -> None:
    client = guarded.test_client()
    for endpoint, method, path in [*asked(guarded), ("", "GET", "/nope"), ("", "GET", "/api/nope")]:
        answer = client.open(path, method=method)
        if OPEN_TO.get(endpoint) == PUBLIC:
            # 302: to the log-in. 403: a form without its token. 404: nobody vouches elsewhere.
            assert answer.status_code in (200, 302, 403, 404), endpoint
            assert answer.headers.get("Location", "/login").startswith("/login")
        elif path.startswith(API):
            assert answer.status_code == 401, (endpoint, method)
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="kchat-search"'
            assert answer.content_type == "application/problem+json"
        else:
            assert answer.status_code in (302, 303), (endpoint, method)
            assert answer.headers["Location"].startswith("/login")
        assert "退款" not in answer.get_data(as_text=True)
        answer.close()
    assert gate.service.asked == []


def test_whoever_sits_at_the_machine_sees_all_as_long_as_there_are_no_people(
    guarded: Flask, gate: Doors
) -> None:
    client = create_app(OpenGate(gate.service)).test_client()
    for endpoint, method, path in asked(guarded):
        # Saved searches need a database: see tests/web/test_saved_page.py.
        if method in ("GET", "HEAD") and endpoint != "saved.saved":
            answer = client.open(path, method=method)
            assert answer.status_code not in (401, 500), endpoint
            assert (answer.status_code == REFUSED) is endpoint.startswith(OF_PEOPLE), endpoint
            assert "RateLimit" not in answer.headers
            answer.close()


def test_a_route_that_declares_nothing_stops_the_program(guarded: Flask) -> None:
    permissions.check_declared(guarded)
    guarded.add_url_rule("/secret", "secret", lambda: "everything")
    with pytest.raises(LookupError, match="secret"):
        permissions.check_declared(guarded)
    with pytest.raises(TypeError):
        permissions.needs()


def test_a_route_that_was_added_later_without_a_permission_is_open_to_nobody(
    guarded: Flask, gate: Doors
) -> None:
    guarded.add_url_rule("/secret", "secret", lambda: "everything")
    for client in (guarded.test_client(), browser(guarded, gate, "ada")):
        answer = client.get("/secret")
        assert answer.status_code == 500
        assert "everything" not in answer.text


def test_a_refusal_is_recorded_with_who_from_where_and_what(guarded: Flask, gate: Doors) -> None:
    browser(guarded, gate, "lilei").get("/api/v1/export?q=退款")
    (entry,) = gate.recorded
    assert (entry.action, entry.name, entry.object) == ("refused", "lilei", "path:/api/v1/export")
    assert (entry.address, entry.query) == ("127.0.0.1", "")
    assert gate.settled
