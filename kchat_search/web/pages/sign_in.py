"""Log-in and log-out.

Invariants: an unknown name and a wrong password get the same answer. Whoever logs in is led to an
address of this program and to no other. A password stands in no address, log and record.
"""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.access.administration import key_of
from kchat_search.access.recorded import change, recorded
from kchat_search.errors import NotSignedIn, ProviderUnreachable, TooManyAttempts
from kchat_search.models.audit import AuditEntry
from kchat_search.models.people import Person
from kchat_search.web.http import current, sessions, typed_forms, who
from kchat_search.web.http.next_page import HOME, own_path
from kchat_search.web.http.permissions import public
from kchat_search.web.http.problems import words_of
from kchat_search.web.http.rendering import page
from kchat_search.web.pages import elsewhere
from kchat_search.web.pages.header import first_page

pages = Blueprint("sign_in", __name__)
"""The routes of log-in and log-out."""


@pages.get("/login")
@public
def login() -> BaseResponse:
    """The log-in page."""
    there = own_path(request.args.get("next", ""))
    if current.is_open():
        return redirect(there)
    if _is_known():
        return redirect(first_page() if there == HOME else there)
    provider = current.gate().elsewhere
    if provider is not None and provider.auto_redirect and elsewhere.STAYS not in request.args:
        return redirect(elsewhere.begin_url(there))
    return _page(there)


@pages.post("/login")
@public
def log_in() -> BaseResponse:
    """Log in by password."""
    there = own_path(request.form.get("next", ""))
    if current.is_open():
        return redirect(there, 303)
    if not current.gate().presentation.entrance.password_login:
        return _closed(there)
    name = request.form.get("username", "").strip()
    try:
        person = current.access().sign_ins.with_password(
            name, request.form.get("password", ""), address=current.address()
        )
    except TooManyAttempts as error:
        return _slowed_down(there, name, error)
    if person is None or not _begin(person):
        return _refused(there, name)
    return redirect(first_page() if there == HOME else there, 303)


@pages.post("/logout")
@public
def log_out() -> BaseResponse:
    """Log out, here and on the server, and at the provider where it began there."""
    held = None if who.bearer() else sessions.held()
    there = elsewhere.log_out_url(held)
    if held is not None:
        recorder = current.record_as(held)
        with change(current.access(), recorder):
            sessions.end_here(held)
            recorded(recorder, "log_out")
        sessions.end()
        if there is not None:
            return elsewhere.log_out_page(there)
        flash(_("您已退出登录。"))
    return redirect(elsewhere.STAY if current.gate().elsewhere else "/login", 303)


def _is_known() -> bool:
    try:
        return current.asker().is_known
    except ProviderUnreachable:  # they may log in in another way
        return False


def _begin(person: Person) -> bool:
    """Begin a log-in, unless the account became another since the password was checked."""
    try:
        typed_forms.sign_in(person)
    except NotSignedIn:
        return False
    entry = AuditEntry(key_of(person), person.name, current.address(), "log_in")
    current.recorder().add(entry)
    return True


def _refused(there: str, name: str) -> Response:
    # Nothing here may depend on whether the name is known.
    entry = AuditEntry("", name, current.address(), "log_in_failed")
    current.recorder().add(entry)
    answer = _page(there, name, _("用户名或密码不对。"), wrong=True)
    answer.status_code = 401
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _slowed_down(there: str, name: str, error: TooManyAttempts) -> Response:
    answer = _page(there, name, words_of(error))
    answer.status_code = 429
    answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _closed(there: str) -> Response:
    answer = _page(there, error=_("这里不能用密码登录。请用下面的登录方式。"))
    answer.status_code = 403
    return answer


def _page(there: str, name: str = "", error: str = "", *, wrong: bool = False) -> Response:
    entrance = current.gate().presentation.entrance
    return page(
        "login.html",
        next=there,
        username=name,
        error=error,
        wrong=wrong,
        typed_waits=typed_forms.waits(),
        password_login=entrance.password_login,
        provider=elsewhere.shown(there),
    )
