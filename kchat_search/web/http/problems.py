"""Errors become answers here, and nowhere else.

The API answers an error with `application/problem+json` (RFC 9457), the pages with a page. An error
that nobody expected is written to the log in full; the client learns nothing about it but the
status 500.

The text of an error is in the language of the request, wherever the error was raised. `title` is
the phrase that HTTP has for the status, so it is always English.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from http import HTTPStatus

from flask import Flask, Response, current_app, request
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.errors import (
    ArchiveError,
    BadRequest,
    ChatDamaged,
    ExportQuotaReached,
    HostMalformed,
    IndexDamaged,
    KchatSearchError,
    LimitExceeded,
    NotFound,
    RequestRefused,
    RequestTooExpensive,
    TooManyExports,
)
from kchat_search.serialization.alerts import alerts_json
from kchat_search.serialization.json_text import json_text
from kchat_search.serialization.schemas import AlertJson, ProblemJson
from kchat_search.web.http.api_paths import is_api_request
from kchat_search.web.http.chinese_errors import in_chinese
from kchat_search.web.http.language import current
from kchat_search.web.http.rendering import page
from kchat_search.web.program import Program

log = logging.getLogger(__name__)

TYPE = "urn:kchat-search:problem:"
RETRY_AFTER_SECONDS = 30

_KINDS: tuple[tuple[type[KchatSearchError], int, str], ...] = (
    (LimitExceeded, 400, "limit-exceeded"),
    (BadRequest, 400, "bad-request"),
    (NotFound, 404, "not-found"),
    (HostMalformed, 400, "host-malformed"),
    (RequestRefused, 403, "refused"),
    (ChatDamaged, 500, "chat-damaged"),
    # Not 503: that asks the client to come again, and the same request would cost as much again.
    (RequestTooExpensive, 422, "too-expensive"),
    (ArchiveError, 503, "archive-unavailable"),
    (IndexDamaged, 503, "index-unavailable"),
    (ExportQuotaReached, 429, "export-quota"),
    (TooManyExports, 503, "too-many-exports"),
)
"""(type of error, status, kind of problem). The first that fits counts; any other is a 500."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, in words for the client."""

    status: int
    kind: str
    """The last part of the problem's `type`."""
    detail: str
    """In the language of the request; "" if there is nothing to say but the status."""
    parameter: str | None = None
    """The parameter that is wrong."""
    limit: int | None = None
    """The limit that was exceeded, in the unit of the parameter."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers for the answer."""
    alerts: tuple[AlertJson, ...] = ()
    """What else is wrong now."""


def install(app: Flask, program: Program) -> None:
    """Make this module answer every error of `app`. Where archive or index can't be read, the
    answer has the alerts of the program, too."""

    def answer_own_error(error: KchatSearchError) -> Response:
        return _answer_own_error(error, program)

    app.register_error_handler(KchatSearchError, answer_own_error)
    app.register_error_handler(HTTPException, _answer_http_error)


def answer(problem: Problem) -> Response:
    """The answer to the client: JSON from the API, else a page."""
    if is_api_request():
        response = current_app.response_class(
            json_text(_problem_json(problem)),
            status=problem.status,
            content_type="application/problem+json",
        )
    else:
        response = page("error.html", problem=problem, advice=_advice(problem))
        response.status_code = problem.status
    response.headers.update(problem.headers)
    return response


def _answer_own_error(error: KchatSearchError, program: Program) -> Response:
    known = next(((code, name) for kind, code, name in _KINDS if isinstance(error, kind)), None)
    if known is None:
        log.error("Unexpected error of our own at %s", request.path, exc_info=error)
        return answer(Problem(500, "internal", ""))
    if isinstance(error, IndexDamaged) and (percent := program.rebuilt_percent()) is not None:
        log.warning("%s: the index is being rebuilt (%d %%)", request.path, percent)
        return answer(_being_rebuilt(percent))
    status, kind = known
    retry = status in (HTTPStatus(429), HTTPStatus(503))
    if status >= HTTPStatus(500) and not isinstance(error, TooManyExports):
        log.error("%s: %s", request.path, error)
    return answer(
        Problem(
            status,
            kind,
            _detail(error),
            parameter=error.parameter if isinstance(error, BadRequest) else None,
            limit=error.limit if isinstance(error, LimitExceeded) else None,
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)} if retry else {},
            alerts=_alerts(program) if isinstance(error, ArchiveError | IndexDamaged) else (),
        )
    )


