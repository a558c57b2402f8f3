"""Who may ask at all, and the headers that every answer carries.

Invariant: until there is a log-in, nothing leaves this machine. A request is answered only if it
comes from loopback, names a loopback host (a page elsewhere that has its own name resolve to
127.0.0.1 does not) and was not handed on by a proxy, which would publish what is open here.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from flask import Flask, Response, request
from flask_babel import gettext as _

from kchat_search.errors import RequestRefused
from kchat_search.hosts import is_loopback

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,255})(?::[0-9]{1,5})?", re.ASCII)
_HANDED_ON = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")

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
"""Sources: the OWASP Secure Headers Project's list; CSP Level 3."""


def install(app: Flask) -> None:
    """Have every request looked at first, and every answer last."""
    app.before_request(_only_this_machine)
    app.after_request(_protect)


def _only_this_machine() -> None:
    host = request.environ.get("HTTP_HOST", "")
    found = _HOST.fullmatch(host)
    if not found or not is_loopback(found.group(1)):
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
    if any(name in request.headers for name in _HANDED_ON):
        raise RequestRefused(_("尚无登录功能，本服务不能经由代理对外开放。"))


def _is_this_machine(address: str) -> bool:
    """A dual-stack socket shows 127.0.0.1 as ::ffff:127.0.0.1."""
    try:
        mapped = getattr(ip_address(address), "ipv4_mapped", None)
    except ValueError:
        return False
    return is_loopback(str(mapped or address))


def _protect(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "private, no-store")
    return response
