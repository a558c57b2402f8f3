"""What a page of another site may ask: that the browser opens one of our pages."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.web.fake_service import FakeService
from tests.web.test_guard import PATHS

VISIT = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": "text/html,*/*"}
OWN = ["same-origin", "none"]
FOREIGN = [
    "cross-site",
    "same-site",
    "",
    "Same-Origin",
    "none, cross-site",
    "same-origin,none",
    "x",
]
EMBEDDED = [  # (mode, destination), as Chromium 156 sends them
    ("no-cors", "image"),
    ("no-cors", "script"),
    ("no-cors", "style"),
    ("no-cors", "empty"),
    ("no-cors", "video"),
    ("cors", "empty"),
    ("cors", "script"),
    ("cors", "font"),
    ("same-origin", "empty"),
    ("websocket", "websocket"),
    ("navigate", "iframe"),
    ("navigate", "frame"),
    ("navigate", "fencedframe"),
    ("navigate", "object"),
    ("navigate", "embed"),
    ("navigate", "empty"),
    ("navigate", ""),
    ("", "document"),
    ("Navigate", "Document"),
    ("cors", "document"),
]
PAGES = [
    "/",
    "/?q=退款",
    "/?q=退款&page=2",
    "/chats/290",
    "/chats/999",
    "/status",
    "/docs",
    "/nope",
]
OTHERS = [path for path in PATHS if path not in PAGES]


def site(value: str, mode: str = "no-cors", destination: str = "empty") -> dict[str, str]:
    return {"Sec-Fetch-Site": value, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}


@pytest.mark.parametrize("value", FOREIGN)
@pytest.mark.parametrize(("mode", "destination"), EMBEDDED)
def test_what_another_sites_page_embeds_is_refused_before_a_look_up(
    client: FlaskClient, service: FakeService, value: str, mode: str, destination: str
) -> None:
    service.bug = ZeroDivisionError  # whatever asks it is a 500
    for path in (*PAGES, *OTHERS):
        response = client.get(path, headers=site(value, mode, destination))
        assert response.status_code == 403, path
        assert response.headers["Cache-Control"] == "private, no-store"
        assert {"sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"} <= response.vary.as_set()
        assert "Set-Cookie" not in response.headers
    assert not service.asked


@pytest.mark.parametrize("value", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", OTHERS)
def test_what_is_no_page_is_closed_to_another_sites_link(
    client: FlaskClient, service: FakeService, value: str, path: str
) -> None:
    assert client.get(path, headers=site(value, "navigate", "document")).status_code == 403
    assert not service.asked


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("path", ["/?q=退款", "/api/v1/search?q=退款", "/api/v1/export"])
def test_another_sites_form_or_preflight_is_refused(
    client: FlaskClient, service: FakeService, method: str, path: str
) -> None:
    headers = site("cross-site", "navigate", "document")
    assert client.open(path, method=method, headers=headers).status_code == 403
    assert not service.asked


@pytest.mark.parametrize("value", ["cross-site", "same-site"])
def test_another_sites_link_opens_a_page_whose_first_answer_is_always_the_same(
    client: FlaskClient, service: FakeService, value: str
) -> None:
    """Who opened the window sees when it has come, so that must not take a look-up."""
    service.bug = ZeroDivisionError  # whatever asks it is a 500
    answers = [client.get(path, headers={**VISIT, "Sec-Fetch-Site": value}) for path in PAGES]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.data for answer in answers}) == 1
    assert "opening.js" in answers[0].text
    assert not service.asked
    for answer in answers:
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "private, no-store"
    # what the small page then asks for is the page itself
    service.bug = None
    again = client.get("/?q=退款", headers={**VISIT, "Sec-Fetch-Site": "same-origin"})
    assert "290" in again.text
    assert service.asked


@pytest.mark.parametrize("value", OWN)
def test_our_own_pages_and_people_who_type_an_address_are_answered(
    client: FlaskClient, value: str
) -> None:
    for path in PATHS:
        with client.get(path) as first:
            plain = first.status_code
        with client.get(path, headers=site(value)) as response:
            assert response.status_code == plain, path
        with client.get(path, headers={**VISIT, "Sec-Fetch-Site": value}) as response:
            assert response.status_code == plain, path


def test_tools_send_none_of_this_and_are_answered(client: FlaskClient) -> None:
    assert client.get("/api/v1/search?q=退款").status_code == 200
    node = {"Sec-Fetch-Mode": "cors"}  # the fetch of Node.js sends this alone
    assert client.get("/api/v1/search?q=退款", headers=node).status_code == 200


# -- what browsers speculate on --------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Sec-Purpose": "prefetch;anonymous-client-ip"},
        {"Purpose": "prefetch"},
        {"X-Purpose": "preview"},
        {"X-Moz": "prefetch"},
    ],
)
@pytest.mark.parametrize("value", ["none", "same-origin", "cross-site"])
def test_nothing_is_prefetched(
    client: FlaskClient, service: FakeService, header: dict[str, str], value: str
) -> None:
    """Chromium sends `none` when another site's speculation rules ask for it."""
    headers = {**VISIT, "Sec-Fetch-Site": value, **header}
    assert client.get("/?q=退款", headers=headers).status_code == 403
    assert not service.asked


