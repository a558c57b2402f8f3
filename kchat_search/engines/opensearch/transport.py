"""One request to one server, and what is wrong where it fails.

What answers may not be OpenSearch: a proxy before it, another program, a server that asks for a
certificate. Only an answer in JSON is taken for OpenSearch's. Anything else is «does not answer»,
with the reason, so that the next host is asked; it says nothing about the index. No redirect is
followed, because the request bears the user's password or key. An answer has a time and a size.
"""

from __future__ import annotations

import errno
import json
import re
import ssl
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from opensearchpy import Urllib3HttpConnection
from opensearchpy.exceptions import HTTP_EXCEPTIONS, ConnectionTimeout, TransportError
from opensearchpy.exceptions import ConnectionError as NoAnswer
from opensearchpy.serializer import Deserializer
from urllib3 import BaseHTTPResponse, HTTPConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, ReadTimeoutError
from urllib3.exceptions import TimeoutError as AnswerTimeout

from kchat_search.answer_deadline import answer_read, pool_classes
from kchat_search.errors import EngineUnreachable

_MOST_BYTES = 1 << 29
"""Of an answer: more than the largest page of documents has."""
_PIECE = 1 << 20
_CONNECTIONS = 32
"""That are kept to one host. More are made where more threads ask, and closed afterwards."""
_WHO_ASKS = (401, 403)
_MAY_PASS = (408, 429)
_SERVERS_FAULT = 500
_TOO_LARGE = 413
_ELSEWHERE = range(300, 400)
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,40}", re.ASCII)

# By OpenSSL's code of what it found wrong with a certificate.
_HOST_NAME = "its certificate is for another name: write the one that stands in it"
_NOT_SIGNED = (
    "its certificate is signed by nobody who is trusted here: set KCHAT_OPENSEARCH_CA to the file "
    "of who signed it"
)
_CERTIFICATES = {
    9: "its certificate is not valid yet: see whether this machine's clock is right",
    10: "its certificate has expired: renew it, or see whether this machine's clock is right",
    18: _NOT_SIGNED,
    19: _NOT_SIGNED,
    20: _NOT_SIGNED,
    21: _NOT_SIGNED,
    62: _HOST_NAME,
    64: _HOST_NAME,
}
_BROKEN = "it closed the connection; see whether it wants https, or a certificate of who asks"
_NO_TLS = "it speaks no TLS at this port: write http://, or the port for https"
_TLS = {
    "UNEXPECTED_EOF_WHILE_READING": _BROKEN,
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it wants a certificate of who asks, which can't be given",
}
_SYSTEM = {
    errno.ECONNREFUSED: "nobody listens at this port",
    errno.ENETUNREACH: "there is no way to it from this network",
    errno.EHOSTUNREACH: "there is no way to it from this network",
}


class RequestTooLarge(EngineUnreachable):
    """A server, or a proxy before it, takes no request of this size."""

    def __init__(self) -> None:
        super().__init__(
            "OpenSearch, or a proxy before it, takes no request of this size (413). Nothing was "
            "lost; allow more there: `http.max_content_length` of OpenSearch, "
            "`client_max_body_size` of nginx."
        )


