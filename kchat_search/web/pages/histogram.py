"""When the chats were created, as bars that are links, with an axis.

Pure functions. Sizes are in units of the SVG's own grid.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from kchat_search.models.plan import MOST_DAYS
from kchat_search.models.search import FacetValue, SearchRequest
from kchat_search.serialization.links import search_url
from kchat_search.web.pages.filters import By, dated, span_of
from kchat_search.web.pages.formatting import written_date

WIDTH = 304
WIDE = 608
HEIGHT = 64
"""Of the highest bar; where the picture is wide, twice as much."""
LEFT = 30
"""Of the first bar: the numbers of the axis stand before it."""
BELOW = 17
"""Under the bars, for the names of the axis."""
ABOVE = 8
"""Over the bars, for half of the highest number."""
GAP = 1
_MOST_NAMES = 4
_MOST_TICKS = 4
MAX_MONTHS = 36
MAX_YEARS = 36
MIN_MONTHS = 4
"""With fewer months the bars are days."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Bar:
    """The bar of one day (`2015-04-25`), month (`2015-04`) or year (`2015`)."""

    name: str
    count: int
    x: float
    y: int
    width: float
    height: int
    start: str
    """The first day, or the time at which the search begins."""
    end: str
    """The last day, or the time at which the search ends."""
    url: str | None
    """The search for these days; None if they have no chat. On an active bar: for all days."""
    active: bool
    """Is the search limited to exactly these days?"""


