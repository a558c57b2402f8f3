"""Errors become answers here, and nowhere else.

A program gets `application/problem+json` (RFC 9457), a person a page. What is not expected is
logged in full and told to nobody.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from flask import Flask, Response, current_app, request
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.errors import (
    ArchiveError,
    BadRequest,
    IndexDamaged,
    KchatSearchError,
    LimitExceeded,
    NotFound,
    RequestRefused,
    TooManyExports,
)
from kchat_search.models.search import MAX_CLAUSES, MAX_QUERY_CHARACTERS
from kchat_search.serialization.json_text import json_text
from kchat_search.serialization.schemas import ProblemJson
from kchat_search.web.http.rendering import page

log = logging.getLogger(__name__)

TYPE = "urn:kchat-search:problem:"
RETRY_AFTER_SECONDS = 30
API_PATHS = ("/api/", "/healthz", "/readyz", "/metrics", "/openapi.json")

_KINDS: tuple[tuple[type[KchatSearchError], int, str], ...] = (
    (LimitExceeded, 400, "limit-exceeded"),
    (BadRequest, 400, "bad-request"),
    (NotFound, 404, "not-found"),
    (RequestRefused, 403, "refused"),
    (ArchiveError, 503, "archive-unavailable"),
    (IndexDamaged, 503, "index-unavailable"),
    (TooManyExports, 503, "too-many-exports"),
)
"""The first that fits; any other error of ours is a 500."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, for whoever asked."""

    status: int
    kind: str
    detail: str
    parameter: str | None = None
    limit: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


def install(app: Flask) -> None:
    """Have every error answered by this module."""
    app.register_error_handler(KchatSearchError, _domain)
    app.register_error_handler(HTTPException, _http)


def for_a_program() -> bool:
    """Is it the API that was asked, and not a page?"""
    return request.path == "/api" or request.path.startswith(API_PATHS)


def _domain(error: KchatSearchError) -> Response:
    found = next(((code, name) for kind, code, name in _KINDS if isinstance(error, kind)), None)
    if found is None:
        log.error("Unexpected error of our own at %s", request.path, exc_info=error)
        return answer(Problem(500, "internal", ""))
    status, name = found
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == HTTPStatus(503) else {}
    if status == HTTPStatus(503):
        log.error("%s: %s", request.path, error)
    return answer(
        Problem(
            status,
            name,
            str(error),
            parameter=error.parameter if isinstance(error, BadRequest) else None,
            limit=error.limit if isinstance(error, LimitExceeded) else None,
            headers=headers,
        )
    )


def _http(error: HTTPException) -> BaseResponse:
    if isinstance(error, RequestRedirect):
        return error.get_response()
    status = error.code or 500
    if status >= HTTPStatus(500):  # Flask has logged the exception with its traceback
        return answer(Problem(500, "internal", ""))
    details: dict[int | None, str] = {
        404: _("这里没有页面：%(path)s", path=request.path[:200]),
        405: _("这个地址不接受 %(method)s 请求。", method=request.method[:20]),
    }
    kept = {
        name: value
        for name, value in error.get_headers()
        if name.lower() in ("allow", "retry-after")
    }
    kinds = {404: "not-found", 405: "method-not-allowed"}
    return answer(Problem(status, kinds.get(status, "http"), details.get(status, ""), headers=kept))


def answer(problem: Problem) -> Response:
    """The answer to whoever asked: JSON or a page."""
    if for_a_program():
        response = current_app.response_class(
            json_text(_as_json(problem)),
            status=problem.status,
            content_type="application/problem+json",
        )
    else:
        response = page("error.html", problem=_for_a_person(problem), advice=_advice(problem))
        response.status_code = problem.status
    response.headers.update(problem.headers)
    return response


def _as_json(problem: Problem) -> ProblemJson:
    found: ProblemJson = {
        "type": TYPE + problem.kind,
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
    }
    if problem.detail:
        found["detail"] = problem.detail
    if problem.parameter is not None:
        found["parameter"] = problem.parameter
    if problem.limit is not None:
        found["limit"] = problem.limit
    return found


def _for_a_person(problem: Problem) -> Problem:
    """The refusals that people meet in the search box, in their language."""
    if problem.parameter != "q":
        return problem
    details: dict[int | None, str] = {
        MAX_QUERY_CHARACTERS: _(
            "搜索内容超过 %(limit)s 个字符。", limit=f"{MAX_QUERY_CHARACTERS:,}"
        ),
        MAX_CLAUSES: _("搜索条件超过 %(limit)s 个。", limit=MAX_CLAUSES),
    }
    return replace(problem, detail=details.get(problem.limit, problem.detail))


def _advice(problem: Problem) -> tuple[str, str]:
    """For a page: what happened, and what to do."""
    known = {
        400: (_("这个搜索无法执行"), _("请修改搜索词或条件后再试。")),
        403: (_("拒绝访问"), _("请在运行本服务的机器上打开它。")),
        404: (_("没有找到"), _("它可能从未存在，或者地址有误。可以从搜索重新开始。")),
        405: (_("这个地址不能这样使用"), _("请从搜索页面重新开始。")),
        500: (
            _("程序出错了"),
            _("这是本程序的错误，详情已写入日志。请重试；若仍出错，请联系管理员。"),
        ),
        503: (_("暂时无法回答"), _("数据没有丢失。请稍后重试；若持续如此，请联系管理员。")),
    }
    return known.get(problem.status, known[400])
