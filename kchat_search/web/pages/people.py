"""The pages for administrators: people, and one person.

Each change is sent by a form. One that can take the administrator's own access away, or the last
administrator's, and the removal of an account, is asked for once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from flask import Blueprint, Response, flash, redirect, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.access.administration import Administration, Risk, key_of, risks
from kchat_search.errors import BadRequest
from kchat_search.models.people import ROLES, Person, Role
from kchat_search.web.http import current, typed_forms
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import page
from kchat_search.web.pages import access_words
from kchat_search.web.pages.access_forms import (
    EMPTY,
    Form,
    agent_id,
    errors_of,
    read_roles,
    shown,
)

OF_PEOPLE: tuple[Role, ...] = tuple(role for role in ROLES if role != "metrics")
NOBODY: frozenset[Role] = frozenset()


pages = Blueprint("people", __name__, url_prefix="/people")
"""The routes for administrators."""


@pages.get("")
@needs("people")
def people() -> BaseResponse:
    """Everybody, and the form for one more."""
    return _people_page(typed_forms.take() or EMPTY)


@pages.post("")
@needs("people")
def add() -> BaseResponse:
    """Add a person."""
    form = request.form
    try:
        person = _administration().add(
            form.get("name", "").strip(),
            read_roles(form, OF_PEOPLE),
            password=form.get("password", ""),
            agent_id=agent_id(form),
        )
    except BadRequest as error:
        return _people_page(form, errors_of(error))
    flash(_("已添加「%(name)s」。", name=person.name))
    return redirect("/people", 303)


@pages.get("/<int:number>")
@needs("people")
def one(number: int) -> BaseResponse:
    """One person."""
    return _person_page(_administration().person(number), typed_forms.take())


@pages.post("/<int:number>/roles")
@needs("people")
def change(number: int) -> BaseResponse:
    """Give a person other roles, another agent."""
    return _change(_administration().person(number), request.form)


@pages.post("/<int:number>/password")
@needs("people")
def set_password(number: int) -> BaseResponse:
    """Give a person a new password."""
    person = _administration().person(number)
    try:
        _administration().set_password(person, request.form.get("password", ""))
    except BadRequest as error:
        return _person_page(person, errors=errors_of(error))
    return _back(person, _("新密码已设置，此人的登录都已结束。"))


@pages.post("/<int:number>/sessions/end")
@needs("people")
def end_sessions(number: int) -> BaseResponse:
    """End all log-ins of a person."""
    person = _administration().person(number)
    ended = _administration().end_sessions(person)
    return _back(person, ngettext("已结束 %(num)s 个登录。", "已结束 %(num)s 个登录。", ended))


@pages.post("/<int:number>/disable")
@needs("people")
def disable(number: int) -> BaseResponse:
    """Disable an account."""
    person = _administration().person(number)
    dangers = _risks(person, NOBODY)
    if dangers and "sure" not in request.form:
        return _sure(person, dangers, _("停用「%(name)s」？", name=person.name), _("停用"))
    _administration().disable(person)
    return _back(person, _("已停用。登录和令牌立即失效。"))


@pages.post("/<int:number>/enable")
@needs("people")
def enable(number: int) -> BaseResponse:
    """Enable it again."""
    person = _administration().person(number)
    _administration().enable(person)
    return _back(person, _("已恢复。"))


@pages.get("/<int:number>/remove")
@needs("people")
def ask_to_remove(number: int) -> BaseResponse:
    """Ask whether the account shall be removed."""
    return _sure_to_remove(_administration().person(number))


@pages.post("/<int:number>/remove")
@needs("people")
def remove(number: int) -> BaseResponse:
    """Remove it."""
    person = _administration().person(number)
    if "sure" not in request.form:
        return _sure_to_remove(person)
    _administration().remove(person)
    flash(_("已移除「%(name)s」。", name=person.name))
    return redirect("/people", 303)


def _administration() -> Administration:
    return Administration(current.access(), current.principal(), current.recorder())


def _risks(person: Person, roles: frozenset[Role]) -> tuple[Risk, ...]:
    return risks(_administration().everybody(), current.principal(), person, roles)


def _back(person: Person, done: str) -> BaseResponse:
    flash(done)
    return redirect(f"/people/{person.id}", 303)


def _change(person: Person, form: Form) -> BaseResponse:
    try:
        roles = read_roles(form, OF_PEOPLE)
        dangers = _risks(person, roles)
        if dangers and "sure" not in form:
            title = _("拿走「%(name)s」的管理员角色？", name=person.name)
            return _sure(person, dangers, title, _("保存"))
        _administration().change(person, roles, agent_id(form))
    except BadRequest as error:
        return _person_page(person, form, errors_of(error))
    return _back(person, _("已保存。"))


def _people_page(form: Form, errors: Mapping[str, str] | None = None) -> Response:
    agents = current.program().every_agent()
    return _answer(
        "people.html",
        errors,
        people=_administration().everybody(),
        typed=shown(form),
        agent_words=partial(access_words.agent_words, agents=agents),
        agents=agents,
    )


def _person_page(
    person: Person, form: Form | None = None, errors: Mapping[str, str] | None = None
) -> Response:
    held = {"roles": person.roles, "agent_id": person.agent_id}
    return _answer(
        "person.html",
        errors,
        person=person,
        mine=current.principal().key == key_of(person),
        typed=held if form is None else shown(form),
        sessions=_administration().sessions(person),
        tokens=_administration().tokens(person),
        agents=current.program().every_agent(),
    )


def _answer(template: str, errors: Mapping[str, str] | None, **values: object) -> Response:
    agents_see = current.gate().presentation.agents_see
    answer = page(
        template,
        errors=errors or {},
        roles=access_words.role_choices(OF_PEOPLE, agents_see),
        role_words=access_words.role_words,
        agent_hint=access_words.agent_hint(agents_see),
        password_hint=access_words.password_hint(),
        **values,
    )
    if errors:
        answer.status_code = 400
    return answer


def _sure_to_remove(person: Person) -> Response:
    return _sure(
        person,
        _risks(person, NOBODY),
        _("移除「%(name)s」？", name=person.name),
        _("移除账号"),
        _("账号、登录和令牌都会没有，不能恢复；审计记录会留下。只想暂时停用的话，请用「停用」。"),
    )


def _sure(
    person: Person, dangers: tuple[Risk, ...], title: str, do: str, what: str = ""
) -> Response:
    """Ask once more: the page sends the same form again, and that it is meant so."""
    words: dict[Risk, str] = {
        "yourself": _("这是您自己的账号：之后您不再能管理人员。"),
        "last_admin": _(
            "这是最后一个可用的管理员：之后网页上没有人能管理人员，"
            "只能在运行本程序的机器上用 kchat-search user 恢复。"
        ),
    }
    return page(
        "sure.html",
        title=title,
        do=do,
        what=what,
        warnings=[words[danger] for danger in dangers],
        action=request.path,
        fields=[
            (name, value)
            for name, value in request.form.items(multi=True)
            if name in ("role", "agent_id")
        ],
        back=f"/people/{person.id}",
    )
