"""Waits for a PostgreSQL server that have an end.

A server that does nothing (its disk hangs), or a proxy before it that passes nothing on, keeps a
connection that looks sound to the system: what is sent is acknowledged, so no keepalive fails. The
server's own time-outs are of no use then, because it can't say that they are over. So each exchange
has an end on this side too. The connection is closed then, for nobody knows what the server did.
"""

from __future__ import annotations

from collections.abc import Generator
from time import monotonic
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Engine, event

Answer = TypeVar("Answer")


class BoundedConnection(psycopg.Connection[Any]):
    """A connection whose waits have an end."""

    seconds: float | None = None
    """So long one exchange may take, from what is sent to the whole answer. None: without an end.
    """

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """Every wait of the driver for the server, once it is connected."""
        return super().wait(self._bounded(gen), *args, **options)

    def _bounded(self, exchange: Generator[Any, Any, Answer]) -> Generator[Any, Any, Answer]:
        ends = None if self.seconds is None else monotonic() + self.seconds
        try:
            wanted = next(exchange)
            while True:
                ready = yield wanted  # the driver wakes up ten times a second, at least
                if ends is not None and monotonic() > ends:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"no answer came within {self.seconds:g} s")
                wanted = exchange.send(ready)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # as the generator is declared


def bound_waits(engine: Engine) -> None:
    """All connections of an engine are such ones."""

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, args: Any, options: Any) -> BoundedConnection:
        return BoundedConnection.connect(*args, **options)


def bound(connection: Any, seconds: float | None) -> None:
    """Let each exchange of the driver's connection take so long."""
    if isinstance(connection, BoundedConnection):
        connection.seconds = seconds
