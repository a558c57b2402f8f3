"""The routes of the HTTP API, version 1. Thin: parameters in, service, JSON out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from kchat_search.ports import Clock
from kchat_search.serialization import history, schemas, views
from kchat_search.web.api.export_response import Sender
from kchat_search.web.http.parameters import (
    only,
    read_chat_id,
    read_export,
    read_rejects,
    read_search,
    read_versions,
)
from kchat_search.web.http.rendering import json_answer

if TYPE_CHECKING:
    from kchat_search.service import Service

_IN_STATUS = 20
"""Reports, and rejects, that the status shows."""


def blueprint(service: Service, clock: Clock) -> Blueprint:
    """The API over this service."""
    api = Blueprint("api", __name__)
    settings = service.settings
    sender = Sender(service, clock)

    @api.get("/api/v1/search")
    def search() -> Response:
        wanted = read_search(request.args)
        return json_answer(views.search_json(wanted, service.search(wanted), settings))

    @api.get("/api/v1/chats/<chat_id>")
    def chat(chat_id: str) -> Response:
        number = read_chat_id(chat_id)
        q = only(request.args, "q")["q"]
        response = json_answer(views.chat_json(service.chat(number, q), settings, q))
        return conditional(response)

    @api.get("/api/v1/chats/<chat_id>/versions")
    def chat_versions(chat_id: str) -> Response:
        number = read_chat_id(chat_id)
        version, full = read_versions(request.args)
        past = service.history(number)
        found = history.versions_json(number, past, version, settings.zone, full=full)
        return conditional(json_answer(found))

    @api.get("/api/v1/export")
    def export() -> Response:
        return sender.answer(*read_export(request.args))

    @api.get("/api/v1/agents")
    def agents() -> Response:
        only(request.args)
        return json_answer(views.agents_json(service.agents()))

    @api.get("/api/v1/status")
    def status() -> Response:
        only(request.args)
        reports, rejects = service.reports(_IN_STATUS), service.rejects(_IN_STATUS)
        return json_answer(views.status_json(service.status(), reports, rejects, settings))

    @api.get("/api/v1/rejects")
    def rejects() -> Response:
        page, per_page = read_rejects(request.args)
        total = service.count_rejects()
        found = service.rejects(per_page + 1, (page - 1) * per_page)
        return json_answer(views.rejects_json(page, per_page, total, found, settings))

    @api.get("/healthz")
    def healthz() -> Response:
        return json_answer(schemas.LifeJson(status="ok"))

    @api.get("/readyz")
    def readyz() -> Response:
        service.ready()
        return json_answer(schemas.LifeJson(status="ok"))

    return api


def conditional(response: Response) -> Response:
    """Give the answer a tag, and answer 304 to one who has it already.

    The tag is of the whole body. So it differs with the chat's digest and version, with the query,
    and with the language, and also with what the digest does not know: an agent's new name, a chat
    that vanished at Kchat.
    """
    response.add_etag()
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response
