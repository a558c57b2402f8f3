"""How fast a client must read while we wait for it."""

from __future__ import annotations

LEAST_BYTES_PER_SECOND = 64 * 1024
"""What a client reads at least. A tunnel over a mobile network is faster."""
TAKEN_AT_ONCE = 256 * 1024
"""Bytes of the largest part that a system takes at once for a connection, with a reserve. Linux
takes a third of a buffer of 512 KB."""


class LeastRate:
    """Measures how fast a client reads, in the time in which we wait for it and in no other.

    So a client is not to blame where we are slow. `now` is a time in seconds; only differences
    count.

    What counts as read is what the client's system or ours has taken. They take large parts, so a
    client that reads evenly seems to be slow now and fast then. So a measurement may lack `credit`
    bytes, but what it lacks, the following ones must bring. Without this, a client that read 70 KB
    a second was cut off.
    """

    def __init__(self, seconds: float, bytes_per_second: float, credit: int = 0) -> None:
        """A client is too slow if it reads less than `bytes_per_second`, on the average of
        `seconds` of waiting. `credit`: the bytes of the parts that systems take at once."""
        self._seconds = seconds
        self._bytes_per_second = bytes_per_second
        self._waited = 0.0
        self._since: float | None = None
        self._taken = 0
        self._most_credit = credit
        self._credit = float(credit)

    def begin_to_wait(self, now: float) -> None:
        """The client has something to read from now on. Nothing happens if it had before."""
        if self._since is None:
            self._since = now

    def end_to_wait(self, now: float) -> None:
        """The client has read all that there is."""
        self._waited, self._since = self._waiting(now), None

    def took(self, size: int) -> None:
        """The client has read so many bytes. Those that it reads, or its system takes, before we
        wait do not count."""
        if self._since is not None:
            self._taken += size

    def rate(self, now: float) -> float:
        """Bytes a second, in the present measurement."""
        waited = self._waiting(now)
        return self._taken / waited if waited > 0 else float("inf")

    def is_too_slow(self, now: float) -> bool:
        """Was the client too slow? Once the time for an average has passed, this begins a new
        one."""
        if self._waiting(now) < self._seconds:
            return False
        slow = self.has_been_too_slow(now, self._seconds)
        left = self._credit + self._taken - self._bytes_per_second * self._waiting(now)
        self._credit = min(max(0.0, left), self._most_credit)
        self._waited, self._taken = 0.0, 0
        self._since = None if self._since is None else now
        return slow

    def has_been_too_slow(self, now: float, seconds: float) -> bool:
        """Have we waited for `seconds`, in the present measurement, and is the client too slow?"""
        waited = self._waiting(now)
        due = self._bytes_per_second * waited - self._credit
        return waited >= seconds and self._taken < due

    def _waiting(self, now: float) -> float:
        return self._waited + (0.0 if self._since is None else now - self._since)
