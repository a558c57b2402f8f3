"""Which words are near one another, said once for all engines: they sound alike, or differ by one
character.

Only Han words of two to eight characters and Latin words of three to twenty letters have near
words. Numbers have none, because a number near another one is simply another number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import chain

from kchat_search.text.pinyin import readings, sound_slices

HAN_LENGTHS = range(2, 9)
LATIN_LENGTHS = range(3, 21)
_KEPT = 100_000
"""Words of which it is known whether they may be near others: documents have the same ones."""
SOUNDS_ALIKE, ONE_CHARACTER, ONE_OF_TWO = range(3)
"""How near a word is, the nearest first: it sounds alike; one character differs; one character of
only two differs."""


def may_have_near(word: str) -> bool:
    """Can there be words near this one?"""
    lengths = LATIN_LENGTHS if word.isascii() else HAN_LENGTHS
    return len(word) in lengths and max(word) <= "\uffff"


def ranked(near_by_part: Iterable[Mapping[str, tuple[int, int]]]) -> list[str]:
    """The words near a given one over all parts of an index: the nearest first, then those that the
    most documents have. `near_by_part`: for each word of each part, (how near it is, how many
    documents have it)."""
    nearest: dict[str, int] = {}
    documents: dict[str, int] = {}
    for word, (nearness, df) in chain.from_iterable(near.items() for near in near_by_part):
        nearest[word] = min(nearness, nearest.get(word, nearness))
        documents[word] = documents.get(word, 0) + df
    # Words of two characters that share only one are a last resort: «发给» is not near «发漂» if
    # there is «发票».
    most = ONE_CHARACTER if min(nearest.values(), default=0) < ONE_OF_TWO else ONE_OF_TWO
    chosen = [word for word, nearness in nearest.items() if nearness <= most]
    return sorted(chosen, key=lambda word: (nearest[word], -documents[word], word))


@lru_cache(_KEPT)
def may_be_near(word: str) -> bool:
    """Can this word of an index be near another?"""
    if not word or not may_have_near(word):
        return False
    if word.isascii():
        return "a" <= word[0] <= "z"
    return "\u4000" <= word[0] <= "\u9fff" and min(word) > "\u07ff"


def nearness(word: str, other: str) -> int | None:
    """How near a word of an index is to `word`; None if it is not. For engines that look at few
    words. Both must be such that `may_have_near` and `may_be_near`."""
    if other == word:
        return None
    if not other.isascii() and (
        _is_spelt(word, other) if word.isascii() else _sounds_alike(word, other)
    ):
        return SOUNDS_ALIKE
    if word.isascii() != other.isascii() or not _one_apart(word, other):
        return None
    return ONE_CHARACTER if len(word) > 2 else ONE_OF_TWO


def _one_apart(word: str, other: str) -> bool:
    """Do they differ by one character: changed, inserted, left out, or two neighbours swapped?"""
    if abs(len(word) - len(other)) > 1:
        return False
    common = min(len(word), len(other))
    ahead = next((n for n in range(common) if word[n] != other[n]), common)
    behind = next((n for n in range(common) if word[-1 - n] != other[-1 - n]), common)
    if len(word) != len(other):
        return ahead + behind >= common
    if ahead + behind == common - 1:
        return True
    pair = slice(ahead, ahead + 2)
    return ahead + behind == common - 2 and word[pair] == other[pair][::-1]


def _sounds_alike(word: str, other: str) -> bool:
    return len(word) == len(other) and all(
        set(readings(one)) & set(readings(its)) for one, its in zip(word, other, strict=True)
    )


def _is_spelt(letters: str, word: str) -> bool:
    """Are these letters the pinyin of a Han word?"""
    ends = {0}
    sounds: dict[int, list[tuple[int, str]]] = {}
    for start, end, sound in sound_slices(letters):
        sounds.setdefault(start, []).append((end, sound))
    for character in word:
        its = readings(character)
        ends = {end for at in ends for end, sound in sounds.get(at, ()) if sound in its}
    return len(letters) in ends
