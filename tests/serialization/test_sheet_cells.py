"""Cells of a worksheet: what they say, and that every reader reads it."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kchat_search.serialization import sheet_cells
from kchat_search.serialization.sheet_cells import MOST_CHARACTERS, letters, parts, readable
from kchat_search.serialization.workbook import Sheet, Workbook
from tests.serialization.export_files import sheets
from tests.text.difficult_texts import texts

SHANGHAI = ZoneInfo("Asia/Shanghai")
UTC_ZONE = ZoneInfo("UTC")

AS_WRITTEN = [
    "20190401123456789012", "6222020200112345678", "0012345", "007", "0", "1", "3-15", "3/4",
    "1/2", "10-1", "1E10", "1e5", "2E-3", "0x1F", "1.50", ".5", "5.", "1,299", "1,299.00",
    "￥1,299", "50%", "$5", "12:30", "2019-04-01", "2019/4/1", "5月1日", "Mar-15", "MAR1", "SEPT2",
    "TRUE", "FALSE", "true", "null", "NaN", "inf", "None", "#N/A", "#REF!", "=1+1",
    '=HYPERLINK("http://x","y")', "+86 138 1111 2222", "+8613811112222", "-1", "-20度", "@x",
    "@SUM(1)", "'quoted", "''", "'", "=cmd|' /C calc'!A0", "{=1}", "=", "+", "-", "@", "１２３",
    "＝1+1", "٣", "½", "第3次", "C#", "C++", "http://example.com/?a=1&b=2", "mailto:a@b.example",
    "internal:Sheet!A1", "file:///etc/passwd", " leading", "trailing ", "  ", "a  b", "\t",
    "a\tb", "a\nb", "\n", "a\n\nb\n", "<b>x</b>", "<r><t>x</t></r>", "<r>&</r>", "]]>",
    "<![CDATA[x]]>", "&amp;", "&#65;", "&", "<", ">", '"', "_x0041_", "_x000D_", "_x0000_",
    "_x005F_x0041_", "_X0041_", "_x0041_x0042_", "__x0041__", "a_x0041_b_x0042_", "_x00e9_",
    "_x41_", "_", "é", "e\u0301", "\U0001f44d\U0001f3fd",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U00020bb7", "\U0010ffff", "\u200b",
    "\ufeff", "\u2028", "\xa0", "\u3000", "\ufffd", "\ue000", "عربي",
    "\U0001d7cf\U0001d7d0\U0001d7d1",
]  # fmt: skip
"""Texts that some spreadsheet, or some reader of workbooks, takes for something else."""

MADE_READABLE = [
    ("\x00", "␀"), ("a\x07b", "a␇b"), ("\x0b", "␋"), ("\x1b[31m", "␛[31m"), ("\x7f", "␡"),
    ("\x85", "\ufffd"), ("\ud800", "\ufffd"),
    ("\udfff\ud83d", "\ufffd\ufffd"), ("\u202ecba", "\ufffdcba"), ("\ufffe\uffff", "\ufffd\ufffd"),
    ("a\r\nb", "a\nb"), ("a\rb\r\r\nc", "a\nb\n\nc"), ("\r", "\n"),
]  # fmt: skip


def read_back(*cells: Any, zone: ZoneInfo = SHANGHAI) -> list[list[Any]]:
    """What readers find of a row of these cells: all the rows below the header."""
    rows = [sheet_cells.row(one) for one in sheet_cells.rows(cells, zone)]
    header = tuple(f"column {number}" for number in range(len(cells)))
    sheet = Sheet("Sheet", header, (12,) * len(cells), rows)
    (found,) = sheets(b"".join(Workbook().pieces([sheet]))).values()
    assert found[0] == list(header)
    return found[1:]


def test_every_text_stays_as_it_was_written() -> None:
    assert read_back(*AS_WRITTEN) == [AS_WRITTEN]


def test_what_a_file_may_not_have_is_made_readable() -> None:
    before, after = zip(*MADE_READABLE, strict=True)
    assert read_back(*before) == [list(after)]
    assert [readable(text) for text in before] == list(after)


@given(st.lists(texts() | st.sampled_from(AS_WRITTEN), min_size=1, max_size=30))
@example(["_x0041_", "_" * 9 + "x0041_"])
def test_any_text_is_read_as_it_is_shown(cells: list[str]) -> None:
    # The last cell tells readers that the row has so many.
    assert read_back(*cells, "end") == [[*map(readable, cells), "end"]]


@pytest.mark.parametrize(
    ("moment", "zone", "there"),
    [
        ("2015-04-25T00:04:12+00:00", SHANGHAI, "2015-04-25T08:04:12"),
        ("2015-04-24T16:00:00+00:00", SHANGHAI, "2015-04-25T00:00:00"),
        ("2015-04-25T00:04:12+00:00", UTC_ZONE, "2015-04-25T00:04:12"),
        ("2019-07-02T23:59:59.999999+00:00", UTC_ZONE, "2019-07-02T23:59:59"),
        ("1970-01-01T00:00:00+00:00", UTC_ZONE, "1970-01-01T00:00:00"),
        ("1900-03-01T00:00:00+00:00", UTC_ZONE, "1900-03-01T00:00:00"),
        ("9999-12-31T23:59:59+00:00", UTC_ZONE, "9999-12-31T23:59:59"),
        ("1899-12-31T23:59:59+00:00", UTC_ZONE, "1899-12-31T23:59:59+00:00"),
        ("0001-01-01T00:00:00+00:00", UTC_ZONE, "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:00:00+00:00", SHANGHAI, "9999-12-31T23:00:00+00:00"),
    ],
)
def test_a_time_is_a_date_of_its_zone_or_a_text_where_there_is_none(
    moment: str, zone: ZoneInfo, there: str
) -> None:
    expected = there if "+" in there else datetime.fromisoformat(there)
    assert read_back(datetime.fromisoformat(moment), "end", zone=zone) == [[expected, "end"]]


@pytest.mark.parametrize(("day", "number"), [((1, 1), 1.0), ((1, 31), 31.0), ((2, 28), 59.0)])
def test_days_before_excels_29_february_1900_are_excels(
    day: tuple[int, int], number: float
) -> None:
    assert sheet_cells.date_or_text(datetime(1900, *day, tzinfo=UTC), UTC_ZONE) == number


@given(st.datetimes(timezones=st.just(UTC)))
def test_any_second_is_read_as_it_is(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    there = moment.replace(tzinfo=None) if moment.year >= 1900 else moment.isoformat()
    assert read_back(moment, "end", zone=UTC_ZONE) == [[there, "end"]]


def units(text: str) -> int:
    """The length as Excel counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@pytest.mark.parametrize("character", ["a", "长", "😀", "a😀", "<", "_x0041_"])
