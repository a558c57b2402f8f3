"""Signing in, and out, with a provider of OpenID Connect.

`/login/oidc` leads to the provider, `/login/oidc/callback` is where it leads back to,
`/login/oidc/signed-out` where it leads back to after log-out, and `/login/oidc/back-channel` is
what it calls when somebody signs out there.

The first is a GET, since our pages may send forms to no other site, and a browser holds a form's
redirects to that too. It changes nothing but a short note in the browser's cookie; whom it signs in
is whoever has signed in at the provider in this browser.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, Response, abort, flash, redirect, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.errors import ProviderUnreachable, SignInRefused
from kchat_search.models.audit import AuditEntry
from kchat_search.models.people import Principal
from kchat_search.models.sign_in import Answer
from kchat_search.ports import Clock
from kchat_search.ports.sign_in import SignInElsewhere
from kchat_search.web.http import attempts, csrf, current, typed_forms
from kchat_search.web.http.next_page import HOME, own_path
from kchat_search.web.http.permissions import public
from kchat_search.web.http.rendering import page
from kchat_search.web.pages.header import first_page

BEGIN = "/login/oidc"
CALLBACK = "/login/oidc/callback"
SIGNED_OUT = "/login/oidc/signed-out"
STAYS = "stay"
STAY = f"/login?{STAYS}=1"
"""The log-in page, which leads nowhere by itself: who signed out is not signed in at once."""
_LONGEST_TOKEN = 16_000


def blueprint(clock: Clock) -> Blueprint:
    """The routes. `clock` says how old an attempt is."""
    pages = Blueprint("elsewhere", __name__)

    @pages.get(BEGIN)
    @public
    def begin() -> BaseResponse:
        there = own_path(request.args.get("next", ""))
        if current.is_open() or current.asker().is_known:
            return redirect(there)
        attempt, url = _provider().begin(own_url(CALLBACK))
        attempts.keep(attempt, there, clock())
        return redirect(url)

    @pages.get(CALLBACK)
    @public
    def callback() -> BaseResponse:
        provider = _provider()
        begun = attempts.take(request.args.get("state", ""), clock())
        if begun is None:
            raise SignInRefused("attempt")
        attempt, there = begun
        answer = Answer(*(request.args.get(name, "") for name in ("code", "error", "iss")))
        try:
            person, kept = provider.finish(attempt, answer, own_url(CALLBACK))
        except SignInRefused as error:
            why = f"{error.reason} {error.detail}".strip()
            entry = AuditEntry("", "", "", "log_in_failed", f"provider:{provider.name}", why)
            current.recorder().add(entry)
            raise
        typed_forms.sign_in(person, provider_data=kept)
        who = AuditEntry(f"person:{person.id}", person.name, current.address(), "log_in")
        current.recorder().add(who)
        return redirect(first_page() if there == HOME else there, 303)

    @pages.get(SIGNED_OUT)
    @public
    def signed_out() -> BaseResponse:
        flash(_("您已退出登录。"))
        return redirect(STAY)

    @pages.post("/login/oidc/back-channel")
    @public
    @csrf.exempt
    def back_channel() -> BaseResponse:
        try:
            _provider().signed_out(request.form.get("logout_token", "")[:_LONGEST_TOKEN])
        except ProviderUnreachable:
            raise
        except SignInRefused:
            return Response(status=400)  # Back-Channel Logout 1.0, section 2.8
        return Response(status=200)

    return pages


def own_url(path: str) -> str:
    """The whole address of a path of ours, as the provider knows it."""
    entrance = current.gate().presentation.entrance
    return (entrance.public_url or request.host_url.rstrip("/")) + path


def begin_url(there: str) -> str:
    """The address that leads to the provider, and from there to the own address `there`."""
    return BEGIN if there == HOME else f"{BEGIN}?{urlencode({'next': there}, safe='/')}"


def shown(there: str) -> dict[str, str] | None:
    """What the log-in page shows of the provider; None where there is none."""
    found = current.gate().elsewhere
    return None if found is None else {"name": found.name, "url": begin_url(there)}


def log_out_url(held: Principal | None) -> str | None:
    """Where the browser signs out at the provider too; None where the session of `held` did not
    begin there. To be asked before the session ends."""
    found = current.gate().elsewhere
    if found is None or held is None or held.vouched_by is None or held.session is None:
        return None
    return found.log_out_url(held.session, own_url(SIGNED_OUT))


def log_out_page(url: str) -> Response:
    """The page that leads on to the provider, whose address is `url`. A redirect would not do: a
    browser follows none from a form to another site, because our pages forbid it."""
    return page("signing_out.html", url=url, provider=_provider().name)


def _provider() -> SignInElsewhere:
    found = current.gate().elsewhere
    if found is None:
        abort(404)
    return found
