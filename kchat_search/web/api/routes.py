"""The routes of the HTTP API, version 1. Thin: parameters in, program, JSON out."""

from __future__ import annotations

from flask import Blueprint, Response, request

from kchat_search.ports import Clock
from kchat_search.serialization import schemas
from kchat_search.serialization.chats import agents_json, chat_json
from kchat_search.serialization.history import versions_json
from kchat_search.serialization.search import search_json
from kchat_search.serialization.status import ROWS_IN_STATUS, rejects_json, status_json
from kchat_search.web.api.export_response import Sender
from kchat_search.web.http.parameters import (
    only,
    read_chat_id,
    read_export,
    read_rejects,
    read_search,
    read_versions,
)
from kchat_search.web.http.rendering import json_answer, links_of
from kchat_search.web.program import Program


def blueprint(program: Program, clock: Clock) -> Blueprint:
    """The API over this program."""
    api = Blueprint("api", __name__)
    zone = program.presentation.zone
    sender = Sender(program, clock)

    @api.get("/api/v1/search")
    def search() -> Response:
        wanted = read_search(request.args)
        return json_answer(search_json(wanted, program.search(wanted), zone, links_of(program)))

    @api.get("/api/v1/chats/<chat_id>")
    def chat(chat_id: str) -> Response:
        number = read_chat_id(chat_id)
        q = only(request.args, "q")["q"]
        response = json_answer(chat_json(program.chat(number, q), zone, links_of(program), q))
        return conditional(response)

    @api.get("/api/v1/chats/<chat_id>/versions")
    def chat_versions(chat_id: str) -> Response:
        number = read_chat_id(chat_id)
        version, full = read_versions(request.args)
        past = program.history(number)
        found = versions_json(number, past, zone, links_of(program), version=version, full=full)
        return conditional(json_answer(found))

    @api.get("/api/v1/export")
    def export() -> Response:
        return sender.answer(*read_export(request.args))

    @api.get("/api/v1/agents")
    def agents() -> Response:
        only(request.args)
        return json_answer(agents_json(program.agents()))

    @api.get("/api/v1/status")
    def status() -> Response:
        only(request.args)
        reports, rejects = program.reports(ROWS_IN_STATUS), program.rejects(ROWS_IN_STATUS)
        return json_answer(status_json(program.status(), reports, rejects, zone))

    @api.get("/api/v1/rejects")
    def rejects() -> Response:
        page, per_page = read_rejects(request.args)
        total = program.count_rejects()
        found = program.rejects(per_page + 1, (page - 1) * per_page)
        return json_answer(
            rejects_json(found, zone, links_of(program), page=page, per_page=per_page, total=total)
        )

    @api.get("/healthz")
    def healthz() -> Response:
        return json_answer(schemas.LifeJson(status="ok"))

    @api.get("/readyz")
    def readyz() -> Response:
        program.ready()
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
