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
def test_what_is_not_han_has_no_sound(character: str) -> None:
    assert readings(character) == ()


@pytest.mark.parametrize(
    ("syllable", "as_"),
    [("zhang", "zan"), ("chi", "ci"), ("sheng", "sen"), ("ling", "lin"), ("zhong", "zong")],
)
def test_what_many_do_not_tell_apart_is_one(syllable: str, as_: str) -> None:
    assert merge_similar_sounds(syllable) == as_


def test_letters_are_cut_in_every_way_that_is_pinyin() -> None:
    known = frozenset({"xi", "an", "xian"})
    assert set(split_syllables("xian", known)) == {("xian",), ("xi", "an")}
    assert set(split_syllables("xiang", known)) == {("xian",), ("xi", "an")}
    assert list(split_syllables("order", known)) == []


def test_letters_that_can_be_cut_in_very_many_ways_end() -> None:
    assert len(list(split_syllables("a" * 60, frozenset({"a", "aa", "aaa"})))) == 32
