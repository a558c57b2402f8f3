"""Checks the bytes of an index against their checksums, a part at a time.

A position names a segment, an offset in its file, and the checksum so far of the array there. So it
can be kept as a string, and the next part can be read much later and by another process. Segments
come in the order of their names, which never change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, Self

from kchat_search.engines.whoosh.segment import Segment
from kchat_search.engines.whoosh.snapshot import chat_in_two_documents
from kchat_search.models.reports import IndexCheck

_POSITION = re.compile("([0-9a-z-]{1,64}) ([0-9]{1,15}) ([0-9]{1,10})")


class _Position(NamedTuple):
    segment: str
    offset: int
    crc: int

    @classmethod
    def of(cls, text: str) -> Self:
        """The beginning, for a text that is no position."""
        match = _POSITION.fullmatch(text)
        return cls(match[1], int(match[2]), int(match[3])) if match else cls("", 0, 0)

    def __str__(self) -> str:
        return " ".join(map(str, self))


def check(segments: Mapping[str, Segment], position: str, max_bytes: int) -> IndexCheck:
    """Read about `max_bytes` bytes of these segments (by name) from `position` on."""
    begin = _Position.of(position)
    read = 0
    for name in sorted(segments):
        if name < begin.segment:
            continue
        file = segments[name].file.arrays
        offset, crc = (begin.offset, begin.crc) if name == begin.segment else (0, 0)
        checked = file.check(offset, crc, max_bytes - read)
        read += checked.read
        if checked.damage is not None or checked.offset < file.size:
            where = _Position(name, checked.offset, checked.crc)
            return IndexCheck(str(where), read, checked.damage)
        unsound = segments[name].file.unsound()
        if unsound is not None:
            return IndexCheck(None, read, unsound)
    twice = chat_in_two_documents(segments.values())
    damage = None if twice is None else f"chat {twice} is in it twice"
    return IndexCheck(None, read, damage)
