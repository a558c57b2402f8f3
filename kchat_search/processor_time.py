"""How much processor time one request may use.

The web sets the limit where requests enter. Whatever may take long calls `check` at cheap points:
between the parts of a query, between messages. Where no limit is set, as on the command line and in
the indexer, nothing is refused.

The time is that of the thread, so waiting for the disk or for other requests does not count. A call
of C code is not interrupted. So whoever calls `check` bounds what is done between two calls.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from kchat_search.errors import RequestTooExpensive


class _Limit(NamedTuple):
    end: float
    """When the time is used up, by `time.thread_time`."""
    seconds: float


_limit: ContextVar[_Limit | None] = ContextVar("processor_time", default=None)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """What runs inside, in this thread, uses at most so many seconds of processor time. A limit
    that is set already stays if it ends earlier."""
    limit = _Limit(time.thread_time() + seconds, seconds)
    outer = _limit.get()
    token = _limit.set(limit if outer is None or limit.end < outer.end else outer)
    try:
        yield
    finally:
        _limit.reset(token)


def check() -> None:
    """Raises `RequestTooExpensive` if the time is used up. Cost: less than 1 µs."""
    limit = _limit.get()
    if limit is not None and time.thread_time() > limit.end:
        raise RequestTooExpensive(limit.seconds)


def left() -> float:
    """Seconds of processor time that may still be used; infinity where no limit is set."""
    limit = _limit.get()
    return math.inf if limit is None else max(0.0, limit.end - time.thread_time())
