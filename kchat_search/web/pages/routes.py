"""The routes of the pages: search, versions of a chat.

Each route says which permission it needs, reads its parameters, asks the program, and fills a
template. The program is that of the present request, for whoever asks.
"""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, redirect, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.models.reports import Presentation
from kchat_search.models.search import ChatView, SearchRequest
from kchat_search.ports import Clock
from kchat_search.serialization import links
from kchat_search.serialization.times import local
from kchat_search.web.api.routes import conditional
from kchat_search.web.http import parameters
from kchat_search.web.http.current import program
from kchat_search.web.http.language import without_choice
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import links_of, page
from kchat_search.web.pages import chat_page, histogram, history, search_page
from kchat_search.web.pages.labels import Labels

_NONE = slice(0)


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
        # Without JavaScript the form also sends its empty fields. Only `q` may be empty.
        filled = [(k, v) for k, v in args.items(multi=True) if v or k == "q"]
        asked = parameters.read_search(MultiDict(filled))
        if len(filled) < len(list(args.items(multi=True))):
            return redirect(links.search_url(asked))
        today = local(clock(), zone).date()
        return page("search.html", **_search_values(asked, today))

    @pages.get("/chats/<chat_id>/versions")
    @needs("versions")
    def chat_versions(chat_id: str) -> Response:
        given = parameters.only(without_choice(request.args), "offset", "version")
        view = chat_page.read(chat_id, "", _NONE)
        offset = parameters.read_offset(given["offset"])
        version = parameters.read_offset(given["version"], "version")
        if version:  # what a version said is read in the change that followed it
            offset = max(0, view.version - version - 1)
        response = conditional(_versions_page(view, offset))
        response.headers["Cache-Control"] = "private, no-store"
        return response

    return pages


def _search_values(asked: SearchRequest, today: date) -> dict[str, object]:
    answer = program().search(asked, meaning=False)
    agents = program().agents()
    labels = Labels()
    return {
        **search_page.values_of_hits(asked),
        "page_": answer,
        "facets": search_page.facet_boxes(asked, answer, labels),
        "chips": search_page.chips(asked, answer, agents, labels),
        "cuts": search_page.cuts(asked, answer, agents, labels),
        "presets": search_page.presets(asked, today),
        "sorts": search_page.sorts(asked),
        "pager": search_page.pager(asked, answer),
        "histogram": histogram.of_facets(asked, answer.facets),
        "filtered": links.has_filters(asked),
        "said_url": search_page.said_url(asked, answer),
        "history_url": links.search_url(links.changed(asked, history=True)),
        "dropped_url": links.search_url(links.without_filters(asked)),
        "exports": [(form, links.export_url(asked, form)) for form in ("xlsx", "csv", "jsonl")],
        "part_url": lambda text: links.search_url(SearchRequest(q=text, history=asked.history)),
        "near_url": lambda q: links.search_url(links.changed(asked, q=q)),
        "meant_url": links.meant_url(asked),
        "labels": labels,
    }


def _versions_page(view: ChatView, offset: int) -> Response:
    chat_id = view.chat.id
    versions = program().history(chat_id)
    a_page = history.versions_a_page(view.chat)
    return page(
        "versions.html",
        view=view,
        chat=view.chat,
        total=len(versions),
        versions=history.shown_versions(versions, offset, a_page, program().agents()),
        offset=offset,
        step=a_page,
        type_words=chat_page.type_words(),
        chat_url=links.chat_url,
        versions_url=links.versions_url,
        api_url=links_of(program().presentation).versions,
    )
