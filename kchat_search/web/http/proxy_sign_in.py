"""Who has signed in at a trusted proxy: `KCHAT_REMOTE_USER_HEADER`.

Only the program's own proxies may say so. The same header from anywhere else is a forgery: it is
refused before anything is looked up, logged and recorded.
"""

from __future__ import annotations

from flask import request

from kchat_search.errors import NotFound
from kchat_search.models.people import Entrance, Principal
from kchat_search.ports.access import Access
from kchat_search.web.http.forwarding import client_of


def name(entrance: Entrance) -> str | None:
    """Whom a trusted proxy names in the present request, if it names somebody."""
    return header(entrance) or None if client_of(request.environ).by_proxy else None


def principal(access: Access, name: str) -> Principal | None:
    """The person whom a proxy names so. It knows people who exist, and adds none. Not those who
    sign in by OpenID Connect: their provider chose the name, and says which roles they have."""
    try:
        person = access.people.person(name)
    except NotFound:
        return None
    if person.disabled or person.provider is not None:
        return None
    return Principal("person", f"person:{person.id}", person.name, person.roles, person.agent_id)


def is_forged(entrance: Entrance) -> bool:
    """Does somebody who is no trusted proxy send the header?"""
    return header(entrance) is not None and not client_of(request.environ).by_proxy


def header(entrance: Entrance) -> str | None:
    """What the present request says in this header; None where it is not there or not set."""
    name = entrance.remote_user_header
    value = None if name is None else request.headers.get(name)
    try:
        # WSGI passes on bytes as Latin-1 (PEP 3333); proxies send names in UTF-8.
        return value and value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
