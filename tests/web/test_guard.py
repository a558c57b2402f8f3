"""Only this machine is answered, and every answer has the headers that protect it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.web.fake_service import FakeService

PATHS = ["/", "/?q=退款", "/chats/290", "/status", "/docs", "/openapi.json", "/healthz", "/readyz"]
PATHS += ["/metrics", "/api/v1/rejects"]
PATHS += [
    "/api/v1/search?q=退款",
    "/api/v1/export?q=退款",
    "/api/v1/chats/290",
    "/static/app.js",
    "/nope",
    "/api/nope",
]


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:5080", "127.0.0.1", "127.0.0.1:5080", "127.8.9.1:1", "[::1]:5080"],
)
def test_a_loopback_name_is_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost:80@evil.example",
        "evil.example:127",
        "192.168.1.10:5080",
        "0.0.0.0:5080",
        "[::]:5080",
        "[::1]evil",
        "localhost:",
        "localhost:x",
        "localhost, evil.example",
        "127.1",
        "<script>",
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/v1/search", "/static/app.js"])
def test_any_other_name_is_refused_with_the_reason(
    client: FlaskClient, service: FakeService, host: str, path: str
) -> None:
    response = client.get(path, headers={"Host": host})
    assert response.status_code == 403
    assert "localhost" in response.text
    assert "<script>" not in response.text or response.is_json
    assert not service.asked


@pytest.mark.parametrize("path", PATHS)
def test_no_path_is_open_to_another_name(client: FlaskClient, path: str) -> None:
    assert client.get(path, headers={"Host": "kchat.example"}).status_code == 403


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("127.1.2.3", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("", 200),
        ("10.0.0.7", 403),
        ("::ffff:10.0.0.7", 403),
        ("2001:db8::1", 403),
        ("nonsense", 403),
    ],
)
def test_only_this_machine_is_answered(client: FlaskClient, address: str, status: int) -> None:
    response = client.get("/healthz", environ_base={"REMOTE_ADDR": address})
    assert response.status_code == status


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"])
def test_what_a_proxy_hands_on_is_refused(client: FlaskClient, name: str) -> None:
    assert client.get("/healthz", headers={name: "10.0.0.7"}).status_code == 403


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_headers_that_protect(client: FlaskClient, path: str) -> None:
    with client.get(path) as response:  # «with» closes the file of a static answer
        headers = response.headers
    policy = headers["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers
    if not path.startswith("/static"):
        assert headers["Cache-Control"].startswith("private, no-")
    assert "Set-Cookie" not in headers


def test_a_refusal_and_a_failure_are_protected_too(
    client: FlaskClient, service: FakeService
) -> None:
    service.bug = ZeroDivisionError
    refused = client.get("/", headers={"Host": "evil.example"})
    failed = client.get("/?q=a")
    assert (refused.status_code, failed.status_code) == (403, 500)
    for response in (refused, failed):
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["Cache-Control"] == "private, no-store"


def test_the_only_cookie_is_the_language(client: FlaskClient) -> None:
    cookie = client.get("/?lang=en").headers["Set-Cookie"]
    assert cookie.startswith("lang=en;")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Set-Cookie" not in client.get("/?lang=fr%0d%0aSet-Cookie:x=1").headers
