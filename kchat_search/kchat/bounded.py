"""Connections whose head of an answer comes in time, or not at all.

A time-out of requests is for each silence: a server that sends one byte of a header now and then
can hold a thread for days. The body's deadline is `transport`'s, which reads it piece by piece.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Timer
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse


class BoundedAdapter(HTTPAdapter):
    """As `HTTPAdapter`, but status and headers must be there within `seconds` of the request, or
    it is a time-out."""

    def __init__(self, seconds: float) -> None:
        self._pools = _pools(seconds)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Called by the base class, which makes its connections here."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> ProxyManager:
        """The same, where a proxy stands between."""
        manager: ProxyManager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _pools(seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
            return _in_time(self, super().getresponse, seconds)

    class Encrypted(HTTPSConnection):
        def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
            return _in_time(self, super().getresponse, seconds)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}


def _in_time(
    connection: HTTPConnection, read: Callable[[], HTTPResponse], seconds: float
) -> HTTPResponse:
    late = Event()

    def give_up() -> None:
        late.set()
        with suppress(OSError):  # it has just ended by itself
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads

    timer = Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    response = None
    try:
        response = read()
    finally:
        timer.cancel()
        if late.is_set():  # what was read may be half a head
            if response is not None:
                response.close()
            connection.close()
            raise TimeoutError("the head of the answer did not come in time")
    return response
