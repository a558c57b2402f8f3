"""Which requests come from this machine, as far as a server can tell.

As long as nobody was added, a request is answered only if all of this is true:

- It comes from a loopback address.
- Its `Host` is a loopback name. A foreign page can make its own name resolve to 127.0.0.1 (DNS
  rebinding), but the `Host` is then that name.
- Nothing shows that a proxy or a tunnel has passed it on, which would publish what is open only on
  this machine. Most of them add headers; we know them by their names, by parts of their names, and
  by values that are IP addresses. Some speak HTTP/1.0.

The last is no more than a net. A proxy that adds nothing can't be recognized: an SSH tunnel, a
port that something forwards byte by byte, nginx since 1.29.7 as it comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from flask_babel import gettext as _

from kchat_search.errors import HostMalformed, RequestRefused
from kchat_search.hosts import host_of, is_loopback

_PROXY_NAMES = frozenset(
    {
        "VIA",  # RFC 9110, section 7.6.3
        "MAX_FORWARDS",
        "SURROGATE_CAPABILITY",  # Varnish, Squid, Fastly
        "FRONT_END_HTTPS",
        "X_HOST",
        "X_SCHEME",
        "X_URL_SCHEME",
        "X_HTTP_HOST_OVERRIDE",
        "X_IINFO",  # Imperva
        "X_CLOUD_TRACE_CONTEXT",  # Google Cloud
        "X_REQUEST_START",  # Heroku, nginx
        "X_VARNISH",
        "X_TUNNEL_ID",
        "X_ID_TOKEN",
    }
)
_PROXY_PREFIXES = (
    "CF_", "CDN_", "FASTLY_", "FLY_", "INCAP_", "AKAMAI_", "X_AKAMAI_", "X_SUCURI_", "X_EDGE_",
    "X_AMZN_", "X_AMZ_", "X_AZURE_", "X_FD_", "X_ARR_", "X_MS_", "X_APPENGINE_", "X_GOOG_",
    "X_VERCEL_", "X_NF_", "X_RAILWAY_", "RENDER_", "X_ENVOY_", "X_ISTIO_", "X_TRAEFIK_",
    "X_HAPROXY_", "X_ORIGINAL_", "X_REAL_", "X_REWRITE_", "X_CLUSTER_", "X_BLUECOAT_",
    "X_SQUID_", "X_NGINX_", "NGROK_", "X_NGROK_", "TAILSCALE_", "X_TAILSCALE_", "X_TUNNEL_",
    "X_NATAPP", "X_FRP_", "X_POMERIUM_", "X_AUTHENTIK_", "X_AUTH_REQUEST_", "X_WEBAUTH_",
    "SSL_CLIENT_", "X_SSL_", "X_CLIENT_CERT", "ALI_", "X_ALI_", "EAGLEEYE_", "SLB_", "EO_",
    "STGW_", "X_STGW_", "X_NWS_", "TENCENT_", "X_TENCENT_",
)  # fmt: skip
"""The beginnings of the headers that content networks, clouds, load balancers, tunnels and
log-in proxies add. Sources: their documentation."""
_PROXY_PARTS = (
    "FORWARD", "PROXY", "REALIP", "ORIGINATING", "CLIENT_IP", "CLIENTIP", "CLIENT_PROTO",
    "CONNECTING_IP", "SOURCE_IP", "SRC_IP", "PEER_IP", "USER_IP", "USERIP", "ORIGIN_IP",
    "REMOTE_IP", "REMOTE_ADDR", "REMOTE_HOST", "REMOTE_PORT", "REMOTE_USER",
)  # fmt: skip
"""What stands in the names of forwarding headers, whoever adds them."""


_LONGEST_ADDRESS = 80
"""Characters of an IPv6 address with its zone, in brackets, with a port."""


def check(environ: Mapping[str, Any]) -> None:
    """Raises `HostMalformed` or `RequestRefused` for a request that may not be answered.

    `environ` is that of WSGI (PEP 3333). The words are in the language of the present request.
    """
    _check_server(environ)
    _check_host(check_form(environ))
    _check_address(str(environ.get("REMOTE_ADDR") or ""))
    _check_proxies(environ)


def _check_server(environ: Mapping[str, Any]) -> None:
    """waitress, as it comes, removes some of the headers that show a proxy before anybody sees
    them. It leaves a function of its connection in the environment, which knows the setting."""
    connection = getattr(environ.get("waitress.client_disconnected"), "__self__", None)
    settings = getattr(connection, "adj", None)
    if getattr(settings, "clear_untrusted_proxy_headers", False):
        raise RequestRefused(
            _(
                "waitress 会删去代理留下的头部，这样无法拒绝经由代理的请求。"
                "请用 --no-clear-untrusted-proxy-headers 启动它。"
            )
        )


def check_form(environ: Mapping[str, Any]) -> str:
    """The `Host` of a request. Raises `HostMalformed` where it is none, or where the request line
    names another."""
    text = str(environ.get("HTTP_HOST") or "")
    if host_of(text) is None:
        raise HostMalformed(
            _(
                "Host「%(host)s」不是「主机名」或「主机名:端口」（端口 1 到 65535）。"
                "请用 http://localhost 或 http://127.0.0.1 加端口访问。",
                host=text[:100],
            )
        )
    _check_target(str(environ.get("REQUEST_URI") or environ.get("RAW_URI") or "/"), text)
    return text


def _check_host(text: str) -> None:
    if not is_loopback(host_of(text) or ""):
        raise RequestRefused(
            _(
                "还没有添加任何人，本服务只在本机开放：请用 http://localhost 或 http://127.0.0.1 "
                "加端口访问，而不是「%(host)s」。",
                host=text[:100],
            )
        )


def _check_target(target: str, host: str) -> None:
    """A target may be a whole address (RFC 9112, section 3.2.2): then it names the same host."""
    if target[0] in "/?":
        return
    try:
        named = urlsplit(target).netloc
    except ValueError:
        named = ""
    if named.lower() != host.lower():
        raise HostMalformed(
            _("请求行中的地址「%(target)s」与 Host 不是同一主机。请检查地址。", target=target[:100])
        )


def _check_address(address: str) -> None:
    """A Unix socket shows no address; what connects to one is a proxy."""
    if not is_loopback(address):
        raise RequestRefused(
            _(
                "还没有添加任何人，本服务只回答本机的请求。"
                "先在运行它的机器上添加第一个人：kchat-search user add NAME --role admin。"
            )
        )


def _check_proxies(environ: Mapping[str, Any]) -> None:
    protocol = str(environ.get("SERVER_PROTOCOL") or "")
    if not protocol.startswith(("HTTP/1.1", "HTTP/2", "HTTP/3")):
        raise RequestRefused(
            _("还没有添加任何人，本服务不能经由代理开放。代理常用 HTTP/1.0，所以只回答 HTTP/1.1。")
        )
    for key, value in environ.items():
        if key.startswith("HTTP_") and _is_of_a_proxy(key[5:], value):
            raise RequestRefused(
                _(
                    "还没有添加任何人，本服务不能经由代理或隧道对外开放：请求带有「%(name)s」。",
                    name=key[5:].replace("_", "-").title()[:60],
                )
            )


def _is_of_a_proxy(name: str, value: str) -> bool:
    """Does something between the client and us add this header? `name` is that of WSGI."""
    return _is_named_by_proxies(name) or (name != "HOST" and _holds_an_address(value))


@lru_cache(maxsize=512)
def _is_named_by_proxies(name: str) -> bool:
    return (
        name in _PROXY_NAMES
        or name.startswith(_PROXY_PREFIXES)
        or any(part in name for part in _PROXY_PARTS)
    )


def _holds_an_address(value: str) -> bool:
    """Is the value an IP address, or a list with one? No browser and no tool sends such a thing."""
    if value.count(".") < 3 and value.count(":") < 2:
        return False
    return any(map(_is_an_address, value.split(",")))


def _is_an_address(text: str) -> bool:
    text = text.strip()
    if len(text) > _LONGEST_ADDRESS or " " in text:
        return False
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        ip_address(text)
    except ValueError:
        return False
    return "." in text or ":" in text
