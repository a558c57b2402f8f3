"""The page of a chat, and what other pages of a chat share with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from flask import Blueprint, Response, redirect, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.chats.visible_text import visible_text
from kchat_search.errors import BadRequest, NotFound
from kchat_search.models.chats import Chat, Speaker
from kchat_search.models.search import ChatView
from kchat_search.serialization import links
from kchat_search.web.api.routes import conditional
from kchat_search.web.http import parameters
from kchat_search.web.http.current import program
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import absolute_links, page
from kchat_search.web.pages import history, transcript
from kchat_search.web.pages.asked_chat import AskedChat, read_asked_chat
from kchat_search.web.pages.labels import Labels
from kchat_search.web.pages.match_list import match_list

pages = Blueprint("chat", __name__)


@pages.get("/chats/<chat_id>")
@needs("search")
def chat(chat_id: str) -> BaseResponse:
    """The page."""
    asked, view = read(chat_id)
    if asked.offset and asked.offset >= len(view.chat.messages):
        return redirect(asked.part_url(0))
    response = conditional(_chat_page(asked, view))
    response.headers["Cache-Control"] = "private, no-store"
    return response


# Not by GET: what a link or a bookmark could do again would not be one person's one look.
@pages.post("/chats/<chat_id>/reveal")
@needs("numbers")
def reveal(chat_id: str) -> BaseResponse:
    """The page, with the private numbers of the chat."""
    response = _chat_page(*read(chat_id, reveal=True), revealed=True)
    response.headers["Cache-Control"] = "private, no-store"
    return response


# Not by GET: a link from elsewhere would load an image without a click here.
@pages.post("/chats/<chat_id>/image")
@needs("search")
def image(chat_id: str) -> BaseResponse:
    """The page, with one image in its place: for a browser without scripts."""
    response = _chat_page(*read(chat_id), shown_image=request.form.get("image", ""))
    response.headers["Cache-Control"] = "private, no-store"
    return response


@pages.get("/chats/<chat_id>/at/<anchor>")
@needs("search")
def message(chat_id: str, anchor: str) -> BaseResponse:
    """To the part of the page that has the message with this anchor. An address without a part has
    only the anchor, which no browser sends: a script asks here."""
    asked, view = read(chat_id)
    anchors = transcript.anchors(view.chat.messages)
    if anchor not in anchors:
        raise NotFound(
            _("对话 %(id)s 里没有消息 %(message)s。", id=view.chat.id, message=anchor[:30])
        )
    response = redirect(asked.reading.message_url(anchors.index(anchor), anchor))
    response.headers["Cache-Control"] = "private, no-store"
    return response


def read(chat_id: str, *, reveal: bool = False) -> tuple[AskedChat, ChatView]:
    """(what the address asks for, the chat); with `reveal`, with its private numbers."""
    with named(chat_id):
        asked = read_asked_chat(parameters.read_chat_id(chat_id))
        find = asked.reading.find
        view = program().chat(
            asked.reading.chat_id,
            asked.q,
            find=find,
            within=asked.within,
            sent=False,
            reveal=reveal,
        )
    return asked, view


@contextmanager
def named(chat_id: str) -> Iterator[None]:
    """A chat that is not there is named as it stands in the address. Raises `NotFound`."""
    try:
        yield
    except (NotFound, BadRequest) as error:
        if isinstance(error, BadRequest) and error.parameter != "id":
            raise
        raise NotFound(_("归档中没有对话 %(id)s。", id=chat_id[:30])) from None


def _chat_page(
    asked: AskedChat, view: ChatView, *, revealed: bool = False, shown_image: str = ""
) -> Response:
    chat = view.chat
    names = transcript.anchors(chat.messages)
    matches = transcript.matches(view, names, asked.message_url, find=bool(asked.reading.find))
    return page(
        "chat.html",
        view=view,
        chat=chat,
        asked=asked,
        q=asked.q,
        rows=transcript.rows(view, names, program().presentation.zone, asked.part, matches),
        matches=match_list(view, matches, asked.offset),
        step=asked.step,
        length=_length(chat),
        back_url=asked.back_url(view.place),
        kchat_url=absolute_links().kchat(chat.id),
        plain_types=transcript.PLAIN,
        card_types=transcript.CARDS,
        shown_image=shown_image,
        show_url=asked.reading.image_url(asked.offset),
        hide_url=asked.part_url(asked.offset),
        type_words=type_words(),
        leads=_leads(view),
        chat_url=links.chat_url,
        versions_url=links.versions_url(chat.id),
        similar_url=links.similar_url(chat.id),
        said_before=_said_before(view),
        revealed=revealed,
        can_reveal=view.hides and program().may("numbers"),
        labels=Labels(),
    )


def _leads(view: ChatView) -> dict[tuple[Speaker, str], str]:
    """By who speaks and under which name: the page of their chats."""
    found: dict[tuple[Speaker, str], str] = {
        ("agent", one.name): links.chats_of_url("participant", one.value)
        for one in view.participants
        if one.name
    }
    if view.chat.visitor_id and view.visitor_name:
        found["visitor", view.visitor_name] = links.chats_of_url("visitor_id", view.chat.visitor_id)
    return found


def _said_before(view: ChatView) -> Mapping[int, str]:
    """By id of a recalled message: where its former text can be read.

    Looked up only if the chat has a recalled message without text and file.
    """
    empty = any(m.recalled and not (visible_text(m.text) or m.upload) for m in view.chat.messages)
    if view.version == 1 or not empty or not program().may("versions"):
        return {}
    return history.said_before(program().history(view.chat.id), view.chat)


def _length(chat: Chat) -> float | None:
    """The duration of a chat in seconds; None if its beginning or its end is not known."""
    if chat.created_at is None or chat.end_at is None or chat.end_at < chat.created_at:
        return None
    return (chat.end_at - chat.created_at).total_seconds()


def type_words() -> dict[str, str]:
    """The words for types of messages other than plain text. Other types show their code."""
    return {
        "chat.answer": _("自动回复"),
        "chat.card": _("卡片"),
        "chat.document": _("文档"),
        "chat.image": _("图片"),
        "chat.video": _("视频"),
        "chat.voice": _("语音"),
    }
