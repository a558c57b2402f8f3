"""The routes of the pages: search, versions of a chat.

Each route says which permission it needs, reads its parameters, asks the program, and fills a
template. The program is that of the present request, for whoever asks.
"""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.models.reports import Presentation
from kchat_search.models.search import ChatView
from kchat_search.ports import Clock
from kchat_search.serialization import links
from kchat_search.serialization.times import local
from kchat_search.web.api.routes import conditional
from kchat_search.web.http import current, parameters
from kchat_search.web.http.current import program
from kchat_search.web.http.language import without_choice
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import absolute_links, page
from kchat_search.web.pages import chat_page, filters, history, search_page, transcript


def blueprint(presentation: Presentation, clock: Clock) -> Blueprint:
    """The pages. `clock` tells the present time, for spans such as «7 days»."""
    pages = Blueprint("pages", __name__)
    zone = presentation.zone

    @pages.get("/")
    @needs("search")
    def search() -> BaseResponse:
        args = without_choice(request.args)
        if not args:
            return page("home.html", coverage=program().coverage())
        by = filters.read_by(args)
        # Without JavaScript the form also sends its empty fields. Only `q` may be empty.
        filled = [(k, v) for k, v in args.items(multi=True) if v or k == "q"]
        asked = parameters.read_search(MultiDict(filled))
        if len(filled) < len(list(args.items(multi=True))):
            return redirect(links.search_url(asked))
        today = local(clock(), zone).date()
        answer = program().search(asked, meaning=False)
        agents = program().agents()
        values = search_page.values_of_search(asked, answer, agents, today, by)
        values["mine"] = filters.mine(asked, answer, current.principal().agent_id)
        return page("search.html", **values)

    @pages.get("/chats/<chat_id>/versions")
    @needs("versions")
    def chat_versions(chat_id: str) -> Response:
        given = parameters.only(without_choice(request.args), "offset", "version")
        with chat_page.named(chat_id):
            view = program().chat(parameters.read_chat_id(chat_id), sent=False)
        offset = parameters.read_offset(given["offset"])
        version = parameters.read_offset(given["version"], "version")
        if version:  # what a version said is read in the change that followed it
            offset = max(0, view.version - version - 1)
        response = conditional(_versions_page(view, offset))
        response.headers["Cache-Control"] = "private, no-store"
        return response

    return pages


def _versions_page(view: ChatView, offset: int) -> Response:
    chat_id = view.chat.id
    versions = program().history(chat_id)
    a_page = history.versions_a_page(view.chat)
    return page(
        "versions.html",
        view=view,
        chat=view.chat,
        total=len(versions),
        folds=history.folded(history.shown_versions(versions, offset, a_page, program().agents())),
        offset=offset,
        step=a_page,
        plain_types=transcript.PLAIN,
        type_words=chat_page.type_words(),
        chat_url=links.chat_url,
        versions_url=links.versions_url,
        api_url=absolute_links().versions,
    )
