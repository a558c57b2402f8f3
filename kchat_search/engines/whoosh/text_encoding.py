"""How the folded texts of a segment are written.

A segment has some texts for each document (`schema.TEXTS`): what its passages say, fragments of
these, and the names of its uploads. A fragment is another form of a passage, or of a part of it.
Each passage and each fragment stands behind a mark that tells the side that said it.

A segment's characters are ranked by frequency, the most frequent first. A text is written as the
ranks of its characters, in UTF-8. So the 123 most frequent characters take one byte and the next
1,920 take two; a Chinese text takes about half of what it takes in plain UTF-8 (measured on
recombined real dialogues: 0.55). UTF-8 is self-synchronising, whatever its numbers stand for:
therefore a match of bytes is always a match of characters.

The first ranks are the marks. In a string they are white space that no folded text contains
(`text.fold` leaves only blanks), so nothing that is searched for can match across two passages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.damage import Damaged
from kchat_search.models.chats import Speaker
from kchat_search.models.plan import Passage
from kchat_search.text.scripts import is_letter

MARKS: Mapping[Speaker | None, str] = {
    "visitor": "\n",
    "agent": "\r",
    "robot": "\v",
    "unknown": "\f",
    None: "\t",
}
"""What stands before each passage: by its speaker; None where nobody said it."""
FILE_MARK = "\n"
"""What stands before the name of each upload."""

_MARK_CODES = tuple(map(ord, MARKS.values()))
_SURROGATES = range(0xD800, 0xE000)
"""Numbers that UTF-8 cannot write."""

Codes = NDArray[np.uint32]
"""Code points. Shape: (characters,)."""


def arranged(passages: Sequence[Passage]) -> Sequence[Passage]:
    """Passages in the order of a text: those that nobody said come last. So the place of a message
    among all passages is its place in the chat."""
    if all(passage.speaker is not None for passage in passages):
        return passages
    return sorted(passages, key=lambda passage: passage.speaker is None)


def marked(passages: Sequence[Passage]) -> str:
    """Passages as one string, each behind its mark."""
    return "".join([MARKS[passage.speaker] + passage.text for passage in passages])


Fragment = tuple[int, str]
"""(the place of its passage among those of the document, the fragment behind that passage's
mark)."""

_FRAGMENTS_OF: Mapping[str, Callable[[Passage], Sequence[str]]] = {
    "joined": lambda passage: () if passage.hidden else passage.joined,
    "masked_joined": lambda passage: passage.joined if passage.hidden else (),
    "clear": lambda passage: (passage.hidden.clear,) if passage.hidden else (),
    "clear_joined": lambda passage: passage.hidden.joined if passage.hidden else (),
    "whole": lambda passage: tuple(filter(None, passage.hidden[2:])) if passage.hidden else (),
    "former_joined": lambda passage: passage.joined,
}
"""The fragments of a passage, by text; see `schema.TEXTS`."""


def marked_fragments(name: str, passages: Iterable[tuple[int, Passage]]) -> list[Fragment]:
    """The fragments of these passages of a document, each with its place in the text. `name`: one
    of `FRAGMENTS`."""
    fragments_of = _FRAGMENTS_OF[name]
    return [
        (place, MARKS[passage.speaker] + fragment)
        for place, passage in passages
        for fragment in fragments_of(passage)
    ]


def codes(text: str) -> Codes:
    """The code points of a string. Raises UnicodeEncodeError for lone surrogates."""
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


class TextDamaged(Damaged):
    """These bytes are not a text in this alphabet."""


class Alphabet:
    """The characters of a segment by rank.

    The *rank* of a character is its place in the order of frequency. The *number* of a character
    is what UTF-8 writes for it: its rank, or, from 0xD800 on, its rank and 2,048 more, because
    UTF-8 cannot write surrogates.
    """

    def __init__(self, characters: NDArray[np.unsignedinteger]) -> None:
        """`characters`: code points by rank, the marks first. `ranked` makes such an array."""
        self.characters = characters.astype(np.uint32)
        self._ranks: Codes | None = None
        self._number = lru_cache(maxsize=4096)(self._find_number)

    @classmethod
    def ranked(cls, counts: NDArray[np.int64]) -> Alphabet:
        """The alphabet for texts in which code point `n` occurs `counts[n]` times."""
        counts = counts.copy()
        counts[list(_MARK_CODES)] = 0
        used = np.flatnonzero(counts)
        order = used[np.argsort(-counts[used], kind="stable")]
        return cls(np.concatenate((_MARK_CODES, order)).astype(np.uint32))

    def encode(self, text: Codes) -> tuple[bytes, NDArray[np.int64]]:
        """(the text as bytes, how many bytes each character takes).

        `text`: code points, all of them in this alphabet.
        """
        if self._ranks is None:
            self._ranks = np.zeros(int(self.characters.max()) + 1, np.uint32)
            self._ranks[self.characters] = _numbers(len(self.characters))
        ranks = self._ranks[text]
        data = ranks.tobytes().decode("utf-32-le").encode()
        width = 1 + (ranks >= 0x80) + (ranks >= 0x800).astype(np.int64) + (ranks >= 0x10000)
        return data, width

    def decode(self, data: bytes) -> Codes:
        """The code points of a text. The reverse of `encode`. Raises `TextDamaged`."""
        numbers = self.numbers(data)
        ranks = numbers - np.where(numbers >= _SURROGATES.stop, len(_SURROGATES), 0)
        if len(ranks) and int(ranks.max()) >= len(self.characters):
            raise TextDamaged("a text has a character that is not in its alphabet")
        return self.characters[ranks]

    def numbers(self, data: bytes) -> Codes:
        """The number of each character of a text. Raises `TextDamaged`."""
        try:
            return codes(data.decode())
        except UnicodeDecodeError as error:
            raise TextDamaged(str(error)) from error

    @cached_property
    def letters(self) -> NDArray[np.bool_]:
        """By number: is the character one of the letters that make words?"""
        numbers = _numbers(len(self.characters))
        is_letter_by_number = np.zeros(int(numbers[-1]) + 1, np.bool_)
        is_letter_by_number[numbers] = [is_letter(chr(c)) for c in self.characters.tolist()]
        is_letter_by_number[numbers[: len(MARKS)]] = False
        return is_letter_by_number

    def needle(self, literal: str) -> bytes | None:
        """The bytes of a literal, as they stand in texts. None if some character of it occurs in
        no text of this segment; then the literal occurs nowhere."""
        numbers = [self._number(character) for character in literal]
        return None if None in numbers else "".join(map(chr, numbers)).encode()  # type: ignore[arg-type]

    def string(self, data: bytes) -> str:
        """A text as a string. Raises `TextDamaged`."""
        return self.decode(data).tobytes().decode("utf-32-le")

    def _find_number(self, character: str) -> int | None:
        """The number of a character; None if no text has it."""
        ranks = np.flatnonzero(self.characters == ord(character))
        if not len(ranks) or ranks[0] < len(MARKS):
            return None
        return int(_numbers(int(ranks[0]) + 1)[-1])


def _if_any(text: str) -> tuple[str, ...]:
    return (text,) if text else ()


def _numbers(count: int) -> Codes:
    """The numbers for the ranks 0 to `count` - 1: those that UTF-8 can write."""
    ranks = np.arange(count, dtype=np.uint32)
    return ranks + np.where(ranks >= _SURROGATES.start, np.uint32(len(_SURROGATES)), np.uint32(0))
