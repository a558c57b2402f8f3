"""Codes that sign a local account in once, made at the command line.

For where nobody can sign in otherwise: passwords are switched off (`KCHAT_PASSWORD_LOGIN=false`)
and the provider does not answer. Whoever may run the command may do everything anyway.

A code is the secret of a session that began in no browser. So it is kept hashed, ends with the
account, and gives nothing until it is exchanged for a session in a browser, which ends it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from kchat_search.errors import BadRequest, NotFound
from kchat_search.models.people import Person
from kchat_search.ports.access import Access

COUNTS_FOR = timedelta(minutes=15)
_MARK = "code"
"""In the place of what a provider said."""


def new_code(access: Access, person: Person) -> str:
    """A code for this person. Raises `BadRequest` for whoever signs in elsewhere, or not at all."""
    if person.provider is not None:
        raise BadRequest(
            f"«{person.name}» signs in by OpenID Connect, where groups decide about roles. Make a "
            "code for a local account: kchat-search user add NAME --role admin --no-password",
            "name",
        )
    if person.disabled:
        raise BadRequest(f"«{person.name}» is disabled: kchat-search user enable NAME", "name")
    return access.sessions.begin(person, address="", browser="", provider_data=_MARK)


def use_code(access: Access, code: str, now: datetime) -> Person | None:
    """Whom a code signs in; None where it is none, is too old, or was used. It is used up."""
    found = access.sessions.principal(code)
    if found is None or found.session is None:
        return None
    try:
        if access.sessions.provider_data(found.session) != _MARK:
            return None  # the session of a browser
        person = access.people.person(found.name)
        made = [one for one in access.sessions.of(person.name) if one.id == found.session]
        access.sessions.end(found.session, of=person.name)
    except NotFound:  # somebody else has used it in this moment
        return None
    fresh = bool(made) and timedelta(0) <= now - made[0].began_at <= COUNTS_FOR
    return person if fresh else None
