"""Chats that are about the same matter: `Plan.meant`, against an oracle."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from kchat_search.meaning.codes import decode, encode
from kchat_search.meaning.floor import OF_OPENINGS, certainty
from kchat_search.meaning.table import Table
from kchat_search.models.plan import (
    HIDDEN_DIGIT,
    AnyOf,
    Contains,
    CreatedIn,
    Everything,
    FieldIs,
    Hidden,
    IndexDocument,
    Meant,
    Messages,
    Passage,
    Plan,
    Related,
    Sight,
)
from kchat_search.ports import Engine
from tests.contracts.engine.conftest import EngineUnderTest, build, examples
from tests.engines.documents import make
from tests.meaning.tables import random_table

CHARACTERS = "退款流程几天到账发票"
TABLE = random_table(CHARACTERS)
MANY = 4_000

texts = st.text(st.sampled_from(CHARACTERS + "x "), min_size=1, max_size=6)


def asked(
    chat_id: int, *said: str, places: tuple[int, ...] | None = None, **more: object
) -> IndexDocument:
    """A document all of whose messages are openings, but at most three."""
    document = make(chat_id, *said, **more)  # type: ignore[arg-type]
    return replace(document, openings=tuple(range(min(3, len(said)))) if places is None else places)


def plan(text: str, floor: float = -1, **more: object) -> Plan:
    meant = Meant(text, Everything(), floor)
    return replace(Plan(match=Contains("没有")), **{"meant": meant, **more})  # type: ignore[arg-type]


def scores(document: IndexDocument, text: str, table: Table = TABLE) -> list[float]:
    said = [document.passages[place].text for place in document.openings]
    if not said:
        return []
    values = nearness(said, text, table) * OF_OPENINGS[: len(said)]
    return [round(float(value), 4) for value in values]


def nearness(said: list[str], text: str, table: Table = TABLE) -> NDArray[np.float64]:
    """Of each of these to the text, before it counts which opening it is."""
    known, asked_for = table.meanings(said), table.meanings([text])
    # As an engine keeps them.
    cosines = np.einsum("ij,j->i", decode(encode(known.vectors)), asked_for.vectors[0])
    values: NDArray[np.float64] = (
        cosines * certainty(known.features) * certainty(asked_for.features)
    )
    return values


def expected(
    documents: list[IndexDocument], text: str, floor: float
) -> list[tuple[int, float, int]]:
    """(id, score, which opening) of each document above the floor, best first."""
    found = []
    for document in documents:
        values = scores(document, text)
        if values and max(values) >= floor:
            best = max(values)
            created = -1 if document.created is None else document.created
            found.append((best, created, document.id, values.index(best)))
    return [(chat_id, best, place) for best, _, chat_id, place in sorted(found, reverse=True)]


def answered(engine: Engine, asked_for: Plan) -> list[tuple[int, float, int]]:
    return [(m.hit.id, m.hit.score, m.place) for m in engine.search(asked_for).meant]


def same(left: list[tuple[int, float, int]], right: list[tuple[int, float, int]]) -> bool:
    """Equal, but for the last digit of the scores: those may be summed in another order."""
    return [(a, c) for a, _, c in left] == [(a, c) for a, _, c in right] and [
        score for _, score, _ in left
    ] == pytest.approx([score for _, score, _ in right], abs=2e-4)


@examples(15, st.data())
def test_they_are_those_of_the_oracle(
    engine_under_test: EngineUnderTest, data: st.DataObject
) -> None:
    """Whatever was built, written, deleted and merged."""
    with tempfile.TemporaryDirectory() as folder:
        check_oracle(engine_under_test.open(Path(folder)), engine_under_test, data)


def check_oracle(engine: Engine, engine_under_test: EngineUnderTest, data: st.DataObject) -> None:
    said = st.lists(texts, max_size=4)
    held = {n: asked(n, *data.draw(said), created=n % 3) for n in range(1, 8)}
    build(engine, [list(held.values())], table=TABLE)
    for number in range(data.draw(st.integers(0, 3))):
        with pytest.MonkeyPatch.context() as patch:
            engine_under_test.vary(patch, data)
            new = {n: asked(n, *data.draw(said), created=n % 3) for n in (2 + number, 20 + number)}
            gone = data.draw(st.sets(st.integers(3, 9), max_size=2)) - new.keys()
            engine.write(list(new.values()), gone)
        held = {n: d for n, d in (held | new).items() if n not in gone}
    text, floor = data.draw(texts), data.draw(st.sampled_from((-1, 0, 0.3, 0.7)))
    found = answered(engine, plan(text, floor))
    known = TABLE.vectors([text]).any()
    assert same(found, expected(list(held.values()), text, floor)[:5] if known else [])
    engine.close()


@pytest.fixture(scope="module")
def index(engine_to_read: Engine) -> Engine:
    """Three chats about 退款, one about 发票, one that asked nothing."""
    documents = [
        asked(1, "退款", "几天", agent="1", created=100, participants=("1",)),
        asked(2, "款退", agent="2", created=200, participants=("2",)),
        asked(3, "发票", "退款", agent="1", created=300, participants=("1",)),
        asked(4, "发票", agent="1", created=400, participants=("1",)),
        asked(5, "退款", places=(), agent="1", created=500, participants=("1",)),
    ]
    build(engine_to_read, [documents], table=TABLE)
    return engine_to_read


def ids(engine: Engine, asked_for: Plan) -> list[int]:
    return [each.hit.id for each in engine.search(asked_for).meant]


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, [2, 1, 3]),
        ({"filters": {"agent_id": FieldIs("agent_id", ("1",))}}, [1, 3]),
        ({"filters": {"agent_id": FieldIs("agent_id", ("1",))}, "facets": ("agent_id",)}, [1, 3]),
        ({"filters": {"created": CreatedIn(150, 250)}}, [2]),
        ({"match": Contains("几天")}, [2, 3]),
        ({"match": Contains("退")}, []),
        ({"sort": "newest"}, []),
        ({"enough": 0}, []),
        ({"meant": None}, []),
        ({"meant": Meant("退款", Contains("发票"), 0.15)}, [3]),
        ({"meant": Meant("退款", Everything(), 0.2, limit=1)}, [2]),
        ({"meant": Meant("xyz", Everything(), -1)}, []),
        ({"meant": Meant("退款", Everything(), 1.1)}, []),
        ({"match": Contains("几天"), "meant": Meant("退款", Everything(), 0.2, beside=1.1)}, []),
        ({"meant": Meant("退款", Everything(), 0.2, limit=1, beside=1.1)}, [2]),
        ({"related": Related(Everything(), (Contains("款退"), Contains("没有")), 9)}, [1, 3]),
    ],
    ids=str,
)
def test_filters_hold_and_nothing_stands_twice(
    index: Engine, more: dict[str, object], found: list[int]
) -> None:
    assert ids(index, plan("退款", 0.15, **more)) == found


def test_nothing_else_of_an_answer_changes(index: Engine) -> None:
    with_meant = plan("退款", 0.2, facets=("agent_id",), match=AnyOf((Contains("发票"),)))
    without = replace(with_meant, meant=None)
    assert index.search(with_meant).meant
    assert replace(index.search(with_meant), meant=()) == index.search(without)


def test_who_sees_a_part_finds_only_that(index: Engine) -> None:
    seen = index.seen(Sight(FieldIs("participant", ("2",)), masked=True))
    assert [each.hit.id for each in seen.search(plan("退款", 0.2)).meant] == [2]


@pytest.mark.parametrize("masked", [True, False])
def test_what_is_hidden_changes_nothing(engine: Engine, masked: bool) -> None:
    """Not even for who sees it: two indexes that differ in it alone give the same."""
    lists = []
    for clear in ("退款几天", "发票流程", "退款"):
        passage = Passage("退款" + HIDDEN_DIGIT * 2, "visitor", hidden=Hidden(clear))
        document = replace(make(1, passages=(passage,), participants=("1",)), openings=(0,))
        build(engine, [[document]], table=TABLE)
        seen = engine.seen(Sight(Everything(), masked=masked))
        lists.append([seen.search(plan(text)).meant for text in ("退款几天", "发票")])
    assert lists[0] == lists[1] == lists[2]
    assert all(lists[0])


def test_the_opening_lies_in_the_messages_that_are_asked_for(engine: Engine) -> None:
    passages = (
        Passage("访客", None),
        Passage("退款", "visitor", "a", 100),
        Passage("发票", "visitor", "a", 200),
    )
    document = replace(make(1, passages=passages), openings=(1, 2))
    build(engine, [[document]], table=TABLE)

    def found(*scopes: tuple[Messages, ...]) -> list[int]:
        meant = Meant("退款", Everything(), 0.2, scopes=scopes)
        return [each.place for each in engine.search(plan("", meant=meant)).meant]

    early, late, agents = Messages(end=150), Messages(start=150), Messages("agent")
    assert found() == found((early,)) == found((agents, early)) == [0]
    assert found((Messages("visitor"),), (early, late)) == [0]
    assert found((late,)) == found((agents, late)) == found((early,), (late,)) == []


def test_an_answer_of_the_visitor_counts_less_than_what_was_asked_first(engine: Engine) -> None:
    build(engine, [[asked(1, "发票", "退款"), asked(2, "退款", "x")]], table=TABLE)
    first, second = answered(engine, plan("退款"))
    assert [first[0], first[2], second[0], second[2]] == [2, 0, 1, 1]
    assert second[1] == pytest.approx(0.7 * first[1], abs=0.01)


def test_what_rests_on_few_characters_counts_less(engine: Engine) -> None:
    """Of equal cosines, that of the longer opening counts more, and so does that to a longer
    query."""
    build(engine, [[asked(1, "退款"), asked(2, "退款退款"), asked(3, "退款" * 200)]], table=TABLE)
    short, long = (answered(engine, plan(text)) for text in ("退款", "退款退款"))
    assert [chat_id for chat_id, _, _ in short] == [3, 2, 1]
    assert short[2][1] == pytest.approx(2 / 4 * 2 / 4, abs=0.01)
    assert long[2][1] == pytest.approx(2 / 4 * 4 / 6, abs=0.01)
    assert short[0][1] == pytest.approx(255 / 257 * 2 / 4, abs=0.01)


def test_without_a_table_nothing_is_found_by_meaning(engine: Engine) -> None:
    build(engine, [[asked(1, "退款")]])
    engine.write([asked(2, "退款")], ())
    assert ids(engine, plan("退款")) == []
    assert engine.describe().table is None


def test_the_table_is_the_generations_own(
    engine_under_test: EngineUnderTest, engine: Engine, tmp_path: Path
) -> None:
    other = random_table(CHARACTERS, seed=1, fitted=True)
    documents = [asked(1, "退款"), asked(2, "发票")]
    for table in (TABLE, other):
        build(engine, [documents], table=table)
        state = engine_under_test.open(tmp_path).describe()
        assert (state.table, state.table_fitted) == (table.digest, table.fitted)
        assert state.table_problem is None
        found = [(m.hit.id, m.hit.score) for m in engine.search(plan("退票")).meant]
        assert [score for _, score in found] == pytest.approx(
            sorted((scores(d, "退票", table)[0] for d in documents), reverse=True), abs=2e-4
        )


def test_the_nearest_of_many_are_found(engine: Engine) -> None:
    """More than are looked at one by one."""
    random = np.random.default_rng(3)
    said = ["".join(random.choice(list(CHARACTERS), 6)) for _ in range(MANY)]
    documents = [asked(n, text, created=n) for n, text in enumerate(said)]
    build(engine, [documents], table=TABLE)
    kept = nearness(said, "退款几天")
    for meant in (
        plan("退款几天", 0.1),
        plan("退款几天", 0.1, filters={"x": CreatedIn(500, 3500)}),
    ):
        low, high = (500, 3500) if meant.filters else (0, MANY)
        best = sorted((float(value) for value in kept[low:high]), reverse=True)[:5]
        found = [score for _, score, _ in answered(engine, meant)]
        assert found == pytest.approx(best, abs=2e-4)
