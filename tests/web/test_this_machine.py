"""Only this machine is answered: the shapes of `Host`, of the request line, and proxies."""

from __future__ import annotations

import re
import threading
from urllib.parse import urlsplit

import pytest
import waitress
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from kchat_search.hosts import host_of
from tests.web.fake_service import FakeService
from tests.web.serving import SECONDS, ask
from tests.web.test_guard import PATHS

# -- Host ------------------------------------------------------------------------------------

HOSTS = [  # (Host, how links begin)
    ("localhost", "http://localhost/"),
    ("LOCALHOST:5080", "http://localhost:5080/"),
    ("127.0.0.1", "http://127.0.0.1/"),
    ("127.0.0.1:80", "http://127.0.0.1/"),
    ("127.0.0.1:5080", "http://127.0.0.1:5080/"),
    ("127.0.0.1:65535", "http://127.0.0.1:65535/"),
    ("127.8.9.1:1", "http://127.8.9.1:1/"),
    ("[::1]", "http://[::1]/"),
    ("[::1]:5080", "http://[::1]:5080/"),
    ("[0:0:0:0:0:0:0:1]:5080", "http://[0:0:0:0:0:0:0:1]:5080/"),
    ("[::ffff:127.0.0.1]:5080", "http://[::ffff:127.0.0.1]:5080/"),
]


@pytest.mark.parametrize(("host", "beginning"), HOSTS)
def test_a_loopback_name_is_answered_and_its_links_lead_back(
    client: FlaskClient, host: str, beginning: str
) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200
    answer = client.get("/api/v1/search?q=退款", headers={"Host": host}).get_json()
    link = answer["hits"][0]["links"]["html"]
    assert link.lower().startswith(f"{beginning}chats/")
    # the link is such that a client sends the same Host again
    parts = urlsplit(link)
    assert host.lower() in (parts.netloc, f"{parts.netloc}:80")


OTHER_HOSTS = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example:127",
    "192.168.1.10:5080",
    "0.0.0.0:5080",
    "255.255.255.255",
    "[::]:5080",
    "[::ffff:10.0.0.7]:5080",
    "[fe80::1]:5080",
    "127.1",
    "127.0.0.1.",
    "127.000.000.001",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "2130706433",
    "localhost.",
    "localhost.localdomain",
    "a.localhost",
    "xn--e1afmkfd.localhost",
    "..",
    "a" * 64,
    "a" * 255,
    "xn--",
    "xn--a.xn--b",
    "-",
]
NO_HOSTS = [
    "",
    "localhost:",
    "localhost:x",
    "localhost:0",
    "localhost:00080",
    "localhost:080",
    "localhost:+80",
    "localhost:-1",
    "localhost:8 0",
    "localhost:65536",
    "127.0.0.1:99999",
    "127.0.0.1:100000",
    "127.0.0.1:5080:5080",
    "localhost:\uff18\uff10",
    ":5080",
    "localhost:80@evil.example",
    "user@localhost",
    "user:password@localhost:80",
    "localhost, evil.example",
    "localhost,localhost",
    " localhost",
    "localhost ",
    "local host",
    "localhost\t",
    "localhost/",
    "localhost/@evil.example",
    "localhost\\evil.example",
    "localhost?",
    "localhost#",
    "http://localhost",
    "%6cocalhost",
    "127%2e0%2e0%2e1",
    "localhost%00",
    "localh\u00f6st",
    "\uff4cocalhost",
    "127\u30020\u30020\u30021",
    "a" * 256,
    "::1",
    "::1:5080",
    "[::1",
    "[::1]evil",
    "[::1]:",
    "[::1]:x",
    "[::1]5080",
    "[]",
    "[]:80",
    "[127.0.0.1]",
    "[localhost]",
    "[::1%25lo]:5080",
    "[::1%lo]",
    "[v1.x]",
    "[::1]]:80",
    "[[::1]]",
    "<script>",
    'localhost"><script>alert(1)</script>',
]


@pytest.mark.parametrize("host", [*OTHER_HOSTS, *NO_HOSTS])
@pytest.mark.parametrize("path", ["/", "/api/v1/search", "/static/app.js"])
def test_any_other_name_is_refused_with_the_reason(
    client: FlaskClient, service: FakeService, host: str, path: str
) -> None:
    environ = EnvironBuilder(path=path).get_environ()
    environ["HTTP_HOST"] = host.encode().decode("latin-1")
    # not by the client, because it can't read some of these itself
    response = Response.from_app(client.application, environ, buffered=True)
    assert response.status_code == (403 if host in OTHER_HOSTS else 400)
    text = response.get_data(as_text=True)
    assert "localhost" in text
    assert "<script>" not in text or response.is_json
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert not service.asked


