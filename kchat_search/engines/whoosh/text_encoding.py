"""The folded texts as a column: every message of a document, each behind a mark of who said it.

A segment's characters are ranked, the most frequent first, and a text is written as its ranks in
UTF-8: so the 124 commonest characters take one byte, the next 1,920 two, and a Chinese text
half of what it takes in UTF-8 (measured over recombined real dialogues: 0.55). UTF-8 is
self-synchronising whatever its numbers stand for: a match of bytes is a match of characters.

The first ranks are the marks. In a string they are white space that no folded text contains
(`text.fold` leaves only blanks), so nothing that is looked for can match across two messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from kchat_search.models.chats import Speaker
from kchat_search.text.scripts import is_letter

MARKS = {"visitor": "\n", "agent": "\r", "robot": "\v", "unknown": "\f"}
"""Before each message: who said it."""
FILE_MARK = "\n"
"""Before the name of each upload."""

_MARK_CODES = tuple(map(ord, MARKS.values()))
_SURROGATES = range(0xD800, 0xE000)
"""Numbers that UTF-8 has no form for."""

Codes = NDArray[np.uint32]
"""Code points."""


def joined(texts: Sequence[tuple[Speaker, str]]) -> str:
    """The messages of a document as one string, each behind its mark."""
    return "".join(MARKS[speaker] + text for speaker, text in texts)


def codes(text: str) -> Codes:
    """The code points of a string. Raises UnicodeEncodeError for lone surrogates."""
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


class TextDamaged(Exception):
    """The bytes of a text are none that this alphabet writes."""


class Alphabet:
    """A segment's characters by rank."""

    def __init__(self, characters: NDArray[np.unsignedinteger]) -> None:
        """`characters`: code points by rank, the marks first; as `ranked` gives them."""
        self.characters = characters.astype(np.uint32)
        self._ranks: Codes | None = None
        self.rank = lru_cache(maxsize=4096)(self._rank)

    @classmethod
    def ranked(cls, counts: NDArray[np.int64]) -> Alphabet:
        """By how often each code point (the index) occurs."""
        counts = counts.copy()
        counts[list(_MARK_CODES)] = 0
        used = np.flatnonzero(counts)
        order = used[np.argsort(-counts[used], kind="stable")]
        return cls(np.concatenate((_MARK_CODES, order)).astype(np.uint32))

    def encode(self, text: Codes) -> tuple[bytes, NDArray[np.int64]]:
        """(a text of these characters as bytes, how many bytes each character takes)."""
        if self._ranks is None:
            self._ranks = np.zeros(int(self.characters.max()) + 1, np.uint32)
            self._ranks[self.characters] = _numbers(len(self.characters))
        ranks = self._ranks[text]
        data = ranks.tobytes().decode("utf-32-le").encode()
        width = 1 + (ranks >= 0x80) + (ranks >= 0x800).astype(np.int64) + (ranks >= 0x10000)
        return data, width

    def decode(self, data: bytes) -> Codes:
        """From bytes back to code points. Raises `TextDamaged`."""
        numbers = self.numbers(data)
        ranks = numbers - np.where(numbers >= _SURROGATES.stop, len(_SURROGATES), 0)
        if len(ranks) and int(ranks.max()) >= len(self.characters):
            raise TextDamaged("a text has a character that is not in its alphabet")
        return self.characters[ranks]

    def numbers(self, data: bytes) -> Codes:
        """The numbers that stand for the characters of some bytes. Raises `TextDamaged`."""
        try:
            return codes(data.decode())
        except UnicodeDecodeError as error:
            raise TextDamaged(str(error)) from error

    @cached_property
    def letters(self) -> NDArray[np.bool_]:
        """By number: is the character a letter, of those that make words?"""
        numbers = _numbers(len(self.characters))
        found = np.zeros(int(numbers[-1]) + 1, np.bool_)
        found[numbers] = [is_letter(chr(code)) for code in self.characters.tolist()]
        found[numbers[: len(MARKS)]] = False
        return found

    def needle(self, literal: str) -> bytes | None:
        """A literal as it stands in texts; None where a character of it is in none."""
        ranks = [self.rank(character) for character in literal]
        return None if None in ranks else "".join(map(chr, ranks)).encode()  # type: ignore[arg-type]

    def string(self, data: bytes) -> str:
        """A text as a string."""
        return self.decode(data).tobytes().decode("utf-32-le")

    def _rank(self, character: str) -> int | None:
        found = np.flatnonzero(self.characters == ord(character))
        if not len(found) or found[0] < len(MARKS):
            return None
        return int(_numbers(int(found[0]) + 1)[-1])


def _numbers(count: int) -> Codes:
    """The numbers that stand for ranks 0, 1, 2 ...: those that UTF-8 can write."""
    ranks = np.arange(count, dtype=np.uint32)
    return ranks + np.where(ranks >= _SURROGATES.start, np.uint32(len(_SURROGATES)), np.uint32(0))
