"""A network between the program and a server, on loopback, that can stall and be cut.

It counts what passes, so that something happens at a counted moment: before the third request of
some kind is passed on, or when the server has answered it and the program does not know yet.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal

_SIZE = 1 << 16
_SECONDS = 120.0
_RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: what is closed is reset, as by a machine that is gone."""

Moment = Literal["asked", "answered"]


class Trap:
    """Calls a function once, at the `number`-th piece from the program that has `what` in it, of
    all proxies: before it is passed on, or when it was answered; then its answer is lost. The
    function is given the proxy that passes it."""

    def __init__(
        self,
        proxies: Iterable[Proxy],
        what: bytes,
        act: Callable[[Proxy], object],
        *,
        number: int = 1,
        moment: Moment = "asked",
    ) -> None:
        self.moment = moment
        self._sprung = threading.Event()
        self._error: BaseException | None = None
        self._what, self._left, self._act = what, number, act
        self._lock = threading.Lock()
        for each in proxies:
            each.traps.append(self)

    def is_due(self, data: bytes) -> bool:
        """Called for each piece."""
        with self._lock:
            if not self._left or self._what not in data:
                return False
            self._left -= 1
            return not self._left

    def spring(self, at: Proxy) -> None:
        try:
            self._act(at)
        except BaseException as error:
            self._error = error
            raise
        finally:
            self._sprung.set()

    def wait(self) -> None:
        """Until that was done. Raises what it raised."""
        assert self._sprung.wait(_SECONDS), f"no piece {self._what!r} came"
        if self._error is not None:
            raise self._error


class Proxy:
    """Passes on what comes to `port`. Safe to use from any thread."""

    def __init__(self, behind: int) -> None:
        """`behind`: the port of the server."""
        self._behind = behind
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._passes = threading.Event()
        self._passes.set()
        self._is_cut = False
        self.traps: list[Trap] = []
        self.passed = 0
        """How many pieces came from the program."""
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def stall(self) -> None:
        """Nothing passes, and nothing is closed: connections come about, and are silent."""
        self._passes.clear()

    def cut(self) -> None:
        """All connections are reset, and new ones too."""
        with self._lock:
            self._is_cut = True
            there, self._open = self._open, set()
        for each in there:
            _reset(each)
        self._passes.set()

    def mend(self) -> None:
        """All passes again."""
        self._is_cut = False
        self._passes.set()

    def close(self) -> None:
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(_SECONDS)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                program, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connected, args=(program,), daemon=True).start()

    def _connected(self, program: socket.socket) -> None:
        self._passes.wait()
        try:
            server = socket.create_connection(("127.0.0.1", self._behind), _SECONDS)
        except OSError:
            _reset(program)
            return
        server.settimeout(None)
        with self._lock:
            if not self._is_cut:
                self._open |= {program, server}
        if self._is_cut:
            _reset(program)
            _reset(server)
            return
        answered: list[Trap] = []
        back = threading.Thread(target=self._pass, args=(server, program, answered), daemon=True)
        back.start()
        self._pass(program, server, answered, counts=True)
        back.join()
        with self._lock:
            self._open -= {program, server}
        program.close()
        server.close()

    def _pass(
        self,
        source: socket.socket,
        target: socket.socket,
        answered: list[Trap],
        *,
        counts: bool = False,
    ) -> None:
        """Until one side ends; then both do. `answered`: the traps of this connection that are
        sprung by its next answer."""
        try:
            while data := source.recv(_SIZE):
                if counts:
                    self._count(data, answered)
                elif answered:
                    answered.pop().spring(self)
                    break
                self._passes.wait()
                target.sendall(data)
        except OSError:
            pass  # it was cut, or a side has ended
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _count(self, data: bytes, answered: list[Trap]) -> None:
        with self._lock:
            self.passed += 1
        for trap in self.traps:
            if trap.is_due(data):
                if trap.moment == "asked":
                    trap.spring(self)
                else:
                    answered.append(trap)


def _reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextmanager
def proxy(behind: int) -> Iterator[Proxy]:
    """Runs as long as the block."""
    there = Proxy(behind)
    try:
        yield there
    finally:
        there.close()
