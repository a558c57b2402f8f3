"""The queries that mean what chats of the demo are about, and share no word with them."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.paraphrases import INTENTS, Paraphrase, paraphrases, shared_words
from kchat_search.demo.conversations.chat_planner import situations
from kchat_search.text.fold import fold
from kchat_search.text.segmentation import Segmenter


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter()


def test_no_query_shares_a_word_with_what_it_seeks(segmenter: Segmenter) -> None:
    shared = {one: words for one in paraphrases() if (words := shared_words(one, segmenter))}
    assert shared == {}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("退款没到", ["退款"]),  # two characters, anywhere in what visitors say
        ("钱，何时返还", ["钱"]),  # one character that is a word of theirs
        ("退款，钱", ["退款", "钱"]),
        ("退還申請", ["申请"]),  # traditional characters are folded
        ("货款何时返还", []),
        ("到了", []),  # these mean nothing alone
    ],
)
def test_a_word_that_visitors_say_is_found(
    query: str, words: list[str], segmenter: Segmenter
) -> None:
    assert shared_words(Paraphrase("money_back", query), segmenter) == words


def test_what_a_slot_may_become_is_said_too(segmenter: Segmenter) -> None:
    assert shared_words(Paraphrase("size", "羽绒服瘦了"), segmenter) == ["羽绒", "羽绒服"]


def test_each_query_is_there_once_with_an_intent_of_the_table() -> None:
    queries = [fold(one.query) for one in paraphrases()]
    assert len(queries) == len(set(queries))
    assert {one.intent for one in paraphrases()} == set(INTENTS)


def test_each_intent_has_queries_in_both_halves() -> None:
    counts = Counter((one.intent, one.half) for one in paraphrases())
    assert min(counts[intent, half] for intent in INTENTS for half in ("tune", "held")) > 0
    assert sum(bool(INTENTS[one.intent]) for one in paraphrases()) >= 200


def test_each_situation_that_a_visitor_begins_is_of_an_intent() -> None:
    """Where the agent begins, the visitor does not say what the chat is about."""
    begun = {
        code
        for known in situations().values()
        for code, situation in known.items()
        if situation.options.get("started") != "agent"
    }
    assert {code for codes in INTENTS.values() for code in codes} == begun


def test_a_query_stays_in_its_half() -> None:
    halves = [Paraphrase("money_back", query).half for query in ("买家货款几时返还", "商家拖着")]
    assert halves == ["held", "tune"]
