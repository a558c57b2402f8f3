from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kchat_search.models.plan import HIDDEN_DIGIT, HIDDEN_LETTER
from kchat_search.text import scripts
from kchat_search.text.fold import fold
from kchat_search.text.scripts import RunKind, hides, indexable_runs, is_letter, letter_runs, runs
from tests.text.difficult_texts import texts

HAN, UNSPACED, LETTERS, DIGITS, OTHER = RunKind

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
def test_a_run_is_of_one_kind(text: str, expected: list[tuple[RunKind, str]]) -> None:
    assert [(run.kind, run.text) for run in runs(text)] == expected


@given(texts(60))
def test_runs_joined_are_the_text(text: str) -> None:
    for variant in (text, fold(text)):
        result = runs(variant)
        assert "".join(run.text for run in result) == variant
        assert all(run.text for run in result)
        assert all(a.kind is not b.kind for a, b in pairwise(result))


@given(st.text(f"a1b2退 .ก_{HIDDEN_DIGIT}{HIDDEN_LETTER}", max_size=12))
def test_indexable_runs_are_those_of_which_nothing_is_hidden(text: str) -> None:
    expected = [run.text for run in runs(text) if run.kind is not OTHER and not hides(run.text)]
    assert [han or other for han, other in indexable_runs(text)] == expected


@given(texts(60))
def test_indexable_runs_are_all_runs_but_those_of_kind_other(text: str) -> None:
    for variant in (text, fold(text)):
        expected = [(run.kind is HAN, run.text) for run in runs(variant) if run.kind is not OTHER]
        assert [(bool(han), han or other) for han, other in indexable_runs(variant)] == expected
        assert not any(han and other for han, other in indexable_runs(variant))


@given(texts(60))
def test_letters_digits_and_the_rest_are_in_runs_of_their_own(text: str) -> None:
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
def test_letter_runs_are_the_runs_of_letters_with_their_positions(text: str) -> None:
    for variant in (text, fold(text)):
        result = list(letter_runs(variant))
        assert [word for _, word in result] == [r.text for r in runs(variant) if r.kind is LETTERS]
        assert all(variant[at : at + len(word)] == word for at, word in result)


@pytest.mark.slow
def test_every_character_is_in_one_run_and_none_is_lost() -> None:
    text = " ".join(chr(code) for code in range(0x30000))
    assert "".join(run.text for run in runs(text)) == text


@pytest.mark.parametrize("character", "a5退か,")
def test_a_million_of_one_character_is_one_run(character: str) -> None:
    assert len(runs(character * 1_000_000)) == 1


def test_a_hidden_digit_is_a_digit_and_a_hidden_letter_is_a_letter() -> None:
    digits, letters = HIDDEN_DIGIT * 4, HIDDEN_LETTER * 3
    assert (scripts.HIDDEN_DIGIT, scripts.HIDDEN_LETTER) == (HIDDEN_DIGIT, HIDDEN_LETTER)
    text = f"电话138{digits}8845,z{letters}@x.com {letters}y{digits}"
    assert [(run.kind, run.text) for run in runs(text)] == [
        (HAN, "电话"), (DIGITS, f"138{digits}8845"), (OTHER, ","), (LETTERS, f"z{letters}"),
        (OTHER, "@"), (LETTERS, "x"), (OTHER, "."), (LETTERS, "com"), (OTHER, " "),
        (LETTERS, f"{letters}y"), (DIGITS, digits),
    ]  # fmt: skip
    # No token is made of what is hidden.
    assert indexable_runs(text) == [("电话", ""), ("", "x"), ("", "com")]
    assert [word for _, word in letter_runs(text)] == [f"z{letters}", "x", "com", f"{letters}y"]
    assert is_letter(HIDDEN_LETTER)
    assert not is_letter(HIDDEN_DIGIT)
