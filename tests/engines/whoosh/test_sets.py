"""Set operations and the top k: both ways that each may take give the same."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kchat_search.engines.whoosh import rank, sets
from kchat_search.engines.whoosh.postings import DocNumbers
from kchat_search.engines.whoosh.rank import SortKey, top_k
from kchat_search.engines.whoosh.sets import difference, intersect, is_member, mask, union

SIZE = 2_000

numbers = st.one_of(
    st.sets(st.integers(0, SIZE - 1), max_size=6),
    st.sets(st.integers(0, 12), max_size=9),
    st.sets(st.integers(SIZE - 9, SIZE - 1), min_size=3),
    st.sets(st.sampled_from((0, 1, 2, SIZE - 2, SIZE - 1))),
    st.builds(lambda step: set(range(3, SIZE, step)), st.integers(1, 7)),
    st.builds(lambda end: set(range(end)), st.integers(0, 400)),
)


def docs(chosen: set[int]) -> DocNumbers:
    return np.array(sorted(chosen), np.int64)


@pytest.fixture(params=["as it pays", "always search", "always mask"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which of the two ways the operations take."""
    if request.param == "always search":
        monkeypatch.setattr(sets, "_SEARCH", 0)
        monkeypatch.setattr(sets, "_SORT", 0)
    elif request.param == "always mask":
        monkeypatch.setattr(sets, "_SEARCH", 10**9)
        monkeypatch.setattr(sets, "_SORT", 10**9)
    return str(request.param)


def test_both_ways_agree_with_sets(way: str) -> None:
    @settings(max_examples=120, deadline=None)
    @given(numbers, numbers)
    def agree(a: set[int], b: set[int]) -> None:
        first, second = docs(a), docs(b)
        assert is_member(first, second, SIZE).tolist() == [n in b for n in sorted(a)]
        assert intersect(first, second, SIZE).tolist() == sorted(a & b)
        assert difference(first, second, SIZE).tolist() == sorted(a - b)
        assert np.flatnonzero(mask(first, SIZE)).tolist() == sorted(a)
        assert (first.tolist(), second.tolist()) == (sorted(a), sorted(b))  # both are unchanged

    agree()


def test_a_union_needs_no_order(way: str) -> None:
    @settings(max_examples=40, deadline=None)
    @given(st.lists(numbers, max_size=4), st.randoms(use_true_random=False))
    def agree(chosen: list[set[int]], shuffle: Random) -> None:
        lists = []
        for each in chosen:
            mixed = list(each) * 2  # each twice, as a prefix of several words may give it
            shuffle.shuffle(mixed)
            lists.append(np.array(mixed, np.int64))
        assert union(lists, SIZE).tolist() == sorted(set().union(*chosen))

    agree()


@pytest.mark.parametrize(
    ("few", "many", "searched"),
    [(1, 1_900, True), (10, 1_900, True), (400, 500, False), (1_900, 10, False)],
)
def test_the_ratio_of_the_lengths_decides_the_way(
    monkeypatch: pytest.MonkeyPatch, few: int, many: int, *, searched: bool
) -> None:
    masked = []

    def counted(docs: DocNumbers, size: int) -> NDArray[np.bool_]:
        masked.append(size)
        return mask(docs, size)

    monkeypatch.setattr(sets, "mask", counted)
    a, b = docs(set(range(few))), docs(set(range(SIZE - many, SIZE)))
    found = is_member(a, b, SIZE)
    assert found.tolist() == [n >= SIZE - many for n in range(few)]
    assert bool(masked) != searched


# -- the top k ---------------------------------------------------------------------------------

values = st.lists(st.tuples(st.sampled_from((0.0, 0.0, 0.5, 2.0)), st.integers(-2, 2)), max_size=60)


def keys_of(rows: list[tuple[float, int, int]]) -> list[SortKey]:
    kinds = (np.float64, np.int64, np.int64)
    columns = [np.array([row[n] for row in rows], kind) for n, kind in enumerate(kinds)]

    def key(column: np.ndarray[tuple[int], np.dtype[np.int64]]) -> SortKey:
        return lambda places: column if places is None else column[places]

    return [key(column) for column in columns]  # type: ignore[arg-type]  # the first has floats


@settings(max_examples=200, deadline=None)
@given(values, st.integers(0, 70), st.randoms(use_true_random=False))
def test_the_top_k_are_the_first_of_all_sorted(
    rows: list[tuple[float, int]], wanted: int, shuffle: Random
) -> None:
    """Many are equal in the first key or the first two, none in all three."""
    last = list(range(len(rows)))
    shuffle.shuffle(last)
    full = [(*row, n) for row, n in zip(rows, last, strict=True)]
    expected = sorted(range(len(full)), key=lambda place: full[place], reverse=True)[:wanted]
    assert top_k(len(full), wanted, keys_of(full)).tolist() == expected


def test_a_later_key_is_read_only_for_undecided_candidates() -> None:
    full = [(float(n % 50), n, n) for n in range(1_000)]
    asked: list[int] = []
    keys = keys_of(full)

    def counted(places: rank.Positions | None) -> rank.Scores:
        found = keys[1](places)
        asked.append(len(found))
        return found  # type: ignore[return-value]

    assert (
        top_k(1_000, 30, [keys[0], counted, keys[2]]).tolist()
        == sorted(range(1_000), key=lambda n: full[n], reverse=True)[:30]
    )
    assert max(asked) <= 30
