"""Snippets: which messages matched, and where, on the original text.

Found on the folded text, shown on the original: the fold's map leads back. Text and ranges only;
templates make HTML. Ranges are `[start, end)` in code points, ascending, apart from one another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kchat_search.models.chats import Chat, Message, Side
from kchat_search.models.query import (
    AllOf,
    AnyOf,
    Contains,
    HasWord,
    Node,
    Snippet,
)
from kchat_search.text.fold import Folded, fold_many_with_map, fold_with_map
from kchat_search.text.scripts import words

Needle = Contains | HasWord
Range = tuple[int, int]

WIDTH = 160
"""Code points of a snippet, at most."""
LEAD = 40
"""Of these, before the first match."""
MAX_PLACES = 10_000
"""Looked at in one message, shared by all that is looked for (but each has a hundred): nobody can
use a million marks in a message of a million letters, and no service has the memory for them."""


@dataclass(frozen=True, slots=True)
class _Marked:
    message: Message
    side: Side
    ranges: tuple[Range, ...]
    needles: int
    """How many different needles the message has."""


def needles(node: Node | None) -> tuple[Needle, ...]:
    """What is looked for in the text; what is excluded is not."""
    return tuple(dict.fromkeys(_needles(node)))


def highlights(text: str, side: Side, wanted: Sequence[Needle]) -> tuple[Range, ...]:
    """Where the needles stand in a message of this side."""
    return _find(fold_with_map(text), side, wanted)[0]


def snippets(
    chat: Chat, sides: Sequence[Side], wanted: Sequence[Needle], limit: int
) -> tuple[Snippet, ...]:
    """The messages that match best, in the order of the chat; where the chat was not found by its
    text (but by a field, or by what it lacks) the first that have text."""
    if limit <= 0:
        return ()
    said = list(zip(chat.messages, sides, strict=True))
    marked = []
    texts = fold_many_with_map([message.text for message in chat.messages]) if wanted else ()
    for (message, side), folded in zip(said, texts, strict=False):
        ranges, found = _find(folded, side, wanted)
        if ranges:
            marked.append(_Marked(message, side, ranges, found))
    if not marked:
        marked = [_Marked(message, side, (), 0) for message, side in said if message.text.strip()]
    best = sorted(marked, key=lambda m: (-m.needles, -_length(m.ranges), m.message.position))
    shown = sorted(best[:limit], key=lambda m: m.message.position)
    return tuple(_snippet(each) for each in shown)


def _needles(node: Node | None) -> Iterator[Needle]:
    match node:
        case Contains() | HasWord():
            yield node
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _needles(part)
        case _:
            return


def _find(
    folded: Folded, side: Side, wanted: Sequence[Needle]
) -> tuple[tuple[Range, ...], int]:
    """(ranges on the original, number of different needles found)."""
    plain = folded.text
    concerned = [n for n in wanted if n.side in (None, side)]
    # Characters that are not there are the rule: most messages are done with here.
    literals = [n for n in concerned if isinstance(n, Contains) and n.text in plain]
    whole = [n for n in concerned if isinstance(n, HasWord) and n.text in plain]
    places = _literals(plain, literals) + _words(plain, whole)
    ranges = [each for _, each in places]
    if not ranges:
        return (), 0
    return _merged(folded, ranges), len({needle for needle, _ in places})


def _literals(text: str, needles: Sequence[Contains]) -> list[tuple[Needle, Range]]:
    """Where these literals stand, all of which are there."""
    places: list[tuple[Needle, Range]] = []
    for needle in needles:
        start = -1
        for _ in range(_share(needles)):
            start = text.find(needle.text, start + 1)
            if start < 0:
                break
            places.append((needle, (start, start + len(needle.text))))
    return places


def _words(text: str, needles: Sequence[HasWord]) -> list[tuple[Needle, Range]]:
    """Where runs of letters are these words, or begin with them."""
    places: list[tuple[Needle, Range]] = []
    if not needles:
        return places
    left = dict.fromkeys(needles, _share(needles))
    beginnings = tuple({needle.text for needle in needles})
    for start, word in words(text):
        if word.startswith(beginnings):
            for needle in [n for n in left if _is(word, n)]:
                places.append((needle, (start, start + len(word))))
                left[needle] -= 1
                if not left[needle]:
                    del left[needle]
    return places


def _share(needles: Sequence[Needle]) -> int:
    return max(100, MAX_PLACES // max(1, len(needles)))


def _is(word: str, needle: HasWord) -> bool:
    return word.startswith(needle.text) if needle.prefix else word == needle.text


def _merged(folded: Folded, ranges: list[Range]) -> tuple[Range, ...]:
    """On the original, ascending; those that touch are one."""
    out: list[Range] = []
    for start, end in sorted(folded.original(*each) for each in ranges):
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
        side=marked.side,
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
