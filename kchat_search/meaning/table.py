"""The table: a vector for each feature, and so a vector for each text.

A text's vector is the sum of its features' rows, each by its weight, brought to unit length. Rows
are int8, 256 components each. About equal variance lies in every component, because the table was
turned by a fixed random rotation: a vector's signs alone tell much of it.

The file, little-endian: `MAGIC`; whether it is fitted on an archive (u1, 3 bytes of nothing); the
number of features (u4); all keys, ascending (u8); all idf (f4); all scales of rows (f4); all rows
(i1); the SHA-256 of all before.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kchat_search import private_files
from kchat_search.errors import TableDamaged
from kchat_search.meaning.codes import SIZE
from kchat_search.meaning.features import bags

SHIPPED = Path(__file__).parent / "shipped.table"
"""The table that comes with the package."""
MAGIC = b"kchatmt1"
"""Its last character is the version of the form."""
MOST_FEATURES = 100_000
_HEAD = struct.Struct("<8s?3xI")
_PER_FEATURE = 8 + 4 + 4 + SIZE
_SEAL = 32
_TEXTS_AT_ONCE = 128
"""So that the rows of their features stay in the processor's cache."""
_HIGHEST = 127
_LEAST_LENGTH = np.float32(1e-20)
"""So that nothing is divided by 0."""


class Meanings(NamedTuple):
    """What a table makes of some texts."""

    vectors: NDArray[np.float32]
    """Shape: (texts, `SIZE`)."""
    features: NDArray[np.int64]
    """How many features each vector is the sum of."""


class Table:
    """The rows of all features that are known, and what a row counts.

    `keys`: ascending; `idf`, `scales`: one number each; `rows`: (features, `SIZE`). A feature that
    occurs once adds `idf * scale * row` to the vector of its text.
    """

    def __init__(self, content: bytes) -> None:
        """`content`: of the file, whole and unchanged."""
        _, self.fitted, count = _HEAD.unpack_from(content)
        at = _HEAD.size
        self.keys = np.frombuffer(content, "<u8", count, at)
        self.idf = np.frombuffer(content, "<f4", count, at + 8 * count)
        self.scales = np.frombuffer(content, "<f4", count, at + 12 * count)
        self.rows = np.frombuffer(content, "i1", count * SIZE, at + 16 * count).reshape(-1, SIZE)
        self.digest = content[-_SEAL:].hex()
        """SHA-256 of the content of its file, in hex."""
        self._content = content
        self._weights = self.idf * self.scales

    @classmethod
    def made(
        cls,
        keys: NDArray[np.uint64],
        idf: NDArray[np.float32],
        vectors: NDArray[np.float32],
        *,
        fitted: bool = False,
    ) -> Table:
        """A table of these features in any order, each with its vector (features, `SIZE`).
        `fitted`: on an archive's own messages."""
        order = np.argsort(keys)
        highest = np.abs(vectors[order]).max(axis=1, initial=0)
        scales = np.where(highest > 0, highest, 1) / _HIGHEST
        rows = np.rint(vectors[order] / scales[:, None])
        content = b"".join(
            [
                _HEAD.pack(MAGIC, fitted, len(keys)),
                keys[order].astype("<u8").tobytes(),
                idf[order].astype("<f4").tobytes(),
                scales.astype("<f4").tobytes(),
                rows.astype("i1").tobytes(),
            ]
        )
        return cls(content + hashlib.sha256(content).digest())

    @classmethod
    def read(cls, path: Path) -> Table:
        """Raises `TableDamaged` where the file is missing, cut off or changed."""
        try:
            if path.stat().st_size > _most_bytes():
                raise _damaged(path, "is no table")
            content = path.read_bytes() if path.is_file() else b""
        except FileNotFoundError as error:
            raise _damaged(path, "is missing") from error
        except OSError as error:
            raise _damaged(path, f"cannot be read ({error.strerror})") from error
        if not _is_whole(content):
            raise _damaged(path, "is not as it was written")
        return cls(content)

    @classmethod
    def of(cls, content: bytes) -> Table:
        """The table of a file's content. Raises ValueError where it is not whole."""
        if not _is_whole(content):
            raise ValueError("this is no table")
        return cls(content)

    @property
    def content(self) -> bytes:
        """What its file has."""
        return self._content

    def write(self, path: Path) -> None:
        """Raises OSError."""
        private_files.replace(path, self._content)

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vector of each folded text (texts, `SIZE`), of unit length; all 0 where no feature
        of a text is known.

        Measured: 10 µs a message of 15 characters where there are thousands, 140 µs for one text.
        """
        return self.meanings(texts).vectors

    def meanings(self, texts: Sequence[str]) -> Meanings:
        """The same, and how many of each text's features are known."""
        made = np.zeros((len(texts), SIZE), np.float32)
        features = np.zeros(len(texts), np.int64)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            block = slice(start, start + _TEXTS_AT_ONCE)
            features[block] = self._sum(texts[block], made[block])
        return Meanings(made, features)

    def _sum(self, texts: Sequence[str], made: NDArray[np.float32]) -> NDArray[np.int64]:
        """Sum up each text's rows in `made`. Returns how many there are."""
        keys, counts = bags(texts)
        places = self.keys[:-1].searchsorted(keys)
        known = self.keys[places] == keys
        places = places[known]
        rows, weights = self.rows[places].astype(np.float32), self._weights[places]
        before = np.zeros(len(known) + 1, np.int64)
        known.cumsum(out=before[1:])
        ends = before[counts.cumsum()]
        start = 0
        for number, end in enumerate(ends.tolist()):  # five times faster than `np.add.reduceat`
            if end > start:
                made[number] = weights[start:end] @ rows[start:end]
            start = end
        lengths = np.sqrt((made * made).sum(axis=1, keepdims=True))
        made /= np.maximum(lengths, _LEAST_LENGTH)
        of_each: NDArray[np.int64] = np.diff(ends, prepend=0)
        return of_each


@cache
def shipped() -> Table:
    """The table that comes with the package. Raises `TableDamaged`."""
    return Table.read(SHIPPED)


def _most_bytes() -> int:
    return _HEAD.size + MOST_FEATURES * _PER_FEATURE + _SEAL


def _is_whole(content: bytes) -> bool:
    if len(content) < _HEAD.size + _SEAL or not content.startswith(MAGIC):
        return False
    _, _, count = _HEAD.unpack_from(content)
    sealed = hashlib.sha256(memoryview(content)[:-_SEAL]).digest() == content[-_SEAL:]
    return sealed and count > 0 and len(content) == _HEAD.size + count * _PER_FEATURE + _SEAL


def _damaged(path: Path, how: str) -> TableDamaged:
    then = (
        "install kchat-search again"
        if path == SHIPPED
        else "run `kchat-search reindex`, which makes a new one"
    )
    return TableDamaged(
        f"The table of meanings {path} {how}. Nothing is found by meaning; all else works: {then}."
    )
