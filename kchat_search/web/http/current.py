"""The present request: who asks, from where, through which gate, and what is recorded of it.

Who asks is decided once for a request, when it is first needed. Everything else follows from it: a
route gets a `Program` for this principal, and there is no other way to one.
"""

from __future__ import annotations

from typing import cast

from flask import Flask, current_app, g, request

from kchat_search.access.settings_row import record_settings
from kchat_search.errors import AccessError, KchatSearchError
from kchat_search.models.people import Permission, Principal
from kchat_search.ports.access import Access, Recorder
from kchat_search.web.http import who
from kchat_search.web.http.api_paths import is_api_request
from kchat_search.web.http.forwarding import client_of
from kchat_search.web.http.who import Asker
from kchat_search.web.program import Gate, Program

_GATE = "kchat-search gate"


def install(app: Flask, gate_: Gate) -> None:
    """`app` answers through this gate. Templates can ask who is signed in and may do what."""
    app.extensions[_GATE] = gate_
    app.jinja_env.globals.update(asker=known, may=may, is_open_mode=is_open_mode)


def gate() -> Gate:
    """The gate of the application."""
    return cast("Gate", current_app.extensions[_GATE])


def access() -> Access:
    """People, tokens, sessions and the audit. Only where people can sign in at all."""
    found = gate().access
    assert found is not None, "without a database of people nobody signs in"
    return found


def is_open() -> bool:
    """Was nobody ever added, so that whoever sits at this machine sees everything? Not where people
    sign in elsewhere: then somebody may come at any time. Raises `AccessError` where that can't be
    known: a door that can't be looked at is shut.

    A process that once saw people never opens again.
    """
    if "is_open" not in g:
        g.is_open = _nobody_ever()
    return bool(g.is_open)


def _nobody_ever() -> bool:
    found = gate().access
    if found is None:
        return True
    if "kchat-search people" in current_app.extensions:
        found.people.ever()  # where it can't be asked, nothing is answered
        return False
    if found.people.ever():
        record_settings(found, gate().presentation.access_settings)
        current_app.extensions["kchat-search people"] = True
        return False
    return gate().elsewhere is None  # else the first who signs in there is the first of the people


def address() -> str:
    """From where the request comes: the client's address, as far as trusted proxies tell it."""
    return client_of(request.environ).address


def asker() -> Asker:
    """Who asks, and by what they are known. Raises `NotSignedIn` for a token that gives no access,
    `BadRequest` for two credentials at once, `AccessError` where it can't be looked up, and
    `ProviderUnreachable` where who vouches for them must be asked again and can't be."""
    if "asker" not in g:
        g.asker = _asker()
    return cast("Asker", g.asker)


def _asker() -> Asker:
    if is_open():
        return who.at_this_machine(gate().access)
    return who.decide(access(), gate().presentation.entrance, gate().elsewhere)


def principal() -> Principal:
    """Who asks; `NOBODY` where nobody is known."""
    return asker().principal


def program() -> Program:
    """The program for whoever asks: it answers what this principal may know, and nothing else."""
    if "program" not in g:
        g.program = gate().for_(
            principal(), recorder(), pages=not is_api_request(), again=asker().again
        )
    return cast("Program", g.program)


def recorder() -> Recorder:
    """What is recorded of the present request. `recording.settle` waits for it."""
    if "recorder" not in g:
        g.recorder = gate().recorder(principal(), address())
    return cast("Recorder", g.recorder)


def record_as(principal: Principal) -> Recorder:
    """The same, of this principal, whoever asks."""
    g.recorder = gate().recorder(principal, address())
    return cast("Recorder", g.recorder)


def known() -> Asker:
    """Who asks; nobody also where that can't be known. For answers that must come in any case, such
    as the page of an error."""
    try:
        return asker()
    except KchatSearchError:
        return who.UNKNOWN


def may(permission: Permission) -> bool:
    """May whoever asks do this? False where that can't be known."""
    try:
        return program().may(permission)
    except KchatSearchError:
        return False


def is_open_mode() -> bool:
    """The same as `is_open`; False where that can't be known."""
    try:
        return is_open()
    except AccessError:
        return False


def forget() -> None:
    """Who asks is another from now on: somebody has signed in or out."""
    for name in ("asker", "program"):
        g.pop(name, None)
