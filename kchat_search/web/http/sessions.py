"""Beginning and ending a person's log-in in this browser.

Invariant: beginning makes a new secret and forgets the old cookie, so a cookie that was planted
before the log-in is worth nothing after it.
"""

from __future__ import annotations

from flask import request

from kchat_search.errors import NotFound
from kchat_search.models.people import Person, Principal
from kchat_search.web.http import cookies, current

_BROWSER = 200
"""Characters of `User-Agent` that are kept."""


def begin(person: Person, *, provider_data: str = "") -> None:
    """This browser is signed in as `person` from now on. What it was before ends. `provider_data`:
    see `Sessions.begin`."""
    end()
    cookies.keep(
        current.access().sessions.begin(
            person,
            address=current.address(),
            browser=request.headers.get("User-Agent", "")[:_BROWSER],
            provider_data=provider_data,
        )
    )


def held() -> Principal | None:
    """Who has the session of this browser's cookie: also where who vouches for them would have to
    be asked again, so that they can log out."""
    secret = cookies.secret()
    return None if secret is None else current.access().sessions.principal(secret)


def end() -> None:
    """Nobody is signed in in this browser any more. Nothing happens if nobody was."""
    known = held()
    if known is not None:
        end_here(known)
    cookies.forget()
    current.forget()


def end_here(known: Principal) -> None:
    """The same on the server alone: the browser keeps its cookie, which is worth nothing."""
    try:
        if known.session is not None:
            current.access().sessions.end(known.session)
    except NotFound:  # it ended in this moment
        return
