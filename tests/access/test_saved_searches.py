"""Saved searches: whose they are, and what of them is new."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from kchat_search.access.own_searches import OwnSearches
from kchat_search.access.store import SqlAccess
from kchat_search.errors import BadRequest, Forbidden, NotFound
from kchat_search.gate import NOT_RECORDED
from kchat_search.models.id_sets import packed, unpacked
from kchat_search.models.people import ANYONE, Principal, Role
from kchat_search.models.saved import LONGEST_NAME, MOST_SAVED, MOST_SEEN, NewHits
from kchat_search.models.search import SearchRequest

from .world import START, Clock, Office

ASKED = SearchRequest(q="退款")


@dataclass
class Found:
    """What every search finds."""

    chats: list[int] = field(default_factory=list)

    def chats_found(self, request: SearchRequest) -> Sequence[int]:
        assert request == ASKED
        return self.chats


def person(access: SqlAccess, name: str, *roles: Role) -> Principal:
    made = access.people.add(name, roles or ("agent",))
    return Principal("person", f"person:{made.id}", name, made.roles)


def of(access: SqlAccess, principal: Principal, found: Found | None = None) -> OwnSearches:
    return OwnSearches(access, found or Found(), principal, NOT_RECORDED)


def test_any_set_of_ids_comes_back_as_it_was() -> None:
    pick = random.Random(5)
    for size in (0, 1, 2, 100):
        ids = sorted(pick.sample(range(1, 1 << 53), size))
        assert list(unpacked(packed(ids))) == ids


def test_new_is_what_was_not_there_when_it_was_seen(access: SqlAccess, clock: Clock) -> None:
    anna, found = person(access, "anna"), Found([3, 1, 2])
    mine = of(access, anna, found)
    saved = mine.save(" 退款  投诉 ", "q=退款", ASKED)
    assert (saved.name, saved.query, saved.saved_at) == ("退款 投诉", "q=退款", START)
    assert mine.new_hits(saved, ASKED) == NewHits(3, 0)
    # One that was there is gone; one is newer, and one older has grown into the search.
    found.chats = [9, 3, 2, 0]
    assert mine.new_hits(mine.one(saved.id), ASKED) == NewHits(4, 2)
    clock.passes(hours=1)
    mine.mark_seen(saved.id, ASKED)
    seen = mine.one(saved.id)
    assert (seen.seen_at, seen.saved_at) == (START + timedelta(hours=1), START)
    assert mine.new_hits(seen, ASKED) == NewHits(4, 0)


def test_of_too_many_chats_none_is_kept(access: SqlAccess) -> None:
    found = Found(list(range(1, MOST_SEEN + 1)))
    mine = of(access, person(access, "anna"), found)
    saved = mine.save("all", "q=", ASKED)
    assert mine.new_hits(saved, ASKED) == NewHits(MOST_SEEN, 0)
    found.chats.append(MOST_SEEN + 1)
    assert mine.new_hits(saved, ASKED) == NewHits(MOST_SEEN + 1, 1)
    mine.mark_seen(saved.id, ASKED)
    assert mine.new_hits(mine.one(saved.id), ASKED) == NewHits(MOST_SEEN + 1, None)


TOUCHES: dict[str, Callable[[OwnSearches, int], object]] = {
    "read": lambda mine, number: mine.one(number),
    "rename": lambda mine, number: mine.rename(number, "x"),
    "mark": lambda mine, number: mine.mark_seen(number, ASKED),
    "remove": lambda mine, number: mine.remove(number),
}


@pytest.mark.parametrize("touch", TOUCHES)
def test_nobody_reaches_the_search_of_another(access: SqlAccess, touch: str) -> None:
    anna, berta = person(access, "anna"), person(access, "berta")
    saved = of(access, anna).save("mine", "q=", ASKED)
    for other in (berta, ANYONE):
        with pytest.raises(NotFound):
            TOUCHES[touch](of(access, other), saved.id)
        assert of(access, other).everything() == ()
    assert of(access, anna).everything() == (saved,)
    TOUCHES[touch](of(access, anna), saved.id)


def test_they_go_with_the_person(access: SqlAccess, office: Office) -> None:
    of(access, person(access, "anna")).save("the name", "q=secret-words", ASKED)
    assert b"secret-words" in office.stored()
    access.people.remove("anna")
    again = person(access, "anna")
    assert of(access, again).everything() == ()
    kept = of(access, ANYONE).save("mine", "q=", ASKED)
    assert [one.id for one in of(access, ANYONE).everything()] == [kept.id]


@pytest.mark.parametrize("name", ["", " \u3000", "x" * (LONGEST_NAME + 1), "a\u202eb", "a\x00b"])
def test_a_name_that_cannot_be_shown_is_refused(access: SqlAccess, name: str) -> None:
    mine = of(access, person(access, "anna"))
    with pytest.raises(BadRequest) as refused:
        mine.save(name, "q=", ASKED)
    assert refused.value.parameter == "name"
    saved = mine.save("x" * LONGEST_NAME, "q=", ASKED)
    with pytest.raises(BadRequest):
        mine.rename(saved.id, name)
    assert mine.everything() == (saved,)


def test_no_two_of_ones_own_have_one_name(access: SqlAccess) -> None:
    mine = of(access, person(access, "anna"))
    first, second = mine.save("退款 VIP", "q=a", ASKED), mine.save("other", "q=b", ASKED)
    for take in (
        lambda: mine.save("退款  vip", "q=c", ASKED),
        lambda: mine.rename(second.id, "退款 Vip"),
    ):
        with pytest.raises(BadRequest, match="«退款 VIP» already") as refused:
            take()
        assert refused.value.parameter == "name"
    assert mine.everything() == (second, first)
    mine.rename(first.id, "退款 vip")
    of(access, person(access, "berta")).save("退款 vip", "q=", ASKED)


def test_there_is_an_end_to_them(access: SqlAccess) -> None:
    mine = of(access, person(access, "anna"))
    for number in range(MOST_SAVED):
        mine.save(f"{number:03}", "q=", ASKED)
    with pytest.raises(BadRequest, match="remove one"):
        mine.save("more", "q=", ASKED)
    assert len(mine.everything()) == MOST_SAVED
    of(access, person(access, "berta")).save("hers", "q=", ASKED)


@pytest.mark.parametrize("role", ["admin", "auditor"])
def test_who_may_not_search_has_none(access: SqlAccess, role: Role) -> None:
    mine = of(access, person(access, "ada", role))
    with pytest.raises(Forbidden):
        mine.save("mine", "q=", ASKED)
    with pytest.raises(Forbidden):
        mine.everything()


def test_a_token_has_none(access: SqlAccess) -> None:
    _, secret = access.tokens.add("crm", ["compliance"])
    token = access.tokens.principal(secret)
    assert token is not None
    with pytest.raises(Forbidden):
        of(access, token).everything()
    with pytest.raises(BadRequest, match="Only people"):
        access.saved_searches.of(token)
