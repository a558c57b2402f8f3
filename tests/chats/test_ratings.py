"""Ratings by code, label and any other text."""

from __future__ import annotations

import pytest

from kchat_search.chats.ratings import LABELS, canonical, label


@pytest.mark.parametrize(("code", "text"), LABELS.items())
def test_a_code_and_its_label_are_the_same_rating(code: str, text: str) -> None:
    assert canonical(code) == canonical(f" {text} ") == code
    assert label(code) == label(text) == text


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_no_rating_is_none(nothing: str | None) -> None:
    assert canonical(nothing) is None
    assert label(nothing) is None


def test_a_text_that_is_not_in_the_table_is_itself() -> None:
    assert canonical("非常满意") == label("非常满意") == "非常满意"