class ServerConnection(Urllib3HttpConnection):
    """The connections to one host. Its answers are parsed."""

    pool: HTTPConnectionPool | None

    def __init__(self, *, ssl_context: ssl.SSLContext, **options: Any) -> None:
        self._ssl_context = ssl_context
        super().__init__(ssl_context=ssl_context, **options)

    def _create_urllib3_pool(self) -> None:
        self.pool = self._new_pool(self.timeout)

    def _new_pool(self, timeout: float) -> HTTPConnectionPool:
        more: dict[str, Any] = {"ssl_context": self._ssl_context} if self.use_ssl else {}
        pool = pool_classes(timeout)[self.scheme]
        return pool(self.hostname, self.port, timeout=timeout, maxsize=_CONNECTIONS, **more)

    def perform_request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        timeout: float | None = None,
        *_: Any,
        **__: Any,
    ) -> Any:
        """(status, headers, answer). `timeout`: seconds, if not as many as all requests may take.
        Raises `TransportError`: `NoAnswer` where another host may be asked; and
        `RequestTooLarge`."""
        path = f"{self.url_prefix}{url}" + (f"?{urlencode(params)}" if params else "")
        if timeout is not None and timeout != self.timeout:
            with self._new_pool(timeout) as pool:
                return self._answer(pool, method, path, body, timeout)
        if self.pool is None:
            self._create_urllib3_pool()
        pool = cast("HTTPConnectionPool", self.pool)
        return self._answer(pool, method, path, body, self.timeout)

    def _answer(
        self, pool: HTTPConnectionPool, method: str, path: str, body: bytes | None, seconds: float
    ) -> Any:
        try:
            response = pool.urlopen(
                method, path, body, self.headers, False, redirect=False, preload_content=False
            )
            with answer_read(response):  # type: ignore[arg-type]  # it is one of urllib3's own
                data = self._read(response)
        except (HTTPError, OSError, ValueError) as error:
            if isinstance(error, AnswerTimeout) and not isinstance(error, ConnectTimeoutError):
                late = ReadTimeoutError(pool, path, str(error))
                why = f"no answer came within {seconds:g} s"
                raise ConnectionTimeout("TIMEOUT", self._said(why), late) from error
            raise NoAnswer("N/A", self._said(_problem(error)), error) from error
        return response.status, response.headers, self._parsed(response, data)

    def _read(self, response: BaseHTTPResponse) -> bytes:
        data = bytearray()
        for piece in response.stream(_PIECE):
            data += piece
            if len(data) > _MOST_BYTES:
                response.close()
                raise NoAnswer("N/A", self._said("its answer does not end"), None)
        return bytes(data)

    def _parsed(self, response: BaseHTTPResponse, data: bytes) -> Any:
        status = response.status
        found = _json(data)
        if 200 <= status < 300 and isinstance(found, dict):
            return found
        if status == _TOO_LARGE:
            raise RequestTooLarge
        if status >= 400 and isinstance(found, dict):
            error = found.get("error")
            kind = error.get("type") if isinstance(error, dict) else error
            raise HTTP_EXCEPTIONS.get(status, TransportError)(status, str(kind), found)
        if status in _WHO_ASKS or status in _MAY_PASS or status >= _SERVERS_FAULT:
            kind = self._said(_not_ours(response, data))
            raise HTTP_EXCEPTIONS.get(status, TransportError)(status, kind, None)
        raise NoAnswer("N/A", self._said(_not_ours(response, data)), None)

    def _said(self, why: str) -> str:
        return f"{self.host}{self.url_prefix}: {why}"


class AsParsed(Deserializer):
    """For a client of opensearch-py: answers are parsed already."""

    def __init__(self) -> None:
        """It needs nothing of the base class."""

    def loads(self, s: Any, mimetype: str | None = None) -> Any:
        """The answer."""
        del mimetype
        return s


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _not_ours(response: BaseHTTPResponse, data: bytes) -> str:
    """What is wrong with an answer that is not OpenSearch's."""
    if response.status in _ELSEWHERE:
        parts = urlsplit(response.headers.get("location") or "")
        where = f"{parts.scheme}://{parts.netloc}" if parts.netloc.isprintable() else ""
        return f"it sends to {where[:200]} ({response.status}): write that address"
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    known = kind if _MEDIA_TYPE.fullmatch(kind) else "an unknown form"
    what = f"answers with {known}" if data else "gives an empty answer"
    return f"it {what} ({response.status}), so it is not OpenSearch, or a proxy answers for it"


def _problem(error: BaseException) -> str:
    """Why no answer came, in words that say what to do."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _CERTIFICATES.get(cause.verify_code, f"TLS failed: {cause.verify_message}")
        if isinstance(cause, ssl.SSLError) and cause.reason:
            text = f"TLS failed: {cause.reason.replace('_', ' ').lower()}"
            return _TLS.get(cause.reason, text)
    if any(isinstance(cause, NameResolutionError) for cause in causes):
        return "nobody knows its name: check how it is written"
    for cause in causes:  # first, because urllib3 counts every failure to connect as a time-out
        if isinstance(cause, OSError) and cause.errno in _SYSTEM:
            return _SYSTEM[cause.errno]
    if any(isinstance(cause, TimeoutError | AnswerTimeout) for cause in causes):
        return "no connection came about in time"
    return _BROKEN


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
