"""Stock Whoosh on our segments: its readers, queries and scores agree with ours.

These tests touch everything of Whoosh that `codec.py` lists as used beyond its documented
interface. So an upgrade that breaks it is noticed at once.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whoosh.codec import base
from whoosh.codec.whoosh3 import W3Codec, W3Segment
from whoosh.matching.mcore import ListMatcher, ReadTooFar
from whoosh.reading import SegmentReader, TermNotFound
from whoosh.scoring import BM25F
from whoosh.searching import Searcher

from kchat_search.engines import ranking
from kchat_search.engines.whoosh import rank, writer
from kchat_search.engines.whoosh.codec import ArrayCodec, ArrayMatcher, codec
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.engines.whoosh.schema import TERM_FIELDS
from kchat_search.models.plan import NO_TIME, HasWord, IndexDocument, Node, Plan
from tests.engines.documents import histories, make, term_nodes
from tests.engines.whoosh.stock import (
    Terms,
    chat_ids,
    expected_terms,
    found_by,
    index_of,
    merge_factors,
    parts_of,
    searcher_of,
    stock,
    stock_query,
    written,
)
from tests.oracle import matches

History = Sequence[tuple[Sequence[IndexDocument], Sequence[int]]]

# -- random histories ------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(histories(), merge_factors(), st.lists(term_nodes(), min_size=1, max_size=15))
def test_stock_queries_and_the_evaluator_and_a_scan_find_the_same(
    history: History, merge_factor: int, asked: list[Node]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine, held = written(folder, history, merge_factor)
        with searcher_of(Path(folder)) as searcher:
            for node in asked:
                ours = engine.search(Plan(node, sort="oldest", limit=100)).hits
                expected = {i for i, d in held.items() if matches(d, node)}
                assert {hit.id for hit in ours} == expected, node
                assert found_by(searcher, stock_query(node)) == expected, node
        engine.close()


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(histories(), merge_factors())
def test_stock_readers_walk_the_lists_and_columns_of_what_was_written(
    history: History, merge_factor: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine, held = written(folder, history, merge_factor)
        with searcher_of(Path(folder)) as searcher:
            reader = searcher.reader()
            ids = chat_ids(searcher)
            numbers = {ids[doc]: doc for doc in reader.all_doc_ids()}
            assert numbers.keys() == held.keys()
            assert reader.doc_count() == len(held)
            check_lists(searcher, expected_terms(list(held.values())))
            for chat_id, doc in numbers.items():
                check_document(reader, doc, held[chat_id])
        engine.close()


def check_lists(searcher: Searcher, expected: Terms) -> None:
    """The live documents of each posting list, with frequencies. Terms that only deleted documents
    have may still be there."""
    ids = chat_ids(searcher)
    reader = searcher.reader()
    for field in TERM_FIELDS:
        there = set(reader.lexicon(field))
        assert there >= expected[field].keys()
        for term in there:
            matcher = reader.postings(field, term)
            found = {}
            while matcher.is_active():
                found[ids[matcher.id()]] = matcher.weight()
                matcher.next()
            assert found == expected[field].get(term, {}), (field, term)
            if not reader.has_deletions():
                assert reader.doc_frequency(field, term) == len(found)
                assert reader.frequency(field, term) == sum(found.values())


def check_document(reader: Any, doc: int, document: IndexDocument) -> None:
    """The columns and lengths of one document."""
    columns = {
        "id": document.id,
        "version": document.revision,
        "created": NO_TIME if document.created is None else document.created,
        "length": len(document.words),
        **{name: "".join(part for _, part in parts) for name, parts in parts_of(document).items()},
    }
    for name, value in columns.items():
        assert reader.has_column(name)
        assert reader.column_reader(name)[doc] == value
    assert reader.doc_field_length(doc, "words") == len(document.words)
    assert reader.doc_field_length(doc, "status", 7) == 7
    assert not reader.is_deleted(doc)
    assert reader.stored_fields(doc) == {}


# -- one segment, exactly --------------------------------------------------------------------

TALKS = [
    make(7, "refund refund please", "退款 157", created=4, month="2015-02", files=("a.b",)),
    make(3, "please 15 please please", created=9, month="2015-03", agent="1"),
    make(5, "", created=None),
    make(9, "plea refund", "1577", created=1, month="2015-01", speakers=("agent", "robot")),
]


@pytest.fixture
def talks(tmp_path: Path) -> Iterator[Searcher]:
    """A searcher over one segment of these chats."""
    engine = WhooshEngine(tmp_path, processes=1)
    engine.rebuild([TALKS], "x")
    with searcher_of(tmp_path) as searcher:
        yield searcher
    engine.close()


def test_the_reader_of_a_segment_is_whooshs_own_over_our_codec(talks: Searcher) -> None:
    reader = talks.reader()
    assert type(reader) is SegmentReader
    assert isinstance(reader.codec(), ArrayCodec)
    assert isinstance(reader.codec(), W3Codec)
    assert isinstance(reader.segment(), W3Segment)
    assert isinstance(reader._terms, base.TermsReader)
    assert isinstance(reader._perdoc, base.PerDocumentReader)
    assert isinstance(reader.cursor("words"), base.FieldCursor)
    assert isinstance(reader.postings("words", "refund"), ListMatcher)


def test_terms_are_listed_ascending_with_all_that_is_known_of_them(talks: Searcher) -> None:
    reader = talks.reader()
    expected = expected_terms(TALKS)
    every = [(field, term) for field in sorted(expected) for term in sorted(expected[field])]
    assert list(reader.all_terms()) == every
    assert set(reader.indexed_field_names()) == set(TERM_FIELDS)
    for field, start in (
        ("words", b"plea"),
        ("words", b"zz"),
        ("status", b""),
        ("text_pairs", b"1"),
    ):
        assert list(reader.terms_from(field, start)) == [t for t in every if t >= (field, start)]
        assert [term for term, _ in reader.iter_from(field, start)] == [
            t for t in every if t >= (field, start)
        ]
    lengths = {document.id: len(document.words) for document in TALKS}
    order = [document.id for document in TALKS]
    for (field, term), info in reader:
        having = expected[field][term]
        assert info.doc_frequency() == len(having) == reader.doc_frequency(field, term)
        assert info.weight() == sum(having.values()) == reader.frequency(field, term)
        assert info.max_weight() == max(having.values())
        docs = sorted(map(order.index, having))
        assert (info.min_id(), info.max_id()) == (docs[0], docs[-1])
        assert reader.first_id(field, term) == docs[0]
        if field == "words":
            assert info.min_length() == min(lengths[i] for i in having)
            assert info.max_length() == max(lengths[i] for i in having)


def test_prefixes_and_the_most_frequent_terms_are_those_of_the_words(talks: Searcher) -> None:
    reader = talks.reader()
    counts = Counter(word.encode() for document in TALKS for word in document.words)
    assert list(reader.expand_prefix("words", "ple")) == [b"plea", b"please"]
    assert list(reader.expand_prefix("words", "x")) == []
    expected = sorted(((n, word) for word, n in counts.items()), reverse=True)
    assert reader.most_frequent_terms("words", 3) == expected[:3]
    assert reader.most_frequent_terms("words", 2, "ref") == [(counts[b"refund"], b"refund")]
    assert ("words", b"refund") in reader
    assert ("words", b"refun") not in reader


def test_a_word_of_no_text_is_no_term(talks: Searcher) -> None:
    reader = talks.reader()
    assert reader.doc_frequency("words", "none") == 0
    assert reader.frequency("words", "none") == 0
    with pytest.raises(TermNotFound):
        reader.postings("words", "none")
    with pytest.raises(TermNotFound):
        reader.term_info("words", "none")


def test_a_cursor_goes_through_the_terms_of_a_field(talks: Searcher) -> None:
    reader = talks.reader()
    words = sorted({word for document in TALKS for word in document.words})
    cursor: Any = reader.cursor("words")
    seen = [cursor.first()]
    while cursor.next() is not None:
        seen.append(cursor.text())
        assert cursor.term_info().weight() == reader.frequency("words", cursor.text())
    assert seen == words
    assert not cursor.is_valid()
    assert cursor.text() is None
    assert cursor.term_info() is None
    assert cursor.find("pleb") == "refund"
    assert cursor.find(b"please") == "please"
    assert cursor.find("\U0010ffff") is None
    assert cursor.first() == words[0]


def test_lengths_are_exact(talks: Searcher) -> None:
    reader = talks.reader()
    lengths = [len(document.words) for document in TALKS]
    assert [reader.doc_field_length(doc, "words") for doc in range(len(TALKS))] == lengths
    assert reader.field_length("words") == sum(lengths)
    assert reader.min_field_length("words") == min(lengths)
    assert reader.max_field_length("words") == max(lengths)
    assert talks.avg_field_length("words") == sum(lengths) / len(lengths)


DOCS = [1, 4, 5, 9, 130]


@pytest.mark.parametrize("made", [ListMatcher, ArrayMatcher])
@pytest.mark.parametrize(
    ("before", "to", "at"),
    [
        (0, 0, 1), (0, 1, 1), (0, 2, 4), (0, 9, 9), (0, 10, 130), (0, 131, None),
        (2, 4, 5), (2, 0, 5), (3, 9, 9), (4, 131, None),
    ],
)  # fmt: skip
def test_our_matcher_skips_as_whooshs_own_does(
    made: Callable[..., ListMatcher], before: int, to: int, at: int | None
) -> None:
    matcher = made(DOCS, [1.0] * len(DOCS))
    for _ in range(before):
        matcher.next()
    matcher.skip_to(to)
    assert (matcher.id() if matcher.is_active() else None) == at
    if at is None:
        with pytest.raises(ReadTooFar):
            matcher.skip_to(200)


def test_a_list_can_be_read_as_a_whole_and_after_skipping(talks: Searcher) -> None:
    matcher = talks.reader().postings("words", "refund")
    assert list(matcher.all_ids()) == [0, 3]
    assert matcher.weight() == 2.0
    copy = matcher.copy()
    copy.skip_to(1)
    assert (copy.id(), copy.weight()) == (3, 1.0)
    assert matcher.id() == 0


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (stock.ColumnQuery("created", lambda time: time > 3), {7, 3}),
        (stock.ColumnQuery("text", lambda text: "款 1" in text), {7}),
        (stock.ColumnQuery("id", 9), {9}),
        (stock.And([stock.Prefix("words", "plea"), stock.Term("text_triples", "157")]), {7, 9}),
        (stock.AndNot(stock.Every(), stock.Term("has_upload", "=true")), {3, 5, 9}),
        (stock.Wildcard("words", "r*d"), {7, 9}),
        (stock.FuzzyTerm("words", "pleas"), {7, 3, 9}),
        (stock.Every("text_characters"), {7, 3, 9}),
    ],
)
def test_other_stock_queries_work_too(talks: Searcher, asked: Any, found: set[int]) -> None:
    assert found_by(talks, asked) == found


# -- scoring ---------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), min_size=2, max_size=25, unique=True),
    st.integers(0, 24),
)
def test_whooshs_bm25_orders_the_hits_of_a_word_as_ours_does(
    counts: list[tuple[int, int]], cut: int
) -> None:
    """Whoosh's idf is computed otherwise, so the scores of one word differ by a factor."""
    made = [
        make(chat_id, "refund " * times + "other " * more)
        for chat_id, (times, more) in enumerate(counts, start=1)
    ]
    with tempfile.TemporaryDirectory() as folder:
        engine = WhooshEngine(Path(folder), processes=1)
        engine.rebuild([made[:cut]] if cut else [], "x")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(writer, "MERGE_FACTOR", 0)
            engine.write(made[cut:])
            # only ours adds the weight of the best message
            patch.setattr(rank, "proximity", lambda _, docs, __: np.zeros(len(docs)))
            plan = Plan(HasWord("refund"), words=("refund",), limit=100)
            ours = {hit.id: hit.score for hit in engine.search(plan).hits}
        with searcher_of(Path(folder), weighting=BM25F(B=ranking.B, K1=ranking.K1)) as searcher:
            ids = chat_ids(searcher)
            theirs = {
                ids[hit.docnum]: hit.score
                for hit in searcher.search(stock.Term("words", "refund"), limit=None)
            }
        engine.close()
    assert theirs.keys() == ours.keys()
    factors = [ours[chat_id] / theirs[chat_id] for chat_id in ours]
    assert factors == pytest.approx([factors[0]] * len(factors)) if factors else not theirs
    assert rounded_order(ours) == rounded_order({i: s * factors[0] for i, s in theirs.items()})


