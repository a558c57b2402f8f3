"""No cell of a CSV file is a formula, however a spreadsheet splits it."""

from __future__ import annotations

import csv
import io
import itertools
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kchat_search.serialization.csv_cells import SEPARATORS, SIGNS, UNSEEN, cell, guarded_link
from kchat_search.serialization.safe_text import printable
from tests.serialization.export_files import unguarded
from tests.text.difficult_texts import texts

TROUBLE = "=+-@＝－−'\"\\,;|\t\r\n\u2028 \u3000\xa0\ufeff\u200b\xad\x00\x1f\x85a1退"
trouble = st.text(st.sampled_from(TROUBLE), max_size=12) | texts(12)


def is_a_formula(text: str) -> bool:
    """Does it begin with a sign that begins a formula, behind what programs trim or do not show?"""
    for character in text:
        if unicodedata.normalize("NFKC", character)[0] in "=+-@\u2212\u2010":
            return True
        unseen = unicodedata.category(character) in ("Cc", "Cf", "Zs", "Zl", "Zp")
        if not unseen and character != '"':
            return False
    return False


def file(*cells: str) -> str:
    """One row as the export writes it."""
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(map(cell, cells))
    return out.getvalue()


def read(data: str, **dialect: object) -> list[str]:
    lines = io.StringIO(data, newline="")
    return list(itertools.chain(*csv.reader(lines, strict=False, **dialect)))  # type: ignore[arg-type]


@given(trouble, trouble, trouble)
@example(";=1", "a\t=cmd", "x\n=cmd")
@example(",=1", '"=1', ';"=1"')
@example(";", "=1", "")
@example('x"', "-1", '"')
@example(';"', '=1"', "\\;\\=1")
@example("a;\u200b \ufeff＝1", "\r=1", "\u2028=1")
def test_no_cell_is_a_formula_by_any_separator(one: str, two: str, three: str) -> None:
    data = file(one, two, three)
    for separator, escape in itertools.product(",;\t|", (None, "\\")):
        ways = [
            read(data, delimiter=separator, escapechar=escape),
            read(data, delimiter=separator, escapechar=escape, skipinitialspace=True),
            read(data, delimiter=separator, doublequote=False, escapechar=escape),
            read(data, delimiter=separator, quoting=csv.QUOTE_NONE, escapechar=escape),
        ]
        for found in itertools.chain(*ways):
            assert not is_a_formula(found), (separator, escape, found)
    # a program that knows no quotes at all
    for found in re.split(f"[{SEPARATORS}]", data):
        assert not is_a_formula(found)


@given(trouble)
def test_the_text_can_be_had_back(text: str) -> None:
    assert unguarded(cell(text)) == printable(text)
    assert cell(text).replace("'", "") == printable(text).replace("'", ""), "nothing else changes"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("退款", "退款"),
        ("1-2=3", "1-2=3"),
        ("a@b.com, c@d.com; 10:00-11:00", "a@b.com, c@d.com; 10:00-11:00"),
        ("好的，-5 元；=3", "好的，-5 元；=3"),  # nobody splits at Chinese punctuation
        ("a - b", "a - b"),
        ("=1+1", "'=1+1"),
        ("+86 138 0013 8000", "'+86 138 0013 8000"),
        ("-5", "'-5"),
        ("-发票", "'-发票"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "  '=1"),
        ("\u3000=1", "\u3000'=1"),
        ("\ufeff=1", "\ufeff'=1"),
        ("\u200b＝1", "\u200b'＝1"),
        ('"=1"', '"\'=1"'),
        ("＝1", "'＝1"),
        ("－1", "'－1"),
        ("−1", "'−1"),
        ("＠x", "'＠x"),
        ("\tx", "'\tx"),
        ("\t=1", "'\t'=1"),
        ("\r\n=1", "'\r\n'=1"),
        (";=1", ";'=1"),
        ("a\t=cmd", "a\t'=cmd"),
        ("x\n=cmd", "x\n'=cmd"),
        ("x\n\n  -1", "x\n\n  '-1"),
        ("a|@b,+c;-d", "a|'@b,'+c;'-d"),
        ("a\u2028=1", "a\u2028'=1"),
        ('a;"=1', "a;\"'=1"),
        ("'quoted'", "''quoted'"),
        ("it's, 'so'", "it's, ''so'"),
        ("a\x00b\x1b\ud800", "a␀b␛�"),
        ("a;\x85=1", "a;�=1"),
    ],
)
def test_a_guard_stands_before_the_sign_and_nowhere_else(text: str, shown: str) -> None:
    assert cell(text) == shown


@given(st.text(st.sampled_from("=+-@'\",;|\t a/%"), max_size=12))
def test_an_address_needs_no_guard(rest: str) -> None:
    link = guarded_link(f"http://a/{rest}")
    assert cell(link) == link


def test_what_is_not_seen_is_what_unicode_says() -> None:
    unseen = re.compile(f"[{UNSEEN}{SEPARATORS}\x00-\x1f\x7f-\x9f]")
    signs = re.compile(f"[{SIGNS}]")
    for character in map(chr, range(0x110000)):
        if unicodedata.category(character) in ("Cc", "Cf", "Zs", "Zl", "Zp"):
            assert unseen.fullmatch(character), hex(ord(character))
        if unicodedata.normalize("NFKC", character)[0] in "=+-@\u2212\u2010":
            assert signs.fullmatch(character), hex(ord(character))
