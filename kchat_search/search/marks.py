"""Marks: where the messages of a chat have the texts that a query looks for.

Matches are found in the folded visible text, and an unquoted text in its joined form too. The maps
of both lead back to the visible text. A text with whole private numbers is found where a masked
transcript hides them, and then all of each number is marked. Ranges are `[start, end)` in code
points of the visible text, in ascending order, and no two of them touch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from kchat_search import processor_time
from kchat_search.chats.reader import MAX_MARKED, Transcript
from kchat_search.models.plan import (
    EVERYWHERE,
    WHOLE_BEGINS,
    AllOf,
    AnyOf,
    Contains,
    HasWord,
    Messages,
    Near,
    Node,
)
from kchat_search.text.fold import Folded
from kchat_search.text.joined import Fragment, joined, may_have_joint
from kchat_search.text.scripts import letter_runs

Needle = Contains | HasWord | Near
"""What a query looks for in messages; it is marked where it occurs."""
Range = tuple[int, int]
"""`[start, end)` in code points."""

MAX_MATCHES = 10_000
"""Matches that are marked in one message, at most. All needles share them, but each may have a
hundred. Nobody can use a million marks in a message of a million letters, and they would take too
much memory."""

_CHECK_EVERY = 64
"""Messages between two looks at the processor time."""
_LONG = 10_000
"""Characters. To look for one needle in a longer message takes longer than to look at the clock."""
_JOINED_AT_ONCE = 2_000
"""Characters of a message that are joined at once. To join takes longer than all else."""
_SEPARATORS = str.maketrans("", "", " -(),，+")
"""What a joined form is without, at most."""


class Marked(NamedTuple):
    """A message that has some of the needles."""

    at: int
    """Which message of the transcript."""
    ranges: tuple[Range, ...]
    needles: int
    """Which needles it has: bit n stands for needle n."""


def needles_of(node: Node | None) -> tuple[Needle, ...]:
    """The texts that a plan looks for. What it excludes is not among them."""
    return tuple(dict.fromkeys(_leaves(node)))


def marked(transcript: Transcript, needles: Sequence[Needle]) -> Iterator[Marked]:
    """The messages that have any of the needles, in order."""
    if not needles:
        return
    texts = [text for needle in needles for text in _texts(needle)]
    asks_whole = any(WHOLE_BEGINS in text for text in texts)
    most = max(100, MAX_MATCHES // len(needles))
    joinable = [needle.text for needle in needles if isinstance(needle, Contains) and needle.joined]
    for index, folded in enumerate(transcript.texts_with_map):
        if not index % _CHECK_EVERY:
            processor_time.check()
        message_text = folded.text
        for text in texts:
            if text in message_text:
                break
            if len(message_text) > _LONG:
                processor_time.check()
        else:  # most messages have no needle, and this loop says so without a call
            if (
                not (joinable and _may_have_joined(message_text, joinable))
                and not (asks_whole and transcript.with_whole_numbers(index))
                and not (joinable and transcript.fragments(index))
            ):
                continue
        ranges, bits = _Message(transcript, index, folded).find(needles, most)
        if ranges:
            yield Marked(index, ranges, bits)


def highlights(transcript: Transcript, needles: Sequence[Needle]) -> dict[int, tuple[Range, ...]]:
    """Where the needles occur in a chat: the ranges of each message that has any, by the message's
    position."""
    messages = transcript.chat.messages
    return {messages[one.at].position: one.ranges for one in marked(transcript, needles)}


def _leaves(node: Node | None) -> Iterator[Needle]:
    match node:
        case Contains() | HasWord() | Near():
            yield node
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _leaves(part)
        case _:
            return


def _texts(needle: Needle) -> tuple[str, ...]:
    return needle.texts if isinstance(needle, Near) else (needle.text,)


def _may_have_joined(text: str, wanted: Iterable[str]) -> bool:
    """May the joined form of a text have one of these? A look that costs next to nothing: most
    texts lack a character of what is wanted."""
    squeezed: str | None = None
    for each in wanted:
        from_abroad = each[0] == "0" and "86" in text  # it becomes the 0 of an area code
        if each[-1] not in text or (each[0] not in text and not from_abroad):
            continue
        if squeezed is None:
            squeezed = _squeezed(text)
        if each in squeezed or (from_abroad and each[1:] in squeezed):
            return len(squeezed) < len(text) or from_abroad
    return False


def _has_more_joined(text: str, squeezed: str, wanted: str, literal: int) -> bool:
    """May the joined form of a text have `wanted` more often than the `literal` times that it
    stands there letter for letter? A look that costs little. `squeezed`: see `_squeezed`."""
    if wanted[0] == "0" and "86" in text and wanted[1:] in squeezed:
        return True  # +86 becomes the 0 of an area code
    return len(_literal_ranges(squeezed, wanted, literal + 1)) > literal


def _squeezed(text: str) -> str:
    """The text without anything that may go; "" where nothing goes, as in nearly all texts."""
    return text.translate(_SEPARATORS) if may_have_joint(text) else ""


class _Message:
    """One message, in which needles are looked for."""

    def __init__(self, transcript: Transcript, index: int, folded: Folded) -> None:
        self._transcript = transcript
        self._index = index
        self._folded = folded
        self._squeezed: str | None = None

    def find(self, needles: Sequence[Needle], most: int) -> tuple[tuple[Range, ...], int]:
        """(ranges on the visible text, at most about `most` a needle; which needles the message
        has)."""
        text = self._folded.text
        ranges: list[Range] = []
        on_visible: list[Range] = []
        bits = 0
        words: list[HasWord] = []
        is_long = len(text) > _LONG
        for number, needle in enumerate(needles):
            if is_long:
                processor_time.check()
            if needle.messages is not EVERYWHERE and not self._is_among(needle.messages):
                continue
            if any(WHOLE_BEGINS in wanted for wanted in _texts(needle)):
                ranges_of_whole = self._whole_numbers(needle, most)
                bits |= bool(ranges_of_whole) << number
                on_visible += ranges_of_whole
                continue
            if isinstance(needle, Contains):
                found = self._containing(needle, most)
            elif isinstance(needle, HasWord):
                if needle.text in text:
                    words.append(needle)
                continue
            else:
                found = self._near(needle, most)
            if found:
                bits |= 1 << number
                ranges += found
        if words:
            present, word_ranges = _word_ranges(text, words, most)
            bits |= sum(1 << number for number, needle in enumerate(needles) if needle in present)
            ranges += word_ranges
        return _merged(self._folded, ranges, on_visible), bits

    def _is_among(self, messages: Messages) -> bool:
        """Is it one of the messages that a needle is looked for in?"""
        if messages.speaker not in (None, self._transcript.speakers[self._index]):
            return False
        if messages.senders and self._transcript.senders[self._index] not in messages.senders:
            return False
        if messages.start is None and messages.end is None:
            return True
        moment = self._transcript.chat.messages[self._index].created_at
        if moment is None:
            return False
        said = int(moment.timestamp())
        after_start = messages.start is None or said >= messages.start
        return after_start and (messages.end is None or said < messages.end)

    def _containing(self, needle: Contains, most: int) -> list[Range]:
        """Where the message has a text, letter for letter or joined."""
        text = self._folded.text
        # The text has the characters of few needles, so most of them end here.
        found = _literal_ranges(text, needle.text, most) if needle.text in text else []
        if needle.joined and len(found) < most:
            fragments = self._transcript.fragments(self._index)
            if fragments is not None:
                return found + _in_fragments(fragments, needle.text, most - len(found))
            if self._squeezed is None:
                self._squeezed = _squeezed(text)
            if self._squeezed and _has_more_joined(text, self._squeezed, needle.text, len(found)):
                found += self._joined(needle.text, most - len(found))
        return found

    def _whole_numbers(self, needle: Needle, most: int) -> list[Range]:
        """Where the message has a text with whole private numbers, in the visible text."""
        whole = self._transcript.with_whole_numbers(self._index)
        if whole is None:
            return []
        inner = _Message(self._transcript, self._index, whole)
        if isinstance(needle, Near):
            found = inner._near(needle, most)
        else:
            found = _literal_ranges(whole.text, needle.text, most)
        return [whole.original_range(*each) for each in found]

    def _joined(self, wanted: str, most: int) -> list[Range]:
        """Where the joined form has a text, in the folded text."""
        text = self._folded.text
        if len(text) <= _JOINED_AT_ONCE:
            visible = self._transcript.visible[self._index][:MAX_MARKED]
            return _joined_ranges(text, visible, wanted, most)
        ranges: list[Range] = []
        for start in range(0, len(text), _JOINED_AT_ONCE):
            processor_time.check()
            # A little more, so that a match may lie over the end.
            piece = text[start : start + _JOINED_AT_ONCE + 4 * len(wanted)]
            found = _joined_ranges(piece, piece, wanted, most - len(ranges))
            ranges += [(start + first, start + last) for first, last in found]
            if len(ranges) >= most:
                break
        return ranges

    def _near(self, needle: Near, most: int) -> list[Range]:
        """Where texts that are near one another lie, if all of them are."""
        text = self._folded.text
        if not all(each in text for each in needle.texts):
            return []
        places = sorted(
            (start, end, each)
            for each in dict.fromkeys(needle.texts)
            for start, end in _literal_ranges(text, each, most)
        )
        found: list[Range] = []
        group: list[tuple[int, int, str]] = []
        reach = 0
        for place in [*places, (len(text) + needle.distance + 1, 0, "")]:
            if group and place[0] - reach > needle.distance:
                if {each for _, _, each in group} >= set(needle.texts):
                    found += [(start, end) for start, end, _ in group]
                group = []
            reach = max(reach, place[1]) if group else place[1]
            group.append(place)
        return found


def _literal_ranges(text: str, literal: str, most: int) -> list[Range]:
    """Where a literal occurs, at most the first `most` times. Occurrences may overlap."""
    ranges: list[Range] = []
    start = text.find(literal)
    while start >= 0 and len(ranges) < most:
        ranges.append((start, start + len(literal)))
        start = text.find(literal, start + 1)
    return ranges


def _joined_ranges(text: str, visible: str, wanted: str, most: int) -> list[Range]:
    """Where a folded text has `wanted` in its joined form, at most the first `most` times."""
    if most <= 0 or not _may_have_joined(text, [wanted]):
        return []
    return _in_fragments(joined(text, visible), wanted, most)


def _in_fragments(fragments: Iterable[Fragment], wanted: str, most: int) -> list[Range]:
    """Where a folded text has `wanted` in these fragments of its joined form."""
    return [
        fragment.folded_range(start, end)
        for fragment in fragments
        for start, end in _literal_ranges(fragment.text, wanted, most)
    ][:most]


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


def _merged(
    folded: Folded, ranges: Sequence[Range], on_visible: Sequence[Range] = ()
) -> tuple[Range, ...]:
    """The ranges on the visible text, in ascending order. Ranges that touch become one."""
    if len(ranges) == 1 and not on_visible:
        return (folded.original_range(*ranges[0]),)
    merged: list[Range] = []
    on_visible = [*on_visible, *(folded.original_range(*pair) for pair in ranges)]
    for start, end in sorted(on_visible):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
