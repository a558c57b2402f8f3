"""The chats of a saved search that were not there when it was seen last."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kchat_search.errors import BadRequest, NotFound
from kchat_search.models.plan import FieldIs, Node, NoneOf

SeenChats = Callable[[int], Sequence[int] | None]
"""From the number of a saved search of whoever asks to the ids of the chats that they have seen;
None where these are too many to be kept. Raises `NotFound`."""


def not_seen(seen_chats: SeenChats | None, number: int) -> Node:
    """All other chats. Raises `BadRequest` where nothing is kept of this search."""
    try:
        seen = None if seen_chats is None else seen_chats(number)
    except NotFound:
        seen_chats = seen = None
    if seen_chats is None:
        raise BadRequest(f"You have no saved search {number}: see /saved.", "unseen")
    if seen is None:
        message = f"Saved search {number} finds too many chats: which are new is not kept."
        raise BadRequest(message, "unseen")
    return NoneOf(FieldIs("id", tuple(map(str, seen))))
