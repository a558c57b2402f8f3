from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kchat_search.text.fold import fold
from kchat_search.text.grams import grams, is_gram, required_grams
from tests.text.difficult_texts import texts

folded_texts = texts(12).map(fold)


@given(st.lists(folded_texts, max_size=4))
def test_grams_are_every_substring_of_one_or_two_characters_or_of_three_digits(
    messages: list[str],
) -> None:
    expected = {
        text[start : start + length]
        for text in messages
        for length in (1, 2, 3)
        for start in range(len(text) - length + 1)
        if length < 3 or set(text[start : start + 3]) <= set("0123456789")
    }
    assert grams(messages) == expected


@given(folded_texts, folded_texts)
def test_no_gram_reaches_from_one_message_into_the_next(first: str, second: str) -> None:
    assert grams([first, second]) == grams([first]) | grams([second])


@given(folded_texts, st.text(min_size=1, max_size=9).map(fold), folded_texts)
def test_every_text_with_a_literal_has_all_its_required_grams(
    before: str, literal: str, after: str
) -> None:
    assert set(required_grams(literal)) <= grams([before + literal + after])


@given(st.text("a1退", max_size=8), st.text("a1退", min_size=1, max_size=3).filter(is_gram))
def test_a_literal_that_is_a_gram_is_in_a_text_exactly_if_the_gram_is(
    text: str, literal: str
) -> None:
    assert (literal in text) == (set(required_grams(literal)) <= grams([text]))


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("退", ["退"]),
        ("退款", ["退款"]),
        ("退款流程", ["退款", "款流", "流程"]),
        ("aaaa", ["aa"]),
        ("abab", ["ab", "ba"]),
        ("😀1", ["😀1"]),
        ("123", ["123"]),
        ("1234", ["123", "234"]),
        ("a123b", ["a1", "123", "3b"]),
        ("12345a", ["123", "234", "345", "5a"]),
        ("12a", ["12", "2a"]),
        ("٣٤٥", ["٣٤", "٤٥"]),
    ],
)
def test_required_grams_come_once_and_in_order(literal: str, expected: list[str]) -> None:
    assert required_grams(literal) == expected
