"""Log-in with a code that the command line gave: see `access/sign_in_codes.py`."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.access.sign_in_codes import use_code
from kchat_search.errors import TooManyAttempts
from kchat_search.models.audit import AuditEntry
from kchat_search.ports import Clock
from kchat_search.web.http import current, typed_forms
from kchat_search.web.http.permissions import public
from kchat_search.web.http.problems import words_of
from kchat_search.web.http.rendering import page
from kchat_search.web.pages.header import first_page

_PATH = "/login/code"
_LONGEST = 200


def blueprint(clock: Clock) -> Blueprint:
    """The routes. `clock` says how old a code is."""
    pages = Blueprint("sign_in_code", __name__)

    @pages.get(_PATH)
    @public
    def form() -> BaseResponse:
        return redirect("/") if current.is_open() else _page("")

    @pages.post(_PATH)
    @public
    def log_in() -> BaseResponse:
        if current.is_open():
            return redirect("/", 303)
        code = request.form.get("code", "").strip()[:_LONGEST]
        person = use_code(current.access(), code, clock())
        if person is None:
            return _refused(code)
        typed_forms.sign_in(person)
        entry = AuditEntry(f"person:{person.id}", person.name, "", "log_in", "code")
        current.recorder().add(entry)
        return redirect(first_page(), 303)

    return pages


def _refused(code: str) -> Response:
    """Nobody guesses a code. But each try is recorded, so it costs what a wrong password costs, and
    is slowed down as that is: else tries would fill the disk. A right code never waits."""
    address = current.address()
    try:
        current.access().sign_ins.with_password("", code, address=address)
    except TooManyAttempts as error:
        answer = _page(words_of(error))
        answer.status_code = 429
        answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    current.recorder().add(AuditEntry("", "", address, "log_in_failed", "code"))
    answer = _page(_("这个代码不对，已用过，或已过期。请在命令行重新获取。"))
    answer.status_code = 401
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _page(error: str) -> Response:
    return page("login_code.html", error=error)
