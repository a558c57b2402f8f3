"""How an export is sent to its client.

Invariants: a client never takes a part of an export for the whole. Exports never occupy all threads
of the server, so searches are answered meanwhile.

An error before the first byte is answered with its status, like every error. So the first piece of
the file is made before the answer begins. An error after that breaks the connection. HTTP/1.1 sends
a body of unknown length in chunks, and the client knows that the last chunk is missing (RFC 9112,
section 8). HTTP/1.0 has nothing like this, so over it, which some proxies speak, there is no
export.

If a client reads slowly, no more chats are read from the archive: the server makes our thread wait.
If it reads more slowly than `LEAST_BYTES_PER_SECOND`, the export is broken off, and its place is
free. The server of `serve` does this by itself, a little earlier, and also to a client that reads
nothing at all. Under another server, it is noticed when that server takes the next piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from time import monotonic

from flask import Response, current_app, request
from flask_babel import gettext as _

from kchat_search.access.audit_reading import AuditExport
from kchat_search.errors import ReaderTooSlow, RequestRefused
from kchat_search.models.reports import Presentation
from kchat_search.models.search import SearchRequest
from kchat_search.ports import Clock
from kchat_search.search.export_walk import Export
from kchat_search.serialization import audit, export_formats
from kchat_search.serialization.export_about import About
from kchat_search.serialization.times import local
from kchat_search.web.api.export_places import OF_ONE_CLIENT, ExportPlaces, quota_reached
from kchat_search.web.http import current, language
from kchat_search.web.http.current import program
from kchat_search.web.http.least_rate import LEAST_BYTES_PER_SECOND, TAKEN_AT_ONCE, LeastRate
from kchat_search.web.http.rendering import absolute_links

SLOW_SECONDS = 30.0
"""A client for which we waited so long has read fast enough on the average, or is let go. It is
longer than for the server of `serve`, which ends such a connection without an error in the log."""

TOTAL = "X-Total-Count"
COMPLETE = "X-Coverage-Complete"


@contextmanager
def _place(places: ExportPlaces) -> Iterator[Callable[[], None]]:
    """A place for an export of whoever asks, until the end of the block. Gives what is called while
    it runs. Raises `TooManyExports` and `ExportQuotaReached`."""
    if current.is_open():
        with places.place(current.address()):
            yield lambda: None
        return
    asks = current.principal()
    with places.place(asks.key):  # first: it costs nothing
        place = current.access().exports.begin(asks, most=OF_ONE_CLIENT)
        if place is None:
            raise quota_reached()
        try:
            yield place.keep
        finally:
            place.end()


def _check_protocol() -> None:
    protocol = request.environ.get("SERVER_PROTOCOL", "")
    if protocol in ("HTTP/1.0", "HTTP/0.9"):
        raise RequestRefused(
            _(
                "代理用 HTTP/1.0 转来这个请求，这样看不出导出是否完整。请让代理用 HTTP/1.1"
                "（nginx：proxy_http_version 1.1）。"
            )
        )


class Sender:
    """Answers requests for exports. Threads may share it."""

    def __init__(
        self, presentation: Presentation, clock: Clock, seconds: Callable[[], float] = monotonic
    ) -> None:
        """`clock` tells the time that stands in the name of a file, `seconds` how long a client
        takes."""
        self._presentation = presentation
        self._clock = clock
        self._seconds = seconds
        self._places = ExportPlaces()

    def answer(self, search: SearchRequest, form: export_formats.Format) -> Response:
        """The export of all hits of `search`, sent while it is read. HEAD gets only its headers.

        Raises what `Program.export` raises, `TooManyExports` and `ExportQuotaReached`.
        """

        def begin() -> tuple[Response, Iterator[bytes]]:
            export = program().export(search)
            pieces = export_formats.pieces(export.chats, form, self._about(search, export))
            response = self._file("chats", form, export_formats.TYPES[form], export.total)
            response.headers[COMPLETE] = "true" if export.coverage.complete else "false"
            return response, pieces

        return self._sent(begin)

    def audit(self, export: Callable[[], AuditExport], form: audit.FileFormat) -> Response:
        """Rows of the audit, sent in the same way. Raises what `export` raises, `TooManyExports`
        and `ExportQuotaReached`."""

        def begin() -> tuple[Response, Iterator[bytes]]:
            found = export()
            lines = audit.file_lines(found.rows, form, self._presentation.zone)
            response = self._file("audit", form, audit.TYPES[form], found.total)
            return response, export_formats.joined(lines)

        return self._sent(begin)

    def _sent(self, begin: Callable[[], tuple[Response, Iterator[bytes]]]) -> Response:
        """The answer that `begin` gives, with the pieces of its body that it gives."""
        _check_protocol()
        if request.method == "HEAD":
            return begin()[0]
        with ExitStack() as until_sent:
            still_runs = until_sent.enter_context(_place(self._places))
            response, pieces = begin()
            first = next(pieces, b"")
            response.response = self._timed(chain([first], pieces), still_runs)
            # The server closes the answer when it is sent, and also when the client is gone.
            response.call_on_close(until_sent.pop_all().close)
            return response

    def _about(self, search: SearchRequest, export: Export) -> About:
        return About(
            request=search,
            total=export.total,
            coverage=export.coverage,
            made_at=self._clock(),
            zone=self._presentation.zone,
            links=absolute_links(),
            agents=program().agents(),
            history=export.history,
            language=language.current(),
        )

    def _timed(self, pieces: Iterator[bytes], still_runs: Callable[[], None]) -> Iterator[bytes]:
        """The same pieces, as long as the client reads them fast enough. Raises `ReaderTooSlow`."""
        reader = LeastRate(SLOW_SECONDS, LEAST_BYTES_PER_SECOND, TAKEN_AT_ONCE)
        for piece in pieces:
            still_runs()
            reader.begin_to_wait(self._seconds())
            yield piece
            now = self._seconds()
            reader.took(len(piece))
            reader.end_to_wait(now)
            if reader.is_too_slow(now):
                raise ReaderTooSlow("The client of an export reads too slowly; it is broken off.")

    def _file(self, what: str, form: str, content_type: str, total: int) -> Response:
        response = current_app.response_class(iter(()), content_type=content_type)
        now = local(self._clock(), self._presentation.zone)
        response.headers["Content-Disposition"] = (
            f'attachment; filename="kchat-{what}-{now:%Y%m%d-%H%M%S}.{form}"'
        )
        response.headers[TOTAL] = str(total)
        return response
