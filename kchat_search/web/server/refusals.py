"""What the server itself answers, without asking the application.

A refusal is a short text; from the API, it is `application/problem+json`, as every error of the
API is. It carries the headers of every answer. The texts are here in both languages, because the
catalogue of translations belongs to the application, which these requests never reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType

from kchat_search.serialization.json_text import json_text
from kchat_search.serialization.notes import Language
from kchat_search.web.http.api_paths import is_api_path
from kchat_search.web.http.guard import DEPENDS_ON, HEADERS
from kchat_search.web.http.problems import TYPE


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of the server itself. `kind` is the last part of the problem's `type`."""

    status: HTTPStatus
    kind: str
    texts: MappingProxyType[Language, str]


class Refused(Exception):  # named for what happened, as all our errors are
    """A request is not answered by the application, because of `refusal`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.kind)
        self.refusal = refusal


def _refusal(status: int, kind: str, zh: str, en: str) -> Refusal:
    return Refusal(HTTPStatus(status), kind, MappingProxyType({"zh": zh, "en": en}))


MALFORMED = _refusal(
    400,
    "malformed-request",
    "这个请求不符合 HTTP/1.1，无法理解。请用浏览器或常见的 HTTP 客户端。",
    "This request is not HTTP/1.1 as RFC 9112 has it. Use a browser or a common HTTP client.",
)
RAW_ADDRESS = _refusal(
    400,
    "address-not-encoded",
    "地址中的中文等字符须按 UTF-8 作百分号编码。用 curl 时请写："
    "curl -G --data-urlencode 'q=退款' 地址",
    "Characters beyond ASCII must be percent-encoded in an address, as UTF-8. With curl: "
    "curl -G --data-urlencode 'q=...' ADDRESS",
)
TOO_LATE = _refusal(
    408,
    "request-timeout",
    "请求没有在规定时间内发完。请重试。",
    "The request did not arrive in time. Try again.",
)
BODY_TOO_LARGE = _refusal(
    413,
    "body-too-large",
    "请求正文太大。本服务没有需要上传内容的地址。",
    "The body of the request is too large. No address here takes an upload.",
)
HEAD_TOO_LARGE = _refusal(
    431,
    "head-too-large",
    "请求的地址或头部太长。请缩短搜索词，或清除本机网站的 Cookie。",
    "The address or the headers are too long. Shorten the query, or delete the cookies of this "
    "machine's sites.",
)
INTERNAL = _refusal(
    500,
    "internal",
    "程序出错了，详情已写入日志。请重试；若仍出错，请联系管理员。",
    "The program failed; its log has the details. Try again, then tell the administrator.",
)
CODING_UNKNOWN = _refusal(
    501,
    "transfer-coding",
    "不支持这种传输编码（Transfer-Encoding），只支持 chunked。",
    "This Transfer-Encoding is not supported; only chunked is.",
)
VERSION_UNKNOWN = _refusal(
    505,
    "http-version",
    "本服务只支持 HTTP/1.1。",
    "Only HTTP/1.1 is spoken here.",
)


def rendered(refusal: Refusal, path: str, headers: dict[str, str]) -> tuple[dict[str, str], bytes]:
    """The headers and the body of the answer.

    `path` and `headers` are those of the request as far as they were understood. The names of
    headers are as in WSGI, without HTTP_.
    """
    api = is_api_path(path)
    text = refusal.texts[_language(headers, api=api)]
    status = refusal.status
    if api:
        kind = "application/problem+json"
        body = json_text(
            {
                "type": TYPE + refusal.kind,
                "title": status.phrase,
                "status": status.value,
                "detail": text,
            }
        )
    else:
        kind, body = "text/plain; charset=utf-8", f"{status.value} {status.phrase}\n\n{text}\n"
    more = {
        "Cache-Control": "private, no-store",
        "Content-Type": kind,
        "Vary": ", ".join((*(("Accept-Language",) if api else ()), *DEPENDS_ON)),
    }
    return HEADERS | more, body.encode()


def _language(headers: dict[str, str], *, api: bool) -> Language:
    """As `web.http.language` chooses, but simpler: only what comes first in `Accept-Language`."""
    if api:
        return "zh" if headers.get("ACCEPT_LANGUAGE", "").lower().startswith("zh") else "en"
    choices = headers.get("COOKIE", "").replace(" ", "").split(";")
    return "en" if "lang=en" in choices else "zh"
