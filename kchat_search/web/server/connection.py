"""One connection: what it waits for, and until when.

At any time, a connection is in one of these states:

- It waits for its client: for a request, or for the rest of one. There is a deadline, and when
  there are too many connections, those that wait longest are closed.
- It is being answered: a request is with a thread or in the queue for one, or its client has not
  read all of the answer. It is closed only if its client reads too slowly, or is gone before a
  thread has begun.
- It is closing: what its client still sends is thrown away for a short time.

waitress answers in threads. Everything else happens in the thread of the loop: only the methods
`service`, `begin_in_thread`, `write_soon` and what they call run elsewhere.
"""

from __future__ import annotations

import socket
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from waitress.channel import ClientDisconnected, HTTPChannel

from kchat_search.web.http.least_rate import TAKEN_AT_ONCE, LeastRate
from kchat_search.web.server.refusals import TOO_LATE, Refusal
from kchat_search.web.server.request import Request
from kchat_search.web.server.tasks import ApplicationTask, RefusalTask

if TYPE_CHECKING:
    from kchat_search.web.server.listener import Listener


class Connection(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection of the server. waitress calls it a channel."""

    task_class = ApplicationTask
    error_task_class = RefusalTask
    request: Request | None = None
    """The one that has not come to its end."""

    def __init__(
        self,
        server: Listener,
        sock: socket.socket,
        addr: Any,
        adj: Any,
        map: dict[int, Any],  # noqa: A002  # waitress's name
    ) -> None:
        self._loop = server.loop
        self._from_proxy = server.loop.is_proxy(str(addr[0]) if addr else "")
        self._limits = server.loop.limits
        self._clock = server.loop.clock
        self._waits_since = self._clock()
        self._seconds = self._limits.first_byte_seconds
        """The deadline is so long after `_waits_since`."""
        self._whole: deque[Request] = deque()
        """Requests that have come and are not being answered yet. waitress gets one at a time, when
        the answer to the one before is read: it would let a thread wait for that."""
        self._queued_at = 0.0
        """When the request that is being answered was given to the threads."""
        self._stops_reading = False
        self._lingers = False
        self.reader = LeastRate(
            self._limits.reader_seconds, self._limits.reader_bytes_per_second, TAKEN_AT_ONCE
        )
        super().__init__(server, sock, addr, adj, map=map)
        self._loop.waits(self)

    def parser_class(self, adj: Any) -> Request:
        """What reads a request; waitress asks for it."""
        del adj
        return self._new_request()

    def _new_request(self) -> Request:
        return Request(self._limits, from_proxy=self._from_proxy)

    # -- the loop asks -----------------------------------------------------------------------

    @property
    def number(self) -> int | None:
        """The system's number of the connection, until it is closed."""
        number: int | None = self._fileno
        return number

    @property
    def is_answered(self) -> bool:
        """Is no request with a thread or in the queue, and has the client read all answers?"""
        if self._lingers:
            return True
        closing = self.will_close or self.close_when_flushed
        return not (self.requests or self.total_outbufs_len or closing)

    def readable(self) -> bool:
        """Shall the loop read what the client sends? While a request is being answered, no."""
        return self.is_answered and not self._whole

    def go_on(self) -> None:
        """An answer is read. Begin the next one that the client has asked for; else it has time for
        its next request, or for the rest of the one that it has begun."""
        if self._whole:
            self._begin_to_answer()
            return
        limits = self._limits
        begun = self.request is not None and self.request.begun
        self._wait(limits.request_seconds if begun else limits.idle_seconds)

    def check_deadline(self, now: float) -> None:
        """End a wait for the client that lasts too long."""
        if now - self._waits_since < self._seconds:
            return
        if self.request is not None and self.request.begun and not self._lingers:
            self._refuse(self.request, TOO_LATE)
        else:
            self.handle_close()

    def check_reader(self, now: float) -> None:
        """Close the connection of a client that reads its answer too slowly."""
        if self.total_outbufs_len and self.reader.is_too_slow(now):
            self.logger.info("A client reads too slowly; its connection is closed.")
            self.handle_close()

    # -- receiving ---------------------------------------------------------------------------

    def received(self, data: bytes) -> bool:
        """Take what the client sent, and begin to answer what is whole."""
        if self._lingers:
            return False
        self._read_requests(data)
        if self._whole:
            self._begin_to_answer()
        return True

    def _read_requests(self, data: bytes) -> None:
        while data:
            request = self.request = self.request or self._new_request()
            had_begun = request.begun
            data = data[request.received(data) :]
            if not request.completed:
                if request.begun and not had_begun:
                    self._wait(self._limits.request_seconds)
                self._send_continue(request)
                return
            self.request = None
            self._whole.append(request)
            if request.error or (data and len(self._whole) == self._limits.pipelined):
                request.headers["CONNECTION"] = "close"
                self._stops_reading = True
                return

    def _send_continue(self, request: Request) -> None:
        """Tell a client that asks for it to send the body. Behind another request it is not told;
        it sends it after a while (RFC 9110, section 10.1.1)."""
        if request.awaits_continue and not self._whole:
            request.awaits_continue = False
            self.write_soon(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._loop.answers(self)

    def _begin_to_answer(self) -> None:
        self._loop.answers(self)
        self._queued_at = self._clock()
        request = self._whole.popleft()
        with self.requests_lock:  # the thread of the answer before may be about to leave it
            self.requests.append(request)
        if request.error:
            self.service()  # here and now: it needs no thread, and all may be occupied
        else:
            self.server.add_task(self)

    def _refuse(self, request: Request, refusal: Refusal) -> None:
        self.request = None
        request.refuse(refusal)
        self._stops_reading = True
        self._whole.append(request)
        self._begin_to_answer()

    def _wait(self, seconds: float) -> None:
        self._waits_since = self._clock()
        self._seconds = seconds
        self._loop.waits(self)

    # -- sending -----------------------------------------------------------------------------

    def handle_write(self) -> None:
        """Send more of the answer, or close the connection after it.

        After a refusal, only our side is closed, and the client's a little later: otherwise the
        client's system would drop the refusal before the client has read it."""
        if not (self._stops_reading and self.close_when_flushed):
            super().handle_write()
            return
        if self.total_outbufs_len:
            self._flush_exception(self._flush_some)
        if self.will_close:
            self.handle_close()
        elif self.connected and not self.total_outbufs_len:
            self._linger()

    def _linger(self) -> None:
        self.close_when_flushed = False
        self._lingers = True
        with suppress(OSError):  # the client has closed it
            self.socket.shutdown(socket.SHUT_WR)
        self._wait(self._limits.linger_seconds)

    def send(self, data: bytes, do_close: bool = True) -> int:  # noqa: FBT001  # waitress's
        """Send what the system takes of `data`. Returns how much that was."""
        size: int = super().send(data, do_close=do_close)
        self.reader.took(size)
        return size

    def begin_in_thread(self) -> None:
        """A thread begins to make an answer, as soon as it may.

        Raises `ClientDisconnected` if the client is gone: who sends a hundred searches and closes
        the connections would else hold up everybody until all are made."""
        self._loop.wait_for_memory()
        if self._client_is_gone():
            raise ClientDisconnected

    def _client_is_gone(self) -> bool:
        """A client that only closes its own side looks like one that closed the connection. It is
        taken for gone if its request has waited for long."""
        try:
            end = not self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return end and self._clock() - self._queued_at >= self._limits.half_closed_seconds

    def write_soon(self, data: Any) -> int:
        """Send `data`, or keep it until the client reads. While it has much to read, wait."""
        size: int = super().write_soon(data)
        with self.outbuf_lock:  # else the loop may send it all between the question and the note
            self._note_what_is_owed()
        return size

    def _flush_some(self, do_close: bool = True) -> bool:  # noqa: FBT001  # waitress's
        sent: bool = super()._flush_some(do_close=do_close)
        self._note_what_is_owed()
        return sent

    def _note_what_is_owed(self) -> None:
        if self.total_outbufs_len:
            self.reader.begin_to_wait(self._clock())
        else:
            self.reader.end_to_wait(self._clock())

    def del_channel(self, map: dict[int, Any] | None = None) -> None:  # noqa: A002  # waitress's
        """The connection is closed; waitress calls this before it gives its number back."""
        number = self.number
        super().del_channel(map)
        self._loop.ends(self, number)
