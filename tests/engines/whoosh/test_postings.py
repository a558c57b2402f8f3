"""Posting lists in bytes: every form gives back its list, and damage is noticed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kchat_search.engines.whoosh.postings import (
    BITMAP,
    ELIAS_FANO_1,
    ELIAS_FANO_2,
    SINGLE,
    ByteArray,
    DocNumbers,
    PostingsDamaged,
    choose_form,
    choose_forms,
    concatenated_ranges,
    decode,
    decode_many,
    encode_many,
    positions_within,
)

EDGES = (1, 2, 7, 8, 9, 255, 256, 257, 65_535, 65_536, 65_537, 70_000)
sizes = st.sampled_from(EDGES) | st.integers(1, 70_000)


@st.composite
def lists_of(draw: st.DrawFn, size: int) -> list[int]:
    """One list: short, random, dense, full, at both ends, or a range without gaps."""
    match draw(st.integers(0, 4)):
        case 0:
            return sorted(draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=5)))
        case 1:
            seed = draw(st.integers(0, 99))
            share = draw(st.sampled_from([0.001, 0.01, 0.1, 0.5, 0.99]))
            chosen = np.flatnonzero(np.random.default_rng(seed).random(size) < share)
            return chosen.tolist() or [size - 1]
        case 2:
            return list(range(size))
        case 3:
            return sorted({0, size - 1})
        case _:
            start = draw(st.integers(0, size - 1))
            return list(range(start, min(size, start + draw(st.integers(1, 3000)))))


@st.composite
def segments(draw: st.DrawFn) -> tuple[int, list[list[int]]]:
    """(how many documents a segment has, some of its posting lists)."""
    size = draw(sizes)
    return size, draw(st.lists(lists_of(size), min_size=1, max_size=6))


def encoded(lists: Sequence[Sequence[int]], size: int) -> tuple[ByteArray, DocNumbers, DocNumbers]:
    """(bytes, places, lengths)."""
    df = np.array(list(map(len, lists)), np.int64)
    docs = np.array([doc for each in lists for doc in each], np.int64)
    return *encode_many(docs, df, size), df


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(segments())
def test_every_way_of_reading_gives_the_lists_back(made: tuple[int, list[list[int]]]) -> None:
    size, lists = made
    data, places, df = encoded(lists, size)
    assert decode_many(data, places, df, size).tolist() == list(chain(*lists))
    taken = choose_forms(df, size)[1]
    for docs, place, length in zip(lists, places.tolist(), taken.tolist(), strict=True):
        if len(docs) == 1:
            assert (place, length) == (docs[0], 0)
            continue
        # The bytes to the end of all lists, as a segment passes them; and only those of this list.
        for rest in (data[place:], data[place : place + length]):
            assert decode(rest, len(docs), size).tolist() == docs


@settings(max_examples=60, deadline=None)
@given(segments(), st.data())
def test_any_of_many_lists_are_read_alone(
    made: tuple[int, list[list[int]]], data: st.DataObject
) -> None:
    size, lists = made
    whole, places, df = encoded(lists, size)
    first = data.draw(st.integers(0, len(lists)))
    last = data.draw(st.integers(first, len(lists)))
    chosen = slice(first, last)
    found = decode_many(whole, places[chosen], df[chosen], size)
    assert found.tolist() == list(chain(*lists[chosen]))


@settings(max_examples=100, deadline=None)
@given(sizes, st.data())
def test_the_form_of_one_list_is_the_form_among_many(size: int, data: st.DataObject) -> None:
    lengths = st.integers(1, size) | st.integers(1, min(size, 40))
    df = data.draw(st.lists(lengths, min_size=1, max_size=50))
    form, taken = choose_forms(np.array(df), size)
    for length, *expected in zip(df, form.tolist(), taken.tolist(), strict=True):
        assert list(choose_form(length, size)[:2]) == expected
        # Never more than numbers of four bytes would take, and the last bytes of a unary part.
        assert expected[1] <= 4 * length + 2
        assert expected[1] <= (size + 7) // 8 or expected[0] == SINGLE


@pytest.mark.parametrize(
    ("df", "size", "form"),
    [
        (1, 1, SINGLE),
        (1, 70_000, SINGLE),
        (2, 8, BITMAP),
        (70_000, 70_000, BITMAP),
        (2_000, 70_000, ELIAS_FANO_1),
        (2, 70_000, ELIAS_FANO_2),
        (2, 256, ELIAS_FANO_1),
    ],
)
def test_the_smallest_form_is_taken(df: int, size: int, form: int) -> None:
    assert choose_form(df, size)[0] == form
    assert choose_forms(np.array([df]), size)[0].tolist() == [form]


# -- damage ----------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.sampled_from((9, 256, 300, 5_000, 70_000)), st.data())
def test_damaged_bytes_are_noticed_or_give_a_list_that_could_be(
    size: int, data: st.DataObject
) -> None:
    docs = data.draw(lists_of(size).filter(lambda docs: len(docs) > 1))
    whole, _, df = encoded([docs], size)
    broken = bytearray(whole.tobytes())
    for place in data.draw(st.lists(st.integers(0, len(broken) - 1), max_size=4)):
        broken[place] = data.draw(st.integers(0, 255))
    del broken[len(broken) - data.draw(st.sampled_from((0, 0, 0, 1, 3))) :]
    array = np.frombuffer(bytes(broken), np.uint8)
    check_damaged(array, len(docs), size, many=False)
    check_damaged(array, len(docs), size, many=True)
    assert df.tolist() == [len(docs)]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.integers(2, 40), st.sampled_from((40, 256, 300, 70_000)))
def test_any_bytes_at_all_are_noticed_or_give_a_list_that_could_be(
    noise: bytes, df: int, size: int
) -> None:
    check_damaged(np.frombuffer(noise, np.uint8), df, size, many=False)
    check_damaged(np.frombuffer(noise, np.uint8), df, size, many=True)


def check_damaged(data: ByteArray, df: int, size: int, *, many: bool) -> None:
    """Decoding raises `PostingsDamaged`, or gives the right number of documents of the segment."""
    try:
        if many:
            found = decode_many(data, np.zeros(1, np.int64), np.array([df]), size)
        else:
            found = decode(data, df, size)
    except PostingsDamaged:
        return
    assert len(found) == df
    assert all(0 <= doc < size for doc in found.tolist())


def test_a_document_beyond_the_segment_is_noticed_wherever_it_stands_in_the_list() -> None:
    """These are the low bytes of 456 and 266; a list that ascends has them the other way round."""
    data = np.array([0b110, 200, 10], np.uint8)
    with pytest.raises(PostingsDamaged):
        decode(data, 2, 300)
    with pytest.raises(PostingsDamaged):
        decode_many(data, np.zeros(1, np.int64), np.array([2]), 300)


def test_a_list_too_long_beside_one_too_short_is_noticed() -> None:
    """Both together have the right number of documents."""
    lists = [[3, 290], [7, 299]]
    data, places, df = encoded(lists, 300)
    broken = data.copy()
    one, other = places.tolist()
    broken[one] |= 0b1000_0000  # one document more
    broken[other] &= broken[other] - 1  # its first document is gone
    with pytest.raises(PostingsDamaged):
        decode_many(broken, places, df, 300)


@pytest.mark.parametrize("document", [300, 2**40])
def test_a_single_document_beyond_the_segment_is_noticed_among_many(document: int) -> None:
    with pytest.raises(PostingsDamaged):
        decode_many(np.empty(0, np.uint8), np.array([7, document]), np.array([1, 1]), 300)


@pytest.mark.parametrize("place", [-1, 1, 10_000])
def test_a_place_outside_of_all_lists_is_damage(place: int) -> None:
    data, _, df = encoded([[3, 900]], 70_000)
    with pytest.raises(PostingsDamaged):
        decode_many(data, np.array([place]), df, 70_000)


# -- the numbers beneath ---------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6)), max_size=8))
def test_positions_and_ranges_count_each_length(ranges: list[tuple[int, int]]) -> None:
    starts, lengths = (
        (np.array(column, np.int64) for column in zip(*ranges, strict=True))
        if ranges
        else (np.empty(0, np.int64), np.empty(0, np.int64))
    )
    assert positions_within(lengths).tolist() == [n for _, length in ranges for n in range(length)]
    assert concatenated_ranges(starts, lengths).tolist() == [
        n for start, length in ranges for n in range(start, start + length)
    ]


def test_no_lists_take_no_bytes() -> None:
    data, places, df = encoded([], 10)
    assert (len(data), len(places)) == (0, 0)
    assert decode_many(data, places, df, 10).tolist() == []
