"""Who may ask at all, and the headers that every answer carries.

Invariant: as long as there is no log-in, nothing leaves this machine. A request is answered only if
all of this is true:

- It comes from a loopback address.
- Its `Host` is a loopback name. A foreign page can make its own name resolve to 127.0.0.1 (DNS
  rebinding), but the `Host` is then that name.
- No proxy passed it on. A proxy would publish what is open only on this machine.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from flask import Flask, Response, request
from flask_babel import gettext as _

from kchat_search.errors import RequestRefused
from kchat_search.hosts import is_loopback

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,255})(?::[0-9]{1,5})?", re.ASCII)
_PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Headers of every answer. Sources: the list of the OWASP Secure Headers Project; Content Security
Policy Level 3."""


def install(app: Flask) -> None:
    """Check each request of `app` before anything else, and add the headers to each answer."""
    app.before_request(_refuse_other_machines)
    app.after_request(_add_headers)


def _refuse_other_machines() -> None:
    host = request.environ.get("HTTP_HOST", "")
    match = _HOST.fullmatch(host)
    if not match or not is_loopback(match.group(1)):
        raise RequestRefused(
            _(
                "尚无登录功能，本服务只在本机开放：请用 http://localhost 或 http://127.0.0.1 "
                "加端口访问，而不是「%(host)s」。",
                host=host[:100],
            )
        )
    address = request.environ.get("REMOTE_ADDR") or ""
    if address and not _is_this_machine(address):
        raise RequestRefused(_("尚无登录功能，本服务只回答本机的请求。"))
    if any(name in request.headers for name in _PROXY_HEADERS):
        raise RequestRefused(_("尚无登录功能，本服务不能经由代理对外开放。"))


def _is_this_machine(address: str) -> bool:
    """Is it a loopback address? A socket for IPv4 and IPv6 shows 127.0.0.1 as ::ffff:127.0.0.1."""
    try:
        mapped = getattr(ip_address(address), "ipv4_mapped", None)
    except ValueError:
        return False
    return is_loopback(str(mapped or address))


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "private, no-store")
    return response
