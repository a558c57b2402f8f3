"""The chats of a search by their meaning alone. The search page asks for them apart, so that the
exact answer does not wait for a guess."""

from __future__ import annotations

from flask import Blueprint, Response, request

from kchat_search.web.http import parameters
from kchat_search.web.http.current import program
from kchat_search.web.http.language import without_choice
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import page
from kchat_search.web.pages.search_page import values_of_hits

pages = Blueprint("meant", __name__)


@pages.get("/meant")
@needs("search")
def meant() -> Response:
    """The page of these chats."""
    asked = parameters.read_which_chats(without_choice(request.args))
    chats = program().by_meaning(asked)
    return page("meant.html", chats=chats, **values_of_hits(asked))
