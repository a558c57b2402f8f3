"""Encoded texts: a match of bytes is a match of characters, inside one message."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kchat_search.engines.whoosh import text_scan
from kchat_search.engines.whoosh.inversion import invert
from kchat_search.engines.whoosh.merge import MergeInput, merge
from kchat_search.engines.whoosh.segment_file import SegmentFile
from kchat_search.engines.whoosh.text_encoding import MARKS, Alphabet, TextDamaged, codes, marked
from kchat_search.engines.whoosh.text_scan import TextTest
from kchat_search.models.chats import SPEAKERS, Speaker
from kchat_search.models.plan import HasWord, IndexDocument, Messages, Passage
from kchat_search.text.fold import fold
from tests.engines.documents import make
from tests.oracle import matches

Said = Sequence[tuple[Speaker, str]]

COMMON = "退款aa b1\0😀\U0010ffff\ud7ff\ue000"
folded = (st.text(max_size=8) | st.text(COMMON, max_size=8)).map(fold)
talks = st.lists(st.tuples(st.sampled_from(SPEAKERS), folded), max_size=5)


def alphabet_of(text: str) -> Alphabet:
    return Alphabet.ranked(np.bincount(codes(text), minlength=32))


def large() -> Alphabet:
    """So many characters that their ranks go beyond the numbers that UTF-8 cannot write."""
    marks = [ord(mark) for mark in MARKS.values()]
    return Alphabet(np.array([*marks, *range(0x10000, 0x10000 + 0x12000)], np.uint32))


LARGE = large()
EDGES = (5, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xD800, 0xDFFF, 0xE000, 0xFFFF, 0x10000, 0x12004)
ranks = st.sampled_from(EDGES) | st.integers(5, 0x12004)


def talk(said: Said) -> str:
    """These messages as one string."""
    return marked([Passage(text, speaker) for speaker, text in said])


@given(talks)
def test_messages_are_read_back_with_their_speakers(said: Said) -> None:
    alphabet = alphabet_of(talk(said))
    data, width = alphabet.encode(codes(talk(said)))
    assert alphabet.string(data) == talk(said)
    assert width.sum() == len(data)
    assert data.count(b"\0") == sum(speaker == "visitor" for speaker, _ in said)


@given(talks, folded, st.data())
def test_bytes_match_where_characters_do(said: Said, other: str, data: st.DataObject) -> None:
    alphabet = alphabet_of(talk(said) + other)
    text = alphabet.encode(codes(talk(said)))[0]
    literals = {other}
    for _, each in said:
        start = data.draw(st.integers(0, len(each)))
        literals.add(each[start : start + data.draw(st.integers(1, 4))])
    for literal in literals - {""}:
        needle = alphabet.needle(literal)
        assert needle is not None
        assert (needle in text) == any(literal in each for _, each in said)


@given(talks, folded)
def test_a_literal_with_a_character_of_no_text_has_no_needle(said: Said, literal: str) -> None:
    known = set("".join(text for _, text in said))
    assert (alphabet_of(talk(said)).needle(literal) is None) == bool(set(literal) - known)


@pytest.mark.parametrize("mark", MARKS.values())
def test_no_literal_contains_a_mark(mark: str) -> None:
    alphabet = alphabet_of(talk([(speaker, "a") for speaker in SPEAKERS]))
    assert alphabet.needle("a") is not None
    assert alphabet.needle("a" + mark) is None


@settings(deadline=None)
@given(st.lists(ranks, max_size=12), st.integers(0, 12), st.integers(1, 3))
def test_ranks_beyond_the_numbers_that_utf8_lacks_are_written(
    chosen: list[int], start: int, length: int
) -> None:
    points = LARGE.characters[np.array(chosen, np.int64)]
    data, width = LARGE.encode(points)
    assert LARGE.decode(data).tolist() == points.tolist()
    assert width.tolist() == [len(LARGE.encode(point[None])[0]) for point in points]
    text = points.tobytes().decode("utf-32-le")
    needle = LARGE.needle(text[start : start + length])
    assert needle is not None
    assert needle in data
    assert data.count(needle) >= text.count(text[start : start + length])


def test_the_commonest_characters_take_one_byte() -> None:
    alphabet = alphabet_of("的" * 200 + "".join(chr(0x4E00 + n) for n in range(300)))
    assert alphabet.needle("的") == b"\5"
    assert alphabet.encode(codes("的\u4e00"))[1].tolist() == [1, 1]
    assert alphabet.encode(codes(chr(0x4E00 + 299)))[1].tolist() == [2]


@pytest.mark.parametrize("data", [b"\x06", b"\xff", b"\xc4", "\ud7ff".encode(), b"\5\x80"])
def test_bytes_that_this_alphabet_never_writes_are_damage(data: bytes) -> None:
    with pytest.raises(TextDamaged):
        alphabet_of("a").decode(data)


# -- the scan of many texts --------------------------------------------------------------------


few_talks = st.lists(
    st.tuples(st.sampled_from(SPEAKERS), st.text("ab退款1", max_size=6)), max_size=3
)


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [1, 3, 8192])
@settings(max_examples=40, deadline=None)
@given(
    st.lists(few_talks, min_size=1, max_size=9),
    st.lists(st.text("ab退款1", min_size=1, max_size=4), min_size=1, max_size=6),
    st.data(),
)
def test_a_text_scan_finds_what_a_search_in_each_message_finds(
    at_once: int, chats: list[Said], literals: list[str], data: st.DataObject
) -> None:
    """Some documents out of many, empty ones among them."""
    made = [
        make(n, *(text for _, text in said), speakers=tuple(speaker for speaker, _ in said))
        for n, said in enumerate(chats, start=1)
    ]
    asked = sorted(data.draw(st.sets(st.integers(0, len(made) - 1))))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_scan, "_AT_ONCE", at_once)
        merge(Path(folder) / "a", [MergeInput(invert(made))])
        file = SegmentFile(Path(folder) / "a")
        for literal in literals:
            check_scan(text_scan.contains(file, "text", literal), made, asked, literal, None)
            for speaker in SPEAKERS:
                check_scan(
                    text_scan.contains(file, "text", literal, Messages(speaker)),
                    made,
                    asked,
                    literal,
                    speaker,
                )
        by_robot = HasWord("ab", messages=Messages("robot"))
        for node in (HasWord("a"), HasWord("a", prefix=True), by_robot):
            found = text_scan.has_word(file, "text", node)(np.array(asked, np.int64)).tolist()
            assert found == [n for n in asked if matches(made[n], node)]


def check_scan(
    test: TextTest | None,
    made: Sequence[IndexDocument],
    asked: list[int],
    literal: str,
    speaker: Speaker | None,
) -> None:
    expected = [
        n
        for n in asked
        if any(literal in p.text for p in made[n].passages if speaker in (None, p.speaker))
    ]
    if test is None:
        assert not expected
    else:
        assert test(np.array(asked, np.int64)).tolist() == expected
