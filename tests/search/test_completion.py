"""What may be typed at the cursor of a query."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kchat_search.models.people import Viewer
from kchat_search.models.plan import FieldIs, Sight
from kchat_search.models.search import InUse
from kchat_search.search.completion import Place, completions, in_use, operators, place
from kchat_search.search.searcher import Searcher
from tests.world import World, chat

PLACES = [
    ("", Place(0, 0, "", "")),
    ("退款 |", Place(3, 3, "", "")),
    ("退款 ag|", Place(3, 5, "", "ag")),
    ("ag|ent 退款", Place(0, 5, "", "ag")),
    ("agent:|", Place(0, 6, "agent", "")),
    ("agent:李|雷 退款", Place(0, 8, "agent", "李")),
    ("agent：李|", Place(0, 7, "agent", "李")),
    ("-agent:李|", Place(1, 8, "agent", "李")),
    ("(退款 OR status:c|)", Place(7, 15, "status", "c")),
    ('rating:"Rather d|"', Place(0, 17, "rating", "Rather d")),
    ('visitor:"张|', Place(0, 10, "visitor", "张")),
    ('退款 visitor:"|', Place(3, 12, "visitor", "")),
    ("visitor:“张 |", Place(0, 11, "visitor", "张 ")),
    ('visitor:"张 三| 退款', Place(0, 12, "visitor", "张 三")),
    ("said:last we|", Place(10, 12, "", "we")),
    ('"agent:李|雷"', None),
    ("😀 agent:李|", Place(2, 9, "agent", "李")),
    ("https://a|", Place(0, 9, "", "https://a")),
]


@pytest.mark.parametrize(("typed", "expected"), PLACES, ids=[typed for typed, _ in PLACES])
def test_what_is_typed_is_what_stands_at_the_cursor(typed: str, expected: Place | None) -> None:
    before, _, after = typed.partition("|")
    assert place(before + after, len(before)) == expected


def test_operators_are_found_by_name_and_by_what_they_are_called() -> None:
    def found(typed: str, language: str = "zh", *, history: bool = True) -> list[str]:
        return [each.insert for each in operators(typed, language, history=history)]

    assert found("a") == ["assigned:", "agent:", "after:"]
    assert found("客服") == ["assigned:", "agent:"]
    assert "rating:" in found("RAT")
    assert found("in") == ["in:"]
    assert "in:" not in found("in", history=False)
    assert found("xyz") == []
    english = {each.hint for each in operators("", "en", history=True)}
    assert english.isdisjoint(each.hint for each in operators("", "zh", history=True))


def suggested(searcher: Searcher, q: str, language: str = "zh") -> dict[str, int | None]:
    found, _ = completions(searcher, q, len(q), language)
    return {each.insert: each.count for each in found.found}


def test_a_suggested_condition_finds_what_stands_beside_it(world: World) -> None:
    world.kchat.put(chat(901, status="odd code", rating=1, visitor_id=78, user_id=45190))
    world.kchat.put(chat(902, rating=4, type="weird", agent_id=None))
    world.sync()
    searcher = world.service.searcher
    asked = ["agent:", "assigned:", "from:", "status:", "rating:", "type:", "started:"]
    asked += ["date:", "said:2016", "has:", "is:", "in:", "visitor:7", "visitor:访客1", "user:4"]
    every = {(q, words): suggested(searcher, q, words) for q in asked for words in ("zh", "en")}
    for (q, _), found in every.items():
        assert found or q in ("is:", "has:"), q
        for condition, count in found.items():
            assert count == world.search(condition).total > 0, condition
    assert 'status:"odd code"' in every["status:", "zh"]
    assert {"rating:满意", "rating:基本满意"} <= every["rating:", "zh"].keys()
    assert {"rating:Satisfied", 'rating:"Mostly satisfied"'} <= every["rating:", "en"].keys()
    assert list(suggested(searcher, "agent:lil")) == ["agent:李雷"], "by its sound"
    assert list(suggested(searcher, "agent:2192")) == ["agent:李雷"], "by its id"
    assert list(suggested(searcher, "visitor:访客901")) == ["visitor:访客901"]
    assert list(suggested(searcher, "user:4")) == ["user:45190"]
    assert suggested(searcher, "file:a") == suggested(searcher, "id:9") == {}
    assert completions(searcher, "visitor:", 8, "zh")[1], "it is about visitors, and recorded"
    assert not completions(searcher, "agent:", 6, "zh")[1]
    used = in_use(searcher)
    assert used.agent in ("李雷", "韩梅梅")
    assert (used.month, used.status, used.rating) == ("2016-03", "close", "1")


def test_a_value_is_suggested_by_the_first_letters_of_its_pinyin(world: World) -> None:
    world.kchat.put(chat(901, rating=1, visitor_id=78))
    world.kchat.put(chat(902, rating=4, agent_id=None))
    for number, name in ((903, "李雷"), (904, "Lily"), (905, "乐乐"), (906, "曾小姐")):
        world.kchat.put(chat(number, "你好", visitor_id=number))
        shown = next(each for each in world.kchat.shown() if each["id"] == number)
        shown["messages"][0] |= {"name": name, "role": "visitor"}
        world.kchat.put(shown)
    world.sync()
    for typed, expected in {
        "agent:l": ["agent:李雷"],
        "agent:H": ["agent:韩梅梅"],
        "agent:hmm": ["agent:韩梅梅"],
        "assigned:ll": ["assigned:李雷"],
        "from:k": ["from:agent"],
        "from:fk": ["from:visitor"],
        "rating:m": ["rating:基本满意", "rating:满意"],
        "rating:jb": ["rating:基本满意"],
        "visitor:l": ["visitor:lily", "visitor:乐乐", "visitor:李雷"],
        "visitor:lele": ["visitor:乐乐"],
        "visitor:Z": ["visitor:曾小姐"],
        "visitor:c": ["visitor:曾小姐"],
        "visitor:q": [],
    }.items():
        assert list(suggested(world.service.searcher, typed)) == expected, typed


def test_nothing_is_suggested_that_the_viewer_can_not_find(world: World) -> None:
    clear = "访客张13800138845"
    world.kchat.put(chat(903, "你好", visitor_id=12))
    shown = next(each for each in world.kchat.shown() if each["id"] == 903)
    shown["messages"][0] |= {"name": clear, "role": "visitor"}
    world.kchat.put(shown)
    world.sync()
    searcher = world.service.searcher

    def seen(sight: Sight) -> Searcher:
        return replace(searcher, viewer=Viewer("x", sight, shows_numbers=False, versions=False))

    own = seen(Sight(FieldIs("participant", ("2192",)), masked=True))
    assert "agent:韩梅梅" not in suggested(own, "agent:")
    assert "in:history" not in suggested(own, "in:")
    of_the_other = [each.chat for each in world.search("agent:2193 -agent:2192").hits]
    name = of_the_other[0].messages[0].name
    assert name.startswith("访客")
    assert f"visitor:{name}" in suggested(searcher, f"visitor:{name}")
    assert f"visitor:{name}" not in suggested(own, f"visitor:{name}")
    nothing = in_use(seen(Sight(FieldIs("participant", ("77",)))))
    assert nothing == InUse()
    masked = seen(Sight(masked=True))
    assert list(suggested(masked, "visitor:访客张")) == ['visitor:"访客张138****8845"']
    assert suggested(masked, "visitor:访客张1380") == {}
    assert f"visitor:{clear}" in suggested(searcher, "visitor:访客张1380")
