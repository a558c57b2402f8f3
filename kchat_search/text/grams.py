"""Grams of a folded message: every character, every pair of neighbouring characters, and every
three digits in a row.

Matching is built on grams. A literal of one or two characters, or of three digits, is in a message
exactly if that gram is. A longer literal can only be where all its grams are. The text itself must
then be searched, because the grams may occur in another order or in different messages.

Three digits are a gram because there are only ten digits. Each pair of digits is in a sixth of all
chats that have a phone number. With pairs alone, the last digits of a number would have to be
searched for in thousands of texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

_DIGITS = re.compile("[0-9]{3}")
_EACH_THREE_DIGITS = re.compile("(?=([0-9]{3}))")


def grams(texts: Iterable[str]) -> set[str]:
    """All grams of these folded messages. No gram reaches from one message into the next."""
    all_grams: set[str] = set()
    for text in texts:
        all_grams.update(text)
        all_grams.update(map("".join, pairwise(text)))
        all_grams.update(_EACH_THREE_DIGITS.findall(text))
    return all_grams


def required_grams(literal: str) -> list[str]:
    """The grams that every text with this literal has, each once, in the order of the literal.

    `literal` is folded and not empty. If it is itself a gram, the answer is that gram alone. Else
    the answer is its three-digit grams and those pairs that lie in none of them.
    """
    if is_gram(literal):
        return [literal]
    required: dict[str, None] = {}
    covered = 0  # up to this position, each character is in a triple with the one before it
    for start in range(len(literal) - 1):
        triple = literal[start : start + 3]
        if _DIGITS.fullmatch(triple):
            required[triple] = None
            covered = start + 2
        elif start + 1 > covered:
            required[literal[start : start + 2]] = None
    return list(required)


def is_gram(literal: str) -> bool:
    """Is the literal itself a gram? Then the index decides alone, and no text needs to be
    searched."""
    return len(literal) <= 2 or _DIGITS.fullmatch(literal) is not None
