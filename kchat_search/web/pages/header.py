"""The header of all pages: who is signed in, and where they may go.

It is shown on pages of errors, too: where nobody knows who asks, it names nobody.
"""

from __future__ import annotations

from flask import Flask
from flask_babel import gettext as _

from kchat_search.models.people import Permission
from kchat_search.web.http import current
from kchat_search.web.pages.access_words import browser, role_words


def install(app: Flask) -> None:
    """Give templates what the header needs."""
    app.jinja_env.globals.update(
        menu=_menu,
        first_page=first_page,
        role_words=role_words,
    )
    app.jinja_env.filters["browser"] = browser


def first_page() -> str:
    """The address of the first page that whoever asks may open: the search, for most."""
    if current.may("search"):
        return "/"
    return next((path for path, _words in reversed(_menu())), "/")


def _menu() -> list[tuple[str, str]]:
    """(address, words) of the pages behind the name of who is signed in."""
    entries: list[tuple[str, str, tuple[Permission, ...]]] = [
        ("/account", _("我的账号"), ("own_account",)),
        ("/audit", _("审计记录"), ("audit", "own_audit")),
        ("/tokens", _("令牌"), ("people",)),
        ("/people", _("人员"), ("people",)),
    ]
    return [(path, words) for path, words, any_of in entries if any(map(current.may, any_of))]