@dataclass(frozen=True, slots=True)
class Tick:
    """A number at the axis of counts."""

    count: int
    y: float


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a bar under the axis."""

    text: str
    x: float
    """Its middle; of the first its beginning, of the last its end."""
    anchor: str
    """What of it stands there: «start», «middle» or «end»."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """The bars, oldest first.

    They are days, months or years without a gap. If the years lie too far apart, only years with
    chats have a bar.
    """

    bars: tuple[Bar, ...]
    highest: int
    ticks: tuple[Tick, ...] = ()
    names: tuple[Name, ...] = ()
    width: int = WIDTH
    left: int = LEFT
    top: int = ABOVE
    promises: bool = True
    """Does the link of a bar find as many chats as the bar counts?"""

    @property
    def bottom(self) -> int:
        """Where the bars end."""
        return ABOVE + _tallest(self.width)

    @property
    def height(self) -> int:
        """Of the whole picture."""
        return self.bottom + BELOW


def _tallest(width: int) -> int:
    return HEIGHT * width // WIDTH


def of_facets(
    request: SearchRequest, facets: Mapping[str, Iterable[FacetValue]], by: By = "created"
) -> Histogram:
    """The histogram of a search: by day if its hits lie close together, else by month or by year.

    A click on a bar searches in its days, `by` when chats were created or messages said. A click on
    an active bar searches in all days.
    """
    days = _counts(facets.get("created_day", ()))
    months = _counts(facets.get("created_month", ()))
    if not days or len(months) >= MIN_MONTHS:
        return _histogram(months, request, by)
    first, last = min(days), max(days)
    start, end = request.start or "", request.end or ""
    if _DAY.fullmatch(start) and _DAY.fullmatch(end) and _distance(start, end) < MOST_DAYS:
        first, last = min(first, start), max(last, end)
    begin = date.fromisoformat(first)
    names = [
        (begin + timedelta(days=number)).isoformat() for number in range(_distance(first, last) + 1)
    ]
    return _bars([(name, days.get(name, 0)) for name in names], request, by)


def _counts(values: Iterable[FacetValue]) -> dict[str, int]:
    return {value.value: value.count for value in values if value.value}


def _distance(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


def of_months(months: Mapping[str, int]) -> Histogram:
    """The histogram of the whole archive. A click on a bar searches in its days."""
    return _histogram(months, SearchRequest(), "created", WIDE)


def _histogram(
    counts: Mapping[str, int], request: SearchRequest, by: By, width: int = WIDTH
) -> Histogram:
    months = {_index(name): count for name, count in counts.items() if _MONTH.fullmatch(name)}
    if not months:
        return Histogram((), 0)
    low, high = min(months), max(months)
    asked = [_index(day) for day in (request.start, request.end) if day and _MONTH.match(day)]
    if len(asked) == 2 and 0 <= asked[1] - asked[0] < MAX_MONTHS:
        low, high = min(low, asked[0]), max(high, asked[1])
    if high - low >= MAX_MONTHS:
        chosen = _chosen_year(request)
        if chosen is None:
            return _bars(_by_year(months, low // 12, high // 12), request, by, width)
        low, high = chosen * 12, chosen * 12 + 11
    names = [(f"{i // 12:04d}-{i % 12 + 1:02d}", months.get(i, 0)) for i in range(low, high + 1)]
    return _bars(names, request, by, width)


def _index(name: str) -> int:
    return int(name[:4]) * 12 + int(name[5:7]) - 1


def _chosen_year(request: SearchRequest) -> int | None:
    """The year to which the search is limited; None if it is limited to no single year."""
    start, end = request.start or "", request.end or ""
    one_year = start[:4] == end[:4] and start[:4].isdigit()
    return int(start[:4]) if one_year and int(start[:4]) > 0 else None


def _by_year(months: Mapping[int, int], first: int, last: int) -> list[tuple[str, int]]:
    # A single wrong date (9999, 0001) must not squeeze all other bars into one pixel.
    close = last - first < MAX_YEARS
    years = dict.fromkeys(range(first, last + 1) if close else (), 0)
    for index, count in months.items():
        years[index // 12] = years.get(index // 12, 0) + count
    return [(f"{year:04d}", years[year]) for year in sorted(years)][-MAX_YEARS:]


def _bars(
    named: list[tuple[str, int]], request: SearchRequest, by: By, width: int = WIDTH
) -> Histogram:
    """A bar for each (name, count). All chats of the search are in the bars, but where there are
    `MAX_YEARS` of them."""
    filled = [name for name, count in named if count] if len(named) < MAX_YEARS else []
    highest = max(1, *(count for _, count in named)) if len(named) > 1 else max(1, named[0][1])
    step, tallest = (width - LEFT) / len(named), _tallest(width)
    asked = span_of(request, by)
    bars = []
    for position, (name, count) in enumerate(named):
        start, end = _days(name)
        if by == "created":
            # A search may begin or end within the days of a bar, whose link must not find more
            # then.
            if name in filled[:1] and _is_within(request.start, start, end):
                start = request.start or start
            if name in filled[-1:] and _is_within(request.end, start, end):
                end = request.end or end
        active = asked == (start, end)
        days = (None, None) if active else (start, end)
        # A month with one chat beside months with thousands must still be visible.
        height = max(2, round(count / highest * tallest)) if count else 0
        bars.append(
            Bar(
                name=name,
                count=count,
                x=round(LEFT + position * step, 1),
                y=ABOVE + tallest - height,
                width=round(max(1.0, min(step - GAP, 40.0)), 1),
                height=height,
                start=start,
                end=end,
                url=search_url(dated(request, by, *days)) if count else None,
                active=active,
            )
        )
    return Histogram(
        tuple(bars),
        highest,
        _ticks(highest, tallest),
        _names(bars),
        width,
        promises=by == "created",
    )


def _ticks(highest: int, tallest: int) -> tuple[Tick, ...]:
    """At most `_MOST_TICKS` round numbers up to the highest count."""
    steps = (digit * 10**power for power in range(18) for digit in (1, 2, 5))
    step = next(step for step in steps if highest // step <= _MOST_TICKS)
    counts = range(step, highest + 1, step)
    return tuple(Tick(count, round(ABOVE + tallest * (1 - count / highest), 1)) for count in counts)


def _names(bars: list[Bar]) -> tuple[Name, ...]:
    """The first and the last, and as many between them as there is room for."""
    most = min(_MOST_NAMES, len(bars))
    places = {round(number * (len(bars) - 1) / max(1, most - 1)) for number in range(most)}
    names = []
    for place in sorted(places):
        bar = bars[place]
        text = bar.name[5:] if _DAY.fullmatch(bar.name) else written_date(bar.name)
        anchor = "start" if place == 0 else "end" if place == len(bars) - 1 else "middle"
        at = {"start": 0.0, "middle": bar.width / 2, "end": bar.width}[anchor]
        names.append(Name(text, round(bar.x + at, 2), anchor))
    return tuple(names)


def _is_within(given: str | None, start: str, end: str) -> bool:
    """Does a search begin or end within these days? A time may be on another day in its own zone
    than in that of the bars."""
    if given is None or not _DAY.match(given):
        return False
    if _DAY.fullmatch(given):
        return start <= given <= end
    return _distance(start, given[:10]) >= -1 and _distance(given[:10], end) >= -1


def _days(name: str) -> tuple[str, str]:
    if _DAY.fullmatch(name):
        return name, name
    if len(name) == 4:
        return f"{name}-01-01", f"{name}-12-31"
    year, month = int(name[:4]), int(name[5:7])
    last = calendar.monthrange(year, month)[1] if year else 31
    return f"{name}-01", f"{name}-{last:02d}"
