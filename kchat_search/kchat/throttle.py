"""How long to wait before the next request: back-off of one request, and a throttle for all
threads.

This is code of our own because urllib3's Retry and tenacity lack two things: an answer that must be
parsed before it is known to be bad, and a pause that holds for all threads. The loop over
the attempts is in `transport.py`; this is its arithmetic.

Invariant: no wait is longer than `MAX_WAIT`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock

FIRST_BACKOFF = 1.0
"""Seconds. The longest possible first wait. Each further one is twice as long."""
MAX_BACKOFF = 60.0
"""Seconds. The longest back-off."""
MAX_WAIT = 300.0
"""Seconds. If Kchat asks for more, the request fails with an error that says so. Otherwise a thread
would hang."""
MAX_PAUSE = 3600.0
"""Seconds. However long a pause Kchat asks for, a request is sent again after this time."""


_SAY_AGAIN = 4
"""The first retry is said in the log, then the 4th, the 16th, the 64th ..."""
_QUIET = 600.0
"""Seconds. After so long without a retry, counting for the log begins anew."""


def backoff(attempt: int, random: Callable[[], float]) -> float:
    """Seconds to wait after a failed attempt.

    `attempt` counts from 0. The wait grows exponentially. `random` gives 0 to 1: with full jitter,
    clients that failed together do not come back together.
    """
    return random() * min(MAX_BACKOFF, FIRST_BACKOFF * 2.0 ** min(attempt, 30))


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks for.

    `value` is a number of seconds or an HTTP date (RFC 9110, 10.2.3); `now` is aware. The answer is
    0 for a date in the past, and None where there is no header or it is neither.
    """
    if value is None:
        return None
    text = value.strip()
    try:
        if text.replace(".", "", 1).isdecimal():
            seconds = float(text)
            return seconds if math.isfinite(seconds) else None
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:  # the zone is «-0000», or the server left out GMT
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, OverflowError):
        return None


class Throttle:
    """When a thread may send its next request to Kchat. Safe to share between threads.

    `clock` gives seconds that only grow. `sleep(seconds)` waits. `per_minute` limits the requests
    of all threads together (None: no limit), by a minimum time between two requests. So no minute
    has more requests, wherever it begins, and a program that is restarted gains nothing.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        per_minute: int | None = None,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._spacing = 60.0 / per_minute if per_minute else 0.0
        self._lock = Lock()
        self._paused_until = -math.inf
        self._next_slot = -math.inf

    def pause(self, seconds: float) -> None:
        """No thread sends a request for `seconds` from now. If a longer pause is running already,
        that one stays."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    def pause_left(self) -> float:
        """Seconds until the pause is over. 0 where there is none."""
        with self._lock:
            return max(0.0, self._paused_until - self._clock())

    def wait(self) -> None:
        """Return when this thread may send one request: the pause is over, even if it was extended
        meanwhile, and it is this thread's turn."""
        while True:
            with self._lock:
                now = self._clock()
                rest = max(self._paused_until, self._next_slot) - now
                if rest < _ROUNDING:
                    self._next_slot = now + self._spacing
                    return
            self._sleep(rest)


_ROUNDING = 1e-6
"""Seconds. A shorter wait is only the rounding of floats. Waiting for it might never end."""


class Series:
    """Counts the retries that follow one another, and says which of them the log shows."""

    def __init__(self) -> None:
        self._count = 0
        self._due = 1
        self._last = -math.inf

    def one_more(self, now: float) -> tuple[int, bool]:
        """(how many there are with this one, is it to be shown?). `now` is a time of the clock."""
        if now - self._last > _QUIET:
            self._count, self._due = 0, 1
        self._last = now
        self._count += 1
        due = self._count == self._due
        if due:
            self._due *= _SAY_AGAIN
        return self._count, due
