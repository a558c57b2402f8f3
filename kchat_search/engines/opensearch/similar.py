"""Words of the index that are near a given one: see `engines.nearness`.

The server is asked for all words of a pattern in which every near word lies, and how many of the
chats that are seen have each. Which of them are near is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from kchat_search.engines.nearness import HAN_LENGTHS, may_have_near, nearness, ranked
from kchat_search.engines.opensearch.mapping import SEPARATOR, Json
from kchat_search.engines.opensearch.queries import every, restriction
from kchat_search.engines.opensearch.snapshot import Snapshot
from kchat_search.models.plan import Sight
from kchat_search.text.pinyin import readings, sound_slices

_MOST = 20_000
"""Words that one question looks at."""
_SPECIAL = frozenset('.?+*|{}[]()"\\#@&<>~^-')


def similar(snapshot: Snapshot, sight: Sight, word: str, limit: int) -> tuple[str, ...]:
    """See `ports.IndexReader.similar`."""
    if not word or not may_have_near(word):
        return ()
    pattern = "|".join(dict.fromkeys(_patterns(word)))
    body: Json = {
        "query": every([restriction(sight), {"regexp": {"vocabulary": {"value": pattern}}}]),
        "size": 0,
        "aggs": {"near": {"terms": {"field": "vocabulary", "include": pattern, "size": _MOST}}},
    }
    buckets = snapshot.search(body)["aggregations"]["near"]["buckets"]
    near = {}
    for bucket in buckets:
        other = _forwards(bucket["key"])
        how = nearness(word, other)
        if how is not None:
            near[other] = how, int(bucket["doc_count"])
    return tuple(ranked([near])[:limit])


def _forwards(term: str) -> str:
    """The word of a term of `vocabulary`."""
    return term[:0:-1] if term.startswith(SEPARATOR) else term


def _patterns(word: str) -> Iterator[str]:
    """Patterns of Lucene; every word that is near this one fits one of them, forwards or
    backwards. None begins with any character."""
    letters = [_quoted(character) for character in word]
    for unknown in (letters[::-1], letters[:0:-1]):
        yield f"{SEPARATOR}{''.join(unknown)}."
    for at in range(len(letters) + 1):
        before, behind = "".join(letters[:at]), "".join(letters[at:])
        if at:
            yield f"{before}.{behind}"
        if at < len(letters):
            rest = "".join(letters[at + 1 :])
            if at:
                yield f"{before}.{rest}"
            yield f"{before}{rest}"
            if at + 1 < len(letters):
                yield f"{before}{letters[at + 1]}{letters[at]}{''.join(letters[at + 2 :])}"
    yield from _spelt(word) if word.isascii() else _sounding(word)


def _sounding(word: str) -> Iterator[str]:
    """The words that sound like this one."""
    classes = [_class(set(readings(character))) for character in word]
    if all(classes):
        yield "".join(classes)


def _spelt(letters: str) -> Iterator[str]:
    """The Han words whose first and last character sound as these letters begin and end."""
    slices = list(sound_slices(letters))
    first = _class({sound for start, _, sound in slices if not start})
    last = _class({sound for _, end, sound in slices if end == len(letters)})
    if first and last:
        yield f"{first}.{{0,{HAN_LENGTHS.stop - 3}}}{last}"


def _class(sounds: set[str]) -> str:
    """A class of all characters that are read in one of these ways; «» where none is."""
    found = "".join(sorted({c for sound in sounds for c in _by_sound().get(sound, "")}))
    return f"[{found}]" if found else ""


@cache
def _by_sound() -> dict[str, str]:
    """All Han characters that may be read so, by sound. Takes some tenths of a second, once."""
    found: dict[str, list[str]] = {}
    for code in range(0x4000, 0xA000):
        for sound in readings(chr(code)):
            found.setdefault(sound, []).append(chr(code))
    return {sound: "".join(characters) for sound, characters in found.items()}


def _quoted(character: str) -> str:
    return f"\\{character}" if character in _SPECIAL else character