@pytest.mark.parametrize(
    "length", [MOST_CHARACTERS - 1, MOST_CHARACTERS, MOST_CHARACTERS + 1, 99_999]
)
def test_a_text_that_is_too_long_for_a_cell_goes_on_below(character: str, length: int) -> None:
    text = (character * length)[:length]
    found = read_back("id", text, datetime(2015, 4, 25, tzinfo=UTC), "")
    assert "".join(row[1] for row in found) == text
    assert {units(row[1]) <= MOST_CHARACTERS for row in found} == {True}
    assert len(found) == -(
        -units(text) // (MOST_CHARACTERS - (character != "a" and "😀" in character))
    )
    assert {(row[0], row[2]) for row in found} == {
        ("id", datetime.fromisoformat("2015-04-25T08:00:00"))
    }


def test_two_long_texts_of_one_row_do_not_mix() -> None:
    found = read_back("x" * 70_000, "id", "y" * 40_000)
    assert ["".join(column) for column in zip(*found, strict=True)] == [
        "x" * 70_000, "id" * 3, "y" * 40_000,
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_parts_are_as_long_as_they_may_be(seed: int) -> None:
    text = "".join(random.Random(seed).choices("a长😀", k=70_000))
    divided = parts(text)
    assert "".join(divided) == text
    assert all(MOST_CHARACTERS - 1 <= units(part) <= MOST_CHARACTERS for part in divided[:-1])


@pytest.mark.parametrize(
    ("column", "name"),
    [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")],
)
def test_columns_have_excels_names(column: int, name: str) -> None:
    assert letters(column) == name
