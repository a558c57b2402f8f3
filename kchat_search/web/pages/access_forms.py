"""What the forms for people and tokens say, and what is wrong with it.

Whether a name or a password can be taken is for the room `access` to say; here is only what the
form itself knows. Either way it is a `BadRequest` that names the field.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from kchat_search.errors import BadRequest
from kchat_search.models.people import Role
from kchat_search.web.http.problems import words_of
from kchat_search.web.pages import access_words

Form = MultiDict[str, str]
EMPTY: Form = MultiDict()


@dataclass(frozen=True, slots=True)
class TokenForm:
    """A token that somebody wants."""

    name: str
    roles: frozenset[Role]
    expires_at: datetime | None
    agent_id: str | None


def read_token(form: Form, possible: Iterable[Role], now: datetime) -> TokenForm:
    """The token that a form asks for. Raises `BadRequest` for a field that can't be taken."""
    name = form.get("name", "").strip()
    if not name:
        raise BadRequest(_("请给令牌一个名称。"), "name")
    roles = read_roles(form, possible)
    try:
        span = access_words.span(form.get("expires", ""))
    except KeyError:
        raise BadRequest(_("请选择有效期。"), "expires") from None
    return TokenForm(name, roles, now + span if span else None, agent_id(form))


def read_roles(form: Form, possible: Iterable[Role]) -> frozenset[Role]:
    """The roles that are ticked. Raises `BadRequest` for none, and for one that is not possible."""
    ticked = set(form.getlist("role"))
    roles = frozenset(role for role in possible if role in ticked)
    if not ticked:
        raise BadRequest(_("请至少选择一个角色。"), "role")
    if len(roles) < len(ticked):
        raise BadRequest(_("这里不能给出这个角色。"), "role")
    return roles


def agent_id(form: Form) -> str | None:
    """The Kchat agent that is filled in, if any."""
    return form.get("agent_id", "").strip() or None


def errors_of(error: BadRequest) -> dict[str, str]:
    """By field: what is wrong with it, in the language of the request."""
    return {error.parameter: words_of(error)}


def shown(form: Form) -> dict[str, object]:
    """What was typed, to be shown in the form again; passwords are not."""
    texts: dict[str, object] = {
        name: form.get(name, "") for name in ("name", "agent_id", "owner", "expires")
    }
    return texts | {"roles": set(form.getlist("role"))}
