"""How characters sound."""

from __future__ import annotations

import pytest

from kchat_search.text.pinyin import merge_similar_sounds, readings, split_syllables


@pytest.mark.parametrize(
    ("character", "sounds"),
    [
        ("款", ("kuan",)),
        ("行", ("xin", "han")),  # xing, hang; -ng is -n here
        ("是", ("si",)),
        ("女", ("nv",)),
        ("空", ("kong",)),
    ],
)
def test_the_usual_readings_of_a_character(character: str, sounds: tuple[str, ...]) -> None:
    assert readings(character)[: len(sounds)] == sounds


@pytest.mark.parametrize("character", ["a", "1", "😀", "?", "\0", "\ud800", "々"])
def test_characters_that_are_not_han_have_no_sound(character: str) -> None:
    assert readings(character) == ()


@pytest.mark.parametrize(
    ("syllable", "as_"),
    [("zhang", "zan"), ("chi", "ci"), ("sheng", "sen"), ("ling", "lin"), ("zhong", "zong")],
)
def test_sounds_that_many_speakers_do_not_distinguish_are_one(syllable: str, as_: str) -> None:
    assert merge_similar_sounds(syllable) == as_


def test_letters_are_split_in_every_way_that_is_pinyin() -> None:
    known = frozenset({"xi", "an", "xian"})
    assert set(split_syllables("xian", known)) == {("xian",), ("xi", "an")}
    assert set(split_syllables("xiang", known)) == {("xian",), ("xi", "an")}
    assert list(split_syllables("order", known)) == []


def test_the_number_of_ways_to_split_letters_is_limited() -> None:
    assert len(list(split_syllables("a" * 60, frozenset({"a", "aa", "aaa"})))) == 32
