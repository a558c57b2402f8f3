"""Snippets: the messages that matched best, and the reply to the best of the visitor's.

Text and ranges of the visible text; templates make HTML of it. Ranges are `[start, end)` in code
points, in ascending order, and no two of them touch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import reduce
from itertools import islice
from operator import or_
from typing import NamedTuple

from kchat_search.chats.former import FormerTranscript
from kchat_search.chats.reader import Transcript
from kchat_search.models.search import Snippet
from kchat_search.search.marks import Needle, Range, marked

WIDTH = 160
"""Code points of a snippet, at most."""
LEAD = 40
"""How many of them come before the first match, at most."""
REPLY_FROM = 2
"""With so many snippets or more, the reply comes besides them. Who asks for one wants one line."""


class _Candidate(NamedTuple):
    at: int
    """Which message of the transcript."""
    ranges: tuple[Range, ...] = ()
    needles: int = 0
    """Which needles the message has: bit n stands for needle n."""
    has_phrase: bool = False
    """Does it have a whole phrase?"""


def snippets(
    transcript: Transcript,
    needles: Sequence[Needle],
    *,
    phrases: Sequence[str],
    limit: int,
    read_former: Callable[[], FormerTranscript] | None = None,
    as_seen: Callable[[Transcript], Transcript] = lambda transcript: transcript,
) -> tuple[Snippet, ...]:
    """The messages that match best, at most `limit`, in the order of the chat; and from
    `REPLY_FROM` on, the reply to the best one of the visitor's, whether or not it matches.

    A message that has one of the whole `phrases` is better than others. Where the words of a query
    are spread over several messages, each word gets a message, as far as `limit` allows. A chat may
    have been found by a field, or by what it does not have. Then its first messages with text are
    shown.

    `read_former` gives what the chat said before. Where some needle is in no message now, the best
    former messages that have it follow; the others leave room for them. `as_seen`: from them to
    what may be shown of them, as `transcript` is already.
    """
    if limit <= 0:
        return ()
    found = _candidates(transcript, needles, phrases)
    former: tuple[Snippet, ...] = ()
    if read_former is not None:
        missing = (1 << len(needles)) - 1 & ~_all_needles(found)
        if missing:
            past = read_former()
            seen = as_seen(past)
            former = tuple(
                dataclasses.replace(_snippet(seen, one), former=past.former[one.at].version)
                for one in _best_former(seen, needles, phrases, missing, limit)
            )
        limit -= len(former)
        if former and (not found or not limit):
            return former
    return _present(transcript, found, limit) + former


def one_message(transcript: Transcript, at: int) -> Snippet:
    """A message as a snippet of its own, without marks."""
    return _snippet(transcript, _Candidate(at))


def asked_and_answered(transcript: Transcript, at: int) -> tuple[Snippet, ...]:
    """A message of the visitor without marks, and the reply to it, if there is one."""
    return _with_reply(transcript, [_Candidate(at)], ())


def _candidates(
    transcript: Transcript, needles: Sequence[Needle], phrases: Sequence[str]
) -> list[_Candidate]:
    texts = transcript.texts_with_map
    return [
        _Candidate(index, ranges, bits, any(phrase in texts[index].text for phrase in phrases))
        for index, ranges, bits in marked(transcript, needles)
    ]


def _best_former(
    transcript: Transcript,
    needles: Sequence[Needle],
    phrases: Sequence[str],
    missing: int,
    limit: int,
) -> list[_Candidate]:
    """The best former messages that have some of the `missing` needles, at most `limit`; each
    needle that is in the one before needs no other."""
    found = _candidates(transcript, needles, phrases)
    chosen: list[_Candidate] = []
    for candidate in sorted(found, key=_rank):
        if candidate.needles & missing and len(chosen) < limit:
            chosen.append(candidate)
            missing &= ~candidate.needles
    return chosen


def _present(transcript: Transcript, found: list[_Candidate], limit: int) -> tuple[Snippet, ...]:
    """The best of the messages that the chat has now, and the reply."""
    if not found:
        with_text = (i for i, visible in enumerate(transcript.visible) if visible.strip())
        return tuple(_snippet(transcript, _Candidate(index)) for index in islice(with_text, limit))
    chosen = _best(found, limit) if len(found) > limit else sorted(found, key=_rank)
    if limit >= REPLY_FROM:
        return _with_reply(transcript, chosen, found)
    return tuple(_snippet(transcript, one) for one in sorted(chosen, key=lambda one: one.at))


def _with_reply(
    transcript: Transcript, chosen: list[_Candidate], found: Sequence[_Candidate]
) -> tuple[Snippet, ...]:
    """The chosen messages, the best first, and the reply, in the order of the chat. `found`: all
    messages with marks."""
    reply = _reply(transcript, chosen)
    if reply is not None and all(candidate.at != reply for candidate in chosen):
        chosen = [*chosen, next((c for c in found if c.at == reply), _Candidate(reply))]
    return tuple(
        _snippet(transcript, candidate, reply=candidate.at == reply)
        for candidate in sorted(chosen, key=lambda candidate: candidate.at)
    )


def _reply(transcript: Transcript, chosen: Sequence[_Candidate]) -> int | None:
    """The first message by an agent or a robot that follows the best one of the visitor's; None
    where there is none. `chosen`: the best messages."""
    speakers = transcript.speakers
    asked = [c for c in chosen if speakers[c.at] == "visitor"]
    if not asked:
        return None
    best = min(asked, key=_rank).at
    for index in range(best + 1, len(speakers)):
        if speakers[index] in ("agent", "robot") and transcript.visible[index].strip():
            return index
    return None


def _best(found: list[_Candidate], limit: int) -> list[_Candidate]:
    """The best messages, at most `limit`.

    First, one after the other, each message that has the most needles which the messages before it
    lack. Then those that have the most needles.
    """
    best = sorted(found, key=_rank)
    missing = _all_needles(best)
    if _all_needles(best[:limit]) == missing:
        return best[:limit]
    chosen: list[_Candidate] = []
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


def _rank(candidate: _Candidate) -> tuple[bool, int, int, int]:
    """A key that sorts the best message first."""
    return (
        not candidate.has_phrase,
        -candidate.needles.bit_count(),
        -_length(candidate.ranges),
        candidate.at,
    )


def _all_needles(found: Sequence[_Candidate]) -> int:
    return reduce(or_, (item.needles for item in found), 0)


def _length(ranges: Sequence[Range]) -> int:
    return sum(end - start for start, end in ranges)


def _snippet(transcript: Transcript, candidate: _Candidate, *, reply: bool = False) -> Snippet:
    message = transcript.chat.messages[candidate.at]
    text = transcript.visible[candidate.at]
    first, last = shown_part(text, candidate.ranges)
    inside = tuple(
        (max(start, first) - first, min(end, last) - first)
        for start, end in candidate.ranges
        if start < last and end > first
    )
    return Snippet(
        message_id=message.id,
        position=message.position,
        name=message.name,
        speaker=transcript.speakers[candidate.at],
        created_at=message.created_at,
        text=text[first:last],
        highlights=inside,
        start=first,
        cut=last < len(text),
        reply=reply,
    )


def shown_part(text: str, ranges: Sequence[Range]) -> Range:
    """[start, end) of the part of a text that shows most of the matches, at most `WIDTH` code
    points long."""
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
