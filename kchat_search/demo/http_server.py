"""HTTP for the demo server: reads requests from sockets, writes answers, and serves faults.

Invariant: every HTTP request gets JSON, unless a fault says otherwise.
"""

from __future__ import annotations

import copy
import json
import socket
import struct
import sys
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from kchat_search.demo import control_api
from kchat_search.demo.api import Answer, failure
from kchat_search.demo.faults import Fault

STOP_SECONDS = 5.0
_LINGER = struct.pack("ii", 1, 0)
"""Linger on, for 0 seconds: close() then sends RST and not FIN."""


class RequestHandler(Protocol):
    """Answers the requests. Implemented by `server.DemoServer`."""

    closing: threading.Event

    def begin(self, target: str) -> Fault:
        """A request to Kchat arrived. Answers what goes wrong with it."""
        ...

    def answer(self, method: str, target: str, authorization: str | None) -> Answer:
        """The correct answer to the request."""
        ...

    def control(self, method: str, target: str, authorization: str | None, body: bytes) -> Answer:
        """The answer to a request for which `control_api.concerns` is true."""
        ...


def encode(body: object) -> bytes:
    """JSON in ASCII. Lone surrogates, which UTF-8 refuses, are written as escapes."""
    return json.dumps(body, separators=(",", ":")).encode("ascii")


class HttpServer(ThreadingHTTPServer):
    """A server that knows its open connections, so that it can end them all when it closes."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], demo: RequestHandler) -> None:
        self.demo = demo
        self._open: dict[socket.socket, threading.Thread] = {}
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection, and know it while it is open."""
        with self._open_lock:
            self._open[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._open_lock:
                del self._open[request]

    def end_connections(self) -> None:
        """End every connection, and wait for the threads that serve them."""
        with self._open_lock:
            still_open = dict(self._open)
        for connection in still_open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the connection ended by itself
        for thread in still_open.values():
            thread.join(STOP_SECONDS)

    def shutdown_request(self, request: Any) -> None:
        """End a connection: with FIN, unless it is to be reset."""
        # With a FIN before the RST, the client would see a normal end.
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_LINGER)) == _LINGER:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Show what went wrong in a handler."""
        # That a client closed its connection is normal. Anything else is a bug, and is shown.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "KchatDemo"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # one write an answer
    server: HttpServer

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve(self.command)

    do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_POST  # noqa: N815 - http.server's

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Silent: the log is `DemoServer.requests`."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A request that is not HTTP gets JSON too."""
        status = HTTPStatus(code)
        refusal = failure(status, status.phrase, message or explain or status.phrase)
        self.close_connection = True
        self._send(code, {}, encode(refusal.body))

    def _serve(self, method: str) -> None:
        if control_api.concerns(self.path):
            self._control(method)
            return
        demo = self.server.demo
        if method != "GET":
            self.close_connection = True  # a body may follow, and nobody reads it
        fault = demo.begin(self.path)
        if fault.delay and demo.closing.wait(fault.delay):
            self.close_connection = True
            return
        if fault.reset:
            self._reset()
            return
        status, headers, body = self._outcome(method, fault)
        self._send(status, headers, body, truncate=fault.truncate)

    def _outcome(self, method: str, fault: Fault) -> tuple[int, dict[str, str], bytes]:
        headers = dict(fault.headers)
        if fault.body is not None or fault.status is not None:
            status = fault.status or HTTPStatus.OK
            body = fault.body
            if body is None:
                body = encode({"error": "Ordered", "message": f"a test asked for {status}"})
            return status, headers, body
        true = self.server.demo.answer(method, self.path, self._login())
        json_body = true.body
        if fault.edit is not None and true.status == HTTPStatus.OK:
            json_body = fault.edit(copy.deepcopy(json_body))
        body = encode(json_body)
        if fault.half:
            body = body[: len(body) // 2]
        return true.status, headers | _challenge(true), body

    def _control(self, method: str) -> None:
        body = self._body()
        if isinstance(body, Answer):
            self.close_connection = True  # the rest of the body may still follow
            answer = body
        else:
            answer = self.server.demo.control(method, self.path, self._login(), body)
        self._send(answer.status, _challenge(answer), encode(answer.body))

    def _login(self) -> str | None:
        return self.headers.get("Authorization")

    def _body(self) -> bytes | Answer:
        """The request's body, or the answer that refuses to read it."""
        if "Transfer-Encoding" in self.headers:
            message = "send the body with a Content-Length"
            return failure(HTTPStatus.LENGTH_REQUIRED, "LengthRequired", message)
        text = self.headers.get("Content-Length", "0").strip()
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            message = "Content-Length must be a number of bytes"
            return failure(HTTPStatus.BAD_REQUEST, "InvalidRequest", message)
        size = int(text)
        if size <= control_api.LONGEST_BODY:
            return self.rfile.read(size)
        message = f"a body may have {control_api.LONGEST_BODY} bytes, not {size}"
        return failure(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "TooLarge", message)

    def _send(
        self, status: int, headers: Mapping[str, str], body: bytes, *, truncate: bool = False
    ) -> None:
        self.send_response(status)
        known = {name.lower() for name in headers}
        if "content-type" not in known:
            self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        if truncate:
            self.close_connection = True
            body = body[: len(body) // 2]
        elif self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)


def _challenge(answer: Answer) -> dict[str, str]:
    if answer.status != HTTPStatus.UNAUTHORIZED:
        return {}
    return {"WWW-Authenticate": 'Basic realm="Kchat"'}
