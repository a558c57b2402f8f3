"""Words of the index that are near a given one: see `engines/nearness.py`.

The words of each length form a table. Each question is one pass over three tables: the same length,
one less, one more.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.nearness import (
    HAN_LENGTHS,
    LATIN_LENGTHS,
    ONE_CHARACTER,
    ONE_OF_TWO,
    SOUNDS_ALIKE,
    may_have_near,
)
from kchat_search.engines.whoosh.postings import PostingsDamaged
from kchat_search.engines.whoosh.segment_file import SegmentFile
from kchat_search.text.pinyin import MAX_READINGS, readings, sound_slices

_Rows = NDArray[np.int64]
"""Rows of a table of words. Shape: (rows,)."""


class _Words(NamedTuple):
    """A table of the words of one length, a row for each."""

    codes: NDArray[np.uint16]
    """Code points. Shape: (words, characters)."""
    ordinals: NDArray[np.int64]
    """The ordinal of each among the terms of `words`. Shape: (words,)."""

    def named(self, rows: _Rows) -> Iterator[tuple[str, int]]:
        """(word, its ordinal) of these rows."""
        for row in rows.tolist():
            yield "".join(map(chr, self.codes[row].tolist())), int(self.ordinals[row])


class Vocabulary:
    """The words of one segment, by length. The tables are made at the first question."""

    def __init__(self, file: SegmentFile) -> None:
        self._file = file

    def near(self, word: str) -> dict[str, tuple[int, int]]:
        """The words near `word`, without itself. For each: how near it is (`SOUNDS_ALIKE` ...), and
        its ordinal. Deleted documents' words are among them. Raises `PostingsDamaged`."""
        if not may_have_near(word):
            return {}
        tables = self._latin if word.isascii() else self._han
        nearness = ONE_CHARACTER if len(word) > 2 else ONE_OF_TWO
        near: dict[str, tuple[int, int]] = {}
        for words in (tables.get(len(word) + step) for step in (-1, 0, 1)):
            if words is not None:
                for other, ordinal in words.named(_one_apart(words.codes, _codes(word))):
                    near[other] = nearness, ordinal
        sounding_alike = self._spelt if word.isascii() else self._sounding
        for words, rows in sounding_alike(word):
            for other, ordinal in words.named(rows):
                near[other] = SOUNDS_ALIKE, ordinal
        near.pop(word, None)
        return near

    def _sounding(self, word: str) -> Iterator[tuple[_Words, _Rows]]:
        """(a table, its rows) of the Han words that sound like this one."""
        words = self._han.get(len(word))
        if words is None:
            return
        keep = np.ones(len(words.codes), np.bool_)
        for place, character in enumerate(word):
            numbers = [_number(syllable) for syllable in readings(character)] or [-1]
            keep &= np.isin(self._sounds[words.codes[:, place]], numbers).any(axis=1)
        yield words, np.flatnonzero(keep)

    def _spelt(self, letters: str) -> Iterator[tuple[_Words, _Rows]]:
        """(a table, its rows) of the Han words whose pinyin these letters are, for each table.

        It goes through the words character by character. For each word it knows where in `letters`
        the characters so far may end, as bits of a number. So whether a word is found depends on no
        other word. Cost: few words have a first character that fits.
        """
        slices = list(sound_slices(letters))
        numbers = np.unique([_number(sound) for _, _, sound in slices])
        # By place in the letters and by sound: where that sound ends. The last sound is any other.
        ends = np.zeros((len(letters), len(numbers) + 1), np.int64)
        for start, end, sound in slices:
            ends[start, np.searchsorted(numbers, _number(sound))] |= 1 << end
        sounds = self._sounds[self._characters]
        places = np.searchsorted(numbers, sounds)
        places[~np.isin(sounds, numbers)] = len(numbers)
        sound_of = np.full(self._sounds.shape, len(numbers))
        sound_of[self._characters] = places
        for words in self._han.values():
            rows = np.arange(len(words.codes))
            reached = np.ones(len(rows), np.int64)
            for codes in words.codes.T:
                further = np.zeros(len(rows), np.int64)
                for start in range(len(letters)):
                    here = np.flatnonzero(reached >> start & 1)
                    ends_here = ends[start][sound_of[codes[rows[here]]]]
                    further[here] |= np.bitwise_or.reduce(ends_here, axis=1)
                rows, reached = rows[further > 0], further[further > 0]
            yield words, rows[reached >> len(letters) & 1 == 1]

    @cached_property
    def _han(self) -> dict[int, _Words]:
        """The tables of Han words, by length in characters."""
        data, starts, lengths, ordinals = self._terms
        # In UTF-8, U+4000 to U+9FFF begin with the bytes E4 to E9. No Latin word has these bytes.
        han = (data[starts] >= 0xE4) & (data[starts] <= 0xE9)
        tables = {}
        for length in HAN_LENGTHS:
            rows = np.flatnonzero(han & (lengths == 3 * length))
            octets = data[starts[rows][:, None] + np.arange(3 * length)].reshape(-1, length, 3)
            lead, second, third = np.moveaxis(octets.astype(np.uint16), 2, 0)
            codes = (lead & 15) << 12 | (second & 63) << 6 | third & 63
            tables[length] = _Words(codes.astype(np.uint16), ordinals[rows])
        return tables

    @cached_property
    def _latin(self) -> dict[int, _Words]:
        """The tables of Latin words, by length in letters."""
        data, starts, lengths, ordinals = self._terms
        letters = (data[starts] >= ord("a")) & (data[starts] <= ord("z"))
        tables = {}
        for length in LATIN_LENGTHS:
            rows = np.flatnonzero(letters & (lengths == length))
            codes = data[starts[rows][:, None] + np.arange(length)]
            ascii_ = (codes < 0x80).all(axis=1)
            tables[length] = _Words(codes[ascii_].astype(np.uint16), ordinals[rows[ascii_]])
        return tables

    @property
    def _terms(self) -> tuple[NDArray[np.uint8], _Rows, _Rows, NDArray[np.int64]]:
        """(the words in UTF-8 end to end; where each begins, its length in bytes, its ordinal).
        Raises `PostingsDamaged`."""
        ends = self._file.arrays["words.ends"].astype(np.int64)
        data: NDArray[np.uint8] = self._file.arrays["words.terms"]
        if len(ends) and int(ends.max()) > len(data):
            raise PostingsDamaged("a word ends behind the last one")
        lengths = np.diff(ends, prepend=0)
        not_empty = np.flatnonzero(lengths)
        return data, (ends - lengths)[not_empty], lengths[not_empty], not_empty

    @cached_property
    def _sounds(self) -> NDArray[np.int64]:
        """How each character of the words may be read: numbers of syllables; -2 fills up. Shape:
        (code points, readings)."""
        sounds = np.full((1 << 16, MAX_READINGS), -2, np.int64)
        for code in self._characters:
            numbers = [_number(syllable) for syllable in readings(chr(code))]
            sounds[code, : len(numbers)] = numbers
        return sounds

    @cached_property
    def _characters(self) -> NDArray[np.uint16]:
        """The code points of all characters of the Han words, each once."""
        return np.unique(np.concatenate([words.codes.ravel() for words in self._han.values()]))


def _one_apart(codes: NDArray[np.uint16], word: NDArray[np.uint16]) -> _Rows:
    """The rows that differ from `word` (code points) by one character: changed, inserted, left out,
    or two neighbours swapped."""
    length = codes.shape[1]
    common = min(length, len(word))
    ahead = (codes[:, :common] == word[:common]).cumprod(axis=1).sum(axis=1)
    behind = (codes[:, ::-1][:, :common] == word[::-1][:common]).cumprod(axis=1).sum(axis=1)
    if length != len(word):
        return np.flatnonzero(ahead + behind >= common)
    one_differs = ahead + behind == length - 1
    two_differ = np.flatnonzero(ahead + behind == length - 2)
    first = ahead[two_differ]
    swapped = codes[two_differ, first] == word[first + 1]
    swapped &= codes[two_differ, first + 1] == word[first]
    return np.union1d(np.flatnonzero(one_differs), two_differ[swapped])


def _codes(word: str) -> NDArray[np.uint16]:
    return np.array([ord(character) for character in word], np.uint16)


def _number(syllable: str) -> int:
    """A syllable of at most seven letters, as a number."""
    return int.from_bytes(syllable.encode())
