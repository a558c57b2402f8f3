"""Every answer has the headers that protect it."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote, urlsplit

import pytest
from flask.testing import FlaskClient

from tests.web import chats
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import FakeService
from tests.web.markup import Page

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


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_headers_that_protect(client: FlaskClient, path: str) -> None:
    with client.get(path) as response:  # «with» closes the file of a static answer
        headers = response.headers
    policy = headers["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "form-action 'self'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "trusted-types 'none'" in policy
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers
    if not path.startswith("/static"):
        assert headers["Cache-Control"].startswith("private, no-")
    assert "Set-Cookie" not in headers


OWN = ("img-src 'self'", "require-corp")
NAMED = ("img-src 'self' https://cdn.example https://img.example:8443", "credentialless")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/?q=退款", NAMED),
        ("/chats/290", NAMED),
        ("/chats/290/versions", OWN),
        ("/chats/290/visitor", OWN),
        ("/status", OWN),
        ("/api/v1/chats/290", OWN),
        ("/static/app.js", OWN),
        ("/nope", OWN),
    ],
)
def test_only_pages_with_messages_may_show_images_of_the_sites_that_a_setting_names(
    path: str, expected: tuple[str, str]
) -> None:
    for origins in ((), ("https://cdn.example", "https://img.example:8443")):
        presentation = replace(make_presentation(), image_origins=origins)
        app = make_app(FakeService(chats.ordinary(), presentation))
        with app.test_client().get(path) as answer:
            headers = answer.headers
        policy = headers["Content-Security-Policy"].split("; ")
        images = next(one for one in policy if one.startswith("img-src"))
        found = (images, headers["Cross-Origin-Embedder-Policy"])
        assert found == (expected if origins else OWN)


def test_a_refusal_and_a_failure_are_protected_too(
    client: FlaskClient, service: FakeService
) -> None:
    service.bug = ZeroDivisionError
    refused = client.get("/", headers={"Host": "evil.example"})
    failed = client.get("/?q=a")
    missing = client.get("/static/nope.js")
    wrong = client.open("/", method="TRACE")
    asked = client.open("/static/app.js", method="OPTIONS")
    codes = [answer.status_code for answer in (refused, failed, missing, wrong, asked)]
    assert codes == [403, 500, 404, 405, 200]
    for response in (refused, failed, missing, wrong, asked):
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["Cache-Control"] == "private, no-store"


def test_the_only_cookie_is_the_language(client: FlaskClient) -> None:
    cookie = client.get("/?lang=en").headers["Set-Cookie"]
    assert cookie.startswith("lang=en;")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Set-Cookie" not in client.get("/?lang=fr%0d%0aSet-Cookie:x=1").headers
    elsewhere = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}
    assert "Set-Cookie" not in client.get("/?lang=en", headers=elsewhere).headers


@pytest.mark.parametrize(
    "path", ["//evil.example/", "///evil.example", "/%2Fevil.example/", "/\\e.x"]
)
def test_no_link_and_no_redirect_leads_to_another_host(client: FlaskClient, path: str) -> None:
    response = client.get("/", environ_overrides={"PATH_INFO": unquote(path)})
    assert response.status_code == 404
    for link in Page(response.text).links:
        assert urlsplit(link["href"].replace("\\", "/")).netloc == ""
