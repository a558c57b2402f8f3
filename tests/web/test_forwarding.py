"""What proxies say of a request: it counts from trusted ones alone, read from the right."""

from __future__ import annotations

import random
from ipaddress import ip_network
from typing import Any

import pytest
from flask import Flask, request

from kchat_search.models.people import Entrance
from kchat_search.web.http.forwarding import client_of, read, same_host
from kchat_search.web.http.permissions import public
from tests.growth import superlinear
from tests.web.doors import Doors
from tests.web.gates import browser

PROXIES = Entrance(trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("::1/128")))
SPOOFED = "203.0.113.9"


def seen(address: str, **headers: str) -> dict[str, Any]:
    """The environment that the application gets."""
    environ: dict[str, Any] = {
        "REMOTE_ADDR": address, "HTTP_HOST": "inside:5080", "wsgi.url_scheme": "http",
    }  # fmt: skip
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    read(environ, PROXIES)
    return environ


CHAINS = [
    ("192.0.2.1", "192.0.2.1"),
    (f"{SPOOFED}, 192.0.2.1", "192.0.2.1"),
    (f"{SPOOFED},192.0.2.1 ,10.0.0.2", "192.0.2.1"),
    ("10.9.9.9, 10.0.0.2", "10.9.9.9"),  # all of them are ours: the one furthest away
    ("192.0.2.1:4711", "192.0.2.1"),
    ("2001:db8::7", "2001:db8::7"),
    ("[2001:db8::7]:4711", "2001:db8::7"),
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("::ffff:10.0.0.2", "10.0.0.2"),
    ("unknown", "10.0.0.1"),
    (f"{SPOOFED}, unknown", "10.0.0.1"),
    (f"{SPOOFED}, _hidden, 10.0.0.2", "10.0.0.2"),
    (f"{SPOOFED}, 192.0.2.1'--", "10.0.0.1"),
    (f"{SPOOFED}, fe80::1%eth0", "10.0.0.1"),
    (f"{SPOOFED}, ", "10.0.0.1"),
    ("", "10.0.0.1"),
    (",,,", "10.0.0.1"),
    ("127.0.0.1", "127.0.0.1"),
    ("0x7f.1", "10.0.0.1"),
]


@pytest.mark.parametrize(("chain", "client"), CHAINS)
def test_the_client_is_the_right_most_that_is_no_proxy_of_ours(chain: str, client: str) -> None:
    found = client_of(seen("10.0.0.1", x_forwarded_for=chain))
    assert (found.address, found.by_proxy, found.contradictory) == (client, True, False)


@pytest.mark.parametrize(
    ("value", "client"),
    [
        ("for=192.0.2.1", "192.0.2.1"),
        (f"for={SPOOFED}, for=192.0.2.1;proto=https;by=10.0.0.1", "192.0.2.1"),
        ('for="[2001:db8::7]:4711"', "2001:db8::7"),
        ('For="192.0.2.1:80"; Proto=https', "192.0.2.1"),
        (f'for={SPOOFED}, for="_a;b,c"', "10.0.0.1"),
        ('for="192.0.2.1, for=203.0.113.9', "10.0.0.1"),  # a quote that is not closed
        (f"for={SPOOFED}, for=unknown", "10.0.0.1"),
        (f"for={SPOOFED}, proto=https", "10.0.0.1"),
        ("nonsense", "10.0.0.1"),
        ("for=192.0.2.1;for=203.0.113.9", "192.0.2.1"),
    ],
)
def test_the_header_of_the_standard_is_read_in_the_same_way(value: str, client: str) -> None:
    assert client_of(seen("10.0.0.1", forwarded=value)).address == client


@pytest.mark.parametrize("address", ["192.0.2.1", "127.0.0.1", "11.0.0.1", "2001:db8::1", ""])
def test_from_elsewhere_nothing_of_it_counts(address: str) -> None:
    environ = seen(
        address,
        x_forwarded_for=SPOOFED,
        forwarded=f"for={SPOOFED};proto=https;host=evil.example",
        x_forwarded_proto="https",
        x_forwarded_host="evil.example",
    )
    found = client_of(environ)
    assert (found.address, found.by_proxy) == (address, False)
    assert (environ["HTTP_HOST"], environ["wsgi.url_scheme"]) == ("inside:5080", "http")


@pytest.mark.parametrize("address", ["10.0.0.1", "::ffff:10.0.0.1", "::1"])
def test_a_trusted_proxy_says_scheme_and_host(address: str) -> None:
    environ = seen(
        address, x_forwarded_for="a", x_forwarded_proto="http, https", x_forwarded_host="x, Chats.e"
    )
    assert (environ["HTTP_HOST"], environ["wsgi.url_scheme"]) == ("chats.e", "https")
    standard = seen(address, forwarded="for=192.0.2.1;proto=https;host=chats.e")
    assert (standard["HTTP_HOST"], standard["wsgi.url_scheme"]) == ("chats.e", "https")
    assert seen(address, x_forwarded_proto="gopher")["wsgi.url_scheme"] == "http"


