"""Texts and addresses from chats that are safe to show."""

from __future__ import annotations

import pytest

from kchat_search.serialization.safe_text import printable, safe_link
from kchat_search.text.fold import without_surrogates


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/x", True),
        ("HTTP://a.example", True),
        (" https://a.example/x ", True),
        ("javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,x", False),
        ("//a.example/x", False),
        ("/x", False),
        ("https://", False),
        ("https://[", False),
        ("https://a\x00.example", False),
        ("ftp://a.example", False),
        ("", False),
        (None, False),
    ],
)
def test_only_addresses_of_the_web_are_links(url: str | None, shown: bool) -> None:
    assert (safe_link(url) is not None) == shown


def test_what_is_replaced_is_replaced_one_for_one() -> None:
    text = "a\x00\x1b\x9b\ud800\udc00\u202e退\n\t"
    assert printable(text) == "a␀␛\ufffd\ufffd\ufffd\ufffd退\n\t"
    assert len(without_surrogates(text)) == len(printable(text)) == len(text)
