"""One request, from its bytes to its parts, or to the refusal that it gets.

It is read as RFC 9112 has it, and where the RFC lets a server choose, it is refused: two readers of
the same bytes (a proxy and we) must not see two different requests. So refused are line ends of
other kinds, folded headers, blanks before a colon, a length beside chunks, two lengths, two hosts.

Invariant: the time is linear in the bytes, however they come. waitress's own reader has a regular
expression that takes five seconds for 16 KB of blanks in a header, and stops all connections
meanwhile.

h11 is no way out. Its version 0.16.0 takes 0.45, 1.9 and 8.2 s of processor for a header of 8,000,
16,000 and 32,000 tabs with a NUL after them, which is quadratic. And it accepts bare line feeds,
folded headers, and a length beside chunks.

The public attributes are those that waitress asks of a request.
"""

from __future__ import annotations

from io import BytesIO
from urllib.parse import unquote_to_bytes

from kchat_search.web.server.chunked import ChunkedBody
from kchat_search.web.server.limits import Limits
from kchat_search.web.server.refusals import (
    BODY_TOO_LARGE,
    CODING_UNKNOWN,
    HEAD_TOO_LARGE,
    MALFORMED,
    RAW_ADDRESS,
    VERSION_UNKNOWN,
    Refusal,
    Refused,
)

_TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CONTROLS = bytes((*range(0x09), *range(0x0B, 0x0D), *range(0x0E, 0x20), 0x7F))
_ONCE = ("HOST", "CONTENT_LENGTH", "TRANSFER_ENCODING")
_BLANK_LINES = 4
"""Line ends before a request (RFC 9112, section 2.2: at least one is ignored)."""
_LENGTH_DIGITS = 15


class Request:
    """A request that is being received."""

    def __init__(self, limits: Limits, *, from_proxy: bool = False) -> None:
        """`from_proxy`: a trusted proxy sends it. Some speak HTTP/1.0."""
        self.completed = False
        self.error: Refusal | None = None
        self.command = "GET"
        self.path = ""
        """The path, decoded; as in WSGI, each character is a byte."""
        self.query = ""
        self.request_uri = ""
        self.version = "1.1"
        self.url_scheme = "http"
        self.headers: dict[str, str] = {}
        """The names are as in WSGI, without HTTP_."""
        self.expect_continue = False
        """Always False, so that waitress does not answer it from another thread."""
        self.awaits_continue = False
        """The client sends the body when it is told to (RFC 9110, section 10.1.1)."""
        self._limits = limits
        self._versions = (b"HTTP/1.1", b"HTTP/1.0") if from_proxy else (b"HTTP/1.1",)
        self._head: bytearray | None = bytearray()
        self._blank_lines = 0
        self._length = 0
        self._body = bytearray()
        self._chunks: ChunkedBody | None = None

    @property
    def begun(self) -> bool:
        """Has more come than the line ends that may stand before a request?"""
        return bool(self._head) or self._head is None

    def received(self, data: bytes) -> int:
        """Take what came, and answer how much of it belongs to this request.

        After that, `completed` says whether it is whole, or refused by `error`."""
        taken = 0
        try:
            if self._head is not None:
                taken = self._receive_head(self._head, data)
            if self._head is None and taken < len(data) and not self.completed:
                taken += self._receive_body(data[taken:])
        except Refused as refused:
            self.refuse(refused.refusal)
            return len(data)
        return taken

    def refuse(self, refusal: Refusal) -> None:
        """Complete the request: this is its answer."""
        self.error = refusal
        self.completed = True

    def get_body_stream(self) -> BytesIO:
        """The body, as WSGI wants it."""
        return BytesIO(bytes(self._body))

    def close(self) -> None:
        """waitress calls this when the request is answered."""
        self._body = bytearray()

    def _receive_head(self, head: bytearray, data: bytes) -> int:
        searched = max(0, len(head) - 3)
        head += data
        while head.startswith(b"\r\n"):
            del head[:2]
            searched = 0
            self._blank_lines += 1
            if self._blank_lines > _BLANK_LINES:
                raise Refused(MALFORMED)
        end = head.find(b"\r\n\r\n", searched)
        if (len(head) if end < 0 else end) > self._limits.head_bytes:
            self.path = _path_at(head)
            raise Refused(HEAD_TOO_LARGE)
        if end < 0:
            return len(data)
        taken = len(data) - (len(head) - end - 4)
        self._head = None
        self._read_head(bytes(head[:end]))
        return taken

    def _receive_body(self, data: bytes) -> int:
        if self._chunks is not None:
            taken = self._chunks.received(data)
            if self._chunks.complete:
                self._body = self._chunks.content
                self.headers["CONTENT_LENGTH"] = str(len(self._body))
                self.completed = True
            return taken
        part = data[: self._length - len(self._body)]
        self._body += part
        self.completed = len(self._body) == self._length
        return len(part)

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        # The address comes first, so that a refusal of the rest knows whom it speaks to.
        method, target, version = _first_line(first)
        self._read_target(target)
        if len(lines) > self._limits.header_lines:
            raise Refused(HEAD_TOO_LARGE)
        headers, named = _headers(lines), self.headers.get("HOST")
        if named is not None and headers.get("HOST", named).lower() != named.lower():
            raise Refused(MALFORMED)
        self.headers = headers | self.headers
        if head.translate(None, _CONTROLS) != head:
            raise Refused(MALFORMED)
        if version not in self._versions:
            raise Refused(VERSION_UNKNOWN)
        self.version = version[5:].decode()
        if "HOST" not in self.headers:
            raise Refused(MALFORMED)
        self.command = method.decode()
        self._read_connection()
        self._read_length()

    def _read_target(self, target: bytes) -> None:
        if not target.isascii():
            self.path = _decoded(target.partition(b"?")[0])
            raise Refused(RAW_ADDRESS)
        if target[:7].lower() == b"http://":
            authority, slash, rest = target[7:].partition(b"/")
            if not authority or b"?" in authority:
                raise Refused(MALFORMED)
            self.headers["HOST"] = authority.decode()
            target = b"/" + rest if slash else b"/"
        if not target.startswith(b"/") or b"#" in target:
            raise Refused(MALFORMED)
        path, _, query = target.partition(b"?")
        self.path = _decoded(path)
        self.query = query.decode()
        self.request_uri = target.decode()

    def _read_connection(self) -> None:
        words = [
            word.strip(" \t").lower() for word in self.headers.get("CONNECTION", "").split(",")
        ]
        if "close" in words:
            self.headers["CONNECTION"] = "close"  # waitress looks for this word alone

    def _read_length(self) -> None:
        length, coding = (
            self.headers.get("CONTENT_LENGTH"),
            self.headers.pop("TRANSFER_ENCODING", None),
        )
        if coding is not None:
            if length is not None or self.version == "1.0":
                raise Refused(MALFORMED)
            if coding.lower() != "chunked":
                raise Refused(CODING_UNKNOWN)
            self._chunks = ChunkedBody(self._limits.body_bytes)
        elif length is not None:
            if not length.isascii() or not length.isdigit():
                raise Refused(MALFORMED)
            if len(length) > _LENGTH_DIGITS or int(length) > self._limits.body_bytes:
                raise Refused(BODY_TOO_LARGE)
            self._length = int(length)
        self.completed = self._chunks is None and not self._length
        self.awaits_continue = (
            not self.completed
            and self.version != "1.0"
            and self.headers.get("EXPECT", "").lower() == "100-continue"
        )