def _being_rebuilt(percent: int) -> Problem:
    """The index can't be read because another version of the program, or nothing whole, left it;
    a process builds it anew at this moment."""
    return Problem(
        503,
        "index-being-rebuilt",
        _(
            "正在重建索引：已完成 %(percent)s%%。对话都在归档中，没有丢失；完成后即可搜索。",
            percent=percent,
        ),
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def _alerts(program: Program) -> tuple[AlertJson, ...]:
    return tuple(alerts_json(program.alerts(), current(), program.presentation.zone))


def _detail(error: KchatSearchError) -> str:
    """The text of an error in the language of the request.

    An error that the web raised is in that language already. All others are English, in ASCII.
    """
    text = str(error)
    if current() == "en" or not text.isascii():
        return text
    chat_id = str((request.view_args or {}).get("chat_id", ""))
    return in_chinese(error, chat_id[:30], request.args.get("version", "")[:30]) or text


def _answer_http_error(error: HTTPException) -> BaseResponse:
    if isinstance(error, RequestRedirect):
        return error.get_response()
    status = error.code or 500
    if status >= HTTPStatus(500):  # Flask has logged the exception with its traceback
        return answer(Problem(500, "internal", ""))
    details: dict[int | None, str] = {
        404: _("这里没有页面：%(path)s", path=request.path[:200]),
        405: _("这个地址不接受 %(method)s 请求。", method=request.method[:20]),
        411: _("请求正文须用 Content-Length 说明长度。"),
        413: _("请求正文太大。本服务没有需要上传内容的地址。"),
    }
    kinds = {
        404: "not-found",
        405: "method-not-allowed",
        411: "length-required",
        413: "body-too-large",
    }
    headers = {
        name: value
        for name, value in error.get_headers()
        if name.lower() in ("allow", "retry-after")
    }
    return answer(
        Problem(status, kinds.get(status, "http"), details.get(status, ""), headers=headers)
    )


def _problem_json(problem: Problem) -> ProblemJson:
    members: ProblemJson = {
        "type": TYPE + problem.kind,
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
    }
    if problem.detail:
        members["detail"] = problem.detail
    if problem.parameter is not None:
        members["parameter"] = problem.parameter
    if problem.limit is not None:
        members["limit"] = problem.limit
    if problem.alerts:
        members["alerts"] = list(problem.alerts)
    return members


def _advice(problem: Problem) -> tuple[str, str]:
    """For a page: (what happened, what the reader can do about it)."""
    if problem.kind == "host-malformed":
        return (_("地址有误"), _("请改正地址后再打开。"))
    if problem.kind == "index-being-rebuilt":
        return (_("正在重建索引"), _("请稍后刷新本页。"))
    known = {
        400: (_("这个搜索无法执行"), _("请修改搜索词或条件后再试。")),
        403: (_("拒绝访问"), _("请在运行本服务的机器上，用浏览器直接打开它。")),
        404: (_("没有找到"), _("它可能从未存在，或者地址有误。可以从搜索重新开始。")),
        405: (_("这个地址不能这样使用"), _("请从搜索页面重新开始。")),
        413: (_("请求太大"), _("请从搜索页面重新开始。")),
        429: (_("请求太多"), _("请等其中一个结束后再试。")),
        422: (_("这个请求太费时"), _("数据没有问题。请缩小范围后再试。")),
        500: (
            _("程序出错了"),
            _("这是本程序的错误，详情已写入日志。请重试；若仍出错，请联系管理员。"),
        ),
        503: (_("暂时无法回答"), _("数据没有丢失。请稍后重试；若持续如此，请联系管理员。")),
    }
    if problem.kind == "chat-damaged":
        return (
            _("这个对话在归档中已损坏"),
            _("其他对话不受影响。管理员可以用 kchat-search repair 从 Kchat 重新取回它。"),
        )
    return known.get(problem.status, known[400])
