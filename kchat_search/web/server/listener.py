"""A listening socket: whom it lets in.

Whoever connects is let in, as long as a connection can make room that waits for its client. If none
can, the system keeps the new ones waiting.
"""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Any

from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from kchat_search.web.server.connection import Connection
from kchat_search.web.server.limits import SEND_BUFFER

if TYPE_CHECKING:
    from kchat_search.web.server.web_server import WebServer

_AT_ONCE = 32
"""Connections that are accepted before the others are looked at again."""
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Listener(TcpWSGIServer):  # type: ignore[misc]  # waitress has no types
    """A listening socket of `loop`. waitress calls it a server."""

    channel_class = Connection

    def __init__(self, loop: WebServer, application: Any, adj: Adjustments, sockinfo: Any) -> None:
        self.loop = loop
        super().__init__(
            application, loop.map, dispatcher=loop.dispatcher, adj=adj, sockinfo=sockinfo
        )

    @property
    def number(self) -> int | None:
        """The system's number of the socket, until it is closed."""
        number: int | None = self._fileno
        return number

    def set_socket_options(self, conn: socket.socket) -> None:
        """Prepare a connection; waitress asks for it."""
        super().set_socket_options(conn)
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    def readable(self) -> bool:
        """Shall the loop accept connections now?"""
        return self.loop.has_room

    def handle_accept(self) -> None:
        """Accept the connections that are there, and close older ones for them."""
        for _ in range(_AT_ONCE):
            if not self.loop.has_room or not self._accept():
                return

    def _accept(self) -> bool:
        """Accept one connection. False if there is none, or if it can't be."""
        try:
            pair = self.accept()
        except OSError as error:
            if error.errno in _NO_ROOM:
                return self.loop.make_room()
            self.logger.info("A connection could not be accepted (%s).", error)
            return False
        if pair is None:
            return False
        sock, address = pair
        try:
            self.set_socket_options(sock)
        except OSError:  # macOS: the client has closed it already
            sock.close()
            return True
        self.loop.make_room_for_one()
        self.channel_class(self, sock, self.fix_addr(address), self.adj, map=self._map)
        return True
