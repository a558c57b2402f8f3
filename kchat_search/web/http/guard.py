"""Who may ask at all, and the headers that every answer carries.

Invariants: as long as there are no people, nothing leaves this machine. Once there are, every route
gets what it declares (`permissions`): somebody who is known and may ask for it, or the request ends
here. No page of another site learns anything or changes anything. All of it is decided before a
view is called; what comes from another site, before anything is looked up.
"""

from __future__ import annotations

from functools import lru_cache

from flask import Flask, Response, current_app, request
from flask_babel import gettext as _

from kchat_search.errors import AccessError, Forbidden, NotSignedIn, RequestRefused
from kchat_search.web.http import (
    bodies,
    csrf,
    current,
    other_sites,
    own_host,
    permissions,
    proxy_sign_in,
    recording,
    request_limit,
    this_machine,
)
from kchat_search.web.http.forwarding import client_of


@lru_cache(2)
def headers(image_origins: tuple[str, ...]) -> dict[str, str]:
    """Headers of every answer. Sources: the list of the OWASP Secure Headers Project; Content
    Security Policy Level 3.

    An image of another site comes only where that site allows it (`require-corp`), which few do.
    Where a setting names such sites, each image is asked for without cookies instead
    (`credentialless`), and the policy lets in those of `image_origins` alone.
    """
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        " ".join(("img-src 'self'", *image_origins)),
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",  # our scripts make no markup of text
        "trusted-types 'none'",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        # Not `no-referrer`: a browser then says `Origin: null` with our own forms (Fetch, section
        # 3.2).
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "credentialless" if image_origins else "require-corp",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "X-Robots-Tag": "noindex, nofollow",
    }


HEADERS = headers(())
"""The headers of an answer that shows nothing from elsewhere."""
DEPENDS_ON = (*other_sites.DEPENDS_ON, "Cookie", "Authorization")
"""What the `Vary` of every answer names: an answer for one person is no answer for another."""
_WITH_IMAGES = ("pages.search", "chat.chat", "chat.reveal", "chat.image")
"""The pages that may show an image of another site: of a chat, and of a search with its preview."""
_UNASKED = ("static", "api.healthz")
"""What is the same for everybody. It is answered even where nobody can be looked up."""


def install(app: Flask) -> None:
    """Check each request of `app` before anything else, and add the headers to each answer."""
    forgeries = recording.Forgeries()
    app.before_request(lambda: _check(forgeries))
    app.after_request(_add_headers)
    app.after_request(request_limit.add_headers)


def _check(forgeries: recording.Forgeries) -> Response | None:
    _check_from_where(forgeries)
    bodies.check(request.environ)
    visit = other_sites.check(request)
    if visit is None:
        _check_who()
    return visit


def _check_from_where(forgeries: recording.Forgeries) -> None:
    entrance = current.gate().presentation.entrance
    try:
        is_open = current.is_open()
    except AccessError:
        if request.endpoint not in _UNASKED:
            raise
        is_open = False
    if is_open:
        this_machine.check(request.environ)
        return
    own_host.check(entrance)
    if client_of(request.environ).contradictory:
        raise RequestRefused(
            _("X-Forwarded-* 与 Forwarded 互相矛盾：代理应覆盖客户端送来的这些头部。")
        )
    if proxy_sign_in.is_forged(entrance):
        forgeries.record(str(entrance.remote_user_header))
        raise RequestRefused(
            _("请求带有「%(name)s」，但不是来自可信的代理。", name=entrance.remote_user_header)
        )


def _check_who() -> None:
    rule = request.url_rule
    need = (
        permissions.SIGNED_IN if rule is None else permissions.need_of(current_app, rule.endpoint)
    )
    if need != permissions.PUBLIC:
        _check_permission(need)
    # Only where there is a view: what has none answers 404 or 405 by itself, and changes nothing.
    if rule is not None and not (need != permissions.PUBLIC and current.asker().by == "token"):
        csrf.check()


def _check_permission(need: permissions.Need) -> None:
    asker = current.asker()
    if not asker.is_known:
        raise NotSignedIn(_("请先登录。"))
    if asker.by != "this_machine":
        limit = current.gate().presentation.entrance.requests_per_minute
        request_limit.count(current.access().requests, asker.principal, limit)
    if not any(one == "signed_in" or current.program().may(one) for one in need):
        raise Forbidden(need[0])


def _add_headers(response: Response) -> Response:
    may_show = request.endpoint in _WITH_IMAGES
    origins = current.gate().presentation.image_origins if may_show else ()
    for name, value in headers(origins).items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = own_host.HSTS
    if request.endpoint == "static":
        response.headers["Vary"] = ", ".join(other_sites.DEPENDS_ON)
    else:
        varies = {name.lower(): name for name in (*response.vary, *DEPENDS_ON)}
        response.headers["Vary"] = ", ".join(varies.values())
    # A file of `static` has it already; OPTIONS and errors there have not.
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response
