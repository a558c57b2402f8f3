"""How much a tick scrubs: all is read in time, within the processor's share, or it is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kchat_search.sync import scrub_pace
from kchat_search.sync.scrub_pace import Pace, Round

NOW = datetime(2016, 3, 20, 4, tzinfo=UTC)
PARTS = 40
"""Parts of a round in these simulations, however much work it is: what counts is when each part is
read, and a part is never split."""
DAY = 86_400


class Simulation:
    """A worker that ticks for some weeks and scrubs `total` units, each taking `cost` seconds."""

    def __init__(self, total: int, cost: float, pace: Pace) -> None:
        self.total, self.cost, self.pace = total, cost, pace
        self.now = NOW
        self.state: Round | None = None
        self.read: list[list[float]] = [[] for _ in range(PARTS)]
        self.spent = 0.0
        self.was_behind = False
        self.part = 0

    def tick(self) -> None:
        before = self.state
        state = scrub_pace.at_tick(before, self.now, self.pace)
        if before is not None and before.done and not state.done:
            self.part = 0
        due = scrub_pace.units_due(state, self.total, self.now, self.pace)
        spent = 0.0
        while scrub_pace.goes_on(state, due, spent, 0.0, self.pace):
            if self.part == PARTS:
                state = replace(state, done=True)
                continue
            until = self.total * (self.part + 1) // PARTS
            spent += self.cost * (until - state.units)
            self.read[self.part].append((self.now - NOW).total_seconds())
            self.part += 1
            state = replace(state, units=until)
        self.spent += spent
        self.was_behind |= scrub_pace.is_behind(state, self.now, self.pace)
        self.state = replace(state, credit=state.credit - spent)

    def run(self, days: float) -> None:
        """Tick after tick. Ticks in which nothing can happen are skipped if there are very many."""
        step = self.pace.interval
        many = timedelta(days=days) / step > 20_000
        while self.now - NOW < timedelta(days=days):
            self.tick()
            self.now += step * (60 if many else 1)

    def longest_unread(self) -> float:
        """Seconds for which some part was not read."""
        end = (self.now - NOW).total_seconds()
        gaps = [
            later - earlier
            for times in self.read
            for earlier, later in zip([0.0, *times], [*times, end], strict=True)
        ]
        return max(gaps)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    total=st.integers(0, 2_500_000),
    interval=st.one_of(st.integers(1, 120), st.integers(1, DAY)),
    days=st.integers(1, 14),
    cost=st.floats(1e-6, 1e-2),
    percent=st.floats(0.5, 100),
)
@example(total=2_500_000, interval=60, days=7, cost=1e-4, percent=10.0)
@example(total=2_500_000, interval=DAY, days=7, cost=1e-4, percent=10.0)
@example(total=1, interval=1, days=1, cost=1e-4, percent=10.0)
@example(total=1_000_000, interval=60, days=7, cost=1.0, percent=1.0)
@example(total=27_649, interval=43_201, days=1, cost=0.0078125, percent=0.5)  # a part too much
def test_everything_is_read_in_time_or_it_is_said_that_it_is_not(
    total: int, interval: int, days: int, cost: float, percent: float
) -> None:
    pace = Pace(days, percent, timedelta(seconds=interval))
    world = Simulation(total, cost, pace)
    weeks = 3 * days + 2
    world.run(weeks)
    share = percent / 100
    # On average, and a part more: a part is done whole.
    largest_part = cost * (total // PARTS + 1)
    saved_up = share * max(600, interval)
    assert world.spent <= share * weeks * DAY + saved_up + largest_part
    in_time = world.longest_unread() <= days * DAY + 60 * interval * (interval < 90)
    needed = total * cost / share
    if needed < 0.8 * pace.round_time.total_seconds() - 2 * interval:
        assert in_time
        assert not world.was_behind
    assert in_time or world.was_behind


@pytest.mark.parametrize("interval", [1, 60, DAY])
def test_a_round_is_spread_over_its_time(interval: int) -> None:
    pace = Pace(7, 10.0, timedelta(seconds=interval))
    state = scrub_pace.at_tick(None, NOW, pace)
    first = scrub_pace.units_due(state, 3_000_000, NOW, pace)
    assert first is not None
    assert first <= 3_000_000 * interval / (3 * DAY) + 1
    later = NOW + pace.round_time / 2
    half = scrub_pace.units_due(state, 3_000_000, later, pace)
    assert half is not None
    assert half >= 1_500_000
    assert scrub_pace.units_due(state, 3_000_000, NOW + pace.round_time, pace) is None


def test_a_clock_that_was_ahead_stops_nothing() -> None:
    pace = Pace(7, 10.0, timedelta(minutes=1))
    ahead = Round(NOW + timedelta(days=400), NOW + timedelta(days=400), 1.0, 100, done=True)
    state = scrub_pace.at_tick(ahead, NOW, pace)
    assert (state.began, state.done) == (NOW, False)
    unfinished = replace(ahead, done=False)
    assert scrub_pace.at_tick(unfinished, NOW, pace).credit == 1.0


def test_a_part_that_took_long_is_paid_back_before_the_next() -> None:
    pace = Pace(7, 10.0, timedelta(minutes=1))
    state = replace(scrub_pace.at_tick(None, NOW, pace), credit=-30.0)
    at = NOW
    ticks = 0
    while not scrub_pace.goes_on(state, None, 0.0, 0.0, pace):
        at += pace.interval
        state = scrub_pace.at_tick(state, at, pace)
        ticks += 1
        assert ticks < 100
    assert ticks == 6, "thirty seconds at a tenth of a processor are five minutes"
