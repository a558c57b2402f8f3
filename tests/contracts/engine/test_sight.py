"""What somebody sees of the index is to them the whole index: every answer, with its scores, is
that of an index of what they see alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kchat_search.models.plan import (
    Contains,
    Everything,
    IndexDocument,
    Node,
    NoneOf,
    Plan,
    Related,
    Sight,
)
from kchat_search.ports import Engine, IndexReader
from tests.contracts.engine.conftest import EngineUnderTest, build
from tests.engines.documents import histories, nodes
from tests.oracle import matches

History = Sequence[tuple[Sequence[IndexDocument], Sequence[int]]]

FACETS = ("agent_id", "status", "spoke", "participant", "created_month", "created_day")


def everything_asked(reader: IndexReader, plan: Plan, words: Iterable[str]) -> list[object]:
    """What a reader answers to a plan in every sort and to all that search asks beside it."""
    answers: list[object] = []
    for sort in ("relevance", "newest", "oldest"):
        for history in (False, True):
            asked = replace(plan, sort=sort, history=history)
            answers += [reader.search(asked), list(reader.ids(asked))]
    for part in (plan.match, Everything(), *plan.filters.values()):
        answers += [reader.count(part), reader.count(part, history=True)]
    return answers + [reader.similar(word, limit) for word in words for limit in (1, 9)]


def written(engine: Engine, history: History) -> dict[int, IndexDocument]:
    """Write these commits; what is held after them."""
    build(engine, [])
    held: dict[int, IndexDocument] = {}
    for upserts, deletes in history:
        engine.write(upserts, deletes)
        held |= {document.id: document for document in upserts}
        for chat_id in set(deletes) - {document.id for document in upserts}:
            held.pop(chat_id, None)
    return held


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Random plans, with all that ranks."""
    return Plan(
        match=draw(nodes()),
        related=Related(draw(nodes()), (draw(nodes()), Contains("退款")), draw(st.integers(1, 9))),
        enough=draw(st.sampled_from((0, 2, 99))),
        filters={"status": draw(nodes()), "other": draw(nodes())},
        words=("a", "退款", "退", "1", "a"),
        forms=(("流程", "退款"),),
        phrases=("退款", "款流"),
        tails=("5", "15"),
        offset=draw(st.sampled_from((0, 0, 2))),
        limit=draw(st.sampled_from((2, 99))),
        facets=FACETS,
    )


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(histories(commits=3), st.lists(nodes(), min_size=1, max_size=1), plans(), st.data())
def test_a_restricted_view_is_an_index_of_its_chats_alone(
    engine_under_test: EngineUnderTest,
    history: History,
    restrictions: list[Node],
    plan: Plan,
    data: st.DataObject,
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as other,
        pytest.MonkeyPatch.context() as patch,
    ):
        engine_under_test.vary(patch, data)
        engine, alone = engine_under_test.open(Path(folder)), engine_under_test.open(Path(other))
        held = written(engine, history)
        for restriction in (*restrictions, NoneOf(restrictions[0])):
            build(alone, [[d for d in held.values() if matches(d, restriction)]])
            words = ("退宽", "ab", "aab", "退款", "tuikuan", "liucheng")
            for masked in (False, True):
                seen = engine.seen(Sight(restriction, masked))
                expected = alone.seen(Sight(masked=masked))
                found = everything_asked(seen, plan, words)
                assert found == everything_asked(expected, plan, words), restriction
        engine.close()
        alone.close()
