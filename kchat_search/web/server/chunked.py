"""A body that comes in chunks (RFC 9112, section 7.1)."""

from __future__ import annotations

from kchat_search.web.server.refusals import BODY_TOO_LARGE, MALFORMED, Refused

_LINE_BYTES = 256
"""The longest line with the size of a chunk, or in the trailer. Extensions are read over."""
_OVERHEAD = 2
"""So many times the limit of the body may come in all: a byte a chunk would be six times as much
as its content, and nobody sends that."""
_HEX = b"0123456789abcdefABCDEF"
_SIZE_DIGITS = 8


class ChunkedBody:
    """Reads a body in chunks, of at most `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.content = bytearray()
        self.complete = False
        self._limit = limit
        self._unread = bytearray()
        self._received = 0
        self._missing = 0
        """Bytes of the present chunk that have not come yet."""
        self._after_chunk = False
        self._in_trailer = False

    def received(self, data: bytes) -> int:
        """Take what came, and answer how much of it belongs to this body.

        Raises `Refused` for what is no chunk, and as soon as the body is too large.
        """
        self._unread += data
        while not self.complete and self._step():
            pass
        taken = len(data) - (len(self._unread) if self.complete else 0)
        self._received += taken
        if self._received > self._limit * _OVERHEAD:
            raise Refused(BODY_TOO_LARGE)
        return taken

    def _step(self) -> bool:
        """Read one part: a size, content, the end of a chunk, or a line of the trailer. False if
        the part has not come yet."""
        if self._missing:
            part = self._unread[: self._missing]
            del self._unread[: len(part)]
            self.content += part
            self._missing -= len(part)
            self._after_chunk = not self._missing
            return bool(part)
        if self._after_chunk:
            if len(self._unread) < 2:
                return False
            if self._unread[:2] != b"\r\n":
                raise Refused(MALFORMED)
            del self._unread[:2]
            self._after_chunk = False
            return True
        line = self._line()
        if line is None:
            return False
        if self._in_trailer:
            self.complete = not line
        else:
            self._begin_chunk(line)
        return True

    def _line(self) -> bytes | None:
        end = self._unread.find(b"\r\n", 0, _LINE_BYTES)
        if end < 0:
            if len(self._unread) >= _LINE_BYTES:
                raise Refused(MALFORMED)
            return None
        line = bytes(self._unread[:end])
        del self._unread[: end + 2]
        if b"\r" in line or b"\n" in line:
            raise Refused(MALFORMED)
        return line

    def _begin_chunk(self, line: bytes) -> None:
        digits = line.partition(b";")[0].rstrip(b" \t")
        if not digits or digits.translate(None, _HEX):
            raise Refused(MALFORMED)
        if len(digits) > _SIZE_DIGITS:
            raise Refused(BODY_TOO_LARGE)
        size = int(digits, 16)
        if len(self.content) + size > self._limit:
            raise Refused(BODY_TOO_LARGE)
        self._missing = size
        self._in_trailer = not size
