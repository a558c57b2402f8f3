"""How much of everything a tick scrubs: functions from data to data, as in `decide`.

A *round* is one reading of everything. Rounds begin so early, and are so short, that nothing is
left unread for longer than `days`: what a round reads first may be what the next one reads last, so
a round and the wait before it take half of that time. Within a round, each tick does its share, and
no more than the processor's time that was saved up for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

BYTES_A_UNIT = 4_096
"""Work is counted in units: a row of the archive, or so many bytes of the index."""
_LONGEST_SAVED_SECONDS = 600.0
"""Processor time is saved up for so long, or for one interval if that is longer."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What a scrub may take."""

    days: int
    """Nothing is left unread for longer."""
    percent: float
    """Of one processor, on average."""
    interval: timedelta
    """From one tick to the next."""

    @property
    def round_time(self) -> timedelta:
        """How long a round takes at most."""
        return max(timedelta(0), (timedelta(days=self.days) - self.interval) / 2)


@dataclass(frozen=True, slots=True)
class Round:
    """Where a round is."""

    began: datetime
    at: datetime
    """When processor time was saved up last."""
    credit: float = 0.0
    """Seconds of processor time that may be spent; less than 0 after a part that took longer."""
    units: int = 0
    """Work that has been done."""
    done: bool = False


def at_tick(before: Round | None, now: datetime, pace: Pace) -> Round:
    """The round at a tick: the one before, with more processor time saved up, or a new one if it is
    time for that."""
    longest = max(_LONGEST_SAVED_SECONDS, pace.interval.total_seconds())
    share = pace.percent / 100
    if before is None:
        return Round(now, now, share * pace.interval.total_seconds())
    passed = max(0.0, (now - before.at).total_seconds())
    credit = min(share * longest, before.credit + share * passed)
    # A round that began in the future: this machine's clock was ahead.
    if before.done and not timedelta(0) <= now - before.began < pace.round_time:
        return Round(now, now, credit)
    return replace(before, at=now, credit=credit)


def units_due(state: Round, total: int, now: datetime, pace: Pace) -> int | None:
    """How much work is to be done by the end of this tick, so that the round ends in time; None:
    all that is left. `total`: how much a round has, as far as that is known."""
    until_next_tick = max(timedelta(0), now - state.began) + pace.interval
    if until_next_tick >= pace.round_time:
        return None
    return math.ceil(total * (until_next_tick / pace.round_time))


def goes_on(state: Round, due: int | None, spent: float, passed: float, pace: Pace) -> bool:
    """Does the tick do one more part? `spent` and `passed` are the seconds that it has taken, of
    the processor and of the clock: a slow disk must not hold up the next tick."""
    if state.done or spent >= state.credit or passed > pace.interval.total_seconds() / 2:
        return False
    return due is None or state.units < due


def is_behind(state: Round, now: datetime, pace: Pace) -> bool:
    """Will something have been left unread for longer than it may? What this round has not read may
    have been the first of the round before, and is not read before the next tick."""
    before = pace.interval * max(1, math.ceil(pace.round_time / pace.interval))
    until_next_tick = now - state.began + pace.interval
    return not state.done and before + until_next_tick > timedelta(days=pace.days)
