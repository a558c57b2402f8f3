"""The histogram beside the hits: when the chats were created."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from kchat_search.models.search import FacetValue, SearchRequest
from kchat_search.web.pages import histogram

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
