"""Reports of syncs and their totals, as `sync_state` keeps them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import pytest

from kchat_search.archive import SqlArchive, sync_state
from kchat_search.archive.people_mark import PeopleMark
from kchat_search.models.reports import SyncReport, SyncTotals
from tests.archive.damage import BOTH, Place, run
from tests.contracts.archive.chats import at

pytestmark = pytest.mark.parametrize("place", BOTH, indirect=True)


def test_totals_have_every_report_also_those_that_were_deleted(
    archive: SqlArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert archive.totals() == {}
    monkeypatch.setattr(sync_state, "_REPORTS_KEPT", 2)
    tick = SyncReport(
        "tick", at(0), at(0.5), seen=5, new=1, changed=2, rejected=1, indexed=3, retries=4
    )
    archive.save_report(replace(tick, kind="backfill", vanished=7))
    for _ in range(3):
        archive.save_report(tick)
    archive.save_report(replace(tick, complete=False))
    archive.save_report(replace(tick, complete=False, error="Kchat is away"))
    assert len(archive.reports()) == 2
    assert archive.totals() == {
        "backfill": SyncTotals(1, 0, 0, 30.0, 5, 1, 2, 7, 1, 3, 4),
        "tick": SyncTotals(3, 1, 1, 150.0, 25, 5, 10, 0, 5, 15, 20),
    }


def test_a_report_and_its_totals_are_saved_together_or_not_at_all(
    archive: SqlArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.save_report(SyncReport("tick", at(0), at(1)))

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(sync_state, "save_cursor", fail)
    with pytest.raises(ZeroDivisionError):
        archive.save_report(SyncReport("tick", at(2), at(3)))
    assert (len(archive.reports()), archive.totals()["tick"].complete) == (1, 1)


def test_totals_of_a_later_version_are_read_as_far_as_they_are_known(archive: SqlArchive) -> None:
    archive.set_cursor("totals", {"tick": {"complete": 2, "erased": 5}}, now=at(0))
    archive.save_report(SyncReport("tick", at(0), at(0), seen=1))
    assert archive.totals() == {"tick": SyncTotals(complete=3, seen=1)}


def test_the_mark_that_there_are_people_stays_even_damaged(
    archive: SqlArchive, place: Place
) -> None:
    opened = 0

    def open_it() -> AbstractContextManager[SqlArchive]:
        nonlocal opened
        opened += 1
        return nullcontext(archive)

    mark = PeopleMark(open_it, lambda: at(0))
    assert opened == 0
    assert not mark.is_set()
    mark.set()
    mark.set()
    assert mark.is_set()
    run(place, "UPDATE cursors SET value = '{}' WHERE name = 'people'")
    assert archive.cursor("people") is None
    assert mark.is_set()
