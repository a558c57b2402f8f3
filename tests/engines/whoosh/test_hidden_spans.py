"""Where what is seen of a passage lies in the passage in clear, and what is between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kchat_search.engines.whoosh.hidden_spans import in_clear, in_whole
from kchat_search.models.plan import HIDDEN_DIGIT as D
from kchat_search.models.plan import HIDDEN_LETTER as L
from kchat_search.models.plan import WHOLE_BEGINS as B
from kchat_search.models.plan import WHOLE_ENDS as E
from tests.engines.documents import masked


@pytest.mark.parametrize(
    ("text", "clear", "spans"),
    [
        (f"138{D * 4}8845", "13800138845", [(3, 7)]),
        (f"138 {D * 4} 8845", "138 0013 8845", [(4, 8)]),
        (f"{D * 4}5", "12345", [(0, 4)]),
        (f"1{D * 4}", "12345", [(1, 5)]),
        (f"z{L * 3}@x.com", "zhang@x.com", [(1, 5)]),
        (f"a{L * 3}@x.com", "a@x.com", [(0, 2)]),  # nothing is hidden: what is beside it
        (f"1{D}2 或 1{D}2", "172 或 182", [(1, 2), (7, 8)]),
        ("", "recalled", [(0, 8)]),
        ("as it is", "something else", [(0, 14)]),
        (f"x{D}", "y1", [(0, 2)]),
        (f"x{D}y{D}z", "x1z", [(0, 3)]),
        ("", "", [(0, 0)]),
    ],
)
def test_what_is_hidden_in_clear(text: str, clear: str, spans: list[tuple[int, int]]) -> None:
    assert list(in_clear(text, clear)) == spans


@given(
    st.text("12a b", max_size=12).flatmap(lambda clear: st.tuples(st.just(clear), masked(clear)))
)
def test_what_lies_in_no_range_is_shown(made: tuple[str, tuple[str, str]]) -> None:
    clear, (text, _) = made
    done = 0
    for start, end in [*in_clear(text, clear), (len(clear), len(clear))]:
        assert clear[done:start] in text
        done = end


def test_whole_numbers_lie_in_their_marks() -> None:
    assert list(in_whole("", f"a{B}12{E}{B}3{E}b")) == [(1, 5), (5, 8)]
    assert list(in_whole("", "a")) == []
    assert list(in_whole("", f"a{B}12")) == [(1, 4)]