def rounded_order(scores: dict[int, float]) -> list[int]:
    return sorted(scores, key=lambda chat_id: (round(scores[chat_id], 9), chat_id))


# -- what is used of Whoosh beyond its documented interface ------------------------------------


def test_whooshs_view_has_the_segments_and_deletions_of_the_newest_commit(tmp_path: Path) -> None:
    engine = WhooshEngine(tmp_path, processes=1)
    engine.rebuild([[make(n, "refund") for n in range(1, 9)]], "x")
    index = index_of(tmp_path)
    assert index.latest_generation() == 1
    engine.write([], [3])
    assert index.latest_generation() == 2
    segment: Any = index._read_toc().segments[0]
    assert segment.segment_id() == segment.entry.name
    assert (segment.doc_count(), segment.doc_count_all(), list(segment.deleted_docs())) == (
        7,
        8,
        [2],
    )
    assert isinstance(segment.codec(), ArrayCodec)
    with searcher_of(tmp_path) as searcher:
        assert found_by(searcher, stock.Every()) == {1, 2, 4, 5, 6, 7, 8}
    engine.close()


def test_whooshs_own_writers_are_refused(talks: Searcher, tmp_path: Path) -> None:
    index = index_of(tmp_path)
    with pytest.raises(NotImplementedError, match="kchat_search's writer alone"):
        index.writer(codec=codec())
