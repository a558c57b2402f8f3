"""What a request records is on the disk before the first byte of its answer leaves."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from kchat_search.models.audit import AuditEntry, AuditFilter
from kchat_search.web.http import current
from kchat_search.web.http.permissions import needs
from tests.web.doors import Doors
from tests.web.gates import browser, token

SECRET = "correct horse battery staple"


@pytest.fixture
def recording(gate: Doors) -> Flask:
    """The program with a route that records what it does, and one that streams."""
    app = gate.app()

    @app.get("/recorded")
    @needs("search")
    def recorded() -> str:
        current.recorder().add(AuditEntry("", "", "", "view", object="chat:290"))
        gate.settled = 0
        return "what was asked"

    @app.get("/streamed")
    @needs("search")
    def streamed() -> Iterator[str]:
        current.recorder().add(AuditEntry("", "", "", "export"))
        gate.settled = 0
        return (f"{gate.settled}" for _ in range(2))

    return app


def test_the_entry_settles_before_the_answer_leaves(recording: Flask, gate: Doors) -> None:
    client = browser(recording, gate, "lilei")
    assert client.get("/recorded").text == "what was asked"
    assert gate.settled == 1
    assert client.get("/streamed").text == "11"  # the stream begins when it is on the disk
    assert [entry.name for entry in gate.recorded] == ["lilei", "lilei"]


def test_where_it_can_not_be_recorded_nothing_of_the_answer_leaves(
    recording: Flask, gate: Doors
) -> None:
    gate.disk_full = True
    client = browser(recording, gate, "lilei")
    for path in ("/recorded", "/streamed"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert "what was asked" not in answer.text
        assert "disk" not in answer.text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "Set-Cookie" not in answer.headers
    api = browser(recording, gate, "lilei").get("/api/v1/export?q=退款")
    assert api.status_code == 503  # a refusal that can't be recorded is none
    assert api.get_json()["type"].endswith(":audit-unavailable")


def test_an_export_that_can_not_be_recorded_gives_its_place_back(
    guarded: Flask, gate: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser(guarded, gate, "cora")
    export = type(gate.service).export

    def recorded(self: object, request: object) -> object:
        current.recorder().add(AuditEntry("", "", "", "export"))
        return export(self, request)  # type: ignore[arg-type]  # as it is

    monkeypatch.setattr(type(gate.service), "export", recorded)
    gate.disk_full = True
    for _ in range(5):
        assert client.get("/api/v1/export?q=退款").status_code == 503
    gate.disk_full = False
    assert client.get("/api/v1/export?q=退款").status_code == 200


def test_exports_at_once_are_those_of_one_person_or_token(guarded: Flask, gate: Doors) -> None:
    cora, program = browser(guarded, gate, "cora"), token(gate, "compliance")
    path = "/api/v1/export?q="
    running = [cora.get(path, buffered=False) for _ in range(3)]
    assert cora.get(path).status_code == 429
    other = guarded.test_client().get(path, headers=program)  # from the same address
    assert other.status_code == 200
    for each in (*running, other):
        each.close()
    assert cora.get(path).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        {"path": f"/login?password={SECRET}&username=cora"},
        {"path": f"/api/v1/search?password={SECRET}"},
        {"path": f"/?q=a&password={SECRET}"},
        {"path": "/login", "method": "POST", "data": {"username": "cora", "password": SECRET}},
        {"path": "/account", "method": "POST", "data": {"old_password": SECRET}},
        {"path": "/nope", "method": "POST", "data": {"password": SECRET}},
    ],
    ids=lambda sent: f"{sent.get('method', 'GET')} {sent['path'][:12]}",
)
def test_no_password_is_in_an_answer_an_address_a_log_or_the_audit(
    guarded: Flask, gate: Doors, caplog: pytest.LogCaptureFixture, sent: dict[str, object]
) -> None:
    sent = dict(sent)
    path = str(sent.pop("path"))
    for name in (None, "cora", "ada"):
        with caplog.at_level(logging.DEBUG):
            answer = browser(guarded, gate, name).open(path, **sent)  # type: ignore[arg-type]
        assert answer.status_code != 500
        assert SECRET not in answer.text
        for header, value in answer.headers.items():
            # Only the one who wrote it into an address is led back to it after log-in.
            assert header == "Location" or SECRET not in value
            if sent:
                assert SECRET not in value
    assert SECRET not in caplog.text
    assert SECRET not in repr(gate.recorded)


def test_the_settings_are_in_the_audit_before_a_process_answers_people(gate: Doors) -> None:
    presentation = replace(gate.presentation, access_settings="KCHAT_AGENTS_SEE=own")
    gate.service.presentation = presentation
    for _ in range(2):
        client = gate.app().test_client()
        assert client.get("/login").status_code == 200
        assert client.get("/login").status_code == 200
    (row,) = gate.access.audit.rows(AuditFilter())
    assert (row.entry.action, row.entry.query) == ("settings", "KCHAT_AGENTS_SEE=own")
