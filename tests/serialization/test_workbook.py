"""A workbook as a stream: its form, its sheets, and what it holds in memory."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import openpyxl
import pytest

from kchat_search.serialization import sheet_cells
from kchat_search.serialization.sheet_cells import MOST_CHARACTERS, row, rows, text_cell
from kchat_search.serialization.workbook import MOST_ROWS, Sheet, Workbook
from tests.serialization.export_files import about, sheets

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
PACKAGE = "{http://schemas.openxmlformats.org/package/2006/"


def numbered(count: int, text: str = "") -> Iterator[str]:
    return (row(text_cell(f"{n}{text}", 0)) for n in range(count))


def sheet(title: str, count: int, text: str = "") -> Sheet:
    return Sheet(title, ("n",), (8,), numbered(count, text))


def made(*all_sheets: Sheet, **limits: int) -> bytes:
    return b"".join(Workbook(**limits).pieces(all_sheets))


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, [0]), (1, [1]), (2, [2]), (3, [2, 1]), (4, [2, 2]), (5, [2, 2, 1])]
)
def test_rows_beyond_the_most_of_a_sheet_go_to_further_ones(count: int, sizes: list[int]) -> None:
    found = sheets(made(sheet("Rows", count), sheet("About", 1), rows_a_sheet=3))
    titles = ["Rows", *(f"Rows {n}" for n in range(2, len(sizes) + 1))]
    assert list(found) == [*titles, "About"]
    assert [len(cells) - 1 for cells in found.values()] == [*sizes, 1]
    assert {cells[0][0] for cells in found.values()} == {"n"}, "each has the header"
    in_order = [cells[0] for title in titles for cells in found[title][1:]]
    assert in_order == [str(n) for n in range(count)]


def test_a_sheet_ends_before_the_zip_file_can_not_hold_it() -> None:
    found = sheets(made(sheet("Rows", 3_000, "x" * 100), bytes_a_sheet=200_000))
    assert list(found) == ["Rows", "Rows 2", "Rows 3"]
    assert sum(len(cells) - 1 for cells in found.values()) == 3_000


@pytest.mark.slow
def test_as_many_rows_as_excel_has_and_one_more() -> None:
    data = made(sheet("Rows", MOST_ROWS))
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        first, second = (file.read(f"xl/worksheets/sheet{n}.xml") for n in (1, 2))
    assert first.count(b"<row ") == MOST_ROWS == 1_048_576
    assert b'<row r="1048576">' in first
    assert second.count(b"<row ") == 2


def test_it_has_the_parts_that_its_own_lists_name() -> None:
    """The rules of a package (ECMA-376, part 2): each part has a type, each relation a part."""
    with zipfile.ZipFile(
        io.BytesIO(made(sheet("消息", 3), sheet("说明", 1), rows_a_sheet=3))
    ) as file:
        names = set(file.namelist())
        parts = {name: ET.fromstring(file.read(name)) for name in names}  # noqa: S314  # ours
    types = parts["[Content_Types].xml"]
    named = {one.get("PartName", "") for one in types.iter(f"{PACKAGE}content-types}}Override")}
    assert named == {f"/{name}" for name in names if name.endswith(".xml")} - {
        "/[Content_Types].xml"
    }
    relations = parts["xl/_rels/workbook.xml.rels"]
    leads = {one.get("Id"): one.get("Target") for one in relations}
    assert {f"xl/{target}" for target in leads.values()} == {
        name for name in names if name.startswith(("xl/worksheets/", "xl/styles"))
    }
    book = parts["xl/workbook.xml"]
    assert [one.get("name") for one in book.iter(f"{MAIN}sheet")] == ["消息", "消息 2", "说明"]
    order = [child.tag.removeprefix(MAIN) for child in parts["xl/worksheets/sheet1.xml"]]
    assert order == [
        "sheetViews",
        "sheetFormatPr",
        "cols",
        "sheetData",
        "autoFilter",
        "ignoredErrors",
    ]


def test_it_opens_at_its_first_sheet_with_a_header_that_stays_and_a_filter() -> None:
    book = openpyxl.load_workbook(io.BytesIO(made(sheet("Rows", 9), sheet("About", 1))))
    first = book.worksheets[0]
    assert book.active is first
    assert (first.freeze_panes, first.auto_filter.ref) == ("A2", "A1:A10")
    assert first["A1"].font.b
    assert not first["A2"].font.b


def test_what_goes_on_in_the_next_row_is_on_yellow() -> None:
    long = map(row, rows(["id", "x" * (MOST_CHARACTERS + 1)], about().zone))
    data = made(Sheet("Rows", ("id", "text"), (8, 8), long))
    found = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
    assert [found[f"B{n}"].fill.fgColor.rgb for n in (2, 3)] == ["FFFFF2CC"] * 2
    assert found["A2"].fill.patternType is None


def test_the_same_rows_are_the_same_bytes_at_any_time() -> None:
    assert made(sheet("Rows", 9)) == made(sheet("Rows", 9))


def test_it_is_sent_while_its_rows_are_made_and_memory_does_not_grow() -> None:
    taken = 0

    def counted() -> Iterator[str]:
        nonlocal taken
        for one in numbered(100_000, "长" * 200):
            taken += 1
            yield one

    pieces = Workbook().pieces([Sheet("Rows", ("n",), (8,), counted())])
    next(pieces)
    assert 0 < taken < 5_000
    tracemalloc.start()
    size = sum(map(len, pieces))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken == 100_000
    assert size > 500_000
    assert most < 2_000_000


@pytest.mark.parametrize("rows_before", [0, 1, 50_000])
def test_one_that_breaks_off_is_no_workbook_and_leaves_nothing_open(rows_before: int) -> None:
    def breaking() -> Iterator[str]:
        yield from numbered(rows_before, "x" * 50)
        raise ZeroDivisionError

    sent: list[bytes] = []
    pieces = Workbook().pieces([Sheet("Rows", ("n",), (8,), breaking())])
    with pytest.raises(ZeroDivisionError):
        sent.extend(pieces)
    assert not zipfile.is_zipfile(io.BytesIO(b"".join(sent)))


def test_whoever_gives_up_leaves_nothing_open() -> None:
    pieces = Workbook().pieces([sheet("Rows", 100_000, "x" * 50)])
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]  # it is a generator


def test_the_mark_of_a_rows_number_is_never_in_a_text() -> None:
    assert sheet_cells.NUMBER not in sheet_cells.readable("a\x00b")