@pytest.mark.parametrize(
    "headers",
    [
        {"x_forwarded_for": "192.0.2.1", "forwarded": f"for={SPOOFED}"},
        {"x_forwarded_for": SPOOFED, "forwarded": "for=192.0.2.1;proto=https"},
        {"x_forwarded_proto": "https", "forwarded": "proto=http"},
        {"x_forwarded_host": "a.example", "forwarded": "host=evil.example"},
    ],
    ids=str,
)
def test_a_proxy_that_writes_one_and_passes_on_the_other_is_found_out(
    headers: dict[str, str],
) -> None:
    assert client_of(seen("10.0.0.1", **headers)).contradictory
    both = {"x_forwarded_for": "192.0.2.1", "forwarded": 'for="192.0.2.1:80"'}
    assert not client_of(seen("10.0.0.1", **both)).contradictory


def test_such_a_request_is_refused(guarded: Flask, gate: Doors) -> None:
    answer = browser(guarded, gate, "lilei").get(
        "/api/v1/me",
        headers={"X-Forwarded-For": "192.0.2.1", "Forwarded": f"for={SPOOFED}"},
        environ_overrides={"REMOTE_ADDR": "10.0.0.1"},
    )
    assert answer.status_code == 403
    assert "contradict" in answer.get_json()["detail"]


def test_whoever_spoofs_never_becomes_another_address() -> None:
    """Whatever a client puts before what our proxies add, the address is the client's."""
    choose = random.Random(5)
    parts = [SPOOFED, "10.0.0.3", "unknown", "", ",", '"', "::1", "[", "for=1.2.3.4", "\x00", ";"]
    for _ in range(2_000):
        sent = ", ".join(choose.choices(parts, k=choose.randrange(6)))
        chain = f"{sent}, 192.0.2.1" if sent else "192.0.2.1"
        for added in ("", ", 10.0.0.2", ", 10.0.0.2, 10.0.0.3"):
            found = client_of(seen("10.0.0.1", x_forwarded_for=chain + added))
            assert found.address == "192.0.2.1", chain


def test_a_public_address_is_the_one_that_links_and_cookies_know(gate: Doors) -> None:
    gate.set_entrance(public_url="https://chats.example")
    app = gate.app()

    @app.get("/where")
    @public
    def where() -> str:
        return request.host_url

    client = app.test_client()
    for host in ("chats.example", "Chats.Example", "chats.example:443"):
        assert client.get("/where", headers={"Host": host}).text == "https://chats.example/"
    found = browser(app, gate, "lilei", base_url="https://chats.example").get(
        "/api/v1/chats/290", headers={"Host": "chats.example"}, base_url="https://chats.example"
    )
    assert found.get_json()["links"]["self"] == "https://chats.example/api/v1/chats/290"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "chats.example.evil.example", "chats.example:8443", "127.0.0.1:5080",
        "localhost", "chats.example.", "xchats.example", "chats.example:80",
    ],
)  # fmt: skip
def test_another_host_is_refused_where_the_address_is_known(gate: Doors, host: str) -> None:
    gate.set_entrance(public_url="https://chats.example")
    client = gate.app().test_client()
    for path in ("/", "/login", "/api/v1/me", "/metrics", "/static/app.js"):
        with client.get(path, headers={"Host": host}) as answer:
            assert answer.status_code == 403, path
            assert "Location" not in answer.headers
    assert client.get("/healthz", headers={"Host": host}).status_code == 200
    assert client.get("/readyz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["", "a b", "evil.example/x", "a:99999", "a@b", "[::1", "公司"])
def test_a_host_that_is_none_is_an_error_with_people_too(guarded: Flask, host: str) -> None:
    answer = guarded.test_client().get(
        "/api/v1/me", environ_overrides={"HTTP_HOST": host.encode().decode("latin-1")}
    )
    assert answer.status_code == 400
    assert answer.get_json()["type"].endswith(":host-malformed")


def test_a_forwarded_host_is_held_to_the_public_address_too(gate: Doors) -> None:
    gate.set_entrance(public_url="https://chats.example")
    client = gate.app().test_client()
    inside = {"REMOTE_ADDR": "10.0.0.1"}
    for said, status in (("chats.example", 401), ("evil.example", 403)):
        answer = client.get(
            "/api/v1/me",
            headers={"Host": "inside:5080", "X-Forwarded-Host": said},
            environ_overrides=inside,
        )
        assert answer.status_code == status, said


def test_hosts_are_compared_with_the_port_of_the_scheme() -> None:
    assert same_host("A.b:443", "https://a.b")
    assert same_host("a.b:80", "http://a.b")
    assert not same_host("a.b:80", "https://a.b")
    assert not same_host("a.b", "https://a.b:8443")


@pytest.mark.parametrize("sign", [",", '"', "\\", ";", "for=1, ", "a", "1.2.3.4,", '"\\'])
def test_the_time_is_linear(sign: str) -> None:
    def read(text: str) -> object:
        return seen("10.0.0.1", x_forwarded_for=text, forwarded=text)

    assert (
        superlinear(read, lambda size: sign * (size // len(sign)), (1_000, 10_000, 30_000)) is None
    )


def test_over_the_older_version_all_but_exports_is_answered(guarded: Flask, gate: Doors) -> None:
    """It does not show whether a body of unknown length has come whole."""
    client = browser(guarded, gate, "cora")
    older = {"environ_overrides": {"REMOTE_ADDR": "10.0.0.1", "SERVER_PROTOCOL": "HTTP/1.0"}}
    assert client.get("/api/v1/search?q=退款", **older).status_code == 200
    answer = client.get("/api/v1/export?q=退款", **older)
    assert (answer.status_code, "proxy_http_version" in answer.text) == (403, True)
