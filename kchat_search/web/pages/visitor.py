"""The page of all chats of one visitor. The page of a chat shows those around it."""

from __future__ import annotations

from flask import Blueprint, request
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.errors import BadRequest
from kchat_search.serialization.links import Reading, chat_url
from kchat_search.web.http import parameters
from kchat_search.web.http.current import program
from kchat_search.web.http.language import without_choice
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import page
from kchat_search.web.pages.chat_page import named
from kchat_search.web.pages.labels import Labels

pages = Blueprint("visitor", __name__)


@pages.get("/chats/<chat_id>/visitor")
@needs("search")
def visitor(chat_id: str) -> BaseResponse:
    """The page: the one with this chat, or the one that is asked for."""
    given = parameters.only(without_choice(request.args), "q", "page")
    number = parameters.read_offset(given["page"], "page") if given["page"] else None
    if number == 0:
        raise BadRequest("page counts from 1", "page")
    with named(chat_id):
        chat = parameters.read_chat_id(chat_id)
        found = program().visitor_chats(chat, given["q"], number)
    seen = next((one.hit for one in found.chats if one.hit), None)
    response = page(
        "visitor.html",
        chat_id=chat,
        q=given["q"],
        found=found,
        visitor_id=seen and seen.chat.visitor_id,
        back_url=Reading(chat, given["q"]).url(),
        chat_url=chat_url,
        labels=Labels(),
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response
