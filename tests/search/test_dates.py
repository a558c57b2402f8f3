from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kchat_search.errors import BadRequest
from kchat_search.search.dates import (
    ImpossibleDay,
    Span,
    named_days,
    parameter_end,
    parameter_start,
    span,
)
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
    # as people write them
    *(
        (form, "2019-04-25", "2019-04-26")
        for form in (
            "2019/04/25",
            "2019/4/25",
            "2019.4.25",
            "2019.04.25",
            "20190425",
            "2019年4月25日",
            "2019年04月25号",
            "19年4月25日",
        )
    ),
    *(
        (form, "2019-04-01", "2019-05-01")
        for form in (
            "2019/04",
            "2019.4",
            "201904",
            "2019年4月",
            "2019年4月份",
            "19年4月",
        )
    ),
    *((form, "2019-01-01", "2020-01-01") for form in ("2019年", "2019年度", "19年")),
    # without a year: the last that has begun
    ("3月15日", "2026-03-15", "2026-03-16"),
    ("3月16日", "2025-03-16", "2025-03-17"),
    ("3月", "2026-03-01", "2026-04-01"),
    ("4月", "2025-04-01", "2025-05-01"),
    ("2月29日", "2024-02-29", "2024-03-01"),
    # in words; 15 March 2026 is a Sunday
    *((form, "2026-03-15", "2026-03-16") for form in ("今天", "今日", "today")),
    *((form, "2026-03-14", "2026-03-15") for form in ("昨天", "昨日", "yesterday")),
    *((form, "2026-03-13", "2026-03-14") for form in ("前天", "the day before yesterday")),
    *(
        (form, "2026-03-09", "2026-03-16")
        for form in (
            "本周",
            "这周",
            "这个星期",
            "本星期",
            "this week",
            "this-week",
            "this_week",
            "thisweek",
        )
    ),
    *(
        (form, "2026-03-02", "2026-03-09")
        for form in (
            "上周",
            "上个星期",
            "上个礼拜",
            "上一周",
            "last week",
            "lastweek",
            "last-week",
        )
    ),
    ("上上周", "2026-02-23", "2026-03-02"),
    *((form, "2026-03-01", "2026-04-01") for form in ("本月", "这个月", "当月", "this month")),
    *((form, "2026-02-01", "2026-03-01") for form in ("上月", "上个月", "last month")),
    ("本季度", "2026-01-01", "2026-04-01"),
    ("last quarter", "2025-10-01", "2026-01-01"),
    *((form, "2026-01-01", "2027-01-01") for form in ("今年", "本年", "this year")),
    *((form, "2025-01-01", "2026-01-01") for form in ("去年", "last year")),
    ("前年", "2024-01-01", "2025-01-01"),
    *(
        (form, "2026-03-09", "2026-03-16")
        for form in (
            "7天",
            "最近7天",
            "近七天",
            "过去7天",
            "7天内",
            "last 7 days",
            "past7days",
            "一周",
        )
    ),
    *((form, "2025-12-16", "2026-03-16") for form in ("三个月", "最近3个月", "3 months")),
    ("半年", "2025-09-17", "2026-03-16"),
    # ranges
    *(
        (form, "2019-04-01", "2019-05-01")
        for form in (
            "2019.4.1..2019.4.30",
            "2019-04-01~2019-04-30",
            "2019-04-01 ~ 2019-04-30",
            "2019年4月1日至2019年4月30日",
            "2019年4月1日到4月30日",
            "2019年4月1日至30日",
            "2019-04-01..04-30",
            "2019-04-01..30",
            "2019-04-01-2019-04-30",
            "20190401-20190430",
            "2019/4/1-2019/4/30",
            "2019-04-01至20190430",
        )
    ),
    ("2019-2020", "2019-01-01", "2021-01-01"),
    ("2019年12月31日至1月2日", "2019-12-31", "2020-01-03"),
    ("4月1日至2019年4月30日", "2019-04-01", "2019-05-01"),
    ("上月~今天", "2026-02-01", "2026-03-16"),
    ("2019-04~", "2019-04-01", None),
    ("至2019-04", None, "2019-05-01"),
    ("去年至今", "2025-01-01", "2026-03-16"),
    # typed with the end first: taken the right way round
    ("2019-04-30..2019-04-01", "2019-04-01", "2019-05-01"),
    ("今天..昨天", "2026-03-14", "2026-03-16"),
    ("2016..2015-06", "2015-06-01", "2017-01-01"),
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
     "7x", "d", "-7d", "12345d", "2015-", "2015-04-", "2015-04-01..x", "x..2015",
     "2015..2016..2017", "2015...", "...2015", "201513", "2015-04-01T00:00", " 2015", "2015 ",
     "明天", "昨", "去月", "²015", "4", "2015..30", "this", "0年"],
)  # fmt: skip
def test_what_is_no_date_is_none(text: str) -> None:
    assert span(text, TODAY, SHANGHAI) is None


@pytest.mark.parametrize(
    ("text", "is_reversed"),
    [("2016..2015", True), ("2015..2016", False), ("2015..2015-01", False), ("今天~昨天", True),
     ("2015-05-02..2015-05-01", True), ("2015", False), ("2015..", False)],
)  # fmt: skip
def test_an_end_before_its_start_is_noticed(text: str, is_reversed: bool) -> None:
    days = named_days(text, TODAY)
    assert days is not None
    assert days.is_reversed == is_reversed


@pytest.mark.parametrize("text", ["2015-02-30", "2015/13", "20150230", "2月30日", "2015年13月",
                                  "2015-01-01..2015-02-30", "0000"])  # fmt: skip
def test_a_day_that_no_calendar_has_is_told_from_what_is_no_day(text: str) -> None:
    with pytest.raises(ImpossibleDay):
        named_days(text, TODAY)


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
