"""Reads the file of an export as its reader would, and checks its form.

A workbook is read by two libraries, which must read the same.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet
from python_calamine import CalamineWorkbook

from kchat_search.models.reports import Coverage
from kchat_search.models.search import SearchRequest
from kchat_search.serialization.csv_cells import SEPARATORS, UNSEEN
from kchat_search.serialization.export_about import About
from kchat_search.serialization.export_table import NAMES
from kchat_search.serialization.links import Links

MADE_AT = datetime(2016, 5, 20, 4, tzinfo=UTC)


def about(**values: Any) -> About:
    """What an export of every chat says of itself, but for these values."""
    known: dict[str, Any] = {
        "request": SearchRequest(sort="oldest"),
        "total": 2,
        "coverage": Coverage(complete=True, chats=63, pending=0, rejected=0, synced_at=MADE_AT),
        "made_at": MADE_AT,
        "zone": ZoneInfo("Asia/Shanghai"),
        "links": Links("http://localhost/"),
    }
    return About(**(known | values))


def lines(data: bytes) -> list[Any]:
    assert not data or data.endswith(b"\n")
    return [json.loads(line) for line in data.decode().splitlines()]


def rows(data: bytes) -> list[dict[str, str]]:
    text = data.decode("utf-8-sig")
    assert data.startswith("\ufeff".encode())
    assert text.endswith("\r\n")
    read = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    parsed = list(read)
    assert tuple(read.fieldnames or ()) == NAMES
    return parsed


def sheets(data: bytes) -> dict[str, list[list[Any]]]:
    """The cells of each sheet of a workbook, by its title; "" for an empty cell."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.testzip() is None
        assert len(set(file.namelist())) == len(file.namelist())
    book = openpyxl.load_workbook(io.BytesIO(data))
    found = {sheet.title: _cells(sheet) for sheet in book.worksheets}
    other = CalamineWorkbook.from_filelike(io.BytesIO(data))
    assert other.sheet_names == list(found)
    for title, cells in found.items():
        assert [
            list(map(_moment, row)) for row in other.get_sheet_by_name(title).to_python()
        ] == cells
    return found


def _moment(cell: Any) -> Any:
    """The other reader takes a midnight for a day without a time."""
    return datetime(cell.year, cell.month, cell.day) if type(cell) is date else cell  # noqa: DTZ001  # dates of a workbook have no zone


def _cells(sheet: Worksheet) -> list[list[Any]]:
    """Every cell is a text or a date, and says so."""
    for row in sheet.iter_rows():
        for cell in row:
            if cell.value is None:
                continue
            assert cell.hyperlink is None
            if isinstance(cell.value, datetime):
                assert cell.number_format == r"yyyy\-mm\-dd\ hh:mm:ss"
            else:
                assert (type(cell.value), cell.data_type, cell.number_format) == (str, "s", "@")
    return [["" if value is None else value for value in row] for row in sheet.values]


def sheet_rows(data: bytes) -> list[dict[str, Any]]:
    """The rows of the first sheet, by the names of their columns."""
    header, *rest = next(iter(sheets(data).values()))
    assert tuple(header) == NAMES
    return [dict(zip(NAMES, row, strict=True)) for row in rest]


def unguarded(cell: str) -> str:
    """The text without the apostrophes that guard it, as docs/searching.md says."""
    return re.sub(rf"""(\A|[{SEPARATORS}])([{UNSEEN}"\\]*)'""", r"\1\2", cell)
