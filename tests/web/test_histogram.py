"""The histogram beside the hits: when the chats were created."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from kchat_search.models.search import FacetValue, SearchRequest
from kchat_search.web.pages import histogram
from tests.web.markup import look

MONTHS = {
    "created_month": [FacetValue("2015-11", None, 4), FacetValue("2016-02", None, 400)],
}


def test_the_histogram_has_no_gap_and_every_bar_its_days(client: FlaskClient) -> None:
    with client.application.test_request_context("/"):
        shown = histogram.of_facets(SearchRequest(q="a"), MONTHS)
    assert [bar.name for bar in shown.bars] == ["2015-11", "2015-12", "2016-01", "2016-02"]
    assert shown.bars[0].url == "/?q=a&start=2015-11-01&end=2015-11-30"
    assert shown.bars[3].url == "/?q=a&start=2016-02-01&end=2016-02-29"
    assert shown.bars[1].url is None
    assert shown.bars[0].height >= 2, "few chats beside many are still visible"


def test_an_active_bar_takes_its_days_away(client: FlaskClient) -> None:
    request = SearchRequest(q="a", start="2016-02-01", end="2016-02-29", page=3)
    with client.application.test_request_context("/"):
        shown = histogram.of_facets(request, MONTHS)
    assert (shown.bars[3].active, shown.bars[3].url) == (True, "/?q=a")


def test_many_years_are_shown_by_year_and_one_year_by_month(client: FlaskClient) -> None:
    months = [FacetValue(f"{y}-{m:02d}", None, m) for y in range(2010, 2017) for m in (1, 12)]
    year = SearchRequest(q="a", start="2012-01-01", end="2012-12-31")
    with client.application.test_request_context("/"):
        years = histogram.of_facets(SearchRequest(q="a"), {"created_month": months})
        one = histogram.of_facets(year, {"created_month": months})
    assert [bar.name for bar in years.bars] == [str(y) for y in range(2010, 2017)]
    assert years.bars[2].count == 13
    assert years.bars[2].url == "/?q=a&start=2012-01-01&end=2012-12-31"
    assert [bar.name for bar in one.bars] == [f"2012-{m:02d}" for m in range(1, 13)]


DAYS = {
    "created_month": [FacetValue("2016-02", None, 5)],
    "created_day": [FacetValue("2016-02-27", None, 4), FacetValue("2016-03-01", None, 1)],
}


@pytest.mark.parametrize(
    ("start", "end", "first", "bars"),
    [
        (None, None, "2016-02-27", 4),
        ("2016-02-01", "2016-03-31", "2016-02-01", 60),
        ("2016-02-01", None, "2016-02-27", 4),
        ("2016-02-01", "2017-03-31", "2016-02-27", 4),
        ("2016-02-01T00:00:00Z", "2016-03-31", "2016-02-27", 4),
    ],
)
def test_days_are_shown_where_the_hits_lie_near_together(
    client: FlaskClient, start: str | None, end: str | None, first: str, bars: int
) -> None:
    """The bars cover all days of the request, if those are not too many."""
    with client.application.test_request_context("/"):
        shown = histogram.of_facets(SearchRequest(q="a", start=start, end=end), DAYS)
    assert (shown.bars[0].name, len(shown.bars)) == (first, bars)
    (leap,) = (bar for bar in shown.bars if bar.name == "2016-02-29")
    assert (leap.count, leap.url) == (0, None)
    (busy,) = (bar for bar in shown.bars if bar.name == "2016-02-27")
    assert busy.url == "/?q=a&start=2016-02-27&end=2016-02-27"


def test_one_wrong_date_does_not_press_the_others_together(client: FlaskClient) -> None:
    months = [*MONTHS["created_month"], FacetValue("9999-12", None, 1), FacetValue("x", None, 1)]
    with client.application.test_request_context("/"):
        shown = histogram.of_facets(SearchRequest(q="a"), {"created_month": months})
    assert [bar.name for bar in shown.bars] == ["2015", "2016", "9999"]


def test_the_months_that_were_asked_for_are_there_without_chats_too(client: FlaskClient) -> None:
    request = SearchRequest(q="a", start="2015-09-10", end="2016-03-01")
    with client.application.test_request_context("/"):
        shown = histogram.of_facets(request, MONTHS)
    names = [bar.name for bar in shown.bars]
    assert (names[0], names[-1], len(names)) == ("2015-09", "2016-03", 7)


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (1, [1]),
        (4, [1, 2, 3, 4]),
        (8, [2, 4, 6, 8]),
        (13, [5, 10]),
        (400, [100, 200, 300, 400]),
        (1_234_567, [500_000, 1_000_000]),
    ],
)
def test_the_axis_has_few_round_numbers_where_the_bars_end(
    client: FlaskClient, highest: int, ticks: list[int]
) -> None:
    months = {"created_month": [FacetValue("2016-02", None, highest)]}
    with client.application.test_request_context("/"):
        shown = histogram.of_facets(SearchRequest(), months)
    assert [tick.count for tick in shown.ticks] == ticks
    top = shown.bars[0].y
    assert all(top <= tick.y < shown.bottom for tick in shown.ticks)


def test_the_axis_names_the_first_bar_and_the_last_and_few_between(client: FlaskClient) -> None:
    months = {"created_month": [FacetValue(f"2015-{m:02}", None, m) for m in range(1, 13)]}
    with client.application.test_request_context("/"):
        shown = histogram.of_facets(SearchRequest(), months)
    assert [name.text for name in shown.names] == ["2015-01", "2015-05", "2015-08", "2015-12"]
    assert [name.anchor for name in shown.names] == ["start", "middle", "middle", "end"]
    assert [name.x for name in shown.names] == sorted(name.x for name in shown.names)


def test_a_bar_may_ask_for_what_was_said_and_then_promises_no_number(client: FlaskClient) -> None:
    page = look(client, "/?q=包裹&by=said")
    bars = [link for link in page.links if "said_start=" in link["href"] and "aria-label" in link]
    assert bars
    assert all("data-finds" not in link and "start=2" in link["href"] for link in bars)
    assert not any("个对话" in link["aria-label"] for link in bars)


def test_the_table_behind_the_picture_says_the_same(client: FlaskClient) -> None:
    page = look(client, "/?q=包裹")
    counted = {}
    for link in page.links:
        if "start=" in link["href"] and "data-finds" in link:
            counted[link["aria-label"].partition(":")[0]] = link["data-finds"]
    assert counted
    table = page.text.partition("看表格")[2]
    assert all(f"{month} {count}" in table for month, count in counted.items())
