"""Sets of chat ids as a text: how hot questions and saved searches keep their chats."""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable
from itertools import accumulate, pairwise


def packed(ids: Iterable[int]) -> str:
    """Some 2 characters an id: the differences, compressed. `ids` ascend."""
    differences = [b - a for a, b in pairwise((0, *ids))]
    return b64encode(zlib.compress(",".join(map(str, differences)).encode())).decode()


def unpacked(text: str) -> tuple[int, ...]:
    """What `packed` was given."""
    content = zlib.decompress(b64decode(text)).decode()
    return tuple(accumulate(map(int, content.split(",")))) if content else ()
