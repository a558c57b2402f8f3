"""Where somebody goes after log-in: back to where they were, and never to another site."""

from __future__ import annotations

from urllib.parse import quote, unquote, urlencode, urlsplit

from flask import current_app, request
from werkzeug.exceptions import HTTPException

LOGIN = "/login"
HOME = "/"
_LONGEST = 4_000
_DECODINGS = 3
_IN_QUERY = "!$%&'()*+,-./:;=?@_~"
_NO_PAGES = ("/login", "/logout", "/static")


def own_path(text: str) -> str:
    """The path that `text` names on this site; `/` if it names none, or perhaps another site.

    Browsers take `\\` for `/`, ignore line ends and tabs, and `//host` is another host. What stands
    in the path is decoded some times: a proxy in front may do that.
    """
    if len(text) > _LONGEST or not _is_own(text) or not _is_one_line(text):
        return HOME
    decoded = text
    for _ in range(_DECODINGS):
        decoded = unquote(decoded)
        if not _is_own(decoded):
            return HOME
    path = urlsplit(text).path
    return HOME if path.startswith(_NO_PAGES) else text


def login_url(wanted: str | None = None) -> str:
    """The address of the log-in page, which leads to `wanted`: to the present page, if not
    given."""
    wanted = own_path(_here() if wanted is None else wanted)
    return LOGIN if wanted == HOME else f"{LOGIN}?{urlencode({'next': wanted})}"


def page_of(path: str) -> str:
    """The nearest address that can be opened: the path itself, or one above it. A form is often
    sent to an address below the one of its page."""
    routes = current_app.url_map.bind("")
    while path not in ("", HOME):
        try:
            routes.match(path, method="GET")
        except HTTPException:
            path = path.rpartition("/")[0]
        else:
            break
    return path or HOME


def _here() -> str:
    query = quote(request.query_string, safe=_IN_QUERY)  # some servers pass it on as it was typed
    return quote(request.path) + (f"?{query}" if query else "")


def _is_own(text: str) -> bool:
    path, _, _ = text.partition("?")
    return (
        text.startswith("/")
        and not path.startswith(("//", "/\\"))
        and "\\" not in path
        and "//" not in path
        and _is_one_line(path)
    )


def _is_one_line(text: str) -> bool:
    return text.isprintable() and not any(character.isspace() for character in text)
