"""How characters sound."""

from __future__ import annotations

import pytest

from kchat_search.text.pinyin import begins, merge_similar_sounds, readings, sound_slices


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


@pytest.mark.parametrize(
    ("text", "letters", "does"),
    [
        ("李雷", "l", True),
        ("李雷", "li", True),
        ("李雷", "ll", True),
        ("李雷", "lil", True),
        ("李雷", "lilei", True),
        ("李雷", "le", False),
        ("李雷", "lileia", False),
        ("韩梅梅", "hmm", True),
        ("韩梅梅", "hanmm", True),
        ("韩梅梅", "m", False),
        ("曾 国藩", "zg", True),  # zeng and ceng
        ("曾 国藩", "cengf", True),
        ("访客5", "fk5", True),
        ("访客5", "f5", False),
        ("vip张", "vipz", True),
        ("amy", "my", False),
        ("", "a", False),
        ("李" * 60, "l" * 60, True),
        ("李" * 60, "l" * 61, False),
    ],
)
def test_a_name_is_begun_by_its_syllables_or_their_first_letters(
    text: str, letters: str, does: bool
) -> None:
    assert begins(text, letters) is does


def test_every_part_of_letters_that_may_be_a_syllable_has_its_sound() -> None:
    assert set(sound_slices("xiang")) >= {(0, 2, "xi"), (2, 5, "an"), (0, 5, "xian"), (2, 4, "an")}
    assert max(end - start for start, end, _ in sound_slices("zhuangzhuang")) == 6
    assert list(sound_slices("")) == []
