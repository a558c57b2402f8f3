"""Decisions of a sync: tables of cases, without network, archive or clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kchat_search.models.chats import ChatPage, ChatState, FetchedChat, RejectedChat
from kchat_search.sync import decide
from kchat_search.sync.decide import MAX_PASSES, Pass
from tests.contracts.archive.chats import fetched

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2016, 3, 20, 4, tzinfo=UTC)


def page(number: int, *ids: int, rejects: int = 0, count: int | None = None) -> ChatPage:
    return ChatPage(
        number=number,
        chats=tuple(fetched(i) for i in ids),
        rejects=tuple(RejectedChat(f"raw:{n}", None, "{}", "odd") for n in range(rejects)),
        count=count,
        last=False,
    )


# -- passes ----------------------------------------------------------------------------------


def test_a_page_moves_the_pass_on() -> None:
    state = decide.after_page(Pass(page=3, seen=20, top=120), page(3, 131, 130, rejects=1), 2)
    assert state == Pass(page=4, seen=23, top=131, missed=2, size=3)


def test_who_goes_one_page_back_counts_no_chat_twice() -> None:
    before = Pass(page=3, seen=20, top=120)
    once = decide.after_page(before, page(3, 121, 122), 0)
    again = decide.one_page_back(once)
    assert decide.after_page(again, page(3, 121, 122), 0) == once
    assert decide.one_page_back(Pass()) == Pass()


def test_a_stop_goes_back_one_page_and_never_before_the_first() -> None:
    assert decide.resumed(Pass(page=7)).page == 6
    assert decide.resumed(Pass(page=1)).page == 1


def test_a_pass_that_is_to_prove_something_begins_anew() -> None:
    stopped = Pass(page=7, number=2, high=90, top=60, seen=60, missed=1, size=10)
    assert decide.resumed(stopped) == Pass(page=1, number=2, high=90)


@pytest.mark.parametrize(
    ("state", "count", "whole", "done", "again"),
    [
        # One pass proves nothing, whatever Kchat counts.
        (Pass(number=1, seen=25, top=9), 25, True, False, True),
        (Pass(number=1, seen=0), None, True, False, True),
        # The second pass found nothing that the first had missed.
        (Pass(number=2, seen=25, high=9, top=9), 25, True, True, False),
        (Pass(number=2, seen=25, high=9, top=12), None, True, True, False),
        # It did; a page failed; Kchat counts more than it shows; the list did not end as lists end.
        (Pass(number=2, seen=25, missed=1), None, True, False, True),
        (Pass(number=2, seen=25, failed=1), None, True, False, True),
        (Pass(number=MAX_PASSES, seen=25, failed=1), None, True, True, False),
        (Pass(number=2, seen=25), 26, True, False, True),
        (Pass(number=2, seen=25), None, False, False, True),
        # More were seen than Kchat counts: some were deleted meanwhile.
        (Pass(number=2, seen=27), 25, True, True, False),
        # Enough passes for one sync; the next goes on.
        (Pass(number=MAX_PASSES, seen=25, missed=1), None, True, False, False),
        (Pass(number=MAX_PASSES, seen=25), None, False, False, False),
        # A count that never fits must not keep new chats waiting.
        (Pass(number=MAX_PASSES, seen=25), 30, True, True, False),
    ],
)
def test_when_a_backfill_is_proven(
    state: Pass, count: int | None, whole: bool, done: bool, again: bool
) -> None:
    verdict = decide.after_pass(state, count, whole=whole)
    assert (verdict.next.done, verdict.again) == (done, again)
    assert verdict.next.proven == (done and state.number < MAX_PASSES)
    assert (verdict.note is None) == (verdict.next.proven or again)
    assert verdict.next.high == max(state.high, state.top)
    assert verdict.next.page == 1


def test_a_pass_survives_the_archive() -> None:
    state = Pass(page=3, number=2, high=7, top=9, seen=20, missed=1, done=False)
    assert Pass.from_json(state.to_json()) == state
    assert Pass.from_json(None) == Pass()


@pytest.mark.parametrize(
    ("pages", "repeated"),
    [
        ([page(1, 1, 2), page(2, 1, 2)], [None, 1]),
        ([page(1, 1, 2), page(2, 2, 1)], [None, 1]),
        ([page(1, 1), page(2, 1, 2)], [None, None]),
        ([page(1, 1), page(2, 2), page(3, 3), page(4, 1), page(5, 3)], [None, None, None, 1, 3]),
        ([page(1, rejects=2), page(2, rejects=2), page(3, 5, rejects=2)], [None, 1, None]),
        ([page(1), page(2)], [None, None]),
    ],
)
def test_a_page_that_was_met_before(pages: list[ChatPage], repeated: list[int | None]) -> None:
    met = decide.RepeatedPages()
    assert [met.repeated(listed) for listed in pages] == repeated


@pytest.mark.parametrize(
    ("before", "behind", "ids"),
    [
        (110, page(3, 115, 120), [111, 112, 113, 114]),
        (110, page(3, 111, 120), []),
        (110, page(3, rejects=1), []),  # the page behind it names no id
        (0, page(2, 1_000_000), []),  # too many to try
    ],
)
def test_the_ids_of_a_page_that_cant_be_had(before: int, behind: ChatPage, ids: list[int]) -> None:
    assert list(decide.ids_between(before, behind)) == ids


# -- reconcile -------------------------------------------------------------------------------

DONE = Pass(number=3, done=True)


def hours_ago(hours: float) -> dict[str, str]:
    return {"at": (NOW - timedelta(hours=hours)).isoformat()}


@pytest.mark.parametrize(
    ("backfill", "reconciled", "kind"),
    [
        (Pass(), None, "backfill"),
        (Pass(page=7), hours_ago(99), "backfill"),  # nothing comes before the backfill
        (DONE, None, "reconcile"),  # killed before that cursor was saved
        (DONE, hours_ago(1), "tick"),
        (DONE, hours_ago(24), "reconcile"),
        (DONE, hours_ago(-1), "reconcile"),  # the clock was ahead
    ],
)
def test_what_a_sync_does(backfill: Pass, reconciled: dict[str, str] | None, kind: str) -> None:
    assert decide.kind_of(backfill, reconciled, NOW, 24) == kind


def swept(
    *, seen: int, count: int | None, missed: int = 0, failed: int = 0, whole: bool = True
) -> decide.Sweep:
    begun = decide.sweep_from(NOW, Pass(high=7), 9)
    walk = replace(begun.walk, seen=seen, missed=missed, failed=failed, top=12)
    return replace(begun, walk=walk, count=count, whole=whole, listed=True)


@pytest.mark.parametrize(
    ("state", "proven", "gone", "noted"),
    [
        (swept(seen=25, count=25), True, True, False),
        (swept(seen=25, count=None), True, True, False),
        (swept(seen=27, count=25), True, True, False),  # some were deleted meanwhile
        (swept(seen=25, count=25, missed=1), False, True, False),  # the next sweep will tell
        (swept(seen=25, count=26), False, False, True),
        (swept(seen=25, count=25, failed=1), False, False, True),
        (swept(seen=25, count=None, whole=False), False, False, True),
    ],
)
def test_what_a_sweep_over_everything_says(
    state: decide.Sweep, proven: bool, gone: bool, noted: bool
) -> None:
    verdict = decide.sweep_ends(state)
    assert (verdict.next.proven, bool(verdict.note)) == (proven, noted)
    assert verdict.next.high == 12
    assert decide.may_be_gone(state) is gone


def test_a_sweep_counts_as_missed_what_is_new_below_the_highest_id() -> None:
    assert decide.sweep_from(NOW, Pass(high=7), 9).walk.high == 9
    assert decide.sweep_from(NOW, Pass(high=9), 7).walk.high == 9


def test_a_sweep_survives_the_archive() -> None:
    state = swept(seen=25, count=26, missed=1)
    assert decide.Sweep.from_json(state.to_json()) == state


@pytest.mark.parametrize(
    ("now", "days", "expected"),
    [
        (NOW, 30, date(2016, 2, 19)),
        (datetime(2016, 3, 19, 16, tzinfo=UTC), 1, date(2016, 3, 19)),  # midnight in Shanghai
        (datetime(2016, 3, 19, 15, 59, tzinfo=UTC), 1, date(2016, 3, 18)),
    ],
)
def test_the_window_of_a_reconcile(now: datetime, days: int, expected: date) -> None:
    assert decide.days_before(now, days, ZONE) == expected


@pytest.mark.parametrize(
    ("listed", "highest", "begins"),
    [
        (page(3, 8, 9), 8, True),
        (page(3, 8, 9), 100, True),
        (page(3, 9, 10), 8, False),  # a new chat may stand before it
        (page(3), 8, False),  # beyond the end
        (page(3, rejects=2), 8, False),
    ],
)
def test_where_new_chats_begin(listed: ChatPage, highest: int, begins: bool) -> None:
    assert decide.begins_before(listed, highest) is begins


# -- ticks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("newest", "last", "expected"),
    [
        (None, None, None),
        (NOW, None, None),
        (None, NOW, None),
        (NOW, NOW, date(2016, 3, 19)),
        (NOW - timedelta(days=30), NOW, date(2016, 2, 18)),  # a quiet month
        (NOW + timedelta(days=900), NOW, date(2016, 3, 19)),  # a chat from the future
        (NOW, NOW + timedelta(days=900), date(2016, 3, 19)),  # this machine's clock is ahead
        (datetime(2016, 3, 19, 16, tzinfo=UTC), NOW, date(2016, 3, 19)),  # midnight in Shanghai
        (datetime(2016, 3, 19, 15, 59, tzinfo=UTC), NOW, date(2016, 3, 18)),
    ],
)
def test_a_tick_lists_from_a_day_before(
    newest: datetime | None, last: datetime | None, expected: date | None
) -> None:
    assert decide.list_since(newest, last, ZONE) == expected


def state(chat_id: int, seen_minutes_ago: int) -> ChatState:
    seen = NOW - timedelta(minutes=seen_minutes_ago)
    return ChatState(chat_id, "open", None, NOW, seen)


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9)), unique_by=lambda s: s[0]),
    st.sets(st.integers(1, 30)),
    st.integers(0, 10),
)
def test_the_least_recently_seen_are_looked_at_first(
    rows: list[tuple[int, int]], shown: set[int], limit: int
) -> None:
    chosen = decide.to_recheck([state(*row) for row in rows], shown, limit)
    ages = dict(rows)
    left = [i for i in ages if i not in shown and i not in chosen]
    assert len(chosen) == min(limit, len(ages.keys() - shown))
    assert not set(chosen) & shown
    assert [ages[i] for i in chosen] == sorted((ages[i] for i in chosen), reverse=True)
    assert not chosen or all(ages[i] <= ages[chosen[-1]] for i in left)


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (None, True),
        (hours_ago(0), False),
        (hours_ago(23), False),
        (hours_ago(24), True),
        (hours_ago(-365 * 24), True),  # the clock was ahead
    ],
)
def test_when_everything_is_listed_again(last: dict[str, str] | None, due: bool) -> None:
    assert decide.reconcile_due(last, NOW, 24) is due


@pytest.mark.parametrize(
    ("pending", "waited", "took", "now"),
    [
        (999, 1e9, 0.0, False),
        (1_000, 0.0, 0.0, True),
        (50_000, 39.9, 10.0, False),  # most of the time goes into fetching
        (1_000, 40.0, 10.0, True),
        (50_000, -9e9, 10.0, False),  # the clock was set back
    ],
)
def test_when_a_long_fetch_indexes(pending: int, waited: float, took: float, now: bool) -> None:
    assert decide.index_now(pending, waited, took) is now


@pytest.mark.parametrize(
    ("pending", "chats", "pays"),
    [
        (9_999, 9_999, False),  # the build's processes take seconds to begin
        (10_000, 10_000, True),
        (10_000, 59_999, True),
        (10_000, 60_000, False),
        (1_000_000, 1_000_000, True),
        (0, 0, False),
    ],
)
def test_when_building_anew_is_quicker(pending: int, chats: int, pays: bool) -> None:
    assert decide.rebuild_pays(pending, chats) is pays


NIGHT = datetime(2016, 3, 20, 18, 30, tzinfo=UTC)  # half past two at Shanghai


@pytest.mark.parametrize(
    ("before", "chats", "lost", "now", "due"),
    [
        ({}, 2_000, True, NIGHT, True),
        ({}, 2_000, True, NIGHT - timedelta(hours=2), False),
        ({}, 2_000, True, NIGHT + timedelta(hours=4), False),
        ({"tried_at": NIGHT - timedelta(hours=1)}, 9_000, True, NIGHT, False),
        ({"tried_at": NIGHT - timedelta(hours=22)}, 9_000, True, NIGHT, True),
        ({"tried_at": NIGHT + timedelta(days=9)}, 9_000, True, NIGHT, True),  # a clock set back
        ({"tried_at": NIGHT - timedelta(days=1), "chats": 5_000}, 5_999, False, NIGHT, False),
        ({"tried_at": NIGHT - timedelta(days=1), "chats": 5_000}, 6_000, False, NIGHT, True),
        ({"tried_at": NIGHT - timedelta(days=1), "chats": 5_000}, 4_000, True, NIGHT, True),
    ],
    ids=[
        "never",
        "evening",
        "morning",
        "killed just now",
        "killed yesterday",
        "clock set back",
        "less than a fifth",
        "a fifth",
        "lost",
    ],
)
def test_when_the_table_of_meanings_is_fitted(
    before: dict[str, Any], chats: int, lost: bool, now: datetime, due: bool
) -> None:
    saved = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in before.items()
    }
    assert decide.refit_due(saved, chats, lost=lost, now=now, zone=ZONE) is due


def test_chats_without_messages_must_be_fetched() -> None:
    bare: FetchedChat = replace(fetched(2), has_messages=False)
    listed = replace(page(1, 1, 3), chats=(fetched(1), bare, fetched(3)))
    assert decide.lacking_messages(listed) == (bare,)


# -- index and archive ---------------------------------------------------------------------------

_PAIRS = st.dictionaries(st.integers(1, 9), st.integers(1, 3))


@given(_PAIRS, _PAIRS, st.booleans())
def test_what_differs_between_archive_and_index_is_found(
    archived: dict[int, int], indexed: dict[int, int], damaged: bool
) -> None:
    """Where the archive's own index is damaged, its ids may come in another order: then nothing
    that it has leaves the index, unless it is written again, too."""
    order = sorted(archived, reverse=damaged)
    lacking, surplus = decide.compared(
        iter([(i, archived[i]) for i in order]), iter(sorted(indexed.items()))
    )
    wrong = {i for i, revision in archived.items() if indexed.get(i) != revision}
    if damaged:
        assert wrong <= set(lacking) <= archived.keys()
        assert set(surplus) == indexed.keys() - archived.keys()
    else:
        assert lacking == sorted(wrong)
        assert surplus == sorted(indexed.keys() - archived.keys())
