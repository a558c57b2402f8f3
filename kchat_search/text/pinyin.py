"""How Han characters sound. Used for «did you mean» and to complete names, never for matching."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache

MAX_READINGS = 2
"""How many readings of a character count. The most usual come first; the others are rare or old."""
_MAX_SYLLABLE_LENGTH = 6

_NASAL = re.compile(r"(?<=[aei])ng$")


@lru_cache(8_192)
def readings(character: str) -> tuple[str, ...]:
    """The sounds of a character in pinyin: at most `MAX_READINGS`, the most usual first, none where
    the character is not Han.

    Tones are left out. So are the differences that many speakers and typists do not make: zh and z,
    ch and c, sh and s, -ng and -n.
    """
    # Readings of whole words are not needed. Without them the library takes 13 MB, not 57 MB.
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "1")
    from pypinyin import Style, pinyin  # noqa: PLC0415  # takes 0.1 s; most searches need no pinyin

    all_readings = pinyin(character, heteronym=True, style=Style.NORMAL, errors="ignore")
    sounds = map(merge_similar_sounds, all_readings[0] if all_readings else ())
    return tuple(dict.fromkeys(sounds))[:MAX_READINGS]


def merge_similar_sounds(syllable: str) -> str:
    """A syllable of pinyin without tone, in one form for the sounds that `readings` does not
    distinguish."""
    first = syllable[:1] + syllable[2:] if syllable[:2] in ("zh", "ch", "sh") else syllable
    return _NASAL.sub("n", first)


def begins(text: str, letters: str) -> bool:
    """Do these letters begin a text in pinyin? Of each syllable, its first letters will do: «lil»
    and «ll» begin «李雷». What is no Han stands for itself. The letters are in the form of
    `readings`."""
    reached = {0}
    for character in text.replace(" ", ""):
        if len(letters) in reached or not reached:
            break
        reached = {
            at + length
            for at in reached
            for sound in readings(character) or (character,)
            for length in range(1, len(sound) + 1)
            if letters.startswith(sound[:length], at)
        }
    return len(letters) in reached


def sound_slices(letters: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, sound) of each part of `letters` that is short enough for a syllable of pinyin.
    The sounds are in the form of `merge_similar_sounds`."""
    for start in range(len(letters)):
        for end in range(start + 1, min(start + _MAX_SYLLABLE_LENGTH, len(letters)) + 1):
            yield start, end, merge_similar_sounds(letters[start:end])