# -- browsers that do not say where a request comes from -------------------------------------


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://localhost:5081",
        "http://127.0.0.1:5080",
        "https://localhost:5080",
        "http://localhost",
        "http://localhost:50800",
        "null",
        "",
        "chrome-extension://abc",
    ],
)
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
@pytest.mark.parametrize("fetched", [{}, {"Sec-Fetch-Site": "same-origin"}])
def test_a_foreign_origin_is_refused(
    client: FlaskClient, service: FakeService, origin: str, accept: str, fetched: dict[str, str]
) -> None:
    headers = {"Host": "localhost:5080", "Origin": origin, "Accept": accept, **fetched}
    for path in ("/?q=退款", "/api/v1/search?q=退款", "/api/v1/export"):
        assert client.get(path, headers=headers).status_code == 403
    assert not service.asked


def test_a_web_socket_has_an_origin_and_nothing_else(
    client: FlaskClient, service: FakeService
) -> None:
    headers = {"Origin": "http://evil.example", "Connection": "Upgrade", "Upgrade": "websocket"}
    assert client.get("/?q=退款", headers=headers).status_code == 403
    assert not service.asked


@pytest.mark.parametrize(
    "referer",
    [
        "http://evil.example/",
        "http://evil.example/http://localhost:5080/",
        "http://localhost:5081/x",
        "http://localhost:50800/",
        "http://localhost:5080.evil.example/",
        "http://localhost:5080@evil.example/",
        "https://localhost:5080/",
        "about:blank",
        "x",
    ],
)
def test_a_foreign_referer_is_another_site(
    client: FlaskClient, service: FakeService, referer: str
) -> None:
    own = {"Host": "localhost:5080", "Referer": referer}
    image = {**own, "Accept": "image/*"}
    assert client.get("/?q=退款", headers=image).status_code == 403
    assert client.get("/api/v1/search?q=退款", headers=own).status_code == 403
    visit = client.get("/?q=退款", headers={**own, "Accept": "text/html,*/*"})
    assert "opening.js" in visit.text
    assert not service.asked


@pytest.mark.parametrize("host", ["localhost:5080", "127.0.0.1", "[::1]:5080", "LOCALHOST:80"])
def test_our_own_origin_and_referer_are_answered(client: FlaskClient, host: str) -> None:
    own = f"http://{host.lower().removesuffix(':80')}"
    for headers in ({"Origin": own}, {"Referer": f"{own}/x?y"}, {"Referer": own}, {"Referer": ""}):
        response = client.get("/api/v1/search?q=退款", headers={"Host": host, **headers})
        assert response.status_code == 200
