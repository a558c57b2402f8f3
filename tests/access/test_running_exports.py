"""Exports of a principal that run at one time, counted over all processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from kchat_search.access.store import SqlAccess
from kchat_search.models.people import Principal
from kchat_search.ports.access import ExportPlace

from .world import Clock, Office

ANNA = Principal("person", "person:1", "anna")
BERT = Principal("person", "person:11", "bert")


@pytest.fixture
def other(office: Office) -> Iterator[SqlAccess]:
    """What another process has of the same database."""
    with closing(office.open()) as access:
        yield access


def begun(access: SqlAccess, who: Principal = ANNA) -> ExportPlace | None:
    return access.exports.begin(who, most=3)


def test_all_processes_share_the_places_of_a_principal(access: SqlAccess, other: SqlAccess) -> None:
    running = [begun(access), begun(other), begun(access)]
    assert None not in running
    assert begun(access) is begun(other) is None
    assert begun(other, BERT) is not None
    assert running[1] is not None
    running[1].end()
    assert begun(access) is not None
    assert begun(access) is None


def test_the_places_of_a_process_that_was_killed_become_free(
    access: SqlAccess, other: SqlAccess, clock: Clock
) -> None:
    killed = [begun(other) for _ in range(3)]
    clock.passes(minutes=2)
    assert begun(access) is None
    clock.passes(minutes=1)
    places = [begun(access) for _ in range(3)]
    assert None not in places
    for late in killed:
        assert late is not None
        late.keep()
        late.end()
    assert begun(access) is None, "who comes late takes nothing from who came after"


def test_an_export_that_runs_keeps_its_place(
    access: SqlAccess, other: SqlAccess, clock: Clock
) -> None:
    places = [begun(access) for _ in range(3)]
    for _ in range(9):
        clock.passes(minutes=1)
        for place in places:
            assert place is not None
            place.keep()
        access.requests.count(ANNA, limit=9)  # removes what has ended
        assert begun(other) is None
