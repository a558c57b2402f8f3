"""Snippets: which messages matched, and where in their original text.

Matches are found in the folded text. The fold's map leads back to the original text, which is
shown. The result is text and ranges; templates make HTML of it. Ranges are `[start, end)` in code
points, in ascending order, and no two of them touch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import islice
from operator import or_
from typing import NamedTuple

from kchat_search import processor_time
from kchat_search.chats.reader import Transcript
from kchat_search.models.chats import Message, Speaker
from kchat_search.models.plan import AllOf, AnyOf, Contains, HasWord, Node
from kchat_search.models.search import Snippet
from kchat_search.text.fold import Folded
from kchat_search.text.scripts import letter_runs

Needle = Contains | HasWord
"""A text that a query looks for; it is marked where it occurs."""
Range = tuple[int, int]
"""`[start, end)` in code points."""

WIDTH = 160
"""Code points of a snippet, at most."""
LEAD = 40
"""How many of them come before the first match, at most."""
MAX_MATCHES = 10_000
"""Matches that are marked in one message, at most. All needles share them, but each may have a
hundred. Nobody can use a million marks in a message of a million letters, and they would take too
much memory."""


_CHECK_EVERY = 64
"""Messages between two looks at the processor time."""
_LONG = 10_000
"""Characters. To look for one needle in a longer message takes longer than to look at the clock."""


class _Marked(NamedTuple):
    message: Message
    text: str
    """Its visible text."""
    speaker: Speaker
    ranges: tuple[Range, ...]
    needles: int
    """Which needles the message has: bit n stands for needle n."""
    has_phrase: bool = False
    """Does it have a whole phrase?"""


def needles_of(node: Node | None) -> tuple[Needle, ...]:
    """The texts that a plan looks for. What it excludes is not among them."""
    return tuple(dict.fromkeys(_leaves(node)))


def highlights(transcript: Transcript, needles: Sequence[Needle]) -> dict[int, tuple[Range, ...]]:
    """Where the needles occur in a chat: the ranges of each message that has any, by the message's
    position."""
    if not needles:
        return {}
    texts = zip(transcript.speakers, transcript.texts_with_map, strict=True)
    ranges = []
    for position, (speaker, text) in enumerate(texts):
        if not position % _CHECK_EVERY:
            processor_time.check()
        ranges.append(_find(text, speaker, needles)[0])
    positions = (message.position for message in transcript.chat.messages)
    return {position: marks for position, marks in zip(positions, ranges, strict=True) if marks}


def snippets(
    transcript: Transcript, needles: Sequence[Needle], *, phrases: Sequence[str], limit: int
) -> tuple[Snippet, ...]:
    """The messages that match best, at most `limit`, in the order of the chat.

    A message that has one of the whole `phrases` is better than others. Where the words of a query
    are spread over several messages, each word gets a message, as far as `limit` allows. A chat may
    have been found by a field, or by what it does not have. Then its first messages with text are
    shown.
    """
    if limit <= 0:
        return ()
    said = list(zip(transcript.chat.messages, transcript.visible, transcript.speakers, strict=True))
    marked = []
    needle_texts = [needle.text for needle in needles]
    for position, ((message, visible, speaker), folded) in enumerate(
        zip(said, transcript.texts_with_map, strict=True)
    ):
        if not position % _CHECK_EVERY:
            processor_time.check()
        message_text = folded.text
        for text in needle_texts:
            if text in message_text:
                break
            if len(message_text) > _LONG:
                processor_time.check()
        else:  # most messages have no needle, and this loop says so without a call
            continue
        ranges, bits = _find(folded, speaker, needles)
        if ranges:
            has_phrase = bool(phrases) and any(phrase in message_text for phrase in phrases)
            marked.append(_Marked(message, visible, speaker, ranges, bits, has_phrase))
    if not marked:
        marked = [
            _Marked(message, visible, speaker, (), 0)
            for message, visible, speaker in said
            if visible.strip()
        ]
    if len(marked) > limit:
        marked = sorted(_best(marked, limit), key=lambda m: m.message.position)
    return tuple(map(_snippet, marked))


def _best(marked: list[_Marked], limit: int) -> list[_Marked]:
    """The best messages, at most `limit`.

    First, one after the other, each message that has the most needles which the messages before it
    lack. Then those that have the most needles.
    """
    best = sorted(marked, key=_rank)
    missing = _all_needles(best)
    if _all_needles(best[:limit]) == missing:
        return best[:limit]
    chosen: list[_Marked] = []
    while missing and len(chosen) < limit:
        # If several have equally many, `max` takes the first of them, which is the best.
        gains = [
            (not chosen and candidate.has_phrase, (candidate.needles & missing).bit_count())
            for candidate in best
        ]
        chosen.append(best[gains.index(max(gains))])
        missing &= ~chosen[-1].needles
    rest = (candidate for candidate in best if not any(candidate is other for other in chosen))
    return [*chosen, *islice(rest, limit - len(chosen))]


def _rank(marked: _Marked) -> tuple[bool, int, int, int]:
    """A key that sorts the best message first."""
    return (
        not marked.has_phrase,
        -marked.needles.bit_count(),
        -_length(marked.ranges),
        marked.message.position,
    )


def _all_needles(marked: Sequence[_Marked]) -> int:
    return reduce(or_, (item.needles for item in marked), 0)


def _leaves(node: Node | None) -> Iterator[Needle]:
    match node:
        case Contains() | HasWord():
            yield node
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _leaves(part)
        case _:
            return


def _find(
    folded: Folded, speaker: Speaker, needles: Sequence[Needle]
) -> tuple[tuple[Range, ...], int]:
    """(ranges on the original text, which needles the message has: bit n stands for needle n)."""
    text = folded.text
    ranges: list[Range] = []
    bits = 0
    words: list[HasWord] = []
    most = max(100, MAX_MATCHES // max(1, len(needles)))
    for number, needle in enumerate(needles):
        if len(text) > _LONG:
            processor_time.check()
        # The text has the characters of few needles, so most of them end here.
        if needle.text not in text or needle.messages.speaker not in (None, speaker):
            continue
        if isinstance(needle, HasWord):
            words.append(needle)
        else:
            bits |= 1 << number
            ranges += _literal_ranges(text, needle.text, most)
    if words:
        present, word_ranges = _word_ranges(text, words, most)
        bits |= sum(1 << number for number, needle in enumerate(needles) if needle in present)
        ranges += word_ranges
    return (_merged(folded, ranges), bits) if ranges else ((), 0)


def _literal_ranges(text: str, literal: str, most: int) -> list[Range]:
    """Where a literal occurs, at most the first `most` times. Occurrences may overlap."""
    ranges: list[Range] = []
    start = text.find(literal)
    while start >= 0 and len(ranges) < most:
        ranges.append((start, start + len(literal)))
        start = text.find(literal, start + 1)
    return ranges


def _word_ranges(
    text: str, needles: Sequence[HasWord], most: int
) -> tuple[set[HasWord], list[Range]]:
    """(which of these words the text has, the runs of letters that match them). Each word has at
    most its first `most` runs."""
    ranges: list[Range] = []
    left = dict.fromkeys(needles, most)
    whole, beginnings = _by_text(needles, prefix=False), _by_text(needles, prefix=True)
    # Words are looked up, not compared: a query may have hundreds, a message a million.
    lengths = sorted({len(beginning) for beginning in beginnings})
    for number, (start, word) in enumerate(letter_runs(text)):
        if not number % _LONG:
            processor_time.check()
        matching = list(whole.get(word, ()))
        for length in lengths:
            matching += beginnings.get(word[:length], ()) if length <= len(word) else ()
        for needle in matching:
            if left[needle]:
                ranges.append((start, start + len(word)))
                left[needle] -= 1
    return {needle for needle in needles if left[needle] < most}, ranges


def _by_text(needles: Sequence[HasWord], *, prefix: bool) -> dict[str, list[HasWord]]:
    by_text: dict[str, list[HasWord]] = {}
    for needle in dict.fromkeys(needles):
        if needle.prefix == prefix:
            by_text.setdefault(needle.text, []).append(needle)
    return by_text


def _merged(folded: Folded, ranges: list[Range]) -> tuple[Range, ...]:
    """The ranges on the visible text, in ascending order. Ranges that touch become one."""
    if len(ranges) == 1:
        return (folded.original_range(*ranges[0]),)
    merged: list[Range] = []
    for start, end in sorted(folded.original_range(*pair) for pair in ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _length(ranges: Sequence[Range]) -> int:
    return sum(end - start for start, end in ranges)


def _snippet(marked: _Marked) -> Snippet:
    message = marked.message
    first, last = _cut(marked.text, marked.ranges)
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
        text=marked.text[first:last],
        highlights=inside,
        start=first,
        cut=last < len(marked.text),
    )


def _cut(text: str, ranges: Sequence[Range]) -> Range:
    """The part of a text that shows most of the matches, at most `WIDTH` code points long."""
    if len(text) <= WIDTH:
        return 0, len(text)
    best, most = 0, -1
    # So many ranges end before the part begins, and begin before it ends, and the characters of
    # those between. As the part moves on, the numbers only grow.
    passed = begun = inside = 0
    for start, _ in ranges[:1_000]:
        first = _first(text, start)
        last = first + WIDTH
        while begun < len(ranges) and ranges[begun][0] < last:
            inside += ranges[begun][1] - ranges[begun][0]
            begun += 1
        while ranges[passed][1] <= first:
            inside -= ranges[passed][1] - ranges[passed][0]
            passed += 1
        # Of the first and of the last of them, a part may lie outside.
        shown = inside - max(0, first - ranges[passed][0]) - max(0, ranges[begun - 1][1] - last)
        if shown > most:
            best, most = first, shown
    return best, best + WIDTH


def _first(text: str, start: int) -> int:
    """Where a part must begin to show a match that starts at `start`."""
    return max(0, min(start - LEAD, len(text) - WIDTH))
