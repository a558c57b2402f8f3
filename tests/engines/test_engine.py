"""The contract of `ports.Engine`, held against the brute-force oracle."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kchat_search.engines.whoosh import evaluate, writer
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.models.plan import (
    NO_TIME,
    AllOf,
    Contains,
    CreatedIn,
    Everything,
    FieldIs,
    HasWord,
    IndexDocument,
    Node,
    NoneOf,
    Plan,
)
from tests.engines.documents import growths, histories, make, nodes
from tests.oracle import matches


def ids(engine: WhooshEngine, node: Node, **plan: object) -> list[int]:
    asked = Plan(match=node, **({"sort": "oldest", "limit": 1000} | plan))  # type: ignore[arg-type]
    return [hit.id for hit in engine.search(asked).hits]


# -- the oracle ------------------------------------------------------------------------------

History = Sequence[tuple[Sequence[IndexDocument], Sequence[int]]]


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(histories(), st.lists(nodes(), min_size=1, max_size=25), st.data())
def test_the_engine_finds_exactly_what_a_scan_finds(
    history: History, asked: list[Node], data: st.DataObject
) -> None:
    held: dict[int, IndexDocument] = {}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # Of so few chats all lists would be taken: now the texts decide behind the first, too.
        patch.setattr(evaluate, "_SCAN_COST", data.draw(st.sampled_from((0, evaluate._SCAN_COST))))
        patch.setattr(writer, "MERGE_FACTOR", data.draw(growths()))
        engine = WhooshEngine(Path(folder), processes=1)
        engine.rebuild([], "x")
        for upserts, deletes in history:  # several commits: segments, deletions, merges
            engine.write(upserts, deletes)
            held |= {document.id: document for document in upserts}
            for chat_id in set(deletes) - {document.id for document in upserts}:
                held.pop(chat_id, None)
        assert engine.id_revisions() == {i: d.revision for i, d in held.items()}
        for node in (*asked, *data.draw(cuts(held))):
            expected = {i for i, d in held.items() if matches(d, node)}
            assert set(ids(engine, node)) == expected, node
            assert engine.count(node) == len(expected)
        filters: dict[str, Node] = {
            "status": FieldIs("status", ("close",)),
            "agent_id": FieldIs("agent_id", ("1",)),
        }
        check_whole_answer(engine, held, data.draw(nodes()), data.draw(nodes()), filters)
        engine.close()


@st.composite
def cuts(draw: st.DrawFn, held: dict[int, IndexDocument]) -> list[Node]:
    """Pieces of what was said, and the same characters in other orders: what random strings of
    six characters would seldom be."""
    said = [text for document in held.values() for _, text in document.texts]
    found: list[Node] = []
    for _ in range(4 if said else 0):
        text = draw(st.sampled_from(said))
        start = draw(st.integers(0, len(text) - 1))
        piece = text[start : start + draw(st.integers(1, 6))]
        found += [Contains(piece), Contains("".join(draw(st.permutations(piece))))]
    return found


def check_whole_answer(
    engine: WhooshEngine,
    held: dict[int, IndexDocument],
    match: Node,
    some: Node,
    filters: dict[str, Node],
) -> None:
    """Totals, facets, tiers and pages agree with a scan and with one another."""
    full = {i for i, d in held.items() if matches(d, AllOf((match, *filters.values())))}
    wide = {i for i, d in held.items() if matches(d, AllOf((some, *filters.values())))}
    plan = Plan(
        match=match,
        some=AllOf((some,)),
        enough=2,
        filters=filters,
        words=("a", "退款"),
        phrases=("退款",),
        facets=("agent_id", "status", "spoke", "created_month", "created_day"),
        limit=1000,
    )
    answer = engine.search(plan)
    widened = len(full) < 2
    expected = wide if widened else full
    assert answer.all == len(full)
    assert answer.total == len(expected) == len(answer.hits)
    order = [hit.id for hit in answer.hits]
    assert set(order) == expected
    if widened:  # those with everything stand before those with some
        assert set(order[: len(full & wide)]) == full & wide
    pages = [
        hit.id
        for offset in range(0, len(expected) + 2, 2)
        for hit in engine.search(
            Plan(
                match=match,
                some=AllOf((some,)),
                enough=2,
                filters=filters,
                words=("a", "退款"),
                phrases=("退款",),
                offset=offset,
                limit=2,
            )
        ).hits
    ]
    assert pages == order
    for name, field in (("agent_id", "agent_id"), ("status", "status")):
        others = [node for key, node in filters.items() if key != name]
        asked = AllOf((some if widened else match, *others))
        counts = Counter(d.fields[field][0] for d in held.values() if matches(d, asked))
        assert dict(answer.facets[name]) == dict(counts)
    check_ids(engine, plan, held, full)
    months = Counter(held[i].month for i in expected)
    assert dict(answer.facets["created_month"]) == dict(months)
    speakers = Counter(speaker for i in expected for speaker in held[i].fields["spoke"])
    assert dict(answer.facets["spoke"]) == dict(speakers)
    days = Counter(None if held[i].created is None else "1970-01-01" for i in expected)
    assert dict(answer.facets["created_day"]) == dict(days)


def check_ids(
    engine: WhooshEngine, plan: Plan, held: dict[int, IndexDocument], full: set[int]
) -> None:
    """The ids of everything: never relaxed, by date, in the order in which hits come."""
    by_date = sorted(full, key=lambda i: (_time(held[i]), i))
    for sort, expected in (("oldest", by_date), ("newest", by_date[::-1])):
        asked = replace(plan, sort=sort, offset=3, limit=1, after=(0, 0))  # type: ignore[arg-type]
        assert list(engine.ids(asked)) == expected
        hits = engine.search(replace(asked, offset=0, limit=1000, after=None)).hits
        assert [hit.id for hit in hits] == expected


def _time(document: IndexDocument) -> int:
    return NO_TIME if document.created is None else document.created


# -- matching --------------------------------------------------------------------------------


def test_a_literal_never_matches_across_two_messages(engine: WhooshEngine) -> None:
    engine.write([make(1, "我要退", "款流程"), make(2, "我要退款流程")])
    assert ids(engine, Contains("退款")) == [2]
    assert ids(engine, Contains("退款流程")) == [2]


def test_pairs_in_another_order_are_no_match(engine: WhooshEngine) -> None:
    engine.write([make(1, "bca ab bc"), make(2, "xabcx"), make(3, "ab", "bc")])
    assert ids(engine, Contains("abc")) == [2]


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ("5678", "手机号13800135678,请回电"),
        ("3.6.0", "客户端版本是3.6.0吗"),
        ("a@b.com", "发到 a@b.com 吧"),
        ("😀", "好的😀"),
        ("👍🏽", "可以👍🏽"),
        ("?", "在吗?"),
        ("\0", "a\0b"),
        ("的", "我的"),
    ],
)
def test_any_string_is_found_letter_for_letter(
    engine: WhooshEngine, literal: str, text: str
) -> None:
    engine.write([make(1, text), make(2, "别的内容")])
    found = ids(engine, Contains(literal))
    assert 1 in found
    assert (2 in found) == (literal in "别的内容")


def test_a_word_is_a_whole_run_of_letters_of_any_length(engine: WhooshEngine) -> None:
    long = "a" * 600
    engine.write([make(1, "iPhone6坏了"), make(2, "iPhones"), make(3, long), make(4, long + "b")])
    assert ids(engine, HasWord("iphone")) == [1]
    assert ids(engine, HasWord("iph", prefix=True)) == [1, 2]
    assert ids(engine, HasWord(long)) == [3]
    assert ids(engine, HasWord(long, prefix=True)) == [3, 4]


def test_a_prefix_is_of_letters_only(engine: WhooshEngine) -> None:
    engine.write([make(1, "退款 123")])
    assert ids(engine, HasWord("1", prefix=True)) == []
    assert ids(engine, HasWord("退", prefix=True)) == []


def test_what_one_side_said_is_not_what_the_other_said(engine: WhooshEngine) -> None:
    engine.write([make(1, "要退款 refund", "好的", speakers=("visitor", "agent"))])
    assert ids(engine, Contains("退款", "visitor")) == [1]
    assert ids(engine, Contains("退", "agent")) == []
    assert ids(engine, HasWord("refund", speaker="visitor")) == [1]
    assert ids(engine, HasWord("refund", speaker="agent")) == []


def test_none_and_the_empty_and_odd_values_stay_apart(engine: WhooshEngine) -> None:
    engine.write([make(1, "x", status=None), make(2, "x", status="-"), make(3, "x", status="none")])
    assert ids(engine, FieldIs("status", (None,))) == [1]
    assert ids(engine, FieldIs("status", ("-",))) == [2]
    assert ids(engine, FieldIs("status", ("none",))) == [3]


@pytest.mark.parametrize(
    ("value", "found"),
    [("7", [7]), ("-5", [-5]), ("007", []), ("--7", []), ("-", []), ("", []), ("7" * 30, [])],
)
def test_an_id_is_a_number_as_it_is_written(
    engine: WhooshEngine, value: str, found: list[int]
) -> None:
    engine.write([make(7, "x"), make(-5, "x")])
    assert ids(engine, FieldIs("id", (value,))) == found
    assert ids(engine, FieldIs("id", (None,))) == []


def test_a_chat_without_a_time_is_in_no_range(engine: WhooshEngine) -> None:
    engine.write([make(1, "x", created=None), make(2, "x", created=5), make(3, "x", created=-5)])
    assert ids(engine, CreatedIn(None, None)) == [3, 2]
    assert ids(engine, NoneOf(CreatedIn(0, 9))) == [1, 3]


# -- the index on the disk -------------------------------------------------------------------


def test_an_index_that_was_never_built_has_no_chats(tmp_path: Path) -> None:
    engine = WhooshEngine(tmp_path / "none")
    assert engine.search(Plan(Everything(), facets=("status",))).total == 0
    assert engine.describe().generation is None
    assert not (tmp_path / "none").exists()


def test_another_process_sees_a_commit_and_a_swap(tmp_path: Path) -> None:
    writer, reader = WhooshEngine(tmp_path), WhooshEngine(tmp_path)
    writer.rebuild([[make(1, "退款")]], "a")
    assert ids(reader, Everything()) == [1]
    writer.write([make(2, "退款")], [1])
    assert ids(reader, Everything()) == [2]
    writer.rebuild([[make(3, "退款")]], "b")
    assert ids(reader, Everything()) == [3]
    assert reader.describe().fingerprint == "b"
    assert [p.name for p in tmp_path.glob("generation-*")] == ["generation-000002"]
    writer.close()
    reader.close()


def test_a_write_that_fails_changes_nothing(engine: WhooshEngine) -> None:
    engine.write([make(1, "退款")])
    broken = make(2, "x")
    object.__setattr__(broken, "words", (object(),))
    with pytest.raises((TypeError, ValueError, AttributeError)):
        engine.write([make(3, "y"), broken], [1])
    assert ids(engine, Everything()) == [1]
    engine.write([make(4, "z")])  # and the writer's lock is free again
    assert ids(engine, Everything()) == [1, 4]
