"""The OpenAPI 3.1 document of the API, and the page that shows it.

The document is made from what the program runs on: the parameters from `SearchParameters`, the
answers from `schemas`. No library for Flask is used, because those that exist accept a parameter
that is given twice and take the first, make the schemas anew at each request, and load their page
from another host.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, url_for
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from kchat_search import __version__
from kchat_search.models.search import MAX_QUERY_CHARACTERS
from kchat_search.serialization import (
    audit,
    audit_schemas,
    hot_schemas,
    schemas,
    search_schemas,
    status_schemas,
)
from kchat_search.serialization.export_formats import TYPES
from kchat_search.serialization.export_table import NAMES
from kchat_search.serialization.history import EXAMPLE
from kchat_search.web.api.export_response import COMPLETE, TOTAL
from kchat_search.web.http import csrf
from kchat_search.web.http.audit_parameters import AuditParameters
from kchat_search.web.http.cookies import COOKIES
from kchat_search.web.http.parameters import (
    MAX_ID,
    REPEATABLE,
    ExportParameters,
    HotParameters,
    RejectParameters,
    RelatedParameters,
    SearchParameters,
    SimilarParameters,
    VersionsParameters,
)
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import json_answer, page

Json = dict[str, Any]

_ANSWERS: dict[str, Any] = {
    "Search": search_schemas.SearchJson,
    "Related": search_schemas.RelatedJson,
    "Similar": search_schemas.SimilarJson,
    "Hot": hot_schemas.HotJson,
    "Chat": schemas.ChatJson,
    "ChatWithPast": schemas.ChatWithPastJson,
    "Versions": schemas.VersionsJson,
    "Agents": schemas.AgentsJson,
    "Absent": schemas.AbsentJson,
    "Status": status_schemas.StatusJson,
    "Rejects": status_schemas.RejectsJson,
    "Audit": audit_schemas.AuditJson,
    "AuditRow": audit_schemas.AuditRowJson,
    "Me": schemas.MeJson,
    "Life": schemas.LifeJson,
    "Ready": schemas.ReadyJson,
    "Problem": schemas.ProblemJson,
}
_PROBLEMS = {
    "304": "The client has this answer already (`If-None-Match`).",
    "400": "A parameter is unknown, given twice, out of range or can't be read. `parameter` is its "
    "name, `limit` the limit that was exceeded.",
    "401": "Nobody is known: no token, no session, or one that has ended.",
    "403": "The account or the token may not do this. As long as there are no people: not from "
    "this machine, not by a loopback name, or through a proxy.",
    "404": "No such chat.",
    "429": "More requests in this minute, or exports at once, than one person or token may have; "
    "see `Retry-After`.",
    "422": "The answer would use more processor time than one request may; `detail` says how to "
    "ask for less.",
    "500": "An error of the program; the log has the details.",
    "503": "The archive, the index, the people or the audit can't be used now, or as many exports "
    "run as may run at once; see `Retry-After`.",
}
_SECURITY: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `kchat-search token add`, or of the page «Account». It counts "
        "in this header alone, never in an address, and not together with the cookie.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIES[0],
        "description": f"The session of a person who has logged in; over http `{COOKIES[1]}`. "
        f"What changes something needs `{csrf.HEADER}` as well. As long as there are no people, "
        "and from this machine, nothing is needed.",
    },
}
_INTRODUCTION = """Full-text search over the Kchat archive, with the Kchat API's own words, ids and
filters. Times are RFC 3339 in the configured zone; highlights count Unicode code points; `total`
is exact. Unknown parameters are refused. Errors are `application/problem+json` (RFC 9457). Texts
for people are English, or Chinese where `Accept-Language` prefers it."""

_EXPORT = f"""All hits of one state of the index, however many: those that `/api/v1/search` counts,
each once, by time of creation. Chats that arrive while it is sent are not in it.
Each chat is as the archive has it when it is read. `{TOTAL}` is the number of chats. If the last
chunk is missing, the answer is not whole, and clients report an error. With `format=jsonl` each
line is what `/api/v1/chats/{{id}}` answers. A chat that was erased meanwhile has a line that says
`absent`. With `format=csv` (UTF-8 with a byte order mark, lines end in CR LF, RFC 4180) each row is
a message with the facts of its chat. A chat without messages has one row. Every cell is quoted.
At the beginning of a cell, and after a comma, semicolon, tab, `|` or line break in it, a sign that
begins a formula and an apostrophe get an apostrophe before them. Control characters are made
visible. The columns: {", ".join(f"`{name}`" for name in NAMES)}. With `format=xlsx` (Excel) the
first sheet has the same rows and columns, and every cell is a text or a date. The last sheet tells
the query, the filters, the time zone, what the export covers and what it has, in the language of
`Accept-Language`. A text of more than 32,767 characters goes on in the next row; rows beyond
1,048,576 are in a further sheet."""

_AUDIT = """An auditor reads all rows, everybody else their own. Reading the audit is recorded in
it. The rows are chained by hashes, so `kchat-search audit --check` finds one that was changed,
removed, moved or put in. With `format=jsonl` each line is a row. With `format=csv` each row is a
line, and no cell is a formula."""

_VERSIONS = """Every version of a chat that the archive has seen, oldest first, each with what
changed since the version before. So a message that was recalled can still be read. A new order of
keys and a renewed token of an upload are no change."""


def blueprint() -> Blueprint:
    """The routes `/openapi.json` and `/docs`."""
    routes = Blueprint("docs", __name__)
    content = document()

    @routes.get("/openapi.json")
    @needs("signed_in")
    def description() -> Response:
        response = json_answer(content)
        response.headers["Cache-Control"] = "private, no-cache"
        return response

    @routes.get("/docs")
    @needs("signed_in")
    def show() -> Response:
        example = url_for("api.search", q="退款", per_page=5, _external=True)
        return page("docs.html", document=content, resolve=_type_name, example=example)

    return routes


def document() -> Json:
    """The whole OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "kchat-search",
            "version": __version__,
            "summary": "Search a company's Kchat conversations",
            "description": _INTRODUCTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "security": [{"bearer": []}, {"cookie": []}],
        "paths": _paths(),
        "components": {"schemas": _schemas(), "securitySchemes": _SECURITY},
    }


