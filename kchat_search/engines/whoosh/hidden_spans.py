"""Where in a passage stands what not everybody sees.

Of a passage that hides something, `text` has all that everybody sees. So of its other two forms
(`clear`, `whole`) only those grams are indexed that have a hidden character in them: what has none
stands in `text` too, in the same passage. This keeps the index small, because most of such a
passage is seen by everybody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from kchat_search.models.plan import HIDDEN_DIGIT, HIDDEN_LETTER, WHOLE_BEGINS, WHOLE_ENDS

Span = tuple[int, int]
"""A range of characters: start, end."""

_HIDDEN = re.compile(f"[{HIDDEN_DIGIT}{HIDDEN_LETTER}]+")
_NUMBER = re.compile(f"{WHOLE_BEGINS}[^{WHOLE_ENDS}]*{WHOLE_ENDS}?")


def in_clear(text: str, clear: str) -> Iterator[Span]:
    """The ranges of the passage in clear that lie between what `text` shows of it, in order. One
    without characters has those beside it.

    What is shown is looked for in order, each piece as early as can be, the last one at the end. If
    there are several ways to lay `text` over `clear`, all of them serve: what lies in none of the
    ranges stands in `text`. All of it is one range if there is no way, as for a recalled text.
    """
    for start, end in _between(_HIDDEN.split(text), clear) or [(0, len(clear))]:
        yield (start, end) if start < end else (max(0, start - 1), min(len(clear), end + 1))


def _between(pieces: Sequence[str], clear: str) -> list[Span]:
    """The ranges of `clear` between these pieces. Empty if they do not stand in it so."""
    if len(pieces) < 2:
        return []
    first, *inner, last = pieces
    done, stop = len(first), len(clear) - len(last)
    if done > stop or not (clear.startswith(first) and clear.endswith(last)):
        return []
    spans = []
    for piece in inner:
        start = clear.find(piece, done, stop)
        if start < 0:
            return []
        spans.append((done, start))
        done = start + len(piece)
    return [*spans, (done, stop)]


def in_whole(text: str, whole: str) -> Iterator[Span]:
    """The ranges of the whole numbers, with their marks, in order. `text` has all that is between
    them."""
    del text
    return (number.span() for number in _NUMBER.finditer(whole))


SPANS: Mapping[str, Callable[[str, str], Iterator[Span]]] = {"clear": in_clear, "whole": in_whole}
"""The texts of fragments of which only some grams are indexed: those in which a character lies in
one of these ranges. They are functions of what everybody sees of a passage, and of the fragment."""
