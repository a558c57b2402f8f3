from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given

from kchat_search.text.fold import fold
from kchat_search.text.scripts import Kind, indexable_runs, letter_runs, runs
from tests.text.difficult_texts import texts

HAN, UNSPACED, LETTERS, DIGITS, OTHER = Kind

TABLE = [
    ("", []),
    ("退款", [(HAN, "退款")]),
    ("退款abc", [(HAN, "退款"), (LETTERS, "abc")]),
    ("iphone6", [(LETTERS, "iphone"), (DIGITS, "6")]),
    ("3.6.0", [(DIGITS, "3"), (OTHER, "."), (DIGITS, "6"), (OTHER, "."), (DIGITS, "0")]),
    ("a_b", [(LETTERS, "a"), (OTHER, "_"), (LETTERS, "b")]),
    ("a@b.com", [(LETTERS, "a"), (OTHER, "@"), (LETTERS, "b"), (OTHER, "."), (LETTERS, "com")]),
    ("人々〇", [(HAN, "人々〇")]),
    ("𠮷野家", [(HAN, "𠮷野家")]),
    ("かなカナー", [(UNSPACED, "かなカナー")]),
    ("한국어", [(UNSPACED, "한국어")]),
    ("สวัสดี", [(UNSPACED, "สวัสดี")]),
    ("привет", [(LETTERS, "привет")]),
    ("naïve", [(LETTERS, "naïve")]),
    ("٣٤", [(DIGITS, "٣٤")]),
    ("， 。", [(OTHER, "， 。")]),
    ("👍🏽❤\ufe0f", [(OTHER, "👍🏽❤\ufe0f")]),
    ("\x00\uffff", [(OTHER, "\x00\uffff")]),
    ("x\u0302y", [(LETTERS, "x"), (OTHER, "\u0302"), (LETTERS, "y")]),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_a_run_is_of_one_kind(text: str, expected: list[tuple[Kind, str]]) -> None:
    assert [(run.kind, run.text) for run in runs(text)] == expected


@given(texts(60))
def test_runs_join_to_the_text(text: str) -> None:
    for each in (text, fold(text)):
        found = runs(each)
        assert "".join(run.text for run in found) == each
        assert all(run.text for run in found)
        assert all(a.kind is not b.kind for a, b in pairwise(found))


@given(texts(60))
def test_what_is_indexed_is_every_run_but_the_others(text: str) -> None:
    for each in (text, fold(text)):
        expected = [(run.kind is HAN, run.text) for run in runs(each) if run.kind is not OTHER]
        assert [(bool(han), han or other) for han, other in indexable_runs(each)] == expected
        assert not any(han and other for han, other in indexable_runs(each))


@given(texts(60))
def test_letters_and_digits_are_told_apart_from_the_rest(text: str) -> None:
    for run in runs(fold(text)):
        for character in run.text:
            if run.kind is DIGITS:
                assert unicodedata.category(character) == "Nd"
            if run.kind is LETTERS:
                assert character.isalnum()
                assert not character.isdecimal()
            if run.kind is OTHER:
                assert not character.isalpha()


@given(texts(60))
def test_words_are_the_runs_of_letters_in_their_places(text: str) -> None:
    for each in (text, fold(text)):
        found = list(letter_runs(each))
        assert [word for _, word in found] == [r.text for r in runs(each) if r.kind is LETTERS]
        assert all(each[at : at + len(word)] == word for at, word in found)


def test_every_character_is_in_one_run_and_none_is_lost() -> None:
    text = " ".join(chr(code) for code in range(0x30000))
    assert "".join(run.text for run in runs(text)) == text


@pytest.mark.parametrize("character", "a5退か,")
def test_a_million_of_one_character_is_one_run(character: str) -> None:
    assert len(runs(character * 1_000_000)) == 1
