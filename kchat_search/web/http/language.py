"""Chinese first, English by choice: `?lang=en`, remembered in a cookie.

The API speaks English: its texts are read by programmers.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from flask import Flask, Response, request
from werkzeug.datastructures import MultiDict

from kchat_search.web.http.parameters import LANGUAGES
from kchat_search.web.http.problems import for_a_program

DEFAULT = "zh"
COOKIE = "lang"
_A_YEAR_IN_SECONDS = 31_536_000
_BETWEEN = " · "


def install(app: Flask) -> None:
    """Have the choice remembered, and pages know theirs."""
    app.after_request(_remember)
    app.jinja_env.globals.update(language=current, language_url=_switch_url)


def current() -> str:
    """The language of the present request: as asked for, as remembered, or Chinese."""
    if for_a_program():
        return "en"
    for wanted in (request.args.get("lang"), request.cookies.get(COOKIE)):
        if wanted in LANGUAGES:
            return wanted
    return DEFAULT


def own(note: str) -> str:
    """A note of the search («中文 · English») in the page's language; whole if it is no such pair.

    What a note quotes stands in both halves, so that the middle separator is the one between them.
    """
    pieces = note.split(_BETWEEN)
    half, odd = divmod(len(pieces), 2)
    if odd:
        return note
    return _BETWEEN.join(pieces[half:] if current() == "en" else pieces[:half])


def without_choice(args: MultiDict[str, str]) -> MultiDict[str, str]:
    """A query string without the choice of language."""
    return MultiDict((name, value) for name, value in args.items(multi=True) if name != "lang")


def _switch_url(wanted: str) -> str:
    """This page in another language."""
    kept = [*without_choice(request.args).items(multi=True), ("lang", wanted)]
    return f"{quote(request.path)}?{urlencode(kept)}"


def _remember(response: Response) -> Response:
    wanted = request.args.get("lang")
    if wanted in LANGUAGES and not for_a_program() and request.endpoint != "static":
        response.set_cookie(
            COOKIE, wanted, max_age=_A_YEAR_IN_SECONDS, httponly=True, samesite="Lax"
        )
    if request.endpoint != "static":
        response.vary.add("Cookie")
    return response
