"""Words of the index that are near another one: they sound alike, or differ by one character.

Only Han words of two to eight characters and Latin words of three to twenty letters: a number near
another is another number. Each length is a table, and each question one pass over three of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.postings import PostingsDamaged
from kchat_search.engines.whoosh.segment_file import SegmentFile
from kchat_search.text.pinyin import MAX_READINGS, readings, split_syllables

_HAN_LENGTHS = range(2, 9)
_LATIN_LENGTHS = range(3, 21)

_Rows = NDArray[np.int64]
SOUNDS_ALIKE, ONE_CHARACTER, ONE_OF_TWO = range(3)


class _Words(NamedTuple):
    """The words of one length; a row each."""

    codes: NDArray[np.uint16]
    """Code points, shape words × characters."""
    df: NDArray[np.int64]
    """How many documents have the word."""

    def named(self, places: _Rows) -> Iterator[tuple[str, int]]:
        """(word, documents) at these rows."""
        for place in places.tolist():
            yield "".join(map(chr, self.codes[place].tolist())), int(self.df[place])


class Vocabulary:
    """The words of one segment, by length; made at the first question."""

    def __init__(self, file: SegmentFile) -> None:
        self._file = file

    def near(self, word: str) -> dict[str, tuple[int, int]]:
        """By word, without `word` itself: how it is near (the lower the nearer), and how many
        documents have it, deleted ones too."""
        tables, lengths = (
            (self._latin, _LATIN_LENGTHS) if word.isascii() else (self._han, _HAN_LENGTHS)
        )
        if len(word) not in lengths or max(word) > "\uffff":
            return {}
        how = ONE_CHARACTER if len(word) > 2 else ONE_OF_TWO
        found: dict[str, tuple[int, int]] = {}
        for words in (tables.get(len(word) + step) for step in (-1, 0, 1)):
            if words is not None:
                for other, df in words.named(_one_apart(words.codes, _codes(word))):
                    found[other] = how, df
        for length, places in self._sounding_alike(word):
            for other, df in self._han[length].named(places):
                found[other] = SOUNDS_ALIKE, df
        found.pop(word, None)
        return found

    def _sounding_alike(self, word: str) -> Iterator[tuple[int, _Rows]]:
        """(length, rows of Han words of that length) that sound like this word, or whose pinyin
        it is."""
        ways: Iterable[Sequence[tuple[str, ...]]]
        if word.isascii():
            ways = ([(each,) for each in way] for way in split_syllables(word, self._known))
        else:
            ways = [[readings(character) for character in word]]
        for way in ways:
            words = self._han.get(len(way))
            if words is not None:
                yield len(way), self._sounding(words, way)

    def _sounding(self, words: _Words, way: Sequence[tuple[str, ...]]) -> _Rows:
        keep = np.ones(len(words.codes), np.bool_)
        for place, wanted in enumerate(way):
            numbers = [_number(each) for each in wanted] or [-1]
            keep &= np.isin(self._sounds[words.codes[:, place]], numbers).any(axis=1)
        return np.flatnonzero(keep)

    @cached_property
    def _han(self) -> dict[int, _Words]:
        data, starts, lengths, df = self._terms
        # E4 to E9 begin the characters from U+4000 to U+9FFF; Latin words have no such byte.
        han = (data[starts] >= 0xE4) & (data[starts] <= 0xE9)
        found = {}
        for length in _HAN_LENGTHS:
            rows = np.flatnonzero(han & (lengths == 3 * length))
            octets = data[starts[rows][:, None] + np.arange(3 * length)].reshape(-1, length, 3)
            lead, second, third = np.moveaxis(octets.astype(np.uint16), 2, 0)
            codes = (lead & 15) << 12 | (second & 63) << 6 | third & 63
            found[length] = _Words(codes.astype(np.uint16), df[rows])
        return found

    @cached_property
    def _latin(self) -> dict[int, _Words]:
        data, starts, lengths, df = self._terms
        letters = (data[starts] >= ord("a")) & (data[starts] <= ord("z"))
        found = {}
        for length in _LATIN_LENGTHS:
            rows = np.flatnonzero(letters & (lengths == length))
            codes = data[starts[rows][:, None] + np.arange(length)]
            ascii_ = (codes < 0x80).all(axis=1)
            found[length] = _Words(codes[ascii_].astype(np.uint16), df[rows[ascii_]])
        return found

    @property
    def _terms(self) -> tuple[NDArray[np.uint8], _Rows, _Rows, NDArray[np.int64]]:
        """(the terms joined, where each begins, how long it is, how many documents have it)."""
        ends = self._file.arrays["words.ends"].astype(np.int64)
        data: NDArray[np.uint8] = self._file.arrays["words.terms"]
        if len(ends) and int(ends.max()) > len(data):
            raise PostingsDamaged("a word ends behind the last one")
        lengths = np.diff(ends, prepend=0)
        some = lengths > 0
        df = self._file.arrays["words.df"].astype(np.int64)
        return data, (ends - lengths)[some], lengths[some], df[some]

    @cached_property
    def _sounds(self) -> NDArray[np.int64]:
        """The sounds of every character that some word has, by code point; -2 for none."""
        found = np.full((1 << 16, MAX_READINGS), -2, np.int64)
        for code in self._characters:
            numbers = [_number(each) for each in readings(chr(code))]
            found[code, : len(numbers)] = numbers
        return found

    @cached_property
    def _known(self) -> frozenset[str]:
        """Every sound that some word has."""
        return frozenset(chain.from_iterable(readings(chr(code)) for code in self._characters))

    @property
    def _characters(self) -> NDArray[np.uint16]:
        """The code points of every character that some Han word has, each once."""
        return np.unique(np.concatenate([words.codes.ravel() for words in self._han.values()]))


def ranked(found: Iterable[Mapping[str, tuple[int, int]]]) -> list[str]:
    """What is near in all segments: nearest first, then what the most documents have."""
    nearest: dict[str, int] = {}
    documents: dict[str, int] = {}
    for word, (how, df) in chain.from_iterable(each.items() for each in found):
        nearest[word] = min(how, nearest.get(word, how))
        documents[word] = documents.get(word, 0) + df
    # Half of a word of two is little: «发给» is not near «发漂» where there is «发票».
    most = ONE_CHARACTER if min(nearest.values(), default=0) < ONE_OF_TWO else ONE_OF_TWO
    near = [word for word, how in nearest.items() if how <= most]
    return sorted(near, key=lambda word: (nearest[word], -documents[word], word))


def _one_apart(codes: NDArray[np.uint16], word: NDArray[np.uint16]) -> _Rows:
    """The rows that differ from a word by one character: changed, put in, left out, or two
    neighbours that changed places."""
    length = codes.shape[1]
    common = min(length, len(word))
    ahead = (codes[:, :common] == word[:common]).cumprod(axis=1).sum(axis=1)
    behind = (codes[:, ::-1][:, :common] == word[::-1][:common]).cumprod(axis=1).sum(axis=1)
    if length != len(word):
        return np.flatnonzero(ahead + behind >= common)
    one = ahead + behind == length - 1
    two = np.flatnonzero(ahead + behind == length - 2)
    first = ahead[two]
    swapped = (codes[two, first] == word[first + 1]) & (codes[two, first + 1] == word[first])
    return np.union1d(np.flatnonzero(one), two[swapped])


def _codes(word: str) -> NDArray[np.uint16]:
    return np.array([ord(character) for character in word], np.uint16)


def _number(syllable: str) -> int:
    """A syllable of at most seven letters as a number."""
    return int.from_bytes(syllable.encode())
