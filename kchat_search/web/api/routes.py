"""The routes of the HTTP API, version 1.

Each route says which permission it needs, reads its parameters, asks the program, and writes JSON.
Nothing else happens here. The program is that of the present request, for whoever asks.
"""

from __future__ import annotations

from typing import get_args

from flask import Blueprint, Response, request

from kchat_search.access.audit_reading import AuditReading
from kchat_search.models.people import Permission
from kchat_search.models.reports import Presentation
from kchat_search.ports import Clock
from kchat_search.serialization import audit as audit_json
from kchat_search.serialization import schemas
from kchat_search.serialization.alerts import alerts_json
from kchat_search.serialization.chats import agents_json, chat_json
from kchat_search.serialization.history import versions_json
from kchat_search.serialization.hot import hot_json
from kchat_search.serialization.me import me_json
from kchat_search.serialization.search import related_json, search_json, similar_json
from kchat_search.serialization.status import ROWS_IN_STATUS, rejects_json, status_json
from kchat_search.web.api.export_response import Sender
from kchat_search.web.http import current, language
from kchat_search.web.http.audit_parameters import read_audit
from kchat_search.web.http.current import program
from kchat_search.web.http.parameters import (
    only,
    read_chat_id,
    read_export,
    read_hot,
    read_rejects,
    read_related,
    read_search,
    read_similar,
    read_versions,
)
from kchat_search.web.http.permissions import needs, public
from kchat_search.web.http.rendering import absolute_links, json_answer


def blueprint(presentation: Presentation, clock: Clock) -> Blueprint:
    """The API. `clock` tells the time that stands in the name of an export."""
    api = Blueprint("api", __name__)
    _add_search_routes(api, presentation, clock)
    _add_chat_routes(api, presentation)
    _add_program_routes(api, presentation)
    _add_own_routes(api)
    _add_audit_routes(api, presentation, Sender(presentation, clock))
    _add_health_routes(api, presentation)
    return api


def _add_search_routes(api: Blueprint, presentation: Presentation, clock: Clock) -> None:
    zone = presentation.zone
    sender = Sender(presentation, clock)

    @api.get("/api/v1/search")
    @needs("search")
    def search() -> Response:
        asked = read_search(request.args)
        page = program().search(asked)
        return json_answer(search_json(asked, page, zone, absolute_links(), language.current()))

    @api.get("/api/v1/related")
    @needs("search")
    def related() -> Response:
        asked = read_related(request.args)
        page = program().related(asked)
        return json_answer(related_json(asked, page, zone, absolute_links(), language.current()))

    @api.get("/api/v1/hot")
    @needs("search")
    def hot() -> Response:
        found = program().hot(read_hot(request.args))
        return json_answer(hot_json(found, zone, absolute_links()))

    @api.get("/api/v1/export")
    @needs("export")
    def export() -> Response:
        return sender.answer(*read_export(request.args))


def _add_chat_routes(api: Blueprint, presentation: Presentation) -> None:
    zone = presentation.zone

    @api.get("/api/v1/chats/<chat_id>")
    @needs("search")
    def chat(chat_id: str) -> Response:
        number = read_chat_id(chat_id)
        q = only(request.args, "q")["q"]
        view = program().chat(number, q)
        return conditional(json_answer(chat_json(view, zone, absolute_links(), q)))

    @api.get("/api/v1/chats/<chat_id>/similar")
    @needs("search")
    def similar(chat_id: str) -> Response:
        number = read_chat_id(chat_id)
        found = program().similar(number, read_similar(request.args))
        return json_answer(similar_json(number, found, zone, absolute_links()))

    @api.get("/api/v1/chats/<chat_id>/versions")
    @needs("versions")
    def chat_versions(chat_id: str) -> Response:
        number = read_chat_id(chat_id)
        version, full, part = read_versions(request.args)
        history = program().history(number)
        content = versions_json(
            number, history, zone, absolute_links(), version=version, full=full, part=part
        )
        return conditional(json_answer(content))


def _add_program_routes(api: Blueprint, presentation: Presentation) -> None:
    zone = presentation.zone

    @api.get("/api/v1/agents")
    @needs("agents")
    def agents() -> Response:
        only(request.args)
        return json_answer(agents_json(program().agents()))

    @api.get("/api/v1/status")
    @needs("status")
    def status() -> Response:
        only(request.args)
        rejects = program().rejects(ROWS_IN_STATUS) if program().may("rejects") else ()
        reports = program().reports(ROWS_IN_STATUS)
        return json_answer(
            status_json(program().status(), reports, rejects, zone, language.current())
        )

    @api.get("/api/v1/rejects")
    @needs("rejects")
    def rejects() -> Response:
        page, per_page = read_rejects(request.args)
        total = program().count_rejects()
        rows = program().rejects(per_page + 1, (page - 1) * per_page)  # one more: is there a next?
        return json_answer(
            rejects_json(rows, zone, absolute_links(), page=page, per_page=per_page, total=total)
        )


def _add_own_routes(api: Blueprint) -> None:
    @api.get("/api/v1/me")
    @needs("signed_in")
    def me() -> Response:
        only(request.args)
        allowed = frozenset(one for one in get_args(Permission) if program().may(one))
        return json_answer(me_json(current.principal(), allowed))


def _add_audit_routes(api: Blueprint, presentation: Presentation, sender: Sender) -> None:
    zone = presentation.zone

    @api.get("/api/v1/audit")
    @needs("audit", "own_audit")
    def audit() -> Response:
        asked = read_audit(request.args, zone)
        reading = audit_reading()
        if asked.file is not None:
            return sender.audit(lambda: reading.export(asked.wanted), asked.file)
        found = reading.page(asked.wanted, before=asked.before, limit=asked.per_page)
        others = [(k, v) for k, v in request.args.items(multi=True) if k != "cursor"]
        following = [*others, ("cursor", str(found.before))]
        return json_answer(
            audit_json.page_json(
                found.rows,
                zone,
                total=found.total,
                before=found.before,
                next_=absolute_links().audit(following) if found.before else None,
            )
        )


def audit_reading() -> AuditReading:
    """The audit, for whoever asks."""
    return AuditReading(current.access().audit, current.principal(), current.recorder())


def _add_health_routes(api: Blueprint, presentation: Presentation) -> None:
    @api.get("/healthz")
    @public
    def healthz() -> Response:
        return json_answer(schemas.LifeJson(status="ok"))

    @api.get("/readyz")
    @public
    def readyz() -> Response:
        program().ready()
        answer = schemas.ReadyJson(status="ok")
        if program().may("status"):  # others are told no figures
            alerts = program().alerts()
            answer["alerts"] = alerts_json(alerts, language.current(), presentation.zone)
        return json_answer(answer)


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
