"""The chats and queries of the benchmarks, on which all figures depend."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import corpus, queries
from kchat_search.text.fold import fold
from kchat_search.text.segmentation import Segmenter

pytestmark = pytest.mark.slow


def test_any_process_makes_the_same_chat() -> None:
    made = list(corpus.chats(200))
    assert made == list(corpus.chats(200))
    assert corpus.Corpus(200).chat(150) == made[150]
    assert corpus.Corpus(200, seed=8).chat(150) != made[150]


def test_chats_are_like_those_of_the_api() -> None:
    made = list(corpus.chats(2_000))
    ids = [chat["id"] for chat in made]
    times = [chat["created_at"] for chat in made]
    assert ids == sorted(set(ids))
    assert times == sorted(times)
    assert (times[0][:4], times[-1][:4]) == ("2015", "2017")
    texts = [[m["msg"] for m in chat["messages"] if m["msg"]] for chat in made]
    assert 9 < sum(map(len, texts)) / len(texts) < 10
    orders = [
        number
        for said in texts
        for text in said
        for number in re.findall(r"订单号[是：]?(\d{12})(?!\d)", text)
    ]
    assert len(set(orders)) == len(orders) > 1_000
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", chat["end_at"]) for chat in made)


def test_without_the_dialogues_those_of_the_demo_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "DATA", Path("nowhere"))
    corpus.messages.cache_clear()
    try:
        assert len(list(corpus.chats(50))) == 50
    finally:
        corpus.messages.cache_clear()


def test_ten_queries_of_each_kind_are_the_same_after_a_file(tmp_path: Path) -> None:
    drawn = queries.draw(300, Segmenter())
    assert [query.kind for query in drawn[::10]] == list(queries.KINDS)
    assert len(drawn) == 10 * len(queries.KINDS)
    queries.save(drawn, tmp_path / "queries.json")
    assert queries.load(tmp_path / "queries.json") == drawn


def test_quoted_strings_occur_and_strings_of_no_chat_do_not() -> None:
    said = "\n".join(
        fold(message["msg"]) for chat in corpus.chats(300) for message in chat["messages"]
    )
    for query in queries.draw(300, Segmenter()):
        if query.literal is not None:
            assert (query.literal in said) == (query.kind != "nothing_quoted"), query
