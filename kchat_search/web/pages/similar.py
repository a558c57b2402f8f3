"""The page of the chats that are like one. The page of that chat shows the list beside it."""

from __future__ import annotations

from flask import Blueprint, request
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.serialization.links import chat_url
from kchat_search.web.http import parameters
from kchat_search.web.http.current import program
from kchat_search.web.http.language import without_choice
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import page
from kchat_search.web.pages.chat_page import named
from kchat_search.web.pages.labels import Labels

pages = Blueprint("similar", __name__)


@pages.get("/chats/<chat_id>/similar")
@needs("search")
def similar(chat_id: str) -> BaseResponse:
    """The page."""
    parameters.only(without_choice(request.args))
    with named(chat_id):
        number = parameters.read_chat_id(chat_id)
        found = program().similar(number)
    response = page(
        "similar.html",
        chat_id=number,
        found=found,
        back_url=f"/chats/{number}",
        chat_url=chat_url,
        labels=Labels(),
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response
