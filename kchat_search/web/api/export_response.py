"""An export on its way to whoever asked for it.

Invariants: an answer that is not the whole export never looks whole; exports never take all the
threads of the server, so searches go on.

What is wrong before the first byte is a problem with its status, as everywhere: so the first piece
is made before the answer begins. What fails later breaks the connection. HTTP/1.1 sends a body of
unknown length in chunks, and without the last of them a client knows (RFC 9112, section 8);
HTTP/1.0 has nothing of the kind, so it gets no export.

A client that reads slowly stops the reading of chats: waitress holds 16 MiB for a connection
(`outbuf_high_watermark`), all but the first of them in a file, and then has our thread wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from threading import BoundedSemaphore

from flask import Response, current_app, request
from flask_babel import gettext as _

from kchat_search.errors import TooManyExports
from kchat_search.models.search import SearchRequest
from kchat_search.ports import Clock
from kchat_search.search.export_walk import Export
from kchat_search.serialization import export_formats
from kchat_search.serialization.times import local
from kchat_search.web.http import problems
from kchat_search.web.http.rendering import links_of
from kchat_search.web.program import Program

AT_ONCE = 2
"""Each keeps one of the server's eight threads for as long as its client reads, and a good part of
a processor while it does."""

TOTAL = "X-Total-Count"
COMPLETE = "X-Coverage-Complete"


class Sender:
    """Answers requests for exports. Safe to share between threads."""

    def __init__(self, program: Program, clock: Clock) -> None:
        self._program = program
        self._clock = clock
        self._places = BoundedSemaphore(AT_ONCE)

    def answer(self, wanted: SearchRequest, form: export_formats.Format) -> Response:
        """The whole export, sent while it is read. To HEAD, what its headers would be.

        Raises what `Program.export` raises, and `TooManyExports`.
        """
        if request.environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
            text = _("导出需要 HTTP/1.1：HTTP/1.0 无法区分完整的与中断的回答。")
            return problems.answer(problems.Problem(505, "http-version", text))
        if request.method == "HEAD":
            return self._response(self._program.export(wanted), form, iter(()))
        with ExitStack() as held:
            held.enter_context(self._place())
            export = self._program.export(wanted)
            pieces = export_formats.pieces(
                export.chats, form, self._program.presentation.zone, links_of(self._program)
            )
            response = self._response(export, form, chain([next(pieces, b"")], pieces))
            # The server closes the answer when it is sent, and when the client has gone.
            response.call_on_close(held.pop_all().close)
            return response

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise TooManyExports(
                _("同时最多进行 %(limit)s 个导出；请等其中一个结束后再试。", limit=AT_ONCE)
            )
        try:
            yield
        finally:
            self._places.release()

    def _response(
        self, export: Export, form: export_formats.Format, body: Iterator[bytes]
    ) -> Response:
        response = current_app.response_class(body, content_type=export_formats.TYPES[form])
        now = local(self._clock(), self._program.presentation.zone)
        response.headers["Content-Disposition"] = (
            f'attachment; filename="kchat-chats-{now:%Y%m%d-%H%M%S}.{form}"'
        )
        response.headers[TOTAL] = str(export.total)
        response.headers[COMPLETE] = "true" if export.coverage.complete else "false"
        return response
