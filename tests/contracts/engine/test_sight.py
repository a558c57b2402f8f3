"""What somebody sees of the index is to them the whole index: every answer, with its scores, is
that of an index of what they see alone."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import strategies as st

from kchat_search.models.plan import (
    HIDDEN_DIGIT,
    WHOLE_BEGINS,
    WHOLE_ENDS,
    Alike,
    AllOf,
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
    Passage,
    Plan,
    Related,
    Sight,
)
from kchat_search.ports import Engine, IndexReader
from kchat_search.text.scripts import runs
from tests.contracts.engine.conftest import EngineUnderTest, build, examples
from tests.engines.documents import (
    AGENTS,
    PARTICIPANTS,
    STATUSES,
    WHOLE_NUMBERS,
    histories,
    make,
    month_of,
    nodes,
    whole_names,
)
from tests.oracle import matches

History = Sequence[tuple[Sequence[IndexDocument], Sequence[int]]]

FACETS = ("agent_id", "status", "spoke", "participant", "created_month", "created_day")


WORDS = ("退宽", "ab", "aab", "退款", "tuikuan", "liucheng")


def everything_asked(reader: IndexReader, plan: Plan) -> list[object]:
    """What a reader answers to a plan in every sort, and to all that search asks beside it."""
    by_date = replace(plan, sort="newest"), replace(plan, sort="oldest")
    asked = (plan, replace(plan, history=True), *by_date)
    answers: list[object] = [reader.search(each) for each in asked]
    answers += [reader.alike(Alike(chat_id, plan.words, 5)) for chat_id in (1, 2, 99)]
    for field in ("participant", "status"):
        answers += [reader.first_characters(field), reader.values(field, "", 9, str.isprintable)]
    answers += [list(reader.ids(replace(plan, history=history))) for history in (False, True)]
    return answers + [reader.count(plan.match, history=history) for history in (False, True)]


def similar(reader: IndexReader) -> list[tuple[str, ...]]:
    """The words near some others."""
    return [reader.similar(word, limit) for word in WORDS for limit in (1, 9)]


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


TALK = (
    "退款流程", "退款", "流程 ab", "退款机", "a", "ab 1", "aab", "西安", "15", "我要退 款",
    "iphone", "请稍等一下我看看", "款流", "a 退款 b", "1 5 7",
)  # fmt: skip


def number_of(rnd: random.Random) -> str:
    return "138" + "".join(rnd.choices("0123456789", k=8))


def hiding(clear: str) -> Passage:
    """A passage whose private number is hidden but for its ends. The number comes last."""
    before, number = clear[:-11], clear[-11:]
    fragment = number if len(before) % 2 else f"{before}{number}"
    return Passage(
        f"{before}{number[:3]}{HIDDEN_DIGIT * 4}{number[-4:]}",
        "visitor",
        joined=(f"{number[:3]}{HIDDEN_DIGIT * 4}{number[-4:]}",) if len(before) % 3 else (),
        hidden=Hidden(clear, (fragment,), f"{before}{WHOLE_BEGINS}{number}{WHOLE_ENDS}"),
    )


def many(rnd: random.Random, hidden: random.Random) -> list[IndexDocument]:
    """Sixty chats. What is hidden comes from `hidden`, all else from `rnd`."""
    chats = []
    for chat_id in range(1, 61):
        texts = rnd.choices(TALK, k=rnd.randint(0, 5))
        tail = "".join(rnd.choices("0123456789", k=4))
        shown = [rnd.choice(TALK) for _ in range(rnd.randint(0, 2))]
        secret = ["138" + number_of(hidden)[3:7] + tail for _ in shown]
        recalled = number_of(hidden) + hidden.choice(TALK)
        passages = [hiding(f"{a} {b}") for a, b in zip(shown, secret, strict=True)]
        if rnd.random() < 0.3:
            passages.append(Passage("", "agent", hidden=Hidden(recalled)))
        created = rnd.choice((None, *range(20)))
        chats.append(
            make(
                chat_id,
                *texts,
                passages=tuple(passages),
                former=(Passage(rnd.choice(TALK), "agent"),) if rnd.random() < 0.2 else (),
                created=created,
                month=None if created is None else month_of(created),
                agent=rnd.choice(AGENTS),
                participants=tuple(rnd.sample(PARTICIPANTS[:6], k=rnd.randint(0, 3))),
                status=rnd.choice(STATUSES),
                files=("发票.pdf",) * rnd.randint(0, 1),
                hidden_files=(f"{number_of(hidden)}.pdf",) * rnd.randint(0, 1),
            )
        )
    return chats


def some_plans() -> Iterator[Plan]:
    """Plans that rank by all that there is, with few matches and with many."""
    matches_: tuple[Node, ...] = (
        Everything(), Contains("退款"), Contains("退款", joined=True), HasWord("a", prefix=True),
        NoneOf(Contains("流程")), Near(("a", "b"), 5), AllOf((Contains("退"), Contains("1"))),
    )  # fmt: skip
    for number, match in enumerate(matches_):
        yield Plan(
            match=match,
            related=Related(Everything(), (Contains("退款"), HasWord("iphone")), 7),
            enough=99,
            filters={"status": FieldIs("status", ("close", None))} if number % 2 else {},
            words=("退款", "流程", "a", "1", "退款"),
            forms=(("iphone", "a"),),
            phrases=("退款流程", "ab"),
            tails=("5", "7"),
            facets=FACETS,
            limit=9 + 91 * (number % 2),
        )


RESTRICTIONS: tuple[Node, ...] = (
    FieldIs("participant", ("1", "4")),
    FieldIs("agent_id", ("2",)),
    NoneOf(Contains("退款")),
    AnyOf(()),
)


@pytest.mark.slow
def test_a_view_of_many_chats_is_an_index_of_these_alone(
    engine_under_test: EngineUnderTest, tmp_path: Path
) -> None:
    rnd = random.Random(14)
    chats = many(rnd, random.Random(1))
    engine = engine_under_test.open(tmp_path / "all")
    alone = engine_under_test.open(tmp_path / "alone")
    build(engine, [chats[:40]])
    engine.write([replace(chat, revision=7) for chat in chats[30:50]], [3, 17])
    engine.write(chats[50:], [41])
    held = [chat for chat in chats if chat.id not in (3, 17, 41)]
    for turn, restriction in enumerate(RESTRICTIONS):
        seen = [chat for chat in held if matches(chat, restriction)]
        assert len(seen) < len(held)
        build(alone, [seen[:10], seen[10:]])
        for masked in (False, True):
            here, there = engine.seen(Sight(restriction, masked)), alone.seen(Sight(masked=masked))
            assert similar(here) == similar(there), restriction
            for plan in engine_under_test.some(some_plans(), turn):
                assert everything_asked(here, plan) == everything_asked(there, plan), restriction
    engine.close()
    alone.close()


@pytest.mark.slow
def test_who_sees_masked_cannot_tell_two_indexes_apart_that_differ_in_what_is_hidden(
    engine_under_test: EngineUnderTest, tmp_path: Path
) -> None:
    one = engine_under_test.open(tmp_path / "one")
    other = engine_under_test.open(tmp_path / "other")
    chats = many(random.Random(14), random.Random(1))
    differing = many(random.Random(14), random.Random(2))
    build(one, [chats])
    build(other, [differing])
    rnd = random.Random(3)
    hidden = [p.hidden for chat in chats + differing for p in chat.passages if p.hidden]
    asked: list[Node] = []
    for secret in hidden:
        for text in (secret.clear, *secret.joined):
            start = rnd.randrange(len(text))
            part = text[start : start + rnd.randint(1, 9)]
            asked += [Contains(part, joined=True), Near((part[:2], part[-1:]), 9)]
            asked += [FileNamed(part), HasWord(part[:1], prefix=True)]
    masked, masked_too = one.seen(Sight(masked=True)), other.seen(Sight(masked=True))
    told = 0
    for node in engine_under_test.some(asked, 0):
        assert masked.count(node, history=True) == masked_too.count(node), node
        told += one.count(node) != other.count(node)
    assert told > 12  # who sees all can tell them apart
    assert similar(masked) == similar(masked_too)
    for plan in engine_under_test.some(some_plans(), 0):
        assert everything_asked(masked, plan) == everything_asked(masked_too, plan)
    assert masked.search(Plan(AnyOf(tuple(asked[:60])), limit=99, words=("退款",))) == (
        masked_too.search(Plan(AnyOf(tuple(asked[:60])), limit=99, words=("退款",)))
    )
    one.close()
    other.close()


@pytest.mark.slow
@examples(5, histories(commits=3), nodes(), plans(), st.data())
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
                here, there = engine.seen(Sight(seen, masked)), alone.seen(Sight(masked=masked))
                assert everything_asked(here, plan) == everything_asked(there, plan), seen
                assert similar(here) == similar(there), seen


@pytest.mark.slow
@examples(5, histories(commits=2), plans(), st.data())
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
