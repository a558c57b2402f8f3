"""Grams: every character and every pair of neighbouring characters of a folded message.

They are what matching stands on. A literal of one or two characters is in a message exactly when
that gram is; a longer one can only be where all of its pairs are, and a look into the text decides
(the pairs may stand in another order, or in different messages).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise


def grams(texts: Iterable[str]) -> set[str]:
    """All grams of these messages; none reaches from one message into the next."""
    found: set[str] = set()
    for text in texts:
        found.update(text)
        found.update(map("".join, pairwise(text)))
    return found


def needed(literal: str) -> list[str]:
    """The grams that every text with this (non-empty) literal has: itself for one or two
    characters, else its pairs, each once, in order."""
    if len(literal) <= 2:
        return [literal]
    pairs = map("".join, pairwise(literal))
    return list(dict.fromkeys(pairs))
