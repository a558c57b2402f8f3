"""The page of all tokens, for administrators."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, flash, redirect, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.access.administration import Administration
from kchat_search.errors import BadRequest, NotFound
from kchat_search.models.people import ROLES, Token
from kchat_search.ports import Clock
from kchat_search.web.http import current, typed_forms
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import page
from kchat_search.web.pages import access_words
from kchat_search.web.pages.access_forms import EMPTY, Form, errors_of, read_token, shown


def blueprint(clock: Clock) -> Blueprint:
    """The routes of all tokens. `clock` tells when a token ends."""
    pages = Blueprint("tokens", __name__, url_prefix="/tokens")

    @pages.get("")
    @needs("people")
    def tokens() -> BaseResponse:
        return _page(clock, typed_forms.take() or EMPTY)

    @pages.post("")
    @needs("people")
    def add() -> BaseResponse:
        owner = request.form.get("owner") or None
        try:
            wanted = read_token(request.form, ROLES, clock())
            made = _administration().add_token(
                wanted.name,
                wanted.roles,
                owner=owner,
                agent_id=wanted.agent_id,
                expires_at=wanted.expires_at,
            )
        except BadRequest as error:
            return _page(clock, request.form, errors_of(error))
        except NotFound:
            return _page(clock, request.form, {"owner": _("没有这个人。")})
        return _page(clock, made=made)

    @pages.post("/<int:number>/revoke")
    @needs("people")
    def revoke(number: int) -> BaseResponse:
        _administration().revoke_token(number)
        flash(_("令牌已吊销，立即失效。"))
        return redirect("/tokens", 303)

    return pages


def _administration() -> Administration:
    return Administration(current.access(), current.principal(), current.recorder())


def _page(
    clock: Clock,
    form: Form = EMPTY,
    errors: Mapping[str, str] | None = None,
    made: tuple[Token, str] | None = None,
) -> Response:
    """The page; `made` is a new token and its secret, which is never shown again."""
    administration = _administration()
    agents_see = current.gate().presentation.agents_see
    nobody = ("", _("没有主人（一个程序）"))
    answer = page(
        "tokens.html",
        tokens=administration.tokens(),
        owners=[nobody] + [(one.name, one.name) for one in administration.everybody()],
        roles=access_words.role_choices(ROLES, agents_see),
        role_words=access_words.role_words,
        agents=current.program().every_agent(),
        agent_hint=access_words.agent_hint(agents_see),
        spans=access_words.span_words(),
        typed=shown(form),
        errors=errors or {},
        made=made and made[0],
        secret=made and made[1],
        now=clock(),
        revoke_url=lambda token: f"/tokens/{token.id}/revoke",
    )
    if errors:
        answer.status_code = 400
    return answer
