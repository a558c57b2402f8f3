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

from flask import Flask, Response, current_app, redirect, request
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.access.policy import roles_with
from kchat_search.errors import (
    INDEX_SILENT,
    AccessError,
    ArchiveError,
    AuditUnwritable,
    BadRequest,
    ChatDamaged,
    EngineUnreachable,
    ExportQuotaReached,
    Forbidden,
    FormExpired,
    HostMalformed,
    IndexDamaged,
    KchatSearchError,
    LimitExceeded,
    NotFound,
    NotSignedIn,
    ProviderUnreachable,
    RequestRefused,
    RequestTooExpensive,
    SignInRefused,
    TooManyAttempts,
    TooManyExports,
    TooManyRequests,
)
from kchat_search.models.people import Role
from kchat_search.serialization.alerts import alerts_json
from kchat_search.serialization.json_text import json_text
from kchat_search.serialization.schemas import AlertJson, ProblemJson
from kchat_search.web.http import (
    chinese_account_errors,
    current,
    language,
    recording,
    typed_forms,
    who,
)
from kchat_search.web.http.api_paths import is_api_request
from kchat_search.web.http.chinese_errors import in_chinese
from kchat_search.web.http.next_page import login_url
from kchat_search.web.http.rendering import page

log = logging.getLogger(__name__)

TYPE = "urn:kchat-search:problem:"
RETRY_AFTER_SECONDS = 30

