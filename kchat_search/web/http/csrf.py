"""Nobody makes a person's browser change anything: CSRF tokens, by Flask-WTF.

Every request that changes something needs the token that stands in our own page, log-in and log-out
included: a form in the field `csrf_token`, a program that uses the session's cookie in the header
`X-CSRF-Token`. That the request comes from our own page has been checked before (`other_sites`). A
request with a token in `Authorization` needs none: no browser sends that by itself.

The token lives as long as the session's cookie: a form may stand open for a day. In each answer it
is masked anew, as Django does it: compressed pages that always hold the same secret, beside what
somebody searched for, would betray it by their lengths (see `compression`).
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import TypeVar

from flask import Flask, current_app, g, request
from flask_babel import gettext as _
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms import ValidationError

from kchat_search.errors import FormExpired
from kchat_search.web.http.api_paths import is_api_request

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


View = TypeVar("View", bound=Callable[..., object])
_EXEMPT = "__csrf_exempt__"


def exempt(view: View) -> View:
    """No browser calls this route, and what calls it proves itself by a signature: it needs no
    token."""
    setattr(view, _EXEMPT, True)
    return view


def install(app: Flask) -> None:
    """Give templates `csrf_token()`. The guard checks."""
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_FIELD_NAME=FIELD,
    )
    app.jinja_env.globals["csrf_token"] = _token


def check() -> None:
    """Raises `FormExpired` for a change that does not come from our own page."""
    view = current_app.view_functions[request.endpoint or ""]
    if request.method in SAFE_METHODS or getattr(view, _EXEMPT, False):
        return
    sent = request.headers.get(HEADER) if is_api_request() else request.form.get(FIELD)
    try:
        validate_csrf(_unmasked(sent or ""))
    except ValidationError as error:
        raise FormExpired(
            _("这个表单已过期，或不是从本服务的页面提交的。请重新打开页面再提交。")
        ) from error
    g.csrf_valid = True  # a form of Flask-WTF need not look again


def _token() -> str:
    """The token for the forms of this answer. All have the same."""
    token = generate_csrf()
    if g.get("csrf_of") != token:
        g.csrf_of, g.csrf_masked = token, masked(token)
    return str(g.csrf_masked)


def masked(token: str) -> str:
    """The token (ASCII), after as many random bytes with which it is mixed."""
    pad = secrets.token_bytes(len(token))
    return urlsafe_b64encode(pad + _xor(pad, token.encode("ascii"))).decode("ascii")


def _unmasked(sent: str) -> str:
    """The token that was masked so; "" for what is none."""
    try:
        both = urlsafe_b64decode(sent)
        half = len(both) // 2
        return _xor(both[:half], both[half:]).decode("ascii")
    except ValueError:
        return ""


def _xor(one: bytes, other: bytes) -> bytes:
    """Raises ValueError if they are not of the same length."""
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
