"""When chats were created, as bars one can click. Pure; pixels are those of the SVG's own grid."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from kchat_search.models.plan import MOST_DAYS
from kchat_search.models.search import FacetValue, SearchRequest
from kchat_search.serialization.links import changed, search_url

HEIGHT = 64
WIDTH = 288
GAP = 1
MONTHS_AT_MOST = 36
YEARS_AT_MOST = 36
MONTHS_RATHER = 4
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Bar:
    """One day (`2015-04-25`), month (`2015-04`) or year (`2015`)."""

    name: str
    count: int
    x: float
    y: float
    width: float
    height: float
    start: str
    end: str
    url: str | None
    active: bool


@dataclass(frozen=True, slots=True)
class Histogram:
    """The bars, oldest first: days, months or years one after another; where they lie too far apart
    for that, the years that have chats."""

    bars: tuple[Bar, ...]
    highest: int
    width: int = WIDTH
    height: int = HEIGHT


def of_facets(request: SearchRequest, facets: Mapping[str, Iterable[FacetValue]]) -> Histogram:
    """The histogram of a search: by day where its hits lie near together, else by month or year. A
    click on a bar asks for its days, on an active one for all."""
    days = _counts(facets.get("created_day", ()))
    months = _counts(facets.get("created_month", ()))
    if not days or len(months) >= MONTHS_RATHER:
        return _histogram(months, request)
    first, last = min(days), max(days)
    asked = request.start or "", request.end or ""
    if all(map(_DAY.fullmatch, asked)) and _distance(*asked) < MOST_DAYS:
        first, last = min(first, asked[0]), max(last, asked[1])
    begin = date.fromisoformat(first)
    names = [
        (begin + timedelta(days=number)).isoformat() for number in range(_distance(first, last) + 1)
    ]
    return _bars([(name, days.get(name, 0)) for name in names], request)


def _counts(values: Iterable[FacetValue]) -> dict[str, int]:
    return {value.value: value.count for value in values if value.value}


def _distance(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


def of_months(months: Mapping[str, int]) -> Histogram:
    """The histogram of the whole archive; a click asks for the chats of those days."""
    return _histogram(months, SearchRequest())


def _histogram(counts: Mapping[str, int], request: SearchRequest) -> Histogram:
    months = {_index(name): count for name, count in counts.items() if _MONTH.fullmatch(name)}
    if not months:
        return Histogram((), 0)
    low, high = min(months), max(months)
    if high - low >= MONTHS_AT_MOST:
        chosen = _chosen_year(request)
        if chosen is None:
            return _bars(_by_year(months, low // 12, high // 12), request)
        low, high = chosen * 12, chosen * 12 + 11
    names = [(f"{i // 12:04d}-{i % 12 + 1:02d}", months.get(i, 0)) for i in range(low, high + 1)]
    return _bars(names, request)


def _index(name: str) -> int:
    return int(name[:4]) * 12 + int(name[5:7]) - 1


def _chosen_year(request: SearchRequest) -> int | None:
    """The one year that the search is limited to, if it is."""
    start, end = request.start or "", request.end or ""
    same = start[:4] == end[:4] and start[:4].isdigit()
    return int(start[:4]) if same and int(start[:4]) > 0 else None


def _by_year(months: Mapping[int, int], first: int, last: int) -> list[tuple[str, int]]:
    # one wrong date (9999, 0001) must not press all the others into one pixel
    near = last - first < YEARS_AT_MOST
    years = dict.fromkeys(range(first, last + 1) if near else (), 0)
    for index, count in months.items():
        years[index // 12] = years.get(index // 12, 0) + count
    return [(f"{year:04d}", years[year]) for year in sorted(years)][-YEARS_AT_MOST:]


def _bars(named: list[tuple[str, int]], request: SearchRequest) -> Histogram:
    highest = max(1, *(count for _, count in named)) if len(named) > 1 else max(1, named[0][1])
    step = WIDTH / len(named)
    bars = []
    for place, (name, count) in enumerate(named):
        start, end = _days(name)
        active = (request.start, request.end) == (start, end)
        wanted = (None, None) if active else (start, end)
        # a month with one chat among thousands must still be seen
        height = max(2.0, round(count / highest * (HEIGHT - 2), 1)) if count else 0.0
        bars.append(
            Bar(
                name=name,
                count=count,
                x=round(place * step, 2),
                y=HEIGHT - height,
                width=round(max(1.0, min(step - GAP, 40.0)), 2),
                height=height,
                start=start,
                end=end,
                url=search_url(changed(request, start=wanted[0], end=wanted[1])) if count else None,
                active=active,
            )
        )
    return Histogram(tuple(bars), highest)


def _days(name: str) -> tuple[str, str]:
    if _DAY.fullmatch(name):
        return name, name
    if len(name) == 4:
        return f"{name}-01-01", f"{name}-12-31"
    year, month = int(name[:4]), int(name[5:7])
    last = calendar.monthrange(year, month)[1] if year else 31
    return f"{name}-01", f"{name}-{last:02d}"
