"""Gates for tests: one that is open, as long as nobody was ever added, and one with people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer

from kchat_search.gate import NOT_RECORDED
from kchat_search.models.people import Entrance, Principal, Role
from kchat_search.models.reports import Presentation
from kchat_search.ports.access import Access, Recorder
from kchat_search.ports.sign_in import SignInElsewhere
from kchat_search.web.http import csrf
from kchat_search.web.program import Program
from tests.web.doors import STAFF, Doors


@dataclass(frozen=True)
class OpenGate:
    """Behind it, everybody gets this program: the state as long as there are no people."""

    program: Program

    @property
    def presentation(self) -> Presentation:
        return self.program.presentation

    @property
    def access(self) -> Access | None:
        return None

    @property
    def elsewhere(self) -> SignInElsewhere | None:
        return None

    def recorder(self, principal: Principal, address: str) -> Recorder:
        del principal, address
        return NOT_RECORDED

    def for_(
        self,
        principal: Principal,
        recorder: Recorder,
        *,
        pages: bool = False,
        again: Callable[[], Principal] | None = None,
    ) -> Program:
        del principal, recorder, pages, again
        return self.program


ROLES: dict[str, tuple[Role, ...]] = {**STAFF, "both": ("agent", "admin")}
"""Who works here, and as what."""
ENTRANCE = Entrance(
    trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("::1/128")),
    remote_user_header="X-Remote-User",
)


def browser(app: Flask, gate: Doors, name: str | None = None, **more: Any) -> FlaskClient:
    """A browser in which this person has logged in; nobody, if no name is given."""
    client = app.test_client()
    if name is not None:
        person = gate.access.people.person(name)
        secret = gate.access.sessions.begin(person, address="127.0.0.1", browser="test")
        with client.session_transaction(**more) as session:
            session["secret"] = secret
    return client


def csrf_token(client: FlaskClient, raw: str = "raw") -> str:
    """What stands in a form of this browser's pages."""
    with client.session_transaction() as session:
        session["csrf_token"] = raw
    key = client.application.secret_key
    assert key is not None
    return csrf.masked(str(URLSafeTimedSerializer(key, salt="wtf-csrf-token").dumps(raw)))


def token(gate: Doors, *roles: Role, **more: Any) -> dict[str, str]:
    """The headers of a program that has a token with these roles."""
    _, secret = gate.access.tokens.add("a program", roles, **more)
    return {"Authorization": f"Bearer {secret}"}
