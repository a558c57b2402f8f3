"""The routes of the HTTP API, version 1.

Each route reads its parameters, asks the program, and writes JSON. Nothing else happens here.
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from kchat_search.ports import Clock
from kchat_search.serialization import schemas
from kchat_search.serialization.alerts import alerts_json
from kchat_search.serialization.chats import agents_json, chat_json
from kchat_search.serialization.history import versions_json
from kchat_search.serialization.search import related_json, search_json
from kchat_search.serialization.status import ROWS_IN_STATUS, rejects_json, status_json
from kchat_search.web.api.export_response import Sender
from kchat_search.web.http.language import current
from kchat_search.web.http.parameters import (
    only,
    read_chat_id,
    read_export,
    read_rejects,
    read_related,
    read_search,
    read_versions,
)
from kchat_search.web.http.rendering import json_answer, links_of
from kchat_search.web.program import Program


def blueprint(program: Program, clock: Clock) -> Blueprint:
    """The API over `program`. `clock` tells the time that stands in the name of an export."""
    api = Blueprint("api", __name__)
    _add_search_routes(api, program, clock)
    _add_chat_routes(api, program)
    _add_program_routes(api, program)
    _add_health_routes(api, program)
    return api


def _add_search_routes(api: Blueprint, program: Program, clock: Clock) -> None:
    zone = program.presentation.zone
    sender = Sender(program, clock)

    @api.get("/api/v1/search")
    def search() -> Response:
        asked = read_search(request.args)
        page = program.search(asked)
        return json_answer(search_json(asked, page, zone, links_of(program), current()))

    @api.get("/api/v1/related")
    def related() -> Response:
        asked = read_related(request.args)
        page = program.search(asked)
        return json_answer(related_json(asked, page, zone, links_of(program), current()))

    @api.get("/api/v1/export")
    def export() -> Response:
        return sender.answer(*read_export(request.args))


def _add_chat_routes(api: Blueprint, program: Program) -> None:
    zone = program.presentation.zone

    @api.get("/api/v1/chats/<chat_id>")
    def chat(chat_id: str) -> Response:
        number = read_chat_id(chat_id)
        q = only(request.args, "q")["q"]
        view = program.chat(number, q)
        return conditional(json_answer(chat_json(view, zone, links_of(program), q)))

    @api.get("/api/v1/chats/<chat_id>/versions")
    def chat_versions(chat_id: str) -> Response:
        number = read_chat_id(chat_id)
        version, full, part = read_versions(request.args)
        history = program.history(number)
        content = versions_json(
            number, history, zone, links_of(program), version=version, full=full, part=part
        )
        return conditional(json_answer(content))


def _add_program_routes(api: Blueprint, program: Program) -> None:
    zone = program.presentation.zone

    @api.get("/api/v1/agents")
    def agents() -> Response:
        only(request.args)
        return json_answer(agents_json(program.agents()))

    @api.get("/api/v1/status")
    def status() -> Response:
        only(request.args)
        reports, rejects = program.reports(ROWS_IN_STATUS), program.rejects(ROWS_IN_STATUS)
        return json_answer(status_json(program.status(), reports, rejects, zone, current()))

    @api.get("/api/v1/rejects")
    def rejects() -> Response:
        page, per_page = read_rejects(request.args)
        total = program.count_rejects()
        rows = program.rejects(per_page + 1, (page - 1) * per_page)  # one more: is there a next?
        return json_answer(
            rejects_json(rows, zone, links_of(program), page=page, per_page=per_page, total=total)
        )


def _add_health_routes(api: Blueprint, program: Program) -> None:
    @api.get("/healthz")
    def healthz() -> Response:
        return json_answer(schemas.LifeJson(status="ok"))

    @api.get("/readyz")
    def readyz() -> Response:
        program.ready()
        alerts = alerts_json(program.alerts(), current(), program.presentation.zone)
        return json_answer(schemas.ReadyJson(status="ok", alerts=alerts))


def conditional(response: Response) -> Response:
    """`response` with an `ETag`, or 304 if the client has this answer already.

    The tag is the digest of the whole body. So it changes with the chat, its version, the query and
    the language. It also changes with what the chat's own digest does not contain: a new name of an
    agent, or the disappearance of the chat from Kchat.
    """
    response.add_etag()
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response
