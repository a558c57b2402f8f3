"""Who asks: by a token, by a session's cookie, by what a trusted proxy says, or nobody.

Invariants: a token counts only in `Authorization`, never in an address. Two credentials never add
up: a token together with a session's cookie is refused (RFC 6750, section 2: not more than one
method). What does not hold gives nothing: a token that has ended is not answered as the cookie's
person.

Other schemes in `Authorization` are not ours: a proxy that asks for a password itself passes
`Basic` on. They count as if they were not there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from flask import request
from flask_babel import gettext as _

from kchat_search.errors import BadRequest, NotSignedIn, ProviderUnreachable
from kchat_search.models.people import ANYONE, NOBODY, Entrance, Principal
from kchat_search.ports.access import Access
from kchat_search.ports.sign_in import SignInElsewhere
from kchat_search.web.http import cookies, proxy_sign_in

By = Literal["token", "session", "proxy", "this_machine", "nothing"]


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and by what they are known."""

    principal: Principal
    by: By
    again: Callable[[], Principal]
    """Who it is by now; `NOBODY` where it is nobody any more. Needs no request."""

    @property
    def is_known(self) -> bool:
        """Is there anybody?"""
        return self.by != "nothing"


UNKNOWN = Asker(NOBODY, "nothing", lambda: NOBODY)


def at_this_machine(access: Access | None) -> Asker:
    """Whoever sits here, as long as nobody was ever added. `access`: None where nobody can be."""

    def again() -> Principal:
        return NOBODY if access is not None and access.people.ever() else ANYONE

    return Asker(ANYONE, "this_machine", again)


def decide(access: Access, entrance: Entrance, elsewhere: SignInElsewhere | None = None) -> Asker:
    """Who sends the present request, where there are people.

    Raises `NotSignedIn` for a token that gives no access, `BadRequest` for two credentials, and
    `ProviderUnreachable` where who vouches for the person must be asked again and can't be.
    """
    token, secret = bearer(), cookies.secret()
    if token is not None:
        if secret is not None:
            raise BadRequest(
                _("请求同时带有令牌和登录的 cookie：请只用其中之一。"), "Authorization"
            )
        principal = _vouched(access.tokens.principal, elsewhere, token)
        if principal is None:
            raise NotSignedIn(_("令牌无效：它已到期、已撤销，或其所有者已停用，或须先重新登录。"))
        return Asker(principal, "token", lambda: _by_now(access.tokens.principal, elsewhere, token))
    if (name := proxy_sign_in.name(entrance)) is not None:
        principal = proxy_sign_in.principal(access, name)
        if principal is not None:
            again = lambda: proxy_sign_in.principal(access, name) or NOBODY  # noqa: E731
            return Asker(principal, "proxy", again)
        return UNKNOWN
    if secret is not None:
        principal = _vouched(access.sessions.principal, elsewhere, secret)
        if principal is not None:
            again = lambda: _by_now(access.sessions.principal, elsewhere, secret)  # noqa: E731
            return Asker(principal, "session", again)
    return UNKNOWN


def _vouched(
    look_up: Callable[[str], Principal | None], elsewhere: SignInElsewhere | None, secret: str
) -> Principal | None:
    """Who has this session or token. Where a provider vouches for them, what it said counts for
    some time only: then it is asked again, and who has it is looked up again where it says
    something else. Raises `ProviderUnreachable`."""
    for _attempt in range(2):
        principal = look_up(secret)
        if principal is None or principal.vouched_by is None:
            return principal
        if elsewhere is not None and elsewhere.holds(principal):
            return principal
    return None


def _by_now(
    look_up: Callable[[str], Principal | None], elsewhere: SignInElsewhere | None, secret: str
) -> Principal:
    try:
        return _vouched(look_up, elsewhere, secret) or NOBODY
    except ProviderUnreachable:
        return NOBODY


def bearer() -> str | None:
    """The token of the present request (RFC 6750, section 2.1), or None."""
    scheme, _blank, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
