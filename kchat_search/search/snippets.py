"""Snippets: which messages matched, and where, on the original text.

Found on the folded text, shown on the original: the fold's map leads back. Text and ranges only;
templates make HTML. Ranges are `[start, end)` in code points, ascending, apart from one another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import islice
from operator import or_
from typing import NamedTuple

from kchat_search.chats.reader import Transcript
from kchat_search.models.chats import Message, Speaker
from kchat_search.models.plan import AllOf, AnyOf, Contains, HasWord, Node
from kchat_search.models.search import Snippet
from kchat_search.text.fold import Folded
from kchat_search.text.scripts import letter_runs

Needle = Contains | HasWord
Range = tuple[int, int]

WIDTH = 160
"""Code points of a snippet, at most."""
LEAD = 40
"""Of these, before the first match."""
MAX_PLACES = 10_000
"""Looked at in one message, shared by all that is looked for (but each has a hundred): nobody can
use a million marks in a message of a million letters, and no service has the memory for them."""


class _Marked(NamedTuple):
    message: Message
    speaker: Speaker
    ranges: tuple[Range, ...]
    needles: int
    """Which needles the message has: a bit each."""
    whole: bool = False
    """Does it have a whole phrase?"""


def needles_of(node: Node | None) -> tuple[Needle, ...]:
    """What is looked for in the text; what is excluded is not."""
    return tuple(dict.fromkeys(_walk(node)))


def highlights(transcript: Transcript, wanted: Sequence[Needle]) -> dict[int, tuple[Range, ...]]:
    """Where the needles stand in a chat: by the position of each message that has one, its ranges
    in code points."""
    if not wanted:
        return {}
    texts = zip(transcript.speakers, transcript.texts_with_map, strict=True)
    ranges = [_find(text, speaker, wanted)[0] for speaker, text in texts]
    positions = (message.position for message in transcript.chat.messages)
    return {position: found for position, found in zip(positions, ranges, strict=True) if found}


def snippets(
    transcript: Transcript, wanted: Sequence[Needle], *, phrases: Sequence[str], limit: int
) -> tuple[Snippet, ...]:
    """The messages that match best, in the order of the chat; where the chat was not found by its
    text (but by a field, or by what it lacks) the first that have text. `phrases`: whole
    phrases; a message that has one is better. Where words are spread, each has its message as far
    as `limit` goes."""
    if limit <= 0:
        return ()
    said = list(zip(transcript.chat.messages, transcript.speakers, strict=True))
    marked = []
    looked_for = [needle.text for needle in wanted]
    for (message, speaker), folded in zip(said, transcript.texts_with_map, strict=True):
        plain = folded.text
        for text in looked_for:
            if text in plain:
                break
        else:  # most messages have nothing: that is told before anything is called
            continue
        ranges, found = _find(folded, speaker, wanted)
        if ranges:
            whole = bool(phrases) and any(phrase in folded.text for phrase in phrases)
            marked.append(_Marked(message, speaker, ranges, found, whole))
    if not marked:
        marked = [
            _Marked(message, speaker, (), 0) for message, speaker in said if message.text.strip()
        ]
    if len(marked) > limit:
        marked = sorted(_best(marked, limit), key=lambda m: m.message.position)
    return tuple(_snippet(each) for each in marked)


def _best(marked: list[_Marked], limit: int) -> list[_Marked]:
    """At most `limit`: first, one after the other, those that have most of what those before have
    not; then those that have most."""
    best = sorted(marked, key=_worth)
    missing = _all(best)
    if _all(best[:limit]) == missing:
        return best[:limit]
    chosen: list[_Marked] = []
    while missing and len(chosen) < limit:
        # Of those with equally many, the first: `max` keeps the order of `best`.
        chosen.append(
            max(best, key=lambda m: (not chosen and m.whole, (m.needles & missing).bit_count()))
        )
        missing &= ~chosen[-1].needles
    rest = (each for each in best if not any(each is one for one in chosen))
    return [*chosen, *islice(rest, limit - len(chosen))]


def _worth(marked: _Marked) -> tuple[bool, int, int, int]:
    """Sorts what is worth most first."""
    return (
        not marked.whole,
        -marked.needles.bit_count(),
        -_length(marked.ranges),
        marked.message.position,
    )


def _all(marked: Sequence[_Marked]) -> int:
    return reduce(or_, (each.needles for each in marked), 0)


def _walk(node: Node | None) -> Iterator[Needle]:
    match node:
        case Contains() | HasWord():
            yield node
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _walk(part)
        case _:
            return


def _find(
    folded: Folded, speaker: Speaker, wanted: Sequence[Needle]
) -> tuple[tuple[Range, ...], int]:
    """(ranges on the original, which of the needles are there: a bit each)."""
    plain = folded.text
    ranges: list[Range] = []
    found = 0
    whole: list[HasWord] = []
    for number, needle in enumerate(wanted):
        # Characters that are not there are the rule: most needles are done with here.
        if needle.text not in plain or needle.speaker not in (None, speaker):
            continue
        if isinstance(needle, HasWord):
            whole.append(needle)
        else:
            found |= 1 << number
            ranges += _literal(plain, needle.text, _share(wanted))
    if whole:
        words_found, places = _words(plain, whole, _share(wanted))
        found |= sum(1 << number for number, n in enumerate(wanted) if n in words_found)
        ranges += places
    return (_merged(folded, ranges), found) if ranges else ((), 0)


def _literal(text: str, literal: str, most: int) -> list[Range]:
    """Where a literal stands, from the beginning on, overlapping itself too."""
    places: list[Range] = []
    start = text.find(literal)
    while start >= 0 and len(places) < most:
        places.append((start, start + len(literal)))
        start = text.find(literal, start + 1)
    return places


def _words(text: str, needles: Sequence[HasWord], most: int) -> tuple[set[HasWord], list[Range]]:
    """(which of these words are there, where runs of letters are or begin with them)."""
    places: list[Range] = []
    left = dict.fromkeys(needles, most)
    beginnings = tuple({needle.text for needle in needles})
    for start, word in letter_runs(text):
        if word.startswith(beginnings):
            for needle in [n for n in left if _is(word, n)]:
                places.append((start, start + len(word)))
                left[needle] -= 1
                if not left[needle]:
                    del left[needle]
    return {needle for needle in needles if left.get(needle, 0) < most}, places


def _share(needles: Sequence[Needle]) -> int:
    return max(100, MAX_PLACES // max(1, len(needles)))


def _is(word: str, needle: HasWord) -> bool:
    return word.startswith(needle.text) if needle.prefix else word == needle.text


def _merged(folded: Folded, ranges: list[Range]) -> tuple[Range, ...]:
    """On the original, ascending; those that touch are one."""
    if len(ranges) == 1:
        return (folded.original_range(*ranges[0]),)
    out: list[Range] = []
    for start, end in sorted(folded.original_range(*each) for each in ranges):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return tuple(out)


def _length(ranges: Sequence[Range]) -> int:
    return sum(end - start for start, end in ranges)


def _snippet(marked: _Marked) -> Snippet:
    message = marked.message
    first, last = _cut(message.text, marked.ranges)
    inside = tuple(
        (max(start, first) - first, min(end, last) - first)
        for start, end in marked.ranges
        if start < last and end > first
    )
    return Snippet(
        message_id=message.id,
        position=message.position,
        name=message.name,
        speaker=marked.speaker,
        created_at=message.created_at,
        text=message.text[first:last],
        highlights=inside,
        start=first,
        cut=last < len(message.text),
    )


def _cut(text: str, ranges: Sequence[Range]) -> Range:
    """The stretch of at most `WIDTH` code points that shows most of the match."""
    if len(text) <= WIDTH:
        return 0, len(text)
    best, most = 0, -1
    behind = 0  # ranges before this one end before the stretch; it only moves on
    for start, _ in ranges[:1_000]:
        first = _first(text, start)
        last = first + WIDTH
        while ranges[behind][1] <= first:
            behind += 1
        # They are apart from one another, so no more of them have room.
        near = ranges[behind : behind + WIDTH // 2 + 1]
        inside = sum(min(e, last) - max(s, first) for s, e in near if s < last)
        if inside > most:
            best, most = first, inside
    return best, best + WIDTH


def _first(text: str, start: int) -> int:
    """Where a stretch begins that shows what starts here."""
    return max(0, min(start - LEAD, len(text) - WIDTH))
