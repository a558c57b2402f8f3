"""The whole program against a provider that is not ours: `oidc-provider-mock`, over loopback.

Our own provider (`hostile_provider`) keeps the rules as we read them; this one as its authors do.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from flask.testing import FlaskClient

from kchat_search.composition import make_gate
from kchat_search.config import only
from kchat_search.web import create_app

CALLBACK = "http://localhost/login/oidc/callback"


class Clock:
    """The real time, and what a test adds to it: this provider has a clock of its own."""

    ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def provider() -> Iterator[str]:
    """In a process of its own: importing it warns of what it uses."""
    command = [sys.executable, "-m", "oidc_provider_mock", "-p", "0", "-r", "true", "-n", "true"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            lines = iter(process.stderr.readline, "")
            found = (re.search(r"running on (http://\S+)", line) for line in lines)
            yield next(match[1] for match in found if match)
        finally:
            process.terminate()


def people(provider: str, subject: str, **claims: object) -> None:
    answer = requests.put(f"{provider}/users/{subject}", json=claims, timeout=60)
    assert answer.status_code == 204


def agrees(url: str, subject: str) -> str:
    """`subject` signs in at the provider's own page. Returns the path to which it leads back."""
    answer = requests.post(url, data={"sub": subject}, allow_redirects=False, timeout=60)
    assert answer.status_code == 302, answer.text
    there = urlsplit(answer.headers["Location"])
    assert f"{there.scheme}://{there.netloc}{there.path}" == CALLBACK
    return f"{there.path}?{there.query}"


def signs_in(client: FlaskClient, subject: str) -> None:
    back = agrees(client.get("/login/oidc").headers["Location"], subject)
    answer = client.get(back)
    assert answer.status_code == 303, answer.text


def roles(client: FlaskClient) -> list[str] | None:
    answer = client.get("/api/v1/me")
    return answer.json["roles"] if answer.status_code == 200 and answer.json else None


@pytest.mark.slow
def test_sign_in_groups_and_log_out_with_a_real_provider(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    registered = requests.post(
        f"{provider}/oauth2/clients",
        json={"redirect_uris": [CALLBACK], "scope": "openid profile email"},
        timeout=10,
    ).json()
    people(provider, "u1", preferred_username="li.lei", groups=["kf-agents", "kf-compliance"])
    people(provider, "u2", preferred_username="han.mei", groups=["others"])
    clock = Clock()
    gate = make_gate(
        only(
            oidc_configuration_url=f"{provider}/.well-known/openid-configuration",
            oidc_client_id=registered["client_id"],
            oidc_client_secret=registered["client_secret"],
            oidc_agent_group="kf-agents",
            oidc_compliance_group="kf-compliance",
        ),
        clock,
    )
    app = create_app(gate, clock)
    client, other = app.test_client(), app.test_client()

    signs_in(client, "u1")
    assert roles(client) == ["agent", "compliance"]
    refused = other.get(agrees(other.get("/login/oidc").headers["Location"], "u2"))
    assert refused.status_code == 403
    assert roles(other) is None

    people(provider, "u1", preferred_username="li.lei", groups=["kf-agents"])
    clock.ahead += timedelta(minutes=15)
    assert roles(client) is None  # a role is gone, so the session is, and tabs that are open
    signs_in(client, "u1")
    assert roles(client) == ["agent"]

    clock.ahead += timedelta(minutes=11)
    assert roles(client) == ["agent"]  # by the refresh token
    requests.post(f"{provider}/users/u1/revoke-tokens", timeout=60)
    clock.ahead += timedelta(minutes=11)
    assert roles(client) is None

    signs_in(client, "u1")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/").text)
    assert token
    answer = client.post("/logout", data={"csrf_token": unescape(token[1])})
    link = re.search(r'content="0;url=([^"]+)"', answer.text)
    assert link
    assert roles(client) is None
    ended = requests.get(unescape(link[1]), allow_redirects=False, timeout=60)
    assert ended.status_code in (200, 302), ended.text
    gate.close()
