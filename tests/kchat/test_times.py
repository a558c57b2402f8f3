"""Times as Kchat writes them, in the zone of the account."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from kchat_search.kchat.times import parse_time

_at = datetime.fromisoformat

ZONES = [
    ZoneInfo(name)
    for name in ("Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "UTC")
]


@given(
    # Summer time begins and ends. Apia skips a day (30 December 2011). Local mean time ends.
    st.datetimes(_at("1890-01-01"), _at("2040-01-01"))
    | st.datetimes(_at("2011-12-28"), _at("2012-01-02"))
    | st.datetimes(_at("1986-05-03"), _at("1986-05-05"))
    | st.datetimes(_at("2024-03-30"), _at("2024-04-08")),
    st.sampled_from(ZONES),
)
@example(_at("1900-12-31 23:59:59"), ZONES[0])
@example(_at("2024-10-27 02:30:00"), ZONES[1])
@example(_at("2011-12-30 00:00:00"), ZONES[3])
def test_a_documented_time_is_the_time_that_the_zone_gives(
    moment: datetime, zone: ZoneInfo
) -> None:
    said = moment.replace(microsecond=0, fold=0)  # of a repeated hour, the text means the first
    assert parse_time(f"{said:%Y-%m-%d %H:%M:%S}", zone) == said.replace(tzinfo=zone).astimezone(
        UTC
    )


@given(st.one_of(st.text(), st.integers(), st.floats(), st.datetimes().map(str)))
def test_a_time_is_utc_or_none_or_a_value_error(value: object) -> None:
    try:
        moment = parse_time(value, ZONES[0])
    except ValueError:
        return
    assert moment is None or moment.tzinfo is UTC
