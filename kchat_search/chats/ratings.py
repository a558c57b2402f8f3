"""Ratings: the one table of Kchat's codes, which are not ordinal, and their Chinese labels.

Source: the vendor's published client libraries (0 不满意, 2 不太满意, 3 一般, 4 基本满意,
1 满意, null none). Servers may send the text instead of the code, or a text that is not in the
table («非常满意»); so everything is compared by `canonical`, and shown by `label`.
"""

from __future__ import annotations

LABELS = {"0": "不满意", "2": "不太满意", "3": "一般", "4": "基本满意", "1": "满意"}

_CODES = {label: code for code, label in LABELS.items()}


def canonical(rating: str | None) -> str | None:
    """The code of a rating, given as code or label; any other text is itself; '' is None."""
    if rating is None:
        return None
    text = rating.strip()
    return _CODES.get(text, text) or None


def label(rating: str | None) -> str | None:
    """The Chinese label of a rating, given as code or label; None for none."""
    code = canonical(rating)
    return None if code is None else LABELS.get(code, code)
