"""What somebody typed into a form, when it can't be taken at once.

A form that comes while nobody is signed in any more is not carried out. What was typed is kept in
the browser's signed cookie, and stands in the form again after the log-in, for the person to send
it. It comes back to the same person alone, passwords are never kept, and neither is anything too
long for a cookie.
"""

from __future__ import annotations

from flask import flash, request, session
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from kchat_search.models.people import Person
from kchat_search.web.http import sessions
from kchat_search.web.http.next_page import page_of

_TYPED, _WHO = "typed", "who"
_NEVER_KEPT = frozenset(
    {"csrf_token", "next", "sure", "username", "old_password", "password", "again"}
)
_MAX_CHARACTERS = 1500
"""A browser keeps a cookie of up to 4,096 bytes."""


def keep() -> str:
    """Keep what the present request has typed. Returns the address of the page that has the form,
    or of the nearest one above it."""
    there = page_of(request.path)
    fields = [
        [name, value] for name, value in request.form.items(multi=True) if name not in _NEVER_KEPT
    ]
    session.pop(_TYPED, None)
    if fields and len(str(fields)) <= _MAX_CHARACTERS and session.get(_WHO):
        session[_TYPED] = {"page": there, "fields": fields}
    query = request.query_string.decode("ascii", "ignore")
    return f"{there}?{query}" if query else there


def waits() -> bool:
    """Is something kept?"""
    return _TYPED in session


def sign_in(person: Person, *, provider_data: str = "") -> None:
    """Begin a log-in of this person; what they typed before stays, and what others typed goes."""
    kept = session.get(_TYPED) if session.get(_WHO) == person.id else None
    sessions.begin(person, provider_data=provider_data)
    session[_WHO] = person.id
    if kept is not None:
        session[_TYPED] = kept


def take() -> MultiDict[str, str] | None:
    """What was typed into a form of the present page and kept; None if nothing was. It is kept no
    longer."""
    kept = session.get(_TYPED)
    if not isinstance(kept, dict) or kept.get("page") != request.path:
        return None
    del session[_TYPED]
    flash(_("您填写的内容还在，请检查后再提交。"))
    return MultiDict([(str(name), str(value)) for name, value in kept["fields"]])
