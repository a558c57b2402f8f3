from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kchat_search.errors import BadRequest
from kchat_search.search.dates import Span, parameter_end, parameter_start, span
from tests.search.words import SHANGHAI, TODAY
from tests.text.difficult_texts import texts

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    SHANGHAI,
    BERLIN,
    ZoneInfo("America/Sao_Paulo"),  # summer time began at midnight, so that hour is missing
    ZoneInfo("America/Havana"),  # summer time ends at one, so midnight comes twice
    ZoneInfo("Pacific/Apia"),  # has no 30 December 2011
    ZoneInfo("UTC"),
]


def begin(day: str, zone: ZoneInfo = SHANGHAI) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=zone).timestamp())


FORMS: list[tuple[str, str | None, str | None]] = [
    # text, first day, first day after
    ("2015", "2015-01-01", "2016-01-01"),
    ("2015-04", "2015-04-01", "2015-05-01"),
    ("2015-4", "2015-04-01", "2015-05-01"),
    ("2015-12", "2015-12-01", "2016-01-01"),
    ("2016-02", "2016-02-01", "2016-03-01"),
    ("2015-04-25", "2015-04-25", "2015-04-26"),
    ("2015-4-5", "2015-04-05", "2015-04-06"),
    ("2015-12-31", "2015-12-31", "2016-01-01"),
    ("2016-02-29", "2016-02-29", "2016-03-01"),
    ("2015-04-01..2015-04-30", "2015-04-01", "2015-05-01"),
    ("2015..2016", "2015-01-01", "2017-01-01"),
    ("2015-04..2015-06-15", "2015-04-01", "2015-06-16"),
    ("2015-04..", "2015-04-01", None),
    ("..2015-04", None, "2015-05-01"),
    ("1d", "2026-03-15", "2026-03-16"),
    ("0d", "2026-03-15", "2026-03-16"),
    ("7d", "2026-03-09", "2026-03-16"),
    ("2w", "2026-03-02", "2026-03-16"),
    ("1m", "2026-02-14", "2026-03-16"),
    ("1y", "2025-03-16", "2026-03-16"),
    ("9999y", None, "2026-03-16"),
    ("9999", "9999-01-01", None),
    ("9999-12", "9999-12-01", None),
    ("9999-12-31", "9999-12-31", None),
    ("0001", None, "0002-01-01"),
    ("0001-01-01..9999-12-31", None, None),
]


@pytest.mark.parametrize("zone", [SHANGHAI, BERLIN], ids=str)
@pytest.mark.parametrize(("text", "first", "after"), FORMS)
def test_every_named_day_is_included_whole(
    text: str, first: str | None, after: str | None, zone: ZoneInfo
) -> None:
    assert span(text, TODAY, zone) == (
        None if first is None else begin(first, zone),
        None if after is None else begin(after, zone),
    )


@pytest.mark.parametrize(
    "text",
    ["", "..", "2015-13", "2015-00", "2015-04-00", "2015-00-01", "2015-02-30",
     "2015-02-29", "0000", "0000-01-01", "15-04", "7",
     "7x", "d", "-7d", "12345d", "2015-", "2015-04-", "2015/04", "2015-04-01..x", "x..2015",
     "2015..2016..2017", "2015...", "...2015", "20150401", "2015-04-01T00:00", " 2015", "2015 ",
     "昨天", "²015"],
)  # fmt: skip
def test_what_is_no_date_is_none(text: str) -> None:
    assert span(text, TODAY, SHANGHAI) is None


def test_days_are_those_of_the_zone_where_clocks_change() -> None:
    assert span("2026-03-29", TODAY, BERLIN) == (
        int(datetime(2026, 3, 28, 23, tzinfo=UTC).timestamp()),
        int(datetime(2026, 3, 29, 22, tzinfo=UTC).timestamp()),
    )  # 23 hours
    start, end = span("2026-10-25", TODAY, BERLIN) or (None, None)
    assert start is not None
    assert end is not None
    assert end - start == 25 * 3600