_KINDS: tuple[tuple[type[KchatSearchError], int, str], ...] = (
    (LimitExceeded, 400, "limit-exceeded"),
    (BadRequest, 400, "bad-request"),
    (NotFound, 404, "not-found"),
    (HostMalformed, 400, "host-malformed"),
    (NotSignedIn, 401, "not-signed-in"),
    (Forbidden, 403, "forbidden"),
    (FormExpired, 403, "form-expired"),
    (RequestRefused, 403, "refused"),
    (ProviderUnreachable, 503, "provider-unavailable"),
    (SignInRefused, 403, "sign-in-refused"),
    (ChatDamaged, 500, "chat-damaged"),
    # Not 503: that asks the client to come again, and the same request would cost as much again.
    (RequestTooExpensive, 422, "too-expensive"),
    (ArchiveError, 503, "archive-unavailable"),
    (IndexDamaged, 503, "index-unavailable"),
    (EngineUnreachable, 503, "engine-unavailable"),
    (AuditUnwritable, 503, "audit-unavailable"),
    (AccessError, 503, "access-unavailable"),
    (TooManyAttempts, 429, "too-many-attempts"),
    (TooManyRequests, 429, "too-many-requests"),
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
    percent: int | None = None
    """How much of the index is built, where that is waited for."""
    roles: tuple[Role, ...] = ()
    """Those that may do it, where whoever asks may not. A page says so in place of `detail`."""


def install(app: Flask) -> None:
    """Make this module answer every error of `app`."""
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


def answer_own_error(error: KchatSearchError) -> BaseResponse:
    """The answer to an error that this program raised on purpose."""
    known = next(((code, name) for kind, code, name in _KINDS if isinstance(error, kind)), None)
    if known is None:
        log.error("Unexpected error of our own at %s", request.path, exc_info=error)
        return answer(Problem(500, "internal", ""))
    if isinstance(error, NotSignedIn):
        return _ask_to_sign_in(error)
    if isinstance(error, Forbidden):
        recording.refused()
    if isinstance(error, IndexDamaged) and (percent := _rebuilt_percent()) is not None:
        log.warning("%s: the index is being rebuilt (%d %%)", request.path, percent)
        return answer(_being_rebuilt(percent))
    status, kind = known
    if status >= HTTPStatus(500) and not isinstance(error, TooManyExports):
        log.error("%s: %s", request.path, error)
    about_files = isinstance(error, (ArchiveError, *INDEX_SILENT))
    tells_all = not about_files or current.may("status")
    return answer(
        Problem(
            status,
            kind,
            # What is wrong with which file is for those who look after the program.
            _told(error, kind) if tells_all or isinstance(error, ChatDamaged) else "",
            parameter=error.parameter if isinstance(error, BadRequest) else None,
            limit=error.limit if isinstance(error, LimitExceeded) else None,
            headers=_retry_after(error, status),
            alerts=_alerts() if about_files and tells_all else (),
            roles=roles_with(error.permission) if isinstance(error, Forbidden) else (),
        )
    )


def _told(error: KchatSearchError, kind: str) -> str:
    """What a client is told. Of the database of people it learns nothing but that."""
    if not isinstance(error, AccessError):
        return words_of(error)
    return _advice_by_kind()[kind][1] if is_api_request() else ""


def _retry_after(error: KchatSearchError, status: int) -> dict[str, str]:
    if isinstance(error, TooManyRequests):
        return {"Retry-After": str(error.retry_after)}
    later = status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
    return {"Retry-After": str(RETRY_AFTER_SECONDS)} if later else {}


def _ask_to_sign_in(error: NotSignedIn) -> BaseResponse:
    """A person is led to the log-in page; a program is told what to send (RFC 6750, section 3)."""
    token = who.bearer()
    if token is None and not is_api_request():
        is_read = request.method in ("GET", "HEAD")
        if is_read:
            return redirect(login_url())
        return redirect(login_url(typed_forms.keep()), HTTPStatus.SEE_OTHER)
    challenge = 'Bearer realm="kchat-search"'
    if token is not None:
        challenge += ', error="invalid_token"'
    return answer(
        Problem(401, "not-signed-in", words_of(error), headers={"WWW-Authenticate": challenge})
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
        percent=percent,
    )


def _rebuilt_percent() -> int | None:
    """For whoever is known: nobody is told a figure."""
    return current.program().rebuilt_percent() if current.known().is_known else None


def _alerts() -> tuple[AlertJson, ...]:
    zone = current.gate().presentation.zone
    return tuple(alerts_json(current.program().alerts(), language.current(), zone))


def words_of(error: KchatSearchError) -> str:
    """The text of an error in the language of the request.

    An error that the web raised is in that language already. All others are English, in ASCII.
    """
    text = str(error)
    if language.current() == "en":
        return text
    if (words := chinese_account_errors.in_chinese(text)) is not None:
        return words
    if not text.isascii():
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
    if (known := _advice_by_kind().get(problem.kind)) is not None:
        return known
    by_status = {
        400: (
            (_("这个搜索无法执行"), _("请修改搜索词或条件后再试。"))
            if request.path == "/"
            else (_("地址中有一处不对"), _("请改正后再打开，或从首页重新开始。"))
        ),
        403: (_("拒绝访问"), _("请在运行本服务的机器上，用浏览器直接打开它。")),
        404: (_("没有找到"), _("它可能从未存在，或者地址有误。请从首页重新开始。")),
        405: (_("这个地址不能这样使用"), _("请从首页重新开始。")),
        413: (_("请求太大"), _("请从首页重新开始。")),
        429: (_("请求太多"), _("请等其中一个结束后再试。")),
        422: (_("这个请求太费时"), _("数据没有问题。请缩小范围后再试。")),
        500: (
            _("程序出错了"),
            _("这是本程序的错误，详情已写入日志。请重试；若仍出错，请联系管理员。"),
        ),
        503: (_("暂时无法回答"), _("数据没有丢失。请稍后重试；若持续如此，请联系管理员。")),
    }
    if problem.status == HTTPStatus.FORBIDDEN and not current.is_open_mode():
        return (_("拒绝访问"), _("请用管理员告诉您的地址打开本服务；若仍如此，请联系管理员。"))
    return by_status.get(problem.status, by_status[400])


def _advice_by_kind() -> dict[str, tuple[str, str]]:
    return {
        "host-malformed": (_("地址有误"), _("请改正地址后再打开。")),
        "index-being-rebuilt": (
            _("正在重建索引"),
            _("不用做什么：建成后本页会自动打开；没有 JavaScript 时请稍后再试。"),
        ),
        "engine-unavailable": (
            _("暂时无法搜索"),
            _("索引服务器没有回答。数据没有丢失，请稍后重试；若持续如此，请联系管理员。"),
        ),
        "chat-damaged": (
            _("这个对话在归档中已损坏"),
            _("其他对话不受影响。管理员可以用 kchat-search repair 从 Kchat 重新取回它。"),
        ),
        "not-signed-in": (_("尚未登录"), _("请登录后再打开。")),
        "forbidden": (_("没有权限"), _("您的账号不能做这件事。需要时请联系管理员。")),
        "form-expired": (
            _("请重新提交"),
            _("没有改动任何内容。请返回上一页，刷新后再提交；若仍如此，请允许本站的 cookie。"),
        ),
        "sign-in-refused": (_("没有登录"), _("可以重新登录；若仍如此，请联系管理员。")),
        "provider-unavailable": (
            _("暂时无法回答"),
            _("登录服务没有回答，所以不能确认您是谁。请稍后重试；若持续如此，请联系管理员。"),
        ),
        "too-many-requests": (_("请求太多"), _("请稍候再试。")),
        "too-many-attempts": (_("请求太多"), _("请稍候再试。")),
        "access-unavailable": (
            _("暂时无法回答"),
            _("无法确认您是谁，所以不能给出任何内容。请稍后重试；若持续如此，请联系管理员。"),
        ),
        "audit-unavailable": (
            _("暂时无法回答"),
            _("无法写入审计记录，所以不能给出任何内容。请稍后重试；若持续如此，请联系管理员。"),
        ),
    }
