"""How an export is sent to its client.

Invariants: a client never takes a part of an export for the whole. Exports never occupy all threads
of the server, so searches are answered meanwhile.

An error before the first byte is answered with its status, like every error. So the first piece of
the file is made before the answer begins. An error after that breaks the connection. HTTP/1.1 sends
a body of unknown length in chunks, and the client knows that the last chunk is missing (RFC 9112,
section 8). HTTP/1.0 has nothing like this; no request that uses it is answered.

If a client reads slowly, no more chats are read from the archive. waitress holds 16 MiB for each
connection (`outbuf_high_watermark`), the first of them in memory and the rest in a file. Then it
makes our thread wait.
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
from kchat_search.web.http.rendering import links_of
from kchat_search.web.program import Program

AT_ONCE = 2
"""Exports that may run at once. Each occupies one of the eight threads of the server as long as its
client reads, and a large part of a processor."""

TOTAL = "X-Total-Count"
COMPLETE = "X-Coverage-Complete"


class Sender:
    """Answers requests for exports. Threads may share it."""

    def __init__(self, program: Program, clock: Clock) -> None:
        self._program = program
        self._clock = clock
        self._slots = BoundedSemaphore(AT_ONCE)

    def answer(self, search: SearchRequest, form: export_formats.Format) -> Response:
        """The export of all hits of `search`, sent while it is read. HEAD gets only its headers.

        Raises what `Program.export` raises, and `TooManyExports`.
        """
        if request.method == "HEAD":
            return self._response(self._program.export(search), form, iter(()))
        with ExitStack() as until_sent:
            until_sent.enter_context(self._slot())
            export = self._program.export(search)
            pieces = export_formats.pieces(
                export.chats, form, self._program.presentation.zone, links_of(self._program)
            )
            response = self._response(export, form, chain([next(pieces, b"")], pieces))
            # The server closes the answer when it is sent, and also when the client is gone.
            response.call_on_close(until_sent.pop_all().close)
            return response

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(blocking=False):
            raise TooManyExports(
                _("同时最多进行 %(limit)s 个导出；请等其中一个结束后再试。", limit=AT_ONCE)
            )
        try:
            yield
        finally:
            self._slots.release()

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
