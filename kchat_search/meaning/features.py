"""What of a text its vector is made from: characters, pairs of neighbours, and Latin runs.

Every letter of a script without case (Han, kana, Hangul, Thai ...) is a feature, and so is every
pair of such neighbours. Every run of other letters and digits is one feature, whole. All else
separates: white space, marks, pictures, and what stands for hidden digits and letters.

A feature is a number, its key: the code point of a character; both code points of a pair, and bit
62; 62 bits of the BLAKE2 hash of a run, and bit 63.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_CHARACTERS = 512
"""So many characters of a text say what it means, at most."""
PAIR, RUN = 1 << 62, 1 << 63
_BITS = 21
"""Of a code point."""
_UNKNOWN, _SEPARATOR, _LETTER, _IN_RUN = 0, 1, 2, 3
_WITHOUT_CASE = ("Lo", "Lm", "Mc", "Mn", "Nl")
"""Categories of Unicode: letters, vowels that join them, 々, 〇."""
_END = "\n"
"""Stands before and after each text: it is in no folded text."""


class Bags(NamedTuple):
    """The features of some texts."""

    keys: NDArray[np.uint64]
    """Of all texts, end to end; a feature that a text has twice stands there twice."""
    counts: NDArray[np.int64]
    """How many keys each text has."""


def bags(texts: Sequence[str]) -> Bags:
    """The features of each folded text, of its first `MOST_CHARACTERS` characters."""
    cut = [text[:MOST_CHARACTERS] for text in texts]
    joined = _END.join(["", *cut, ""])
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = _kinds(points)
    # What begins at a character stands in two places of its own: itself or its run, and its pair.
    keys = np.zeros((len(points), 2), np.uint64)
    letters = kinds == _LETTER
    keys[letters, 0] = points[letters]
    pairs = (letters[:-1] & letters[1:]).nonzero()[0]
    first, second = keys[pairs, 0], keys[pairs + 1, 0]
    keys[pairs, 1] = first << np.uint64(_BITS) | second | np.uint64(PAIR)
    in_run = kinds == _IN_RUN
    edges = ((in_run[1:] != in_run[:-1]).nonzero()[0] + 1).tolist()  # beginnings and ends
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        keys[start, 0] = run_key(joined[start:end])
    flat = keys.ravel()
    (there,) = flat.nonzero()
    borders = 2 * np.cumsum([1, *(len(text) + 1 for text in cut)])
    return Bags(flat[there], np.diff(there.searchsorted(borders)))


@lru_cache(maxsize=16_384)
def run_key(run: str) -> int:
    """The key of a run of letters with case, and digits."""
    digest = blake2b(run.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") & (PAIR - 1) | RUN


@cache
def _known_kinds() -> NDArray[np.uint8]:
    """The kind of each code point, once it was seen."""
    return np.zeros(0x110000, np.uint8)


def _kinds(points: NDArray[np.uint32]) -> NDArray[np.uint8]:
    known = _known_kinds()
    kinds = known[points]
    if not kinds.all():
        for point in np.unique(points[kinds == _UNKNOWN]).tolist():
            known[point] = _kind(chr(point))
        kinds = known[points]
    return kinds


def _kind(character: str) -> int:
    category = unicodedata.category(character)
    if category in _WITHOUT_CASE:
        return _LETTER
    return _IN_RUN if category[0] in "LN" else _SEPARATOR
