"""The page of the own account: password, log-ins, tokens."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, flash, redirect, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.access.own_account import OwnAccount
from kchat_search.access.policy import permissions
from kchat_search.errors import BadRequest
from kchat_search.models.people import Token
from kchat_search.ports import Clock
from kchat_search.web.http import current, typed_forms
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import page
from kchat_search.web.pages import access_words
from kchat_search.web.pages.access_forms import EMPTY, Form, errors_of, read_token, shown


def blueprint(clock: Clock) -> Blueprint:
    """The routes of the own account. `clock` tells when a token ends."""
    pages = Blueprint("account", __name__)

    @pages.get("/account")
    @needs("own_account")
    def account() -> BaseResponse:
        return _page(clock, typed_forms.take())

    @pages.post("/account/password")
    @needs("own_account")
    def change_password() -> BaseResponse:
        try:
            _change_password(request.form)
        except BadRequest as error:
            return _page(clock, errors=errors_of(error))
        flash(_("密码已修改。其他地方的登录都已结束。"))
        return redirect("/account", 303)

    @pages.post("/account/sessions/<int:number>/end")
    @needs("own_account")
    def end_session(number: int) -> BaseResponse:
        _own().end_session(number)
        flash(_("已结束那个登录。"))
        return redirect("/account", 303)

    @pages.post("/account/sessions/end-others")
    @needs("own_account")
    def end_other_sessions() -> BaseResponse:
        ended = _own().end_other_sessions()
        flash(ngettext("已结束 %(num)s 个登录。", "已结束 %(num)s 个登录。", ended))
        return redirect("/account", 303)

    @pages.post("/account/tokens")
    @needs("own_tokens")
    def add_token() -> BaseResponse:
        try:
            wanted = read_token(request.form, current.principal().roles, clock())
            made = _own().add_token(wanted.name, wanted.roles, wanted.expires_at)
        except BadRequest as error:
            return _page(clock, request.form, errors_of(error))
        return _page(clock, made=made)

    @pages.post("/account/tokens/<int:number>/revoke")
    @needs("own_tokens")
    def revoke_token(number: int) -> BaseResponse:
        _own().revoke_token(number)
        flash(_("令牌已吊销，立即失效。"))
        return redirect("/account", 303)

    return pages


def _own() -> OwnAccount:
    return OwnAccount(
        current.access(), current.principal(), current.recorder(), address=current.address()
    )


def _agents() -> Mapping[str, str]:
    """The names of those agents whom the person may know."""
    return current.program().agents() if current.may("agents") else {}


def _change_password(form: Form) -> None:
    if form.get("password") != form.get("again"):
        raise BadRequest(_("两次输入的新密码不一样。"), "again")
    _own().change_password(form.get("old_password", ""), form.get("password", ""))


def _page(
    clock: Clock,
    form: Form | None = None,
    errors: Mapping[str, str] | None = None,
    made: tuple[Token, str] | None = None,
) -> Response:
    """The page. `form` is what was typed for a token; `made` a new token and its secret, which are
    never shown again."""
    own, asks = _own(), current.principal()
    person = own.person()
    presentation = current.gate().presentation
    may_have_tokens = "own_tokens" in permissions(asks)
    answer = page(
        "account.html",
        person=person,
        agent=person.agent_id and access_words.agent_words(person.agent_id, _agents()),
        may_see=access_words.may_see(asks, current.gate().presentation.agents_see),
        password_login=presentation.entrance.password_login,
        password_hint=access_words.password_hint(),
        sessions=own.sessions(),
        present=asks.session,
        may_have_tokens=may_have_tokens,
        tokens=own.tokens() if may_have_tokens else (),
        token_open=form is not None,
        own_roles=access_words.role_choices(asks.roles, current.gate().presentation.agents_see),
        spans=access_words.span_words(),
        typed=shown(EMPTY if form is None else form),
        errors=errors or {},
        made=made and made[0],
        secret=made and made[1],
        now=clock(),
        role_words=access_words.role_words,
        own_revoke_url=lambda token: f"/account/tokens/{token.id}/revoke",
    )
    if errors:
        answer.status_code = 400
    return answer
