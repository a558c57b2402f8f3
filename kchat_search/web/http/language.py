"""The language of an answer: Chinese or English.

Both pages and API follow `Accept-Language` (RFC 9110, section 12.5.4). Where it names neither
language, pages are Chinese and the API is English. On the pages a reader may choose another with
`?lang=en`, and a cookie remembers the choice. Every text of one answer is in one language.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import get_args
from urllib.parse import quote, urlencode

from flask import Flask, Response, request
from werkzeug.datastructures import MultiDict

from kchat_search.serialization.notes import Language
from kchat_search.web.http.api_paths import is_api_request
from kchat_search.web.http.next_page import page_of

DEFAULT: Language = "zh"
"""The language of pages for whoever names none."""
COOKIE = "lang"
_LANGUAGES: tuple[Language, ...] = get_args(Language)
_YEAR_IN_SECONDS = 31_536_000
_SECRET = frozenset({"password", "old_password", "again", "code", "csrf_token"})
"""Fields of our forms that no link repeats, if somebody puts them into an address."""


def install(app: Flask) -> None:
    """Make `app` remember the choice of a reader, and give templates the present language."""
    app.after_request(_remember)
    app.after_request(_vary)
    app.jinja_env.globals.update(language=current, language_url=_switch_url)


def current() -> Language:
    """The language of the present request.

    For a page: `?lang=`, else the cookie, else what `Accept-Language` prefers, else Chinese. For
    the API: what `Accept-Language` prefers, else English.
    """
    return _accepted("en") if is_api_request() else _chosen()


def without_choice(args: MultiDict[str, str]) -> MultiDict[str, str]:
    """A query string without the choice of language."""
    return MultiDict((name, value) for name, value in args.items(multi=True) if name != "lang")


def _chosen() -> Language:
    for choice in (request.args.get("lang"), request.cookies.get(COOKIE)):
        for language in _LANGUAGES:
            if choice == language:
                return language
    return _accepted(DEFAULT)


def _accepted(otherwise: Language) -> Language:
    """The better of English and Chinese in `Accept-Language`; `otherwise` if it names neither.

    Only the first part of a tag counts: `zh-CN` and `zh-Hant` are Chinese. `*` stands for every
    language that is not named. Of two that are equally good, the one named first wins. Werkzeug's
    own `best_match` would answer English to `zh-CN, en;q=0.5`, because it looks for whole tags
    first.
    """
    qualities: dict[str, float] = {}
    for tag, quality in request.accept_languages:  # best first, equal ones in the client's order
        qualities.setdefault(tag.partition("-")[0].lower(), quality)
    any_other = qualities.get("*", 0.0)
    english, chinese = (qualities.get(name, any_other) for name in ("en", "zh"))
    if chinese != english:
        return "zh" if chinese > english else "en"
    for language in qualities:
        if chinese > 0 and language in _LANGUAGES:
            return "zh" if language == "zh" else "en"
    return otherwise


def _switch_url(language: str) -> str:
    """The address of the present page in another language."""
    kept = without_choice(request.args).items(multi=True)
    parameters = [(name, value) for name, value in kept if name not in _SECRET]
    parameters.append(("lang", language))
    path = request.path if request.method in ("GET", "HEAD") else page_of(request.path)
    # An address that begins with two slashes would lead to another host.
    return f"/{quote(path.lstrip('/'))}?{urlencode(parameters)}"


def _remember(response: Response) -> Response:
    choice = request.args.get("lang")
    refused = response.status_code == HTTPStatus.FORBIDDEN  # by a page of another site, perhaps
    if choice in _LANGUAGES and not (refused or is_api_request() or request.endpoint == "static"):
        response.set_cookie(
            COOKIE,
            choice,
            max_age=_YEAR_IN_SECONDS,
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
        )
    return response


def _vary(response: Response) -> Response:
    """Tell caches from which headers the language came (RFC 9110, section 12.5.5)."""
    if request.endpoint != "static":
        response.vary.add("Accept-Language")
        if not is_api_request():
            response.vary.add("Cookie")
    return response
