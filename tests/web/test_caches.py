"""No cache gives one person's answer to another."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.web.doors import Doors
from tests.web.gates import browser, token

PATHS = [
    "/", "/?q=退款", "/chats/290", "/chats/290/versions", "/status", "/docs", "/openapi.json",
    "/metrics", "/api/v1/search?q=退款", "/api/v1/chats/290", "/api/v1/chats/290/versions",
    "/api/v1/export?q=退款", "/api/v1/agents", "/api/v1/me", "/login", "/readyz", "/healthz",
    "/chats/290/similar", "/nope", "/api/nope",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_private_and_depends_on_who_asks(
    guarded: Flask, gate: Doors, path: str
) -> None:
    for client in (
        guarded.test_client(),
        browser(guarded, gate, "cora"),
        browser(guarded, gate, "ada"),
    ):
        with client.get(path) as answer:
            vary = {name.strip().lower() for name in answer.headers["Vary"].split(",")}
            assert {"cookie", "authorization"} <= vary
            assert answer.headers["Cache-Control"].startswith(
                ("private, no-store", "private, no-c")
            )
            assert "public" not in answer.headers["Cache-Control"]


def test_what_one_person_has_does_not_answer_another(guarded: Flask, gate: Doors) -> None:
    """A tag that is known is a 304 for whoever may have the answer, and for nobody else."""
    path = "/api/v1/chats/290"
    tag = browser(guarded, gate, "cora").get(path).headers["ETag"]
    known = {"If-None-Match": tag}
    assert browser(guarded, gate, "cora").get(path, headers=known).status_code == 304
    assert guarded.test_client().get(path, headers=known).status_code == 401
    assert guarded.test_client().get(path, headers={"If-None-Match": "*"}).status_code == 401
    assert browser(guarded, gate, "ada").get(path, headers=known).status_code == 403
    assert (
        guarded.test_client().get(path, headers=known | token(gate, "auditor")).status_code == 403
    )


def test_files_are_the_same_for_everybody(guarded: Flask, gate: Doors) -> None:
    for client in (guarded.test_client(), browser(guarded, gate, "cora")):
        with client.get("/static/app.js") as answer:
            assert "Cookie" not in answer.headers["Vary"]
            assert "max-age" in answer.headers["Cache-Control"]
            assert "Set-Cookie" not in answer.headers