@given(
    st.dates(date(1970, 1, 2), date(2100, 1, 1)),
    st.integers(0, 86_399),
    st.sampled_from(ZONES),
)
def test_a_moment_is_in_the_day_that_the_clock_on_the_wall_shows_and_in_no_other(
    day: date, second: int, zone: ZoneInfo
) -> None:
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)
    shown = moment.astimezone(zone).date()
    assert inside(span(shown.isoformat(), TODAY, zone), moment)
    assert inside(span(f"{shown:%Y-%m}", TODAY, zone), moment)
    assert not inside(span((shown + timedelta(days=1)).isoformat(), TODAY, zone), moment)
    assert not inside(span((shown - timedelta(days=1)).isoformat(), TODAY, zone), moment)


def inside(found: Span | None, moment: datetime) -> bool:
    assert found is not None
    start, end = found
    assert start is not None
    assert end is not None
    return start <= int(moment.timestamp()) < end


@given(texts(30) | st.from_regex(r"[0-9.\-dwmy ]{0,24}", fullmatch=True), st.dates())
def test_any_text_and_any_day_give_a_span_or_none(text: str, today: date) -> None:
    for zone in ZONES:
        found = span(text, today, zone)
        assert found is None or len(found) == 2


# -- the API's parameters ------------------------------------------------------------------------


def test_days_of_the_api_are_inclusive_in_the_zone() -> None:
    assert parameter_start("2016-01-01", SHANGHAI) == begin("2016-01-01")
    assert parameter_end("2016-01-31", SHANGHAI) == begin("2016-02-01")


@pytest.mark.parametrize(
    "time", ["2016-01-01T08:00:00+08:00", "2016-01-01T00:00:00Z", "2016-01-01t00:00:00z"]
)
def test_times_of_the_api_have_their_own_offset_and_the_second_is_included(time: str) -> None:
    for zone in ZONES:
        assert parameter_start(time, zone) == 1451606400
        assert parameter_end(time, zone) == 1451606401


def test_parts_of_a_second_lose_no_chat() -> None:
    assert parameter_start("2016-01-01T00:00:00.5Z", SHANGHAI) == 1451606401
    assert parameter_end("2016-01-01T00:00:00.5Z", SHANGHAI) == 1451606401


def test_the_ends_of_the_calendar_cut_nothing_away() -> None:
    for zone in ZONES:
        assert parameter_start("0001-01-01", zone) is None
        assert parameter_end("9999-12-31", zone) is None
        assert (parameter_start("1969-12-31", zone) or 0) < 0


@pytest.mark.parametrize(
    "value",
    ["", "2016", "2016-01", "2016-13-01", "2016-02-30", "2016-01-01T08:00:00", "yesterday", "7d",
     "2016-01-01 08:00:00+08:00", "2016-01-01T08:00:00 08:00", "２０１６-01-01", "2016-1-1",
     "2016-01-01T25:00:00Z", "0000-01-01", "10000-01-01", "\ud800", "2016-01-01\n"],
)  # fmt: skip
def test_other_values_are_refused_with_the_name_of_the_parameter(value: str) -> None:
    with pytest.raises(BadRequest, match="start") as start:
        parameter_start(value, SHANGHAI)
    with pytest.raises(BadRequest, match="end") as end:
        parameter_end(value, SHANGHAI)
    assert (start.value.parameter, end.value.parameter) == ("start", "end")


@given(
    texts(30)
    | st.datetimes().map(str)
    | st.datetimes(timezones=st.timezones()).map(datetime.isoformat)
)
def test_any_value_is_a_moment_or_refused(value: str) -> None:
    for read in (parameter_start, parameter_end):
        try:
            found = read(value, BERLIN)
        except BadRequest as refused:
            str(refused).encode()
        else:
            assert found is None or isinstance(found, int)
