"""Who may ask at all, and the headers that every answer carries.

Invariants: as long as there is no log-in, nothing leaves this machine. No page of another site
learns anything. Both are decided by the request's headers alone, before anything is looked up.
"""

from __future__ import annotations

from flask import Flask, Response, request

from kchat_search.web.http import bodies, other_sites, this_machine

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
        "require-trusted-types-for 'script'",  # our scripts make no markup of text
        "trusted-types 'none'",
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
DEPENDS_ON = ", ".join(other_sites.DEPENDS_ON)
"""What the `Vary` of every answer names."""


def install(app: Flask) -> None:
    """Check each request of `app` before anything else, and add the headers to each answer."""
    app.before_request(_check)
    app.after_request(_add_headers)


def _check() -> Response | None:
    this_machine.check(request.environ)
    bodies.check(request.environ)
    return other_sites.check(request)


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    varies = response.headers.get("Vary")
    response.headers["Vary"] = f"{varies}, {DEPENDS_ON}" if varies else DEPENDS_ON
    # A file of `static` has it already; OPTIONS and errors there have not.
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response
