"""Portions of what is too much at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def portions(
    items: Iterable[Item], weight: Callable[[Item], int], most: int
) -> Iterator[list[Item]]:
    """The items in their order, so many together as weigh at most `most`; one that weighs more
    alone."""
    portion: list[Item] = []
    room = most
    for item in items:
        weighs = weight(item)
        if portion and weighs > room:
            yield portion
            portion, room = [], most
        portion.append(item)
        room -= weighs
    if portion:
        yield portion
