"""How much one answer of Kchat may be, and telling that before the memory is taken.

63 KB of gzip can hold 64 MB of `[],`, from which Python would make objects of 2.7 GB. So three
things are bounded: the bytes that an answer unpacks to, its objects and lists, and all its values.
The bytes are unpacked a piece at a time, and the values are counted before any is made.

The bounds, and what they allow: a message has some 9 to 20 fields, so 20 to 50 values (a key counts
too) in one or two objects, and 300 to 700 bytes. A chat with 20,000 messages has up to 1,000,000
values and 14 MB, a page of 1,000 chats with 50 messages each 2,500,000 and 35 MB. A page beyond the
bounds is asked for in smaller parts (`sync.large_page`), so only a single
chat that is beyond them is refused.

There is no bound of the ratio: the same blank a million times is a message that people send. The
other bounds hold whatever the ratio is.
"""

from __future__ import annotations

import re
import zlib
from typing import NamedTuple

MAX_BODY = 64 << 20
"""Bytes of one answer, unpacked."""
MAX_CONTAINERS = 250_000
"""Objects and lists of one answer. An empty one takes 56 bytes, one with a single value up to 240,
so they take at most 60 MB."""
MAX_VALUES = 3_000_000
"""Values of one answer: objects, lists, keys and all others. A short text takes some 80 bytes and
its place in a list 8, so they take at most 260 MB."""
HEAVY_BYTES = 8 << 20
HEAVY_VALUES = 400_000
"""An answer with more bytes or values is read while no other such answer is. A page of 100 chats
with 50 messages each has 250,000 values."""
_MAX_MEMBERS = 64
"""How many gzip files an answer may consist of. Servers send one."""
_GZIP = 16 + zlib.MAX_WBITS
_AT_ONCE = 1 << 18
"""Bytes in which values are counted at once."""


_HEAD = 1000
_FIRST_ID = re.compile(
    r'\s*\{\s*"chats"\s*:\s*(?:\[|\{\s*"[0-9]{1,18}"\s*:)\s*\{\s*"id"\s*:\s*([1-9][0-9]{0,17})\s*[,}]'
)


class Amount(NamedTuple):
    """How much JSON text has."""

    containers: int
    values: int

    @property
    def too_much(self) -> str | None:
        """Which bound it is beyond; None if it is within them."""
        if self.containers > MAX_CONTAINERS:
            return f"has more than {MAX_CONTAINERS:,} objects and lists"
        if self.values > MAX_VALUES:
            return f"has more than {MAX_VALUES:,} values"
        return None


def amount(body: bytes | bytearray) -> Amount:
    """How many containers and values the JSON text `body` has at most.

    A short body is not looked at: a container takes two bytes. In others, commas and brackets
    within texts are counted too if that does not exceed the bounds, which costs less than 1 % of
    reading the answer. Else the texts are left out, and counting ends where a bound is exceeded.
    Cost: linear, some 100 MB a second.
    """
    if len(body) <= 2 * MAX_CONTAINERS:
        return Amount(len(body) // 2, len(body))
    quick = _counted(body)
    return quick if quick.too_much is None else _amount_without_texts(body)


def _counted(part: bytes | bytearray) -> Amount:
    containers = part.count(b"[") + part.count(b"{")
    return Amount(containers, containers + part.count(b",") + part.count(b":"))


def _amount_without_texts(body: bytes | bytearray) -> Amount:
    total, place, within = Amount(0, 0), 0, False
    while place < len(body) and total.too_much is None:
        part = _next_part(body, place)
        place += len(part)
        # Once the escapes are gone, every quote begins or ends a text.
        pieces = part.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        counted = _counted(b"".join(pieces[within::2]))
        total = Amount(total.containers + counted.containers, total.values + counted.values)
        within ^= len(pieces) % 2 == 0
    return total


def _next_part(body: bytes | bytearray, place: int) -> bytes | bytearray:
    """The part that begins at `place`. It does not end between a backslash and what follows it."""
    part = body[place : place + _AT_ONCE]
    backslashes = len(part) - len(part.rstrip(b"\\"))
    return part[:-1] if backslashes % 2 and len(part) > 1 else part


def first_id(body: bytes | bytearray) -> int | None:
    """The id of the first chat of a list that is too long to be read, if that begins with it."""
    found = _FIRST_ID.match(body[:_HEAD].decode("latin-1"))
    return int(found[1]) if found else None


class Unpacking:
    """The body of an answer, unpacked piece by piece; never more than `limit` bytes of it."""

    def __init__(self, coding: str, limit: int) -> None:
        """`coding`: the header Content-Encoding. Raises ValueError for one that was not asked for:
        only gzip is."""
        name = coding.strip().lower()
        if name not in ("", "identity", "gzip", "x-gzip"):
            raise ValueError(f"it is encoded as {coding[:40]!r}, which was not asked for")
        self.body = bytearray()
        self._limit = limit
        self._gzip = zlib.decompressobj(_GZIP) if "gzip" in name else None
        self._members = 1

    @property
    def too_long(self) -> bool:
        """The body is longer than the limit."""
        return len(self.body) > self._limit

    @property
    def cut_short(self) -> bool:
        """More must follow: the gzip file has not ended."""
        return self._gzip is not None and not self._gzip.eof

    def add(self, piece: bytes) -> None:
        """Unpack another piece, until the body is longer than the limit. Raises zlib.error."""
        if self._gzip is None:
            self.body += piece[: self._limit + 1 - len(self.body)]
            return
        while piece and not self.too_long:
            if self._gzip.eof:
                if self._members == _MAX_MEMBERS or not piece.startswith(b"\x1f"):
                    return  # what follows a gzip file is no part of it
                self._members += 1
                self._gzip = zlib.decompressobj(_GZIP)
            self.body += self._gzip.decompress(piece, self._limit + 1 - len(self.body))
            piece = self._gzip.unconsumed_tail or self._gzip.unused_data
