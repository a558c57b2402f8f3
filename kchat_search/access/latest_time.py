"""The time that ends are judged by: it never goes back.

A clock may be set back, by hand or by a time server. What has ended then stays ended, and what ends
later does not last longer: while the clock is behind the latest time that was seen, time goes on
from there, at the pace of the machine's steady clock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from kchat_search.ports import Clock


class LatestTime:
    """Invariant: what `now` returns never decreases within a process, and is never below what
    `saw` was told."""

    def __init__(self, clock: Clock, steady: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._steady = steady
        self._lock = threading.Lock()
        self._latest: datetime | None = None
        self._seen_at = 0.0

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        with self._lock:
            present = self._clock()
            if self._latest is not None and present < self._latest:
                return self._latest + timedelta(seconds=self._steady() - self._seen_at)
            self._keep(present)
            return present

    def saw(self, moment: datetime) -> None:
        """Some process has seen this time already."""
        with self._lock:
            if self._latest is None or moment > self._latest + timedelta(
                seconds=self._steady() - self._seen_at
            ):
                self._keep(moment)

    def _keep(self, moment: datetime) -> None:
        self._latest = moment
        self._seen_at = self._steady()
