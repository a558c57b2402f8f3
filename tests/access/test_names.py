"""User names: which can be taken, which are the same, which look alike."""

from __future__ import annotations

import unicodedata

import pytest

from kchat_search.access import names
from kchat_search.errors import BadRequest

TAKEN = ("anna", "Iris", "李雷", "admin", "rob", "mary", "agent0", "二工")

GOOD = [
    "li.lei", "韩梅梅", "zhang_wei-2", "o'brien", "a@b.com", "user+kchat@example.com",
    "张San",
    "Zoë", "Ольга", "Ελένη", "たなか", "タナカさん",
    "김철수", "x", "7eleven", "阿里·木", "佐々木", "สมชาย", "أحمد",
    "annabel", "ann", "iris2", "admin2", "王士", "Anna-M", "a" * 64,
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_name_that_can_be_taken(name: str) -> None:
    assert names.checked(name, TAKEN) == unicodedata.normalize("NFKC", name)


ALIKE = [
    ("anna", "already"), ("ANNA", "already"), (" Anna ", "already"), ("ａｎｎａ", "already"),
    ("ａnna", "already"), ("iris", "already"), ("owner", "already"), ("Anyone", "already"),
    ("аnna", "several scripts"),  # Cyrillic а
    ("annа", "several scripts"), ("αnna", "several scripts"), ("ꭺnna", "U\\+"),
    ("lris", "looks like"), ("1ris", "looks like"), ("rnary", "looks like"), ("agentO", "looks"),
    ("agento", "looks like"), ("adrnin", "looks like"), ("adm1n", "looks like"),
    ("ɑnnɑ", "looks like"),
    ("ᴀɴɴᴀ", "looks like"), ("ニエ", "looks like"), ("ニ工", "looks like"), ("0wner", "looks like"),
    ("гоь", "looks like"),  # rob, all Cyrillic
    ("anna\u200b", "U\\+200B"), ("an\u00adna", "U\\+00AD"), ("anna\u202e", "U\\+202E"),
    ("an\u0335na", "U\\+0335"), ("anna\ufe0f", "U\\+FE0F"), ("an na", "U\\+0020"),
    ("an\u00a0na", "U\\+0020"), ("anna\n2", "U\\+000A"), ("an\x00na", "U\\+0000"),
    ("an\ud800", "U\\+D800"),
    ("<b>anna", "letter or a digit"), ("-anna", "letter or a digit"), ("anna/..", "U\\+002F"),
    ("anna:12", "U\\+003A"), ("anna,admin", "U\\+002C"), ("=anna", "letter"), ("anna«", "U\\+00AB"),
    ("😀", "letter"), ("a😀", "U\\+1F600"), ("anna٣", "U\\+0663"),
    ("", "is empty"), (" \u3000", "is empty"),
    ("a" * 65, "more than 64"), ("\ufdfa" * 60, "more than 64"), ("aольга", "several scripts"),
    ("たкана", "several scripts"), ("김らく", "several scripts"), ("ꓮnna", "U\\+"),
    ("Ꭺnna", "U\\+"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "why"), ALIKE, ids=range(len(ALIKE)))
def test_a_name_that_can_t_be_taken_and_why(name: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why) as error:
        names.checked(name, TAKEN)
    assert error.value.parameter == "name"
    assert str(error.value).isprintable()


def test_every_small_and_capital_letter_that_is_in_the_table_is_seen_through() -> None:
    for table in (names._SMALL, names._CAPITAL, names._HAN):
        for one in map(chr, table):
            assert names.looks(one) & names.looks(one.translate(table)), one


def test_the_form_that_is_compared_is_the_same_when_made_again() -> None:
    for number in range(0x30000):
        once = names.folded(chr(number))
        assert names.folded(once) == once, hex(number)
