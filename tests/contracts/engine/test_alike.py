"""Which chats are like one: as a plain count over all documents says."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kchat_search.models.plan import Alike, AlikeHit, FieldIs, IndexDocument, NoneOf, Sight
from kchat_search.ports import Engine, IndexReader
from tests.contracts.engine.conftest import EngineUnderTest, build
from tests.engines.documents import histories, make

K1, B, TELLING = 1.2, 0.25, 40


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
@settings(max_examples=8, deadline=None)
@given(histories(commits=3), st.integers(1, 13), st.sampled_from((2, 12)), st.booleans())
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
