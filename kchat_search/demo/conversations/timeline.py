"""Two years of conversations before `now`, and the conversations after it.

Invariant: what `Timeline` shows at a time does not depend on how often it was asked before, unless
it was not asked for more than `LONGEST_GAP`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from kchat_search.demo.conversations.chat_planner import ChatPlanner, agent_users

ZONE = ZoneInfo("Asia/Shanghai")
SPAN = timedelta(days=730)
LONGEST_GAP = timedelta(hours=1)
"""After a longer time without a call, the timeline continues from this long ago. It does not make
up for all of that time."""

_MODERN_SHARE = 0.4
_RECENT = 8
_RECENT_MINUTES = 12
_HOURS = (
    2, 1, 1, 0, 0, 1, 2, 5, 14, 30, 38, 34, 22, 24, 34, 36, 33, 28, 20, 22, 24, 19, 11, 5,
)  # fmt: skip
_WEEKDAYS = (1.15, 1.05, 1.0, 1.0, 0.95, 0.7, 0.6)
_SALES = {(11, 11), (11, 12), (11, 13), (6, 18), (6, 19), (12, 12)}


def conversations(seed: int, now: datetime, count: int = 2000) -> list[dict[str, Any]]:
    """`count` chats of the two years before `now` (aware), as the API shows them at `now`.

    They are ascending by id and by time. The same arguments give the same chats. The last few have
    just begun. Raises ValueError if `now` has no time zone or `count` is negative.
    """
    return Timeline(seed, now, count).chats()


def agents() -> list[dict[str, Any]]:
    """The agents of all conversations, in the form of `users.json`."""
    return agent_users()


class Timeline:
    """The conversations up to `now` (aware), and what happens from then on.

    A chat begins about every 15 to 30 seconds. Chats that are under way get their next messages,
    are closed, and are rated a little later. Now and then a message is recalled. No clock is read:
    `advance` is told the time. Not safe to use from several threads at one time.

    Raises ValueError if `now` has no time zone or `count` is negative.
    """

    def __init__(self, seed: int, now: datetime, count: int = 2000) -> None:
        if count < 0:
            raise ValueError("count must not be negative")
        self._now = _local(now)
        self._began = self._now
        start = self._now - SPAN
        self._planner = ChatPlanner(seed, start + SPAN * (1 - _MODERN_SHARE))
        self._rng = Random(seed + 1)  # nosec B311  # made-up conversations, the same each time
        recent = min(_RECENT, count)
        times = _times(self._rng, start, self._now, count - recent)
        times += sorted(_minutes_before(self._rng, self._now) for _ in range(recent))
        last = len(times) - recent
        self._history = [
            self._planner.next_chat(when, staffed=number >= last)
            for number, when in enumerate(times)
        ]
        self._running = [plan for plan in self._history if plan.moments()[-1] > self._now]
        self._next = self._now + self._gap()

    def chats(self) -> list[dict[str, Any]]:
        """The chats of the beginning, as they were at its `now`."""
        return [plan.snapshot(self._began) for plan in self._history]

    def situations(self) -> dict[int, str]:
        """The chats of the beginning, by id: the code of what each is about."""
        return {plan.raw["id"]: plan.situation for plan in self._history}

    def advance(self, now: datetime) -> list[dict[str, Any]]:
        """The chats that are new or changed since the last call, as they are at `now` (aware).

        A time before that of the last call changes nothing.
        """
        local = _local(now)
        since = self._now
        if local <= since:
            return []
        self._now = local
        self._next = max(self._next, local - LONGEST_GAP)
        while self._next <= local:
            self._running.append(self._planner.next_chat(self._next, staffed=True))
            self._next += self._gap()
        changed = [
            plan.snapshot(local)
            for plan in self._running
            if any(since < moment <= local for moment in plan.moments())
        ]
        self._running = [plan for plan in self._running if plan.moments()[-1] > local]
        return changed

    def _gap(self) -> timedelta:
        return timedelta(seconds=self._rng.randint(15, 30))


def _local(now: datetime) -> datetime:
    if now.tzinfo is None:
        raise ValueError("now must have a time zone")
    return now.astimezone(ZONE).replace(tzinfo=None, microsecond=0)


def _minutes_before(rng: Random, now: datetime) -> datetime:
    return now - timedelta(seconds=rng.randint(5, 60 * _RECENT_MINUTES))


def _times(rng: Random, start: datetime, end: datetime, count: int) -> list[datetime]:
    """`count` times, ascending: more of them lately, in office hours, and on days of great
    sales."""
    latest = end - timedelta(minutes=_RECENT_MINUTES)
    days = (latest - start).days
    times: list[datetime] = []
    while len(times) < count:
        passed = rng.randrange(days)
        day = start + timedelta(days=passed)
        growth = 0.55 + 0.45 * passed / days
        rhythm = _WEEKDAYS[day.weekday()] / 1.15
        sale = (day.month, day.day) in _SALES
        if rng.random() > (1.0 if sale else 0.6 * growth * rhythm):
            continue
        hour = rng.choices(range(24), _HOURS)[0]
        when = day.replace(hour=hour, minute=rng.randrange(60), second=rng.randrange(60))
        if start <= when <= latest:
            times.append(when)
    return sorted(times)
