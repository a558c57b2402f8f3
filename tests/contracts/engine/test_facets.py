"""The facet of days, whose days are those of the time zone, and a facet of thousands of values.
`test_oracle.py` tests the other facets."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime
from itertools import chain
from zoneinfo import ZoneInfo

import pytest

from kchat_search.models.plan import Everything, FieldIs, HasWord, Plan
from kchat_search.ports import Engine
from tests.engines.documents import make


def seconds(text: str, zone: str = "Asia/Shanghai") -> int:
    """A local time, in seconds since 1970 UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.parametrize(
    ("times", "zone", "days"),
    [
        (["2016-02-28T23:59:59", "2016-02-29T00:00:00", "2016-02-29T23:59:59"], "Asia/Shanghai",
         [("2016-02-28", 1), ("2016-02-29", 2)]),
        (["2016-02-29T00:00:00", "2016-02-29T08:00:00"], "UTC",
         [("2016-02-28", 1), ("2016-02-29", 1)]),
        # the clocks go forward at midnight, so this day has no first hour
        (["2018-11-03T23:00:00", "2018-11-04T12:00:00"], "America/Sao_Paulo",
         [("2018-11-03", 1), ("2018-11-04", 1)]),
        (["2016-01-01T00:00:00", "2016-04-01T23:00:00"], "Asia/Shanghai",
         [("2016-01-01", 1), ("2016-04-01", 1)]),
        (["2016-01-01T23:00:00", "2016-04-02T00:00:00"], "Asia/Shanghai", None),
        (["0001-01-01T00:00:00", "9999-12-31T23:59:59"], "Asia/Shanghai", None),
        (["9999-12-31T23:59:59"], "Asia/Shanghai", [("9999-12-31", 1)]),
        ([], "Asia/Shanghai", []),
    ],
)  # fmt: skip
def test_days_are_counted_in_the_zone_where_they_are_not_too_many(
    engine: Engine, times: list[str], zone: str, days: list[tuple[str, int]] | None
) -> None:
    here = zone if zone != "UTC" else "Asia/Shanghai"
    engine.write([make(i, "x", created=seconds(text, here)) for i, text in enumerate(times, 1)])
    facets = engine.search(Plan(Everything(), facets=("created_day",), zone=zone)).facets
    assert facets.get("created_day") == (None if days is None else tuple(days))


def test_a_facet_of_thousands_of_values_of_which_a_chat_has_several(engine: Engine) -> None:
    rnd = random.Random(13)
    agents = [f"agent {n}" for n in range(3_000)]
    chats = [
        make(n, "refund" * (n % 2), participants=tuple(sorted(rnd.sample(agents, n % 5))))
        for n in range(1, 2_500)
    ]
    chats.append(make(9_999, "refund", participants=tuple(sorted(agents))))
    engine.write(chats[:1_800])
    engine.write(chats[1_800:], [2, 4])
    for match in (Everything(), HasWord("refund")):
        found = [c for c in chats if c.id not in (2, 4) and (c.id % 2 or match == Everything())]
        expected = Counter(value for chat in found for value in chat.fields["participant"])
        rows = engine.search(Plan(match, facets=("participant",))).facets["participant"]
        assert dict(rows) == expected
        assert list(rows) == sorted(
            rows, key=lambda row: (-row[1], "" if row[0] is None else row[0])
        )


def test_facets_of_thousands_of_values_have_all_of_them_together(engine: Engine) -> None:
    """More than a server of an index gives at once."""
    values = [
        tuple(f"v{n}" for n in range(begin, begin + 1_000)) for begin in range(0, 36_000, 900)
    ]
    engine.write(
        [make(n, "x", participants=some, spoke=some) for n, some in enumerate(values, start=1)]
    )
    for filters, counted in (
        ({}, values),
        ({"spoke": FieldIs("spoke", ("v950", "v35999"))}, [*values[:2], values[-1]]),
    ):
        facets = engine.search(
            Plan(Everything(), filters=filters, facets=("spoke", "participant", "started_by"))
        ).facets
        assert dict(facets["spoke"]) == Counter(chain.from_iterable(values))
        assert dict(facets["participant"]) == Counter(chain.from_iterable(counted))
        assert facets["started_by"] == (("visitor", len(counted)),)


def test_a_value_of_thousands_of_characters_is_itself_and_is_shown_by_its_beginning(
    engine: Engine,
) -> None:
    values = ("长" * 40_000 + "a", "长" * 40_000 + "b", "长" * 1_000)
    engine.write([make(n, "x", status=value) for n, value in enumerate(values, start=1)])
    facet = engine.search(Plan(Everything(), facets=("status",))).facets["status"]
    assert [count for _, count in facet] == [1, 1, 1]
    shown = [value or "" for value, _ in facet]
    assert values[2] in shown
    assert all(each.startswith(values[2]) and len(each) < 1_100 for each in shown)
    for n, value in enumerate(values, start=1):
        assert list(engine.ids(Plan(FieldIs("status", (value,)), sort="oldest"))) == [n]
