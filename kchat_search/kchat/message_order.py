"""The order of a chat's messages: by time, and by id where the time is the same.

Servers send messages in any order: by id, newest first, or as a database gives them. The order here
depends on times and ids alone, so it is the same however they were sent.

What lacks something keeps its neighbour. A message without a time stands behind the message that
it was sent behind, or before the first one that has a time. A message without an id stands behind
the one that it was sent behind, if that has the same time. Where the first message comes after
the last one, the list was sent newest first, so «behind» means before. Messages that are equal in
both keep the order in which they were sent, and so do all of a chat without any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

Moment = tuple[datetime | None, int | None]
"""When a message was said, and its id."""
_NO_ID = 0  # ids begin at 1


def sorted_places(moments: Sequence[Moment]) -> list[int] | None:
    """The places of messages in order of time: [2, 0, 1] if the third is the first. None where they
    are in order already, which is nearly always."""
    if _are_in_order(moments):
        return None
    keys = _keys(moments)
    places = range(len(moments))
    if keys[0] > keys[-1]:
        keys = [*reversed(_keys(list(reversed(moments))))]
        places = range(len(moments) - 1, -1, -1)
    return sorted(places, key=keys.__getitem__)


def _are_in_order(moments: Sequence[Moment]) -> bool:
    """True only if sorting would change nothing."""
    time_before: datetime | None = None
    id_before: int | None = None
    for time, number in moments:
        if time is None:
            continue
        if time_before is None or time > time_before:
            time_before, id_before = time, number
        elif time < time_before:
            return False
        elif number is not None:
            if id_before is not None and number < id_before:
                return False
            id_before = number
    return True


def _keys(moments: Sequence[Moment]) -> list[tuple[datetime, int]]:
    """What each message is sorted by: its time and id, or what it takes from a neighbour."""
    key = next((time, number or _NO_ID) for time, number in moments if time is not None)
    keys = []
    for time, number in moments:
        if time is not None:
            same = time == key[0]
            key = (time, number if number is not None else key[1] if same else _NO_ID)
        keys.append(key)
    return keys
