from __future__ import annotations

import pytest

from kchat_search.text.fold import fold
from kchat_search.text.joined import joined, joined_query, number_spans


def pieces(text: str) -> list[str]:
    return [fragment.text for fragment in joined(fold(text), text)]


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("电话138 1111 2222", ["电话13811112222"]),
        ("退\n款", ["退款"]),
        ("1 2 3", []),
        ("3.6.0", []),
    ],
)
def test_a_text_is_joined_at_its_joints(text: str, fragments: list[str]) -> None:
    assert pieces(text) == fragments


def test_a_query_is_joined_as_texts_are() -> None:
    assert joined_query("kt-ins114") == "ktins114"
    assert number_spans("退款 138 1111 2222") == [(3, 16)]
