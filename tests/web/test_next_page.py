"""After log-in, nobody lands on another site."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from flask import Flask

from kchat_search.web.http.next_page import own_path

OWN = [
    "/", "/?q=退款&page=2", "/?q=%E9%80%80%E6%AC%BE", "/chats/290", "/chats/290?q=a%20b#m12",
    "/status", "/api/v1/search?q=http://evil.example//x", "/?next=//evil.example", "/?q=a\\b",
    "/people?sort=name",
]  # fmt: skip
FOREIGN = [
    "", "x", "evil.example", "//evil.example", "///evil.example", "////evil.example",
    "/\\evil.example", "\\\\evil.example", "/\\/evil.example", "\\/evil.example",
    "//evil.example/%2f..", "/%2Fevil.example", "/%2f/evil.example", "/%5Cevil.example",
    "/%5c%5cevil.example", "/%252Fevil.example",
    "/%255Cevil.example", "/%25252Fevil.example", "/\t/evil.example", "/%09/evil.example",
    "/\n/evil.example", "/%0a/evil.example", "/%0d%0aSet-Cookie:a=b", "/\r\nSet-Cookie: a=b",
    "/ /evil.example", "\t//evil.example", " //evil.example", "/\u3000/evil.example",
    "/\u2028/evil.example", "/\u200b/evil.example", "/\x00", "/x//evil.example", "/.//evil.example",
    "/..//evil.example", "/x\\evil.example", "http:evil.example", "http://evil.example",
    "https://evil.example", "HTTPS://evil.example", "http:/evil.example", "http:///evil.example",
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "ftp://evil.example",
    "//evil.example:80", "//user@evil.example", "//[::1]", "//%65vil.example", "?//evil.example",
    "#//evil.example", "/?q=a\nb", "/?q=a b\rSet-Cookie: x", "/login", "/login?next=/", "/logout",
    "/static/app.js", "/" + "a" * 5_000,
]  # fmt: skip


@pytest.mark.parametrize("text", OWN)
def test_a_path_of_our_own_is_kept(text: str) -> None:
    assert own_path(text) == text


@pytest.mark.parametrize("text", FOREIGN, ids=ascii)
def test_everything_else_leads_to_the_first_page(text: str) -> None:
    assert own_path(text) == "/"


def test_the_log_in_page_is_never_told_to_lead_elsewhere(guarded: Flask) -> None:
    """However odd the address that somebody without a log-in opens."""
    client = guarded.test_client()
    for text in FOREIGN:
        path = unquote(text.partition("?")[0]).encode().decode("latin-1")
        with client.get("/", environ_overrides={"PATH_INFO": path or "/"}) as answer:
            there = urlsplit(answer.headers.get("Location", "/login"))
        assert (there.scheme, there.netloc, there.path) == ("", "", "/login"), text
        for wanted in parse_qs(there.query).get("next", ["/"]):
            assert own_path(wanted) == wanted


def test_nobody_is_led_back_to_where_they_were(guarded: Flask) -> None:
    client = guarded.test_client()
    answer = client.get("/?q=退款 100%25&lang=en")
    wanted = parse_qs(urlsplit(answer.headers["Location"]).query)["next"]
    assert wanted == ["/?q=%E9%80%80%E6%AC%BE%20100%25&lang=en"]
    assert client.get("/").headers["Location"] == "/login"
    assert "退" not in answer.headers["Location"]
