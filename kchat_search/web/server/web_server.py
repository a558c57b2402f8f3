"""The loop over all connections.

waitress's loop asks every connection, at every event, what it waits for. With a thousand of them,
each answer would take milliseconds longer. This loop asks only those that are being answered; what
the others wait for does not change until something comes from their clients.

Invariant: each open connection is either in `_waiting`, those that wait longest first, or in
`_answered`.
"""

from __future__ import annotations

import logging
import selectors
import threading
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.adjustments import Adjustments

from kchat_search.web.server.limits import Limits
from kchat_search.web.server.listener import Listener
from kchat_search.web.server.open_files import connections_allowed
from kchat_search.web.server.threads import Threads

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from kchat_search.web.server.connection import Connection

log = logging.getLogger(__name__)

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_CLOSED_FOR_ROOM = 16
"""Connections that are closed when the system has no more files for us. The archive and the index
need some too."""


class WebServer:
    """Serves a WSGI application."""

    def __init__(
        self,
        application: WSGIApplication,
        host: str,
        port: int,
        limits: Limits | None = None,
        clock: Callable[[], float] = monotonic,
        *,
        is_proxy: Callable[[str], bool] = frozenset[str]().__contains__,
    ) -> None:
        """Listen on `host`, which may stand for several addresses, and `port` (0: any free one).
        `is_proxy`: is this the address of a trusted proxy? Only such a one may speak HTTP/1.0.

        Raises `OSError` where that can't be.
        """
        self.limits = limits or Limits()
        self.clock = clock
        self.is_proxy = is_proxy
        self.map: dict[int, Any] = {}
        """What waitress has open: its number and it."""
        self.dispatcher = Threads(self.limits.log_ins)
        self._connections = connections_allowed(self.limits.connections)
        self._waiting: dict[Connection, None] = {}
        self._answered: set[Connection] = set()
        self._selector = selectors.DefaultSelector()
        self._watched: dict[int, int] = {}
        self._next_tick = 0.0
        self._full_until = 0.0
        self._relieved = threading.Event()
        self._stopping = False
        adj = _adjustments(host, port, self.limits)
        self._listeners: list[Listener] = []
        try:
            for sockinfo in adj.listen:
                self._listeners.append(Listener(self, application, adj, sockinfo))
        except OSError:
            self.close()
            raise
        for number, other in self.map.items():  # also what wakes the loop from other threads
            self._watch(number, other, _READ)
        self.dispatcher.set_thread_count(self.limits.threads)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listeners[0].effective_port)

    def run(self) -> None:
        """Serve until `stop`, or until an exception such as `SystemExit` ends it."""
        try:
            while not self._stopping:
                self._turn()
        except (SystemExit, KeyboardInterrupt):
            pass
        finally:
            self.dispatcher.shutdown()

    def stop(self) -> None:
        """End `run`. Any thread may call this."""
        self._stopping = True
        self._listeners[0].pull_trigger()

    def close(self) -> None:
        """Close everything, after `run`."""
        for connection in (*self._waiting, *self._answered):
            connection.handle_close()
        wasyncore.close_all(self.map)
        self._selector.close()

    # -- connections say what they do ---------------------------------------------------------

    def waits(self, connection: Connection) -> None:
        """The connection waits for its client, from now on."""
        self._answered.discard(connection)
        self._waiting.pop(connection, None)
        self._waiting[connection] = None  # the last: the one that waits for the shortest time
        self._watch(connection.number, connection, _READ)

    def answers(self, connection: Connection) -> None:
        """The connection is being answered."""
        self._waiting.pop(connection, None)
        self._answered.add(connection)

    def ends(self, connection: Connection, number: int | None) -> None:
        """The connection is closed. `number` is the system's."""
        self._waiting.pop(connection, None)
        self._answered.discard(connection)
        self._watch(number, connection, 0)

    def wait_for_memory(self) -> None:
        """Wait until the loop has cut off the slowest readers, if too much waits to be read. A
        thread calls this before it makes an answer: threads may be much faster than the loop."""
        while self._owed() > self.limits.owed_bytes and not self._stopping:
            self._relieved.clear()
            self._listeners[0].pull_trigger()
            self._relieved.wait(self.limits.tick_seconds)

    # -- room for connections -----------------------------------------------------------------

    @property
    def has_room(self) -> bool:
        """Can one more connection be accepted, perhaps in the place of one that waits?"""
        now = self.clock()
        if now < self._full_until:
            return False
        return len(self._answered) < self._connections or self._slow_reader(now) is not None

    def make_room_for_one(self) -> None:
        """If there are as many connections as there may be, close the one that waits longest for
        its client. If none does, close that of a slow reader."""
        if len(self._waiting) + len(self._answered) >= self._connections:
            self._close_some(1)

    def make_room(self) -> bool:
        """Close some connections, because the system has no more files for us. If none can be
        closed, answer False, and accept no more for a moment: the loop would be told at once, and
        again and again, that there is one to accept."""
        if self._close_some(_CLOSED_FOR_ROOM):
            return True
        log.warning("No connection can be accepted: the system has no more files for us.")
        self._full_until = self.clock() + self.limits.tick_seconds
        return False

    def _close_some(self, count: int) -> bool:
        oldest = [connection for connection, _ in zip(self._waiting, range(count), strict=False)]
        slow = None if oldest else self._slow_reader(self.clock())
        for connection in oldest if slow is None else [slow]:
            connection.handle_close()
        return bool(oldest or slow)

    def _slow_reader(self, now: float) -> Connection | None:
        """The slowest of those that read too slowly for some seconds already."""
        seconds = self.limits.reader_seconds_when_full
        return min(
            (each for each in self._answered if each.reader.has_been_too_slow(now, seconds)),
            key=lambda each: each.reader.rate(now),
            default=None,
        )

    # -- the loop -----------------------------------------------------------------------------

    def _turn(self) -> None:
        """Wait for something to happen, and do it."""
        now = self.clock()
        if now >= self._next_tick:
            self._next_tick = now + self.limits.tick_seconds
            for connection in list(self._waiting):
                connection.check_deadline(now)
            for connection in list(self._answered):
                connection.check_reader(now)
        self._look_at_answered(now)
        for listener in self._listeners:
            self._watch(listener.number, listener, _READ if listener.readable() else 0)
        for key, events in self._selector.select(
            min(self._next_tick - now, self.limits.tick_seconds)
        ):
            if events & _READ and self.map.get(key.fd) is key.data:
                wasyncore.read(key.data)
            if events & _WRITE and self.map.get(key.fd) is key.data:
                wasyncore.write(key.data)

    def _look_at_answered(self, now: float) -> None:
        """Those whose answer is sent wait again. If the others owe too much, the slowest goes."""
        for connection in list(self._answered):
            if connection.is_answered:
                connection.go_on()
                continue
            writable = _WRITE if connection.writable() else 0
            self._watch(connection.number, connection, writable)
        owed = self._owed()
        while owed > self.limits.owed_bytes:
            slowest = min(
                (each for each in self._answered if each.total_outbufs_len),
                key=lambda each: each.reader.rate(now),
            )
            log.info("Too much is waiting to be read; the slowest reader is cut off.")
            owed -= slowest.total_outbufs_len
            slowest.handle_close()
        self._relieved.set()

    def _owed(self) -> int:
        """Bytes that all clients together still have to read. Threads may ask."""
        return sum(connection.total_outbufs_len for connection in list(self._answered))

    def _watch(self, number: int | None, what: Any, events: int) -> None:
        """Be told about these events of an open file, and of no others."""
        if number is None:  # it is closed
            return
        before = self._watched.get(number, 0)
        if events == before:
            return
        if not before:
            self._selector.register(number, events, what)
        elif events:
            self._selector.modify(number, events, what)
        else:
            self._selector.unregister(number)
        if events:
            self._watched[number] = events
        else:
            del self._watched[number]


def _adjustments(host: str, port: int, limits: Limits) -> Adjustments:
    """waitress's settings. What is not here is not used."""
    return Adjustments(
        host=host,
        port=port,
        ident=None,
        threads=limits.threads,
        # The guard refuses requests that came through a proxy, so it must see these headers.
        clear_untrusted_proxy_headers=False,
        # Nothing of an answer is ever written to a disk.
        outbuf_overflow=2 * limits.owed_bytes,
        outbuf_high_watermark=limits.buffered_bytes,
    )
