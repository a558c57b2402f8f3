"""Answers to random plans over random chats are those of an oracle, which looks at every chat
(`tests/oracle.py`): matches, counts, facets, related chats, history, pages, ids."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import strategies as st

from kchat_search.models.plan import (
    HIDDEN_DIGIT,
    HIDDEN_LETTER,
    NO_TIME,
    WHOLE_BEGINS,
    WHOLE_ENDS,
    AllOf,
    AnyOf,
    Contains,
    EngineAnswer,
    Everything,
    FieldIs,
    IndexDocument,
    Near,
    Node,
    Passage,
    Plan,
    Related,
    Sight,
)
from kchat_search.ports import Engine
from tests.contracts.engine.conftest import EngineUnderTest, build, examples
from tests.engines.documents import histories, nodes
from tests.oracle import matches

History = Sequence[tuple[Sequence[IndexDocument], Sequence[int]]]
"""For each commit: (what is written, what is deleted)."""


def ids(engine: Engine, node: Node, *, history: bool) -> list[int]:
    """The chats that match, oldest first."""
    plan = Plan(match=node, sort="oldest", limit=1000, history=history)
    return [hit.id for hit in engine.search(plan).hits]


@pytest.mark.slow
@examples(50, histories(), st.lists(nodes(), min_size=1, max_size=25), st.data())
def test_the_engine_finds_exactly_what_a_scan_finds(
    engine_under_test: EngineUnderTest, history: History, asked: list[Node], data: st.DataObject
) -> None:
    held: dict[int, IndexDocument] = {}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        engine_under_test.vary(patch, data)
        engine = engine_under_test.open(Path(folder))
        build(engine, [])
        for upserts, deletes in history:
            engine.write(upserts, deletes)
            held |= {document.id: document for document in upserts}
            for chat_id in set(deletes) - {document.id for document in upserts}:
                held.pop(chat_id, None)
        assert dict(engine.id_revisions()) == {i: d.revision for i, d in held.items()}
        for node in (*asked, *data.draw(cuts(held))):
            for former in (False, True):
                expected = {i for i, d in held.items() if matches(d, node, history=former)}
                assert set(ids(engine, node, history=former)) == expected, node
                assert engine.count(node, history=former) == len(expected)
                expected = {i for i, d in held.items() if matches(d, node, masked=True)}
                masked = engine.seen(Sight(masked=True))
                assert set(masked.ids(Plan(node, history=former))) == expected, node
                assert masked.count(node, history=former) == len(expected)
                assert masked.search(Plan(node, history=former)).former is None
        filters: dict[str, Node] = {
            "status": FieldIs("status", ("close",)),
            "agent_id": FieldIs("agent_id", ("1",)),
        }
        check_whole_answer(engine, held, data.draw(nodes()), data.draw(nodes()), filters)
        engine.close()


@st.composite
def cuts(draw: st.DrawFn, held: dict[int, IndexDocument]) -> list[Node]:
    """Parts of the messages, and their characters in another order. Random strings of six
    characters would hardly ever be in a message."""
    passages = [p for document in held.values() for p in document.passages + document.former]
    messages = [form for p in passages for form in (p.text, *p.joined, *shown_to_some(p)) if form]
    literals: list[Node] = []
    for _ in range(4 if messages else 0):
        text = draw(st.sampled_from(messages))
        start = draw(st.integers(0, len(text) - 1))
        part = asked_for(text[start : start + draw(st.integers(1, 6))])
        joined = draw(st.booleans())
        other = "".join(draw(st.permutations(part)))
        literals += [Contains(part, joined=joined), Contains(other, joined=joined)]
        pieces = part[:1], part[-1:], part[len(part) // 2]
        literals += [
            Near(tuple(draw(st.permutations(pieces))), draw(st.integers(0, 4))),
            Near(
                (asked_for(text[start : start + 2]), asked_for(text[-2:])), draw(st.integers(0, 4))
            ),
        ]
    return literals


def shown_to_some(passage: Passage) -> tuple[str, ...]:
    """What of a passage not everybody sees, and its whole numbers."""
    if passage.hidden is None:
        return ()
    clear, fragments, whole = passage.hidden
    numbers = re.findall(f"{WHOLE_BEGINS}.*{WHOLE_ENDS}", whole)
    return (clear, *fragments, whole, *numbers)


def asked_for(part: str) -> str:
    """A part of a text, as a query may have it: without hidden characters."""
    return part.replace(HIDDEN_DIGIT, "1").replace(HIDDEN_LETTER, "a")


def check_whole_answer(
    engine: Engine,
    held: dict[int, IndexDocument],
    match: Node,
    some: Node,
    filters: dict[str, Node],
) -> None:
    """Totals, facets, pages and related chats agree with the oracle and with one another."""
    full = {i for i, d in held.items() if matches(d, AllOf((match, *filters.values())))}
    parts = (some, Contains("退款"))
    plan = Plan(
        match=match,
        related=Related(Everything(), parts, 1000),
        enough=2,
        filters=filters,
        words=("a", "退款"),
        phrases=("退款",),
        facets=("agent_id", "status", "spoke", "participant", "created_month", "created_day"),
        limit=1000,
    )
    answer = engine.search(plan)
    order = [hit.id for hit in answer.hits]
    assert answer.total == len(full) == len(order)
    assert set(order) == full
    assert pages(engine, plan, len(full)) == order
    check_facets(answer, plan, held, match, full)
    check_ids(engine, plan, held, full)
    check_history(engine, plan, held, full)
    passing = {i: d for i, d in held.items() if matches(d, AllOf(tuple(filters.values())))}
    has = {i: tuple(matches(d, part) for part in parts) for i, d in passing.items()}
    related = {i: found for i, found in has.items() if any(found) and i not in full}
    if len(full) >= 2:
        related = {}
    assert {one.hit.id: one.has for one in answer.related} == related
    assert answer.related_total == len(answer.related) == len(related)


def pages(engine: Engine, plan: Plan, total: int) -> list[int]:
    """The ids of all hits, two on a page."""
    asked = (replace(plan, facets=(), offset=offset, limit=2) for offset in range(0, total + 2, 2))
    return [hit.id for page in asked for hit in engine.search(page).hits]


def check_facets(
    answer: EngineAnswer,
    plan: Plan,
    held: dict[int, IndexDocument],
    match: Node,
    expected: set[int],
) -> None:
    """Each facet counts what the oracle counts. Facets that are also filtered by are counted
    without their own filter."""
    for name in ("agent_id", "status"):
        others = [node for key, node in plan.filters.items() if key != name]
        asked = AllOf((match, *others))
        counts = Counter(d.fields[name][0] for d in held.values() if matches(d, asked))
        assert dict(answer.facets[name]) == dict(counts)
    months = Counter(held[i].month for i in expected)
    assert dict(answer.facets["created_month"]) == dict(months)
    for name in ("spoke", "participant"):
        several = Counter(value for i in expected for value in held[i].fields[name])
        assert dict(answer.facets[name]) == dict(several)
    days = Counter(None if held[i].created is None else "1970-01-01" for i in expected)
    assert dict(answer.facets["created_day"]) == dict(days)


def check_history(
    engine: Engine, plan: Plan, held: dict[int, IndexDocument], without: set[int]
) -> None:
    """With history the hits, the ids and the related chats are those of an oracle that looks into
    former passages. An answer without it says how many chats come only with it."""
    both = AllOf((plan.match, *plan.filters.values()))
    found = {i for i, d in held.items() if matches(d, both, history=True)}
    assert engine.search(plan).former == len(found - without)
    assert engine.search(replace(plan, sort="oldest")).former == len(found - without)
    with_history = replace(plan, history=True)
    answer = engine.search(with_history)
    assert answer.former is None
    assert {hit.id for hit in answer.hits} == set(engine.ids(with_history)) == found
    assert plan.related is not None
    some = AllOf((*plan.filters.values(), AnyOf(plan.related.parts)))
    related = {i for i, d in held.items() if matches(d, some, history=True)} - found
    assert {one.hit.id for one in answer.related} == (
        related if len(found) < plan.enough else set()
    )


def check_ids(engine: Engine, plan: Plan, held: dict[int, IndexDocument], full: set[int]) -> None:
    """`ids` gives all matches, never widened, by date, in the order in which hits come."""
    by_date = sorted(full, key=lambda i: (_time(held[i]), i))
    for sort, expected in (("oldest", by_date), ("newest", by_date[::-1])):
        asked = replace(plan, sort=sort, offset=3, limit=1, after=(0, 0))  # type: ignore[arg-type]
        assert list(engine.ids(asked)) == expected
        hits = engine.search(replace(asked, offset=0, limit=1000, after=None)).hits
        assert [hit.id for hit in hits] == expected


def _time(document: IndexDocument) -> int:
    return NO_TIME if document.created is None else document.created
