"""Groups of digits that stand so close in a text that they may be of one number. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate, pairwise

Range = tuple[int, int]

_GROUPS = re.compile("[0-9]+")
_MARKS = "\u0300-\u036f\u20d0-\u20f0\ufe20-\ufe2f"
"""Characters that are drawn over the one before them: keycaps, circles, strokes."""
_BETWEEN = rf"[ \u2800._·•~/|(){_MARKS}-]{{1,3}}"
"""What may stand between two groups of digits of one number."""
_CHAINS = re.compile(f"[0-9]++(?>(?:{_BETWEEN}+[0-9]++)*)")
_DIVIDES_NOTHING = re.compile(f"[{_MARKS}]+")
_FEWEST_DIGITS = 8
_MOST_DIGITS = 24
"""From the beginning of a number on, more are not looked at. The longest has 19, and a prefix."""


class Chain:
    """Such groups: as many as there are, with nothing else between them."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        groups = [group.span() for group in _GROUPS.finditer(text, start, end)]
        self.digits = "".join(text[start:end] for start, end in groups)
        self.places = [place for group in groups for place in range(*group)]
        """Of each of the digits, in the text."""
        self.ends = list(accumulate(end - start for start, end in groups))
        """How many of the digits there are up to the end of each group."""
        self.borders = [
            end
            for end, (left, right) in zip(self.ends, pairwise(groups), strict=False)
            if not _DIVIDES_NOTHING.fullmatch(text, left[1], right[0])
        ]
        """Those at which a number may end inside: keycaps divide nothing."""
        self.is_border = frozenset(self.borders)

    def begins(self) -> Iterator[int]:
        """How many digits are before each group with which a number may begin: with those behind
        it, it has enough."""
        last = len(self.digits) - _FEWEST_DIGITS
        for begin in (0, *self.ends):
            if begin > last:
                return
            yield begin


def chains(text: str) -> Iterator[Chain]:
    """Those with enough digits for a number, in a text whose digits are all ASCII. Most groups of
    a text are a price, a day or an hour, and end here."""
    for chain in _CHAINS.finditer(text):
        start, end = chain.span()
        if end - start >= _FEWEST_DIGITS:
            yield Chain(text, start, end)


class Window:
    """The digits of a chain from the beginning of a group on, as far as they may be of one number.
    Places among them are counted from there."""

    def __init__(self, chain: Chain, begin: int) -> None:
        self._chain = chain
        self._begin = begin
        last = bisect_right(chain.ends, begin + _MOST_DIGITS)
        stop = max(begin, chain.ends[last - 1]) if last else begin
        self._count = stop - begin
        self.text = chain.text
        self.digits = chain.digits[begin:stop]

    @property
    def are_enough(self) -> bool:
        """Are they as many as the shortest number has?"""
        return self._count >= _FEWEST_DIGITS

    def ends_at(self, count: int) -> bool:
        """Does a group end after so many of them?"""
        if count < self._count:
            return self._begin + count in self._chain.is_border
        return count == self._count

    def ends(self) -> list[int]:
        """After how many of them a group ends, in order."""
        return [*self._borders(0, self._count), self._count]

    def sizes(self, begin: int, end: int) -> tuple[int, ...]:
        """Of the groups between these places."""
        borders = (begin, *self._borders(begin, end), end)
        return tuple(right - left for left, right in pairwise(borders))

    def between(self, begin: int, end: int) -> str:
        """What stands between the groups between these places."""
        return "".join(map(self._joint, self._borders(begin, end)))

    def place(self, digit: int) -> Range:
        """Where one of them stands in the text."""
        at = self._chain.places[self._begin + digit]
        return at, at + 1

    @property
    def before(self) -> str:
        """What stands between them and other digits before; "" where there are none."""
        return self._joint(0) if self._begin else ""

    def has_more(self, end: int) -> bool:
        """Do other digits stand behind the first `end`?"""
        return self._begin + end < len(self._chain.digits)

    def _borders(self, begin: int, end: int) -> list[int]:
        borders = self._chain.borders
        first = bisect_right(borders, self._begin + begin)
        last = bisect_left(borders, self._begin + end, first)
        return [border - self._begin for border in borders[first:last]]

    def _joint(self, border: int) -> str:
        places, at = self._chain.places, self._begin + border
        return self.text[places[at - 1] + 1 : places[at]]
