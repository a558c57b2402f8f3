"""Hot questions: what visitors asked about in a period, as sets of chats.

`KeptQuestion` and `HotRun` are what the worker computes and the archive keeps; `HotQuestion` and
`HotPage` are what a principal sees of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple, get_args

from kchat_search.models.id_sets import packed, unpacked
from kchat_search.models.search import Snippet

Period = Literal["7d", "30d", "90d"]
PERIODS: tuple[Period, ...] = get_args(Period)
DEFAULT_PERIOD: Period = "30d"
RUN_LIST = "hot"
"""The cursor of the archive that lists the runs, newest first."""
_ID = re.compile("([1-9][0-9]{0,8})-(7d|30d|90d)-([1-9][0-9]{0,3})")
LONGEST_ID = 20


class Days(NamedTuple):
    """The days of a period, and those of the period before it. All are included."""

    start: date
    end: date
    before_start: date
    before_end: date

    @classmethod
    def of(cls, period: Period, today: date) -> Days:
        """The last 7, 30 or 90 days, `today` included."""
        length = timedelta(int(period.removesuffix("d")))
        start = today - length + timedelta(1)
        return cls(start, today, start - length, start - timedelta(1))


class HotId(NamedTuple):
    """Names a hot question, as `hot=12-30d-3` has it."""

    run: int
    period: Period
    place: int
    """From 1; the largest question is 1."""

    def __str__(self) -> str:
        return f"{self.run}-{self.period}-{self.place}"

    @classmethod
    def read(cls, text: str) -> HotId | None:
        """None for a text that names none."""
        found = _ID.fullmatch(text)
        if found is None:
            return None
        period: Any = found[2]
        return cls(int(found[1]), period, int(found[3]))


def run_name(number: int, period: Period) -> str:
    """The cursor of the archive that has the questions of a run."""
    return f"{RUN_LIST} {number} {period}"


@dataclass(frozen=True, slots=True)
class KeptQuestion:
    """One question: the chats that began with it, in the period and in the one before."""

    chats: tuple[int, ...]
    """Their ids, ascending."""
    typical: tuple[int, ...]
    """Those whose openings lie nearest to the middle, each with another text, nearest first."""
    words: tuple[str, ...]
    """What marks it: words of the openings as everybody sees them, folded."""

    def to_json(self) -> dict[str, Any]:
        """For the archive: as JSON."""
        chats = packed(self.chats)
        return {"chats": chats, "typical": list(self.typical), "words": list(self.words)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> KeptQuestion:
        """What `to_json` gave."""
        return cls(unpacked(value["chats"]), tuple(value["typical"]), tuple(value["words"]))


@dataclass(frozen=True, slots=True)
class HotRun:
    """The questions of one period, as they were computed."""

    number: int
    period: Period
    made_at: datetime
    days: Days
    questions: tuple[KeptQuestion, ...]
    """The largest first."""

    def to_json(self) -> dict[str, Any]:
        """For the archive: as JSON."""
        return {
            "number": self.number,
            "period": self.period,
            "made_at": self.made_at.isoformat(),
            "today": self.days.end.isoformat(),
            "questions": [question.to_json() for question in self.questions],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> HotRun:
        """What `to_json` gave."""
        return cls(
            value["number"],
            value["period"],
            datetime.fromisoformat(value["made_at"]),
            Days.of(value["period"], date.fromisoformat(value["today"])),
            tuple(map(KeptQuestion.from_json, value["questions"])),
        )


@dataclass(frozen=True, slots=True)
class TypicalMessage:
    """A message of a visitor that stands for a question."""

    chat_id: int
    snippet: Snippet


@dataclass(frozen=True, slots=True)
class HotQuestion:
    """A question, as somebody sees it."""

    id: HotId
    total: int
    """How many chats of the period they see: as many as its search finds."""
    before: int
    """The same of the period before."""
    words: tuple[str, ...]
    messages: tuple[TypicalMessage, ...]
    by_day: tuple[int, ...] = ()
    """How many of `total` began on each day of the period, the first day first."""
    before_by_day: tuple[int, ...] = ()
    """The same of `before`."""

    @property
    def change(self) -> int:
        """How many more than in the period before."""
        return self.total - self.before


HotState = Literal["ready", "off", "waiting"]
"""Are there questions? «off»: the index has no vectors, so none are looked for. «waiting»: they
were not computed yet."""


@dataclass(frozen=True, slots=True)
class HotPage:
    """The hot questions of a period."""

    state: HotState
    period: Period
    days: Days
    made_at: datetime | None = None
    """When they were computed; None where they were not."""
    total: int = 0
    """Chats of the period, as many as a search for all of them finds."""
    covered: int = 0
    """Of these, how many are in one of the questions."""
    questions: tuple[HotQuestion, ...] = ()
    """The largest first."""
