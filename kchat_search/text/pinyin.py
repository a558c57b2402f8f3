"""How Han characters sound: for «did you mean», never for what matches."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache

MAX_READINGS = 2
"""Readings of a character that count, the usual ones first; the rest are rare or old."""
_MAX_SYLLABLE_LENGTH = 6
_MAX_SPLITS = 32

_NASAL = re.compile(r"(?<=[aei])ng$")


@lru_cache(8_192)
def readings(character: str) -> tuple[str, ...]:
    """The sounds of a character, at most two; none where it is not Han. Tones are left out, and so
    is what many speakers and typists do not tell apart: zh and z, ch and c, sh and s, -ng and -n.
    """
    # Readings of whole words are not asked for; without them the library takes 13 MB, not 57.
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "1")
    from pypinyin import Style, pinyin  # noqa: PLC0415  # 0.1 s, and most searches find something

    found = pinyin(character, heteronym=True, style=Style.NORMAL, errors="ignore")
    return tuple(dict.fromkeys(map(merge_similar_sounds, found[0] if found else ())))[:MAX_READINGS]


def merge_similar_sounds(syllable: str) -> str:
    """A syllable of toneless pinyin without the differences that `readings` leaves out."""
    first = syllable[:1] + syllable[2:] if syllable[:2] in ("zh", "ch", "sh") else syllable
    return _NASAL.sub("n", first)


def split_syllables(letters: str, known: frozenset[str]) -> Iterator[tuple[str, ...]]:
    """The ways in which letters are pinyin: as sounds, each one of `known`; at most 32 of them."""
    found = 0
    waiting: list[tuple[int, tuple[str, ...]]] = [(0, ())]
    while waiting and found < _MAX_SPLITS:
        place, before = waiting.pop()
        if place == len(letters):
            found += 1
            yield before
            continue
        for end in range(place + 1, min(place + _MAX_SYLLABLE_LENGTH, len(letters)) + 1):
            here = merge_similar_sounds(letters[place:end])
            if here in known:
                waiting.append((end, (*before, here)))
