"""Grams: every character, every pair of neighbouring characters and every three digits in a row of
a folded message.

They are what matching stands on. A literal of one or two characters, or of three digits, is in a
message exactly when that gram is; a longer one can only be where all of its grams are, and a look
into the text decides (they may stand in another order, or in different messages).

Digits have triples since there are but ten of them: each pair of digits is in a sixth of all chats
that have a phone number, so the tail of a number would be looked for in thousands of texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

_DIGITS = re.compile("[0-9]{3}")
_EACH_THREE_DIGITS = re.compile("(?=([0-9]{3}))")


def grams(texts: Iterable[str]) -> set[str]:
    """All grams of these messages; none reaches from one message into the next."""
    found: set[str] = set()
    for text in texts:
        found.update(text)
        found.update(map("".join, pairwise(text)))
        found.update(_EACH_THREE_DIGITS.findall(text))
    return found


def required_grams(literal: str) -> list[str]:
    """Grams that every text with this (non-empty) literal has, each once, in order: the literal
    itself where it is one, else its triples, and the pairs that are in none of them."""
    if is_gram(literal):
        return [literal]
    found: dict[str, None] = {}
    covered = 0  # characters up to here stand in a triple with the one before
    for start in range(len(literal) - 1):
        triple = literal[start : start + 3]
        if _DIGITS.fullmatch(triple):
            found[triple] = None
            covered = start + 2
        elif start + 1 > covered:
            found[literal[start : start + 2]] = None
    return list(found)


def is_gram(literal: str) -> bool:
    """Is the literal a gram, so that nothing need be looked at?"""
    return len(literal) <= 2 or _DIGITS.fullmatch(literal) is not None
