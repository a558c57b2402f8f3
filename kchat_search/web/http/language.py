"""Chinese first, English by choice: `?lang=en`, remembered in a cookie.

The API speaks English: its texts are read by programmers.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from flask import Flask, Response, request
from werkzeug.datastructures import MultiDict

from kchat_search.serialization.notes import Language
from kchat_search.web.http.parameters import LANGUAGES
from kchat_search.web.http.problems import for_a_program

DEFAULT: Language = "zh"
COOKIE = "lang"
_A_YEAR_IN_SECONDS = 31_536_000


def install(app: Flask) -> None:
    """Have the choice remembered, and pages know theirs."""
    app.after_request(_remember)
    app.jinja_env.globals.update(language=current, language_url=_switch_url)


def current() -> Language:
    """The language of the present request: as asked for, as remembered, or Chinese."""
    if for_a_program():
        return "en"
    for asked in (request.args.get("lang"), request.cookies.get(COOKIE)):
        for language in LANGUAGES:
            if asked == language:
                return language
    return DEFAULT


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