@given(st.text(max_size=30) | st.from_regex(r"(localhost|127\.0\.0\.1|\[::1\])[\x00-\xff]{0,9}"))
def test_what_is_a_host_makes_a_link_to_that_host(host: str) -> None:
    found = host_of(host)
    if found is not None:
        parts = urlsplit(f"http://{host}/chats/290")
        assert (parts.netloc, parts.path) == (host, "/chats/290")
        assert parts.hostname == found.strip("[]").lower()
        assert parts.port is None or 1 <= parts.port <= 65_535


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/healthz", 200),
        ("http://localhost/healthz", 200),
        ("HTTP://LOCALHOST/healthz", 200),
        ("http://evil.example/healthz", 400),
        ("http://127.0.0.1/healthz", 400),
        ("https://evil.example:443/healthz", 400),
        ("http://[/healthz", 400),
        ("evil.example:443", 400),
        ("*", 400),
    ],
)
@pytest.mark.parametrize("name", ["REQUEST_URI", "RAW_URI"])
def test_a_whole_address_in_the_request_line_names_the_same_host(
    client: FlaskClient, name: str, target: str, status: int
) -> None:
    uris = {"REQUEST_URI": "", "RAW_URI": ""} | {name: target}
    response = client.get("/healthz", environ_overrides=uris, headers={"Host": "localhost"})
    assert response.status_code == status


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
        ("", 403),  # a Unix socket
        ("10.0.0.7", 403),
        ("::ffff:10.0.0.7", 403),
        ("2001:db8::1", 403),
        ("fe80::1%lo", 403),
        ("nonsense", 403),
    ],
)
def test_only_this_machine_is_answered(client: FlaskClient, address: str, status: int) -> None:
    response = client.get("/healthz", environ_base={"REMOTE_ADDR": address})
    assert response.status_code == status


# -- proxies and tunnels ---------------------------------------------------------------------

BY_NAME = re.findall(
    r"\S+",
    """
    Forwarded Via Max-Forwards Proxy Proxy-Connection Proxy-Authorization
    X-Forwarded X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port
    X-Forwarded-Server X-Forwarded-Prefix X-Forwarded-By X-Forwarded-Ssl X-Forwarded-Uri
    X-Forwarded-Whatever Forwarded-For X-Forward-For X-Real-IP X-Real-Port X-RealIP X-Client-IP
    X-ClientIP Client-IP X-Cluster-Client-IP True-Client-IP WL-Proxy-Client-IP Proxy-Client-IP
    X-ProxyUser-Ip X-Proxy-Id X-Scheme X-URL-Scheme X-Host Front-End-Https
    CF-Connecting-IP CF-Connecting-IPv6 CF-Ray CF-Visitor CF-IPCountry CF-Worker CF-Whatever
    CDN-Loop Cdn-Src-Ip Cdn-Real-Ip Fastly-Client-IP Fastly-FF Fly-Client-IP Fly-Region
    Akamai-Origin-Hop X-Akamai-Edgescape Incap-Client-IP X-Iinfo X-Sucuri-ClientIP X-Edge-IP
    X-Amzn-Trace-Id X-Amz-Cf-Id X-Azure-ClientIP X-Azure-Ref X-FD-HealthProbe X-ARR-LOG-ID X-ARR-SSL
    X-MS-Client-Principal X-AppEngine-Country X-Cloud-Trace-Context X-Goog-IAP-JWT-Assertion
    X-Vercel-Id X-NF-Client-Connection-IP X-Railway-Edge Render-Proxy-Ttl X-Envoy-Internal
    X-Envoy-External-Address X-Original-URL X-Original-Host X-Original-For X-Rewrite-URL
    X-Varnish Surrogate-Capability X-BlueCoat-Via X-Request-Start
    Ngrok-Agent X-Ngrok-Id Tailscale-User-Login X-Tunnel-Id X-Natapp-Ip
    X-Pomerium-Jwt-Assertion X-Authentik-Username X-Auth-Request-User X-WEBAUTH-USER Remote-User
    X-Remote-User X-Remote-IP Remote-Addr X-Source-IP X-Originating-IP X-Peer-IP
    Ali-CDN-Real-IP EagleEye-TraceId SLB-ID EO-Client-IP EO-Log-UUID X-Stgw-Time X-Tencent-Ua
    x-forwarded-for CF_CONNECTING_IP X_FORWARDED_PROTO
""",
)
BY_VALUE = ["203.0.113.9", "127.0.0.1", "203.0.113.9:4711", "10.0.0.1, 10.0.0.2", "2001:db8::1"]
BY_VALUE += ["[2001:db8::1]:443", "unknown, 203.0.113.9", "::ffff:10.0.0.7"]


