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
from kchat_search.text.fold import Folded, fold, fold_with_map
from kchat_search.text.scripts import Kind, runs

Needle = Contains | HasWord
Range = tuple[int, int]

WIDTH = 160
"""Code points of a snippet, at most."""
LEAD = 40
"""Of these, before the first match."""


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
    return _find(text, side, wanted)[0]


def snippets(
    chat: Chat, sides: Sequence[Side], wanted: Sequence[Needle], limit: int
) -> tuple[Snippet, ...]:
    """The messages that match best, in the order of the chat; without any needle (a search by
    filters alone) the first that have text."""
    if limit <= 0:
        return ()
    marked = []
    for message, side in zip(chat.messages, sides, strict=True):
        ranges, found = _find(message.text, side, wanted)
        if ranges or (not wanted and message.text.strip()):
            marked.append(_Marked(message, side, ranges, found))
        if not wanted and len(marked) == limit:
            break
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


def _find(text: str, side: Side, wanted: Sequence[Needle]) -> tuple[tuple[Range, ...], int]:
    """(ranges on the original, number of different needles found)."""
    concerned = [n for n in wanted if n.side in (None, side)]
    if not concerned or not text:
        return (), 0
    plain = fold(text)
    ranges: list[Range] = []
    found = 0
    for needle in concerned:
        here = list(_occurrences(plain, needle))
        found += bool(here)
        ranges.extend(here)
    if not ranges:
        return (), 0
    folded = fold_with_map(text)  # only now: the map costs more than the text
    return _merged(folded, ranges), found


def _occurrences(text: str, needle: Needle) -> Iterator[Range]:
    if isinstance(needle, Contains):
        start = text.find(needle.text)
        while start >= 0:
            yield start, start + len(needle.text)
            start = text.find(needle.text, start + 1)
        return
    if needle.text not in text:
        return
    position = 0
    for run in runs(text):
        same = run.text.startswith if needle.prefix else run.text.__eq__
        if run.kind is Kind.LETTERS and same(needle.text):
            yield position, position + len(run.text)
        position += len(run.text)


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
    for start, _ in ranges[:200]:  # a message of one letter has as many ranges as letters
        inside = _length(
            [(s, min(e, start + WIDTH)) for s, e in ranges if start <= s < start + WIDTH]
        )
        if inside > most:
            best, most = start, inside
    first = max(0, min(best - LEAD, len(text) - WIDTH))
    return first, first + WIDTH
