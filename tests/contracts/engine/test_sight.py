"""What somebody sees of the index is to them the whole index: every answer, with its scores, is
that of an index of what they see alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kchat_search.models.plan import (
    WHOLE_BEGINS,
    WHOLE_ENDS,
    AnyOf,
    Contains,
    Everything,
    FieldIs,
    FileNamed,
    HasWord,
    Hidden,
    IndexDocument,
    Near,
    Node,
    NoneOf,
    Plan,
    Related,
    Sight,
)
from kchat_search.ports import Engine, IndexReader
from kchat_search.text.scripts import runs
from tests.contracts.engine.conftest import EngineUnderTest, build
from tests.engines.documents import WHOLE_NUMBERS, histories, make, nodes, whole_names
from tests.oracle import matches

History = Sequence[tuple[Sequence[IndexDocument], Sequence[int]]]

FACETS = ("agent_id", "status", "spoke", "participant", "created_month", "created_day")


WORDS = ("退宽", "ab", "aab", "退款", "tuikuan", "liucheng")


def everything_asked(reader: IndexReader, plan: Plan) -> list[object]:
    """What a reader answers to a plan in every sort and to all that search asks beside it."""
    answers: list[object] = []
    for sort in ("relevance", "newest", "oldest"):
        for history in (False, True):
            asked = replace(plan, sort=sort, history=history)
            answers += [reader.search(asked), list(reader.ids(asked))]
    for part in (plan.match, Everything(), *plan.filters.values()):
        answers += [reader.count(part), reader.count(part, history=True)]
    return answers + [reader.similar(word, limit) for word in WORDS for limit in (1, 9)]


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
@settings(max_examples=10, deadline=None)
@given(histories(commits=3), nodes(), plans(), st.data())
def test_a_restricted_view_is_an_index_of_its_chats_alone(
    engine_under_test: EngineUnderTest,
    history: History,
    restriction: Node,
    plan: Plan,
    data: st.DataObject,
) -> None:
    with two_engines(engine_under_test, data) as (engine, alone):
        held = written(engine, history)
        for seen in (restriction, NoneOf(restriction)):
            build(alone, [[d for d in held.values() if matches(d, seen)]])
            for masked in (False, True):
                found = everything_asked(engine.seen(Sight(seen, masked)), plan)
                assert found == everything_asked(alone.seen(Sight(masked=masked)), plan), seen


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(histories(commits=2), plans(), st.data())
def test_what_is_hidden_changes_nothing_for_who_sees_masked(
    engine_under_test: EngineUnderTest, history: History, plan: Plan, data: st.DataObject
) -> None:
    """Two indexes that differ in what is hidden alone, and questions with the hidden digits."""
    with two_engines(engine_under_test, data) as (engine, other):
        held = written(engine, history)
        differing = [data.draw(otherwise_hidden(document)) for document in held.values()]
        build(other, [list(held.values())])
        written(other, [(differing, ())])
        asked = data.draw(hidden_parts([*held.values(), *differing]))
        plan = replace(plan, match=AnyOf((plan.match, *asked)))
        for restriction in (Everything(), FieldIs("status", ("close",))):
            sight = Sight(restriction, masked=True)
            found = everything_asked(engine.seen(sight), plan)
            assert found == everything_asked(other.seen(sight), plan)
            for part in asked:
                assert engine.seen(sight).count(part) == other.seen(sight).count(part), part


@pytest.mark.parametrize(
    ("name", "masked", "clear"),
    [
        ("13800138845", [], [1]),
        ("0013", [], [1]),
        ("发票", [1], [1]),
        (WHOLE_NUMBERS[0], [1], [1]),
        (f"发票{WHOLE_NUMBERS[0]}.p", [1], [1]),
        (WHOLE_NUMBERS[1], [], []),
        (WHOLE_NUMBERS[0][1:], [], [1]),
        (WHOLE_NUMBERS[0][:-1], [], [1]),
        (WHOLE_NUMBERS[0][1:-1], [], [1]),
    ],
)
def test_a_file_is_found_by_a_whole_number_in_its_name(
    engine: Engine, name: str, masked: list[int], clear: list[int]
) -> None:
    document = make(
        1,
        "好",
        files=("发票138.png",),
        hidden_files=("发票13800138845.png",),
        whole_files=(f"发票{WHOLE_NUMBERS[0]}.png",),
    )
    build(engine, [[document]])
    plan = Plan(FileNamed(name), sort="newest")
    assert list(engine.seen(Sight(masked=True)).ids(plan)) == masked
    # nobody who sees all asks for marks, because no query has them
    assert list(engine.seen(Sight()).ids(plan)) == clear


@st.composite
def otherwise_hidden(draw: st.DrawFn, document: IndexDocument) -> IndexDocument:
    """The document with something else hidden in the same places."""
    other = st.text("退款157ab ", max_size=9)
    passages = tuple(
        passage
        if passage.hidden is None
        else passage._replace(
            hidden=Hidden(
                draw(other),
                tuple(draw(st.lists(other, max_size=1))),
                f"{WHOLE_BEGINS}{draw(other)}{WHOLE_ENDS}" if passage.text else "",
            )
        )
        for passage in document.passages
    )
    return replace(
        document,
        passages=passages,
        hidden_words=tuple(draw(st.lists(st.sampled_from(("a", "ab", "aab")), max_size=2))),
        hidden_files=tuple(draw(st.lists(st.text("发票ab1.", min_size=1, max_size=4), max_size=1))),
        whole_files=tuple(draw(st.lists(whole_names, max_size=1))),
    )


@st.composite
def hidden_parts(draw: st.DrawFn, documents: Sequence[IndexDocument]) -> list[Node]:
    """Questions whose texts stand in what is hidden, but no whole number."""
    hidden = [p.hidden for document in documents for p in document.passages if p.hidden is not None]
    texts = [text for each in hidden for text in (each.clear, *each.joined, each.whole) if text]
    parts: list[Node] = []
    for _ in range(6 if texts else 0):
        text = draw(st.sampled_from(texts))
        start = draw(st.integers(0, len(text) - 1))
        part = text[start : start + draw(st.integers(1, 6))]
        part = part.replace(WHOLE_BEGINS, "1").replace(WHOLE_ENDS, "1")
        parts += [Contains(part, joined=draw(st.booleans())), Near((part[:1], part[-1:]), 3)]
        parts += [HasWord(run.text, prefix=True) for run in runs(part) if run.text.isalpha()]
        parts.append(FileNamed(part[:2]))
    return parts


@contextmanager
def two_engines(
    engine_under_test: EngineUnderTest, data: st.DataObject
) -> Iterator[tuple[Engine, Engine]]:
    """Two engines over two folders."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as other,
        pytest.MonkeyPatch.context() as patch,
    ):
        engine_under_test.vary(patch, data)
        engines = engine_under_test.open(Path(folder)), engine_under_test.open(Path(other))
        yield engines
        for engine in engines:
            engine.close()