def _paths() -> Json:
    return {
        "/api/v1/search": _get(
            "search",
            "Search chats",
            "Search",
            parameters(SearchParameters),
            errors=("400", "401", "403", "422", "429", "500", "503"),
        ),
        "/api/v1/related": _get(
            "related",
            "Chats with only some of the words",
            "Related",
            parameters(RelatedParameters),
            errors=("400", "401", "403", "422", "429", "500", "503"),
        ),
        "/api/v1/hot": _get(
            "hot",
            "What visitors asked about most lately",
            "Hot",
            parameters(HotParameters),
            errors=("400", "401", "403", "422", "429", "500", "503"),
        ),
        "/api/v1/chats/{id}": _get(
            "chat",
            "One chat, as Kchat sent it",
            "Chat",
            _CHAT_PARAMETERS,
            errors=("304", "400", "401", "403", "404", "422", "429", "500", "503"),
        ),
        "/api/v1/chats/{id}/similar": _get(
            "similar",
            "The chats that are like one",
            "Similar",
            [_ID, *parameters(SimilarParameters)],
            errors=("400", "401", "403", "404", "422", "429", "500", "503"),
        ),
        "/api/v1/chats/{id}/versions": _versions(),
        "/api/v1/export": _export(),
        "/api/v1/agents": _get("agents", "Agents' names", "Agents"),
        "/api/v1/status": _get("status", "The program at a glance", "Status"),
        "/api/v1/rejects": _get(
            "rejects",
            "Chats that could not be understood, last seen first",
            "Rejects",
            parameters(RejectParameters),
        ),
        "/api/v1/audit": _audit(),
        "/api/v1/me": _get("me", "Who asks, and what they may do", "Me"),
        "/healthz": _open(_get("healthz", "The process lives", "Life", errors=("403",))),
        "/readyz": _open(
            _get("readyz", "Searches can be answered", "Ready", errors=("400", "403", "503"))
        ),
    }


_ID: Json = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The chat's id at Kchat.",
    "schema": {"type": "integer", "format": "int64", "minimum": 0, "maximum": MAX_ID},
}
_CHAT_PARAMETERS: list[Json] = [
    _ID,
    {
        "name": "q",
        "in": "query",
        "description": "A query whose matches are marked.",
        "schema": {"type": "string", "default": "", "maxLength": MAX_QUERY_CHARACTERS},
    },
]


def _open(described: Json) -> Json:
    """Nobody need sign in for this."""
    described["get"]["security"] = []
    return described


