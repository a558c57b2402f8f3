"""The parent of a process of `serve`: what it says through standard input, and what it is told
through standard output. One JSON value a line.

Invariant: no buffered object of Python reads the pipe. A thread that waits in one holds its lock,
and an interpreter that ends meanwhile dies of that («_enter_buffered_busy»).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_STANDARD_INPUT, _STANDARD_OUTPUT, _STANDARD_ERROR = 0, 1, 2


class LineReader:
    """Lines from a descriptor, read without a lock."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""

    def line(self) -> bytes | None:
        """The next whole line, waiting for it; None when the other end is closed."""
        while b"\n" not in self._rest:
            try:
                part = os.read(self._descriptor, 2**16)
            except OSError:  # there is no such descriptor, or it is no pipe
                part = b""
            if not part:
                return None
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        return line


class Parent:
    """Our end of the pipes. When the parent's ends close, this process ends: however the parent
    dies, it leaves nobody behind."""

    def __init__(self) -> None:
        self._said = LineReader(_STANDARD_INPUT)
        self._told = -1

    def first_line(self) -> str:
        """What the parent says first. Ends this process if it is gone already."""
        return self._line().decode()

    def follow(self, hear: Callable[[Any], None]) -> None:
        """Pass on to `hear` all that the parent says from now on, in another thread."""

        def listen() -> None:
            while True:
                hear(json.loads(self._line()))

        threading.Thread(target=listen, name="parent", daemon=True).start()

    def keep_standard_output(self) -> None:
        """Keep standard output for `tell`. Whatever else is printed goes to standard error, and
        children of this process get no end of the pipe."""
        self._told = os.dup(_STANDARD_OUTPUT)
        os.dup2(_STANDARD_ERROR, _STANDARD_OUTPUT)

    def tell(self, value: object) -> None:
        """Tell the parent. If it is gone, nothing happens here: `follow` ends this process."""
        with suppress(OSError):
            os.write(self._told, json.dumps(value).encode() + b"\n")

    def _line(self) -> bytes:
        line = self._said.line()
        if line is None:
            os._exit(0)
        return line