@pytest.mark.parametrize("name", BY_NAME)
def test_what_a_proxy_hands_on_is_refused(
    client: FlaskClient, service: FakeService, name: str
) -> None:
    for path in ("/?q=退款", "/api/v1/search?q=退款", "/static/app.js"):
        assert client.get(path, headers={name: "1"}).status_code == 403
    assert not service.asked


@pytest.mark.parametrize("value", BY_VALUE)
def test_a_header_that_holds_an_address_is_a_proxys_whatever_its_name(
    client: FlaskClient, value: str
) -> None:
    response = client.get("/api/v1/status", headers={"X-Our-Edge": value})
    assert response.status_code == 403
    assert "X-Our-Edge" in response.get_json()["detail"]


@pytest.mark.parametrize(
    ("protocol", "status"),
    [
        ("HTTP/1.1", 200),
        ("HTTP/2", 200),
        ("HTTP/2.0", 200),
        ("HTTP/1.0", 403),
        ("HTTP/0.9", 403),
        ("", 403),
    ],
)
def test_http_1_0_is_refused_because_proxies_speak_it(
    client: FlaskClient, protocol: str, status: int
) -> None:
    response = client.get("/healthz", environ_overrides={"SERVER_PROTOCOL": protocol})
    assert response.status_code == status


USUAL = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8",
    "Authorization": "Bearer x",
    "Cache-Control": "max-age=0",
    "Connection": "keep-alive",
    "Cookie": "lang=en; a=1.2.3.4; b=::1",
    "DNT": "1",
    "Date": "Wed, 21 Oct 2015 07:28:00 GMT",
    "If-Modified-Since": "Wed, 21 Oct 2015 07:28:00 GMT",
    "If-None-Match": '"3f80f-1b6", W/"1.2.3.4"',
    "Priority": "u=0, i",
    "Range": "bytes=0-",
    "Sec-CH-UA": '"Chromium";v="141", "Not?A_Brand";v="8"',
    "Sec-CH-UA-Full-Version": '"99.0.48.74"',
    "Sec-CH-UA-Platform-Version": '"10.0.0"',
    "Sec-Fetch-User": "?1",
    "Sec-GPC": "1",
    "TE": "trailers",
    "Upgrade-Insecure-Requests": "1",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/141.0.0.0 Safari/537.36",
    "X-Request-Id": "0c6a5b0e-7f0a-4a53-a0f1-000000000000",
    "X-Requested-With": "XMLHttpRequest",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "Content-Type": "text/plain",
    "Referer": "http://localhost/",
    "Origin": "http://localhost",
}


@pytest.mark.parametrize("name", USUAL)
def test_what_browsers_and_tools_send_by_themselves_is_no_sign_of_a_proxy(
    client: FlaskClient, name: str
) -> None:
    response = client.get("/api/v1/search?q=退款", headers={name: USUAL[name]})
    assert response.status_code == 200


@pytest.mark.parametrize(("clear", "status"), [(True, 403), (False, 200)])
def test_waitress_that_hides_proxies_is_noticed(
    shared: tuple[FakeService, Flask], service: FakeService, clear: bool, status: int
) -> None:
    server = waitress.create_server(
        shared[1], host="127.0.0.1", port=0, threads=1, clear_untrusted_proxy_headers=clear
    )
    ended = threading.Event()

    def serve() -> None:  # one turn a time, so that it ends between two and not by its own trigger
        while not ended.is_set():
            server.asyncore.loop(timeout=0.05, map=server._map, count=1)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        answer = ask(server.effective_port, "/healthz")
        proxied = ask(server.effective_port, "/healthz", headers={"X-Forwarded-For": "192.0.2.1"})
    finally:
        ended.set()
        thread.join(SECONDS)
        server.task_dispatcher.shutdown()
        server.asyncore.close_all(server._map)
    assert (answer.status, proxied.status) == (status, 403)
