"""The routes of the pages: search, versions of a chat.

Each route says which permission it needs, reads its parameters, asks the program, and fills a
template. The program is that of the present request, for whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, Response, redirect, request
from flask_babel import gettext as _
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
            return page(
                "home.html", coverage=program().coverage(), examples=_examples(program().agents())
            )
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


def _examples(agents: Mapping[str, str]) -> list[tuple[str, str]]:
    """(query, what it finds): the query language by example. The agent in it is one of `agents`."""
    without_spaces = (name for name in agents.values() if name.isalnum())
    agent = next(without_spaces, "李雷")
    return [
        ("退款流程", _("按词查找：每个词都出现，顺序不限")),
        ("“退款流程”", _("原文查找：一字不差")),
        ("5678", _("数字按原文查找：电话、订单号的一部分也行")),
        ("退款 OR 退货", _("两者之一；另有 AND、NOT、括号")),
        ("退款 -发票", _("排除某个词")),
        ("iph*", _("以此开头的英文单词")),
        ("from:visitor 谢谢", _("只看访客说的话；也可 from:agent、from:robot")),
        ("rating:满意", _("按评价；rating:none 为未评价")),
        ("has:upload", _("发过附件的对话")),
        ("file:发票.pdf", _("按附件的文件名")),
        ("is:gone", _("Kchat 上已不存在的对话")),
        ("date:7d", _("最近 7 天；也可 date:2015-04、after:、before:")),
        (f"agent:{agent}", _("某位客服；也可 visitor:547、user:45190、id:290")),
    ]
