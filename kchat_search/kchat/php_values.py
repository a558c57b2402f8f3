"""What PHP sends in the place of a list, and in the place of nothing.

PHP has one kind of array for lists and objects. An array from which an item was removed is sent as
an object with the numbers of its items as keys, and an empty object is sent as an empty list. A
value that is not there may be sent as null, false, "", an empty list or an empty object.

Invariant: what is sent stays as it is. These functions say what is meant by it.
"""

from __future__ import annotations

import re
from typing import Any

_NUMBER_OF_ITEM = re.compile(r"0|-?[1-9][0-9]{0,18}")
"""As PHP writes it: «01» is a text to PHP."""


def as_list(value: object) -> list[Any] | None:
    """The list that `value` means; None where it means none.

    That is a list, or an object whose keys are all whole numbers, in the order of these numbers
    (2 before 10). An empty object is an empty list.
    """
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and all(map(_NUMBER_OF_ITEM.fullmatch, value)):
        return [value[key] for key in sorted(value, key=int)]
    return None


def is_nothing(value: object) -> bool:
    """Is `value` one of PHP's forms of nothing? The number 0 is something: a code of a rating."""
    return value is None or value is False or (not value and isinstance(value, str | list | dict))
