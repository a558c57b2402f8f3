"""Ratings: the one table of Kchat's codes and their Chinese labels. The codes are not ordinal.

Source: the vendor's published client libraries (0 不满意, 2 不太满意, 3 一般, 4 基本满意, 1 满意,
null none). A server may send the label instead of the code, or a text that is not in the table
(«非常满意»). So ratings are compared by `canonical`, and shown by `label`.
"""

from __future__ import annotations

LABELS = {"0": "不满意", "2": "不太满意", "3": "一般", "4": "基本满意", "1": "满意"}

_CODES = {label: code for code, label in LABELS.items()}


def canonical(rating: str | None) -> str | None:
    """The code of a rating that is given as code or label. Any other text stands for itself. An
    empty text is None."""
    if rating is None:
        return None
    text = rating.strip()
    return _CODES.get(text, text) or None


def label(rating: str | None) -> str | None:
    """The Chinese label of a rating that is given as code or label. Any other text stands for
    itself. None for no rating."""
    code = canonical(rating)
    return None if code is None else LABELS.get(code, code)
