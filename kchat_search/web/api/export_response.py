"""How an export is sent to its client.

Invariants: a client never takes a part of an export for the whole. Exports never occupy all threads
of the server, so searches are answered meanwhile.

An error before the first byte is answered with its status, like every error. So the first piece of
the file is made before the answer begins. An error after that breaks the connection. HTTP/1.1 sends
a body of unknown length in chunks, and the client knows that the last chunk is missing (RFC 9112,
section 8). HTTP/1.0 has nothing like this; the guard refuses it.

If a client reads slowly, no more chats are read from the archive: the server makes our thread wait.
If it reads more slowly than `LEAST_BYTES_PER_SECOND`, the export is broken off, and its place is
free. The server of `serve` does this by itself, a little earlier, and also to a client that reads
nothing at all. Under another server, it is noticed when that server takes the next piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain
from time import monotonic

from flask import Response, current_app, request

from kchat_search.errors import ReaderTooSlow
from kchat_search.models.search import SearchRequest
from kchat_search.ports import Clock
from kchat_search.search.export_walk import Export
from kchat_search.serialization import export_formats
from kchat_search.serialization.export_about import About
from kchat_search.serialization.times import local
from kchat_search.web.api.export_places import ExportPlaces
from kchat_search.web.http.language import current
from kchat_search.web.http.least_rate import LEAST_BYTES_PER_SECOND, TAKEN_AT_ONCE, LeastRate
from kchat_search.web.http.rendering import links_of
from kchat_search.web.program import Program

SLOW_SECONDS = 30.0
"""A client for which we waited so long has read fast enough on the average, or is let go. It is
longer than for the server of `serve`, which ends such a connection without an error in the log."""

TOTAL = "X-Total-Count"
COMPLETE = "X-Coverage-Complete"


class Sender:
    """Answers requests for exports. Threads may share it."""

    def __init__(
        self, program: Program, clock: Clock, seconds: Callable[[], float] = monotonic
    ) -> None:
        """`clock` tells the time that stands in the name of a file, `seconds` how long a client
        takes."""
        self._program = program
        self._clock = clock
        self._seconds = seconds
        self._places = ExportPlaces()

    def answer(self, search: SearchRequest, form: export_formats.Format) -> Response:
        """The export of all hits of `search`, sent while it is read. HEAD gets only its headers.

        Raises what `Program.export` raises, `TooManyExports` and `ExportQuotaReached`.
        """
        if request.method == "HEAD":
            return self._response(self._program.export(search), form, iter(()))
        with ExitStack() as until_sent:
            until_sent.enter_context(self._places.place(request.remote_addr or ""))
            export = self._program.export(search)
            pieces = export_formats.pieces(export.chats, form, self._about(search, export))
            first = next(pieces, b"")
            response = self._response(export, form, self._timed(chain([first], pieces)))
            # The server closes the answer when it is sent, and also when the client is gone.
            response.call_on_close(until_sent.pop_all().close)
            return response

    def _about(self, search: SearchRequest, export: Export) -> About:
        return About(
            request=search,
            total=export.total,
            coverage=export.coverage,
            made_at=self._clock(),
            zone=self._program.presentation.zone,
            links=links_of(self._program),
            agents=self._program.agents(),
            history=export.history,
            language=current(),
        )

    def _timed(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The same pieces, as long as the client reads them fast enough. Raises `ReaderTooSlow`."""
        reader = LeastRate(SLOW_SECONDS, LEAST_BYTES_PER_SECOND, TAKEN_AT_ONCE)
        for piece in pieces:
            reader.begin_to_wait(self._seconds())
            yield piece
            now = self._seconds()
            reader.took(len(piece))
            reader.end_to_wait(now)
            if reader.is_too_slow(now):
                raise ReaderTooSlow("The client of an export reads too slowly; it is broken off.")

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