def _first_line(line: bytes) -> tuple[bytes, bytes, bytes]:
    parts = line.split(b" ")
    if len(parts) != 3:
        raise Refused(MALFORMED)
    method, target, version = parts
    if not method or method.translate(None, _TOKEN) or method.upper() != method:
        raise Refused(MALFORMED)
    if len(version) != 8 or not version.startswith(b"HTTP/") or version[6:7] != b".":
        raise Refused(MALFORMED)
    if not version[5:6].isdigit() or not version[7:].isdigit() or _has_line_end(target):
        raise Refused(MALFORMED)
    return method, target, version


def _headers(lines: list[bytes]) -> dict[str, str]:
    """The headers by their names in WSGI. What comes several times is a list (RFC 9110, section
    5.2)."""
    values: dict[str, list[str]] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        # A folded line begins with a blank, so its name is no token.
        if not colon or not name or name.translate(None, _TOKEN) or _has_line_end(value):
            raise Refused(MALFORMED)
        if b"_" in name:
            continue  # in WSGI it would look like the header with a hyphen
        key = name.decode().upper().replace("-", "_")
        values.setdefault(key, []).append(value.strip(b" \t").decode("latin-1"))
    if any(len(values.get(key, ())) > 1 for key in _ONCE):
        raise Refused(MALFORMED)
    return {key: ", ".join(texts) for key, texts in values.items()}


def _path_at(head: bytearray) -> str:
    """The beginning of the path, of a head that is not read to its end."""
    target = bytes(head[:200]).partition(b" ")[2]
    return _decoded(target.partition(b" ")[0].partition(b"?")[0])


def _decoded(path: bytes) -> str:
    return unquote_to_bytes(path).decode("latin-1")


def _has_line_end(part: bytes) -> bool:
    return b"\r" in part or b"\n" in part
