"""Texts that stand near one another in one passage.

The occurrences of each text are arrays. Sets of texts grow by one text at a time: for each set, the
array of places where a chain of all its texts ends. A chain goes on with an occurrence if the
latest end before it is near enough. So the time is linear in the occurrences; it grows with the
sets of texts, which are few where few different texts are asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kchat_search import processor_time

Numbers = NDArray[np.int64]


class Occurrences(NamedTuple):
    """Where one text occurs, ascending. Both arrays have one shape."""

    begin: Numbers
    """In characters."""
    passage: Numbers
    """The number of the passage of each. Every character of a passage is before those of the next
    one."""
    length: int
    """Characters of the text."""


class _Chains(NamedTuple):
    """Where chains of the same texts end, ascending."""

    end: Numbers
    passage: Numbers


def together(texts: Sequence[Occurrences], distance: int) -> Numbers:
    """The passages in which all texts stand, in some order and none over another, with at most
    `distance` characters between one and the next."""
    same = _same_before(texts)
    chains = {
        frozenset((n,)): _Chains(text.begin + text.length, text.passage)
        for n, text in enumerate(texts)
        if not same[n]
    }
    for _ in texts[1:]:
        longer: defaultdict[frozenset[int], list[_Chains]] = defaultdict(list)
        for chain, before in chains.items():
            for n in set(range(len(texts))) - chain:
                if same[n] <= chain:
                    processor_time.check()
                    longer[chain | {n}].append(_followed(before, texts[n], distance))
        chains = {chain: _joined(found) for chain, found in longer.items()}
    return np.unique(np.concatenate([found.passage for found in chains.values()]))


def _same_before(texts: Sequence[Occurrences]) -> list[set[int]]:
    """For each text: those before it that stand in the same places. They come first in a chain, so
    that a text that is asked for eight times does not stand for each of 255 sets."""
    return [
        {
            m
            for m, other in enumerate(texts[:n])
            if other.length == one.length and np.array_equal(other.begin, one.begin)
        }
        for n, one in enumerate(texts)
    ]


def _followed(before: _Chains, text: Occurrences, distance: int) -> _Chains:
    """The chains that go on with this text."""
    if not len(before.end):
        return before
    latest = np.searchsorted(before.end, text.begin, side="right") - 1
    follows = (latest >= 0) & (text.begin - before.end[latest] <= distance)
    follows &= before.passage[latest] == text.passage
    return _Chains(text.begin[follows] + text.length, text.passage[follows])


def _joined(chains: Sequence[_Chains]) -> _Chains:
    """All of these, ascending, each end once."""
    ends = np.concatenate([some.end for some in chains])
    passages = np.concatenate([some.passage for some in chains])
    end, first = np.unique(ends, return_index=True)
    return _Chains(end, passages[first])
