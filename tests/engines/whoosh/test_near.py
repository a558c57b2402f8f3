"""Texts near one another: what the oracle finds, in time that is linear in the text."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kchat_search.engines.whoosh.near import Occurrences, together
from tests.growth import superlinear
from tests.oracle import near


def found(passages: list[str], texts: list[str], distance: int) -> list[int]:
    """The passages in which the texts are near, by their places."""
    occurrences = []
    for text in texts:
        begin: list[int] = []
        passage: list[int] = []
        start = 0
        for number, each in enumerate(passages):
            here = [n for n in range(len(each)) if each.startswith(text, n)]
            begin += [start + 1 + n for n in here]
            passage += [number] * len(here)
            start += 1 + len(each)  # behind a mark, as in the file
        as_array = np.array(begin, np.int64)
        occurrences.append(Occurrences(as_array, np.array(passage, np.int64), len(text)))
    return list(map(int, together(occurrences, distance)))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.text("ab退", max_size=9), max_size=4),
    st.lists(st.text("ab退", min_size=1, max_size=2), min_size=1, max_size=4),
    st.integers(0, 5),
)
def test_they_are_near_where_the_oracle_says_so(
    passages: list[str], texts: list[str], distance: int
) -> None:
    expected = [n for n, text in enumerate(passages) if near(text, texts, distance)]
    assert found(passages, texts, distance) == expected


def test_a_long_message_takes_linear_time() -> None:
    def call(text: str) -> object:
        begin = np.arange(len(text), dtype=np.int64)
        everywhere = Occurrences(begin, np.zeros_like(begin), 1)
        nowhere = Occurrences(begin + len(text) + 99, np.zeros_like(begin), 1)
        return together([everywhere, everywhere, everywhere, nowhere], 50)

    problem = superlinear(call, lambda size: "a" * size, sizes=(1_024, 16_384, 65_536, 262_144))
    assert problem is None, problem
