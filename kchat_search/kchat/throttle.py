"""How long to wait before Kchat is asked again: one request's back-off, and a pause for all.

urllib3's Retry and tenacity know neither an answer that must be read before it is known to be bad
nor one «not before» for all threads, so the loop (`client.py`) is ours and this is its arithmetic.
Invariant: no wait is longer than `MAX_WAIT`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock

FIRST_BACKOFF = 1.0
"""Seconds: the upper end of the first wait; each further one doubles it."""
MAX_BACKOFF = 60.0
MAX_WAIT = 300.0
"""Seconds: who asks for more gets an error that says so, instead of a thread that hangs."""
MAX_PAUSE = 3600.0
"""Seconds: whatever Kchat asks for, after that it is asked once more."""


def backoff(attempt: int, random: Callable[[], float]) -> float:
    """Seconds to wait after the failed attempt `attempt` (from 0): exponential, with full jitter
    (`random` gives 0 to 1), so that clients which failed together do not come back together."""
    return random() * min(MAX_BACKOFF, FIRST_BACKOFF * 2.0 ** min(attempt, 30))


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks for, given as seconds or as an HTTP date
    (RFC 9110, 10.2.3). 0 for a date that has passed; None where there is none or it is neither."""
    if value is None:
        return None
    text = value.strip()
    try:
        if text.replace(".", "", 1).isdecimal():
            seconds = float(text)
            return seconds if math.isfinite(seconds) else None
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:  # «-0000», or a server that left GMT out
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, OverflowError):
        return None


class Throttle:
    """When somebody may ask Kchat next. Safe to share between threads.

    `clock` gives seconds that only grow, `sleep` waits so many seconds; `per_minute` bounds the
    requests of all threads together (None: no bound) by keeping them apart: no minute has more,
    wherever it begins, and a program that starts anew gains nothing by it.
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
        """Nobody asks for so many seconds from now; a longer pause that runs already stays."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    def pause_left(self) -> float:
        """Seconds until the pause is over; 0 without one."""
        with self._lock:
            return max(0.0, self._paused_until - self._clock())

    def wait(self) -> None:
        """Return when this thread may ask once: the pause is over, however often it was extended
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
"""Seconds: less is the rounding of floats, and waiting for that might never end."""
