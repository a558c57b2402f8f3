"""Which chats are like one: as a plain count over all documents says."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from kchat_search.meaning.codes import decode, encode
from kchat_search.meaning.floor import OF_OPENINGS, certainty
from kchat_search.models.plan import Alike, AlikeHit, FieldIs, IndexDocument, NoneOf, Sight
from kchat_search.ports import Engine, IndexReader
from tests.contracts.engine.conftest import EngineUnderTest, build, examples
from tests.contracts.engine.test_meant import TABLE
from tests.contracts.engine.test_meant import asked as asked_document
from tests.engines.documents import histories, make

K1, B, TELLING, VECTOR_WEIGHT = 1.2, 0.25, 40, 0.5


def scores(held: Iterable[IndexDocument], asked: Alike) -> dict[int, float]:
    """The score of every document that is like the chat, by a count over all of them."""
    documents = list(held)
    total = len(documents)
    average = max(sum(len(d.words) for d in documents) / total, 1) if total else 1
    itself = any(d.id == asked.id for d in documents)

    def weights(words: tuple[str, ...]) -> dict[str, float]:
        counts = Counter(words)
        norm = K1 * (1 - B + B * len(words) / average)
        found = {}
        for word, count in counts.items():
            df = sum(word in d.words for d in documents)
            idf = math.log(1 + (total - df + 0.5) / (df + 0.5))
            if df > itself:
                found[word] = idf * (K1 + 1) * count / (count + norm)
        return found

    own = weights(asked.words)
    telling = sorted(own, key=lambda word: (-own[word], word))[:TELLING]
    square = sum(own[word] ** 2 for word in telling)
    like = {}
    for document in documents:
        its = weights(document.words)
        score = sum(own[word] * its.get(word, 0.0) for word in telling) / square if square else 0.0
        if score and document.id != asked.id:
            like[document.id] = score
    return like


def check(reader: IndexReader, held: dict[int, IndexDocument], asked: Alike) -> None:
    found = reader.alike(asked)
    expected = scores(held.values(), asked)
    assert len(found) == min(asked.limit, len(expected))
    assert {hit.hit.id: hit.hit.score for hit in found} == pytest.approx(
        {hit.hit.id: expected[hit.hit.id] for hit in found}
    )
    assert [hit.hit.score for hit in found] == pytest.approx(
        sorted(expected.values(), reverse=True)[: asked.limit]
    )
    keys = [_key(hit) for hit in found]
    assert keys == sorted(keys, reverse=True)
    for hit in found:
        assert sum(hit.words.values()) == pytest.approx(hit.hit.score)
        assert set(hit.words) <= set(asked.words) & set(held[hit.hit.id].words)


def _key(hit: AlikeHit) -> tuple[float, int, int]:
    created = hit.hit.created
    return hit.hit.score, -(2**62) if created is None else created, hit.hit.id


@pytest.mark.slow
@examples(8, histories(commits=3), st.integers(1, 13), st.sampled_from((2, 12)), st.booleans())
def test_they_are_those_of_a_plain_count(
    engine_under_test: EngineUnderTest,
    history: list[tuple[list[IndexDocument], list[int]]],
    which: int,
    limit: int,
    restricted: bool,
) -> None:
    """Over any commits, whatever is deleted, whoever asks; also of a chat that is not there."""
    with tempfile.TemporaryDirectory() as folder:
        engine = engine_under_test.open(Path(folder))
        build(engine, [])
        held: dict[int, IndexDocument] = {}
        for upserts, deletes in history:
            engine.write(upserts, deletes)
            held |= {document.id: document for document in upserts}
            for chat_id in set(deletes) - {document.id for document in upserts}:
                held.pop(chat_id, None)
        words = held[which].words if which in held else ("退款", "a", "15", "退", "退款")
        reader: IndexReader = engine
        if restricted:
            reader = engine.seen(Sight(NoneOf(FieldIs("agent_id", ("1",))), masked=True))
            held = {i: d for i, d in held.items() if "1" not in d.fields["agent_id"]}
        check(reader, held, Alike(which, words, limit))
        engine.close()


def test_of_equal_ones_the_newest_is_first_then_the_highest_id(engine: Engine) -> None:
    """Whatever the segments, and also where more are equal than are compared further."""
    chats = [make(i, "refund the order", created=i % 4 if i % 5 else None) for i in range(1, 620)]
    engine.write(chats[:600])
    engine.write([*chats[600:], make(1000, "hello")])
    found = engine.alike(Alike(1000, ("refund", "the"), 9))
    expected = sorted(chats, key=lambda c: (-1 if c.created is None else c.created, c.id))[::-1]
    assert [one.hit.id for one in found] == [c.id for c in expected[:9]]


def test_a_word_that_only_the_chat_has_takes_no_place_from_others(engine: Engine) -> None:
    numbers = " ".join(f"no{n:03}" for n in range(60))
    engine.write([make(1, f"{numbers} refund"), make(2, "refund"), make(3, "hello")])
    asked = Alike(1, (*numbers.split(), "refund"), 5)
    assert [one.hit.id for one in engine.alike(asked)] == [2]


def test_a_chat_is_not_like_itself_and_one_without_words_like_none(engine: Engine) -> None:
    engine.write([make(1, "refund please"), make(2, "!!")])
    assert engine.alike(Alike(1, ("refund", "please"), 5)) == ()
    assert engine.alike(Alike(2, (), 5)) == ()


def test_of_those_alike_by_words_the_nearest_by_what_was_asked_is_first(engine: Engine) -> None:
    """By the best pair of openings, whatever the segments, without the chats that were deleted and
    those whose openings no table knows."""
    said = ["退款 发票", "几天 refund", "发票流程", "unknown x", "退款几天", "流程几天到账"]
    documents = [asked_first(n, text, "refund", "the") for n, text in enumerate(said, 1)]
    asking = asked_first(20, "退款几天", "发票", "refund")
    build(engine, [documents[:3], [*documents[3:], asking]], table=TABLE)
    engine.write([asked_first(5, "退款几天", "refund", "the"), asked_first(9, "退款", "refund")])
    engine.write([], [9, 1])
    asked = Alike(20, ("refund", "the"), 9)
    held = [documents[1], documents[2], documents[3], documents[4], documents[5], asking]
    by_words = scores(held, asked)
    found = engine.alike(asked)
    expected = {}
    for document in held[:-1]:
        cosines = cosines_between(document, asking)
        best = max(0.0, *cosines) if cosines else 0.0
        expected[document.id] = by_words[document.id] + VECTOR_WEIGHT * best
    assert {one.hit.id: one.hit.score for one in found} == pytest.approx(expected, abs=2e-4)
    assert found[0].hit.id == 5
    places = {one.hit.id: one.place for one in found}
    assert places == {2: 0, 3: 0, 4: None, 5: 0, 6: 0}
    engine.write([asked_first(20, "unknown", "x")])
    assert {one.place for one in engine.alike(asked)} == {None}


def asked_first(chat_id: int, *said: str) -> IndexDocument:
    """A document whose first two messages are openings."""
    return asked_document(chat_id, *said, places=(0, 1))


def cosines_between(document: IndexDocument, other: IndexDocument) -> list[float]:
    """For each opening of a document that the table knows, the nearest cosine: what is said later
    counts less."""
    columns = []
    for one in (document, other):
        vectors, features = TABLE.meanings([one.passages[place].text for place in one.openings])
        known = np.flatnonzero(features)
        counts = OF_OPENINGS[known] * certainty(features[known])
        columns.append(decode(encode(vectors[known])) * counts[:, None])
    nearest = (columns[0] @ columns[1].T).max(axis=1, initial=-1)
    return [round(float(value), 4) for value in nearest]