def _versions() -> Json:
    """`GET /api/v1/chats/{id}/versions`, with an example."""
    described = _get(
        "chat_versions",
        "What a chat said before, and what changed",
        "Versions",
        [_ID, *parameters(VersionsParameters)],
        errors=("304", "400", "401", "403", "404", "422", "429", "500", "503"),
    )
    described["get"]["description"] = _VERSIONS
    described["get"]["responses"]["200"]["content"]["application/json"]["example"] = EXAMPLE
    return described


def _export() -> Json:
    """`GET /api/v1/export`. Its answer is not JSON but a file in one of three formats."""
    described = _get(
        "export",
        "Every hit of a search, whole chats",
        "Chat",
        parameters(ExportParameters),
        errors=("400", "401", "403", "422", "429", "500", "503"),
    )
    line = {"anyOf": [_reference(name) for name in ("Chat", "ChatWithPast", "Absent")]}
    operation = described["get"]
    operation["description"] = _EXPORT
    operation["responses"]["200"] = {
        "description": "The export. The connection breaks where it can't be sent to its end.",
        "headers": {
            TOTAL: {
                "description": "How many chats the export has, exactly.",
                "schema": {"type": "integer", "minimum": 0},
            },
            COMPLETE: {
                "description": "`true`: the index had every chat of Kchat's when it was asked.",
                "schema": {"type": "boolean"},
            },
        },
        "content": {
            TYPES["jsonl"]: {"schema": line},
            TYPES["csv"].partition(";")[0]: {"schema": {"type": "string"}},
            TYPES["xlsx"]: {"schema": {"type": "string", "format": "binary"}},
        },
    }
    return described


def _audit() -> Json:
    """`GET /api/v1/audit`. It answers JSON, or a file of all rows."""
    described = _get(
        "audit",
        "Who did what, when, from where: the newest first",
        "Audit",
        parameters(AuditParameters),
    )
    operation = described["get"]
    operation["description"] = _AUDIT
    operation["responses"]["200"]["content"] |= {
        audit.TYPES["jsonl"]: {"schema": _reference("AuditRow")},
        audit.TYPES["csv"].partition(";")[0]: {"schema": {"type": "string"}},
    }
    return described


def parameters(model: type[BaseModel]) -> list[Json]:
    """The description of the parameters that `model` reads."""
    descriptions: list[Json] = []
    for name, described in model.model_json_schema()["properties"].items():
        schema = dict(described)
        choices = [one for one in schema.pop("anyOf", ()) if one != {"type": "null"}]
        if choices:
            schema |= choices[0]
        if schema.get("default", ...) is None:
            del schema["default"]
        schema.pop("title", None)
        parameter: Json = {
            "name": name,
            "in": "query",
            "description": " ".join(schema.pop("description").split()),
            "schema": schema,
        }
        if name in REPEATABLE:
            parameter |= {"style": "form", "explode": name != "facets"}
        if name == "q":
            schema["maxLength"] = MAX_QUERY_CHARACTERS
        descriptions.append(parameter)
    return descriptions


def _get(
    name: str,
    summary: str,
    answer: str,
    parameters: list[Json] | None = None,
    errors: tuple[str, ...] = ("400", "401", "403", "422", "429", "500", "503"),
) -> Json:
    responses: Json = {
        "200": {
            "description": "The answer.",
            "content": {"application/json": {"schema": _reference(answer)}},
        }
    }
    for status in errors:
        responses[status] = {"description": _PROBLEMS[status]}
        if status != "304":
            responses[status]["content"] = {
                "application/problem+json": {"schema": _reference("Problem")}
            }
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "parameters": parameters or [],
            "responses": responses,
        }
    }


def _reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{_ANSWERS[name].__name__}"}


def _schemas() -> Json:
    mode: JsonSchemaMode = "serialization"
    inputs = [(name, mode, TypeAdapter(kind)) for name, kind in _ANSWERS.items()]
    _, generated = TypeAdapter.json_schemas(inputs, ref_template="#/components/schemas/{model}")
    return dict(sorted(generated["$defs"].items()))


def _type_name(schema: Json) -> str:
    """The type of a schema in a word or two, for the page."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    if "anyOf" in schema:
        return " | ".join(_type_name(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    if schema.get("type") == "array":
        inside = schema.get("items", {})
        if "prefixItems" in schema:
            return "[" + ", ".join(_type_name(one) for one in schema["prefixItems"]) + "]"
        return f"{_type_name(inside)}[]"
    kind = str(schema.get("type", schema.get("const", "any")))
    return f"{kind} ({schema['format']})" if "format" in schema else kind
