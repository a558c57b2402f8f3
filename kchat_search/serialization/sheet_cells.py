"""The rows of a worksheet as XML (ECMA-376, part 1, section 18.3.1). Cells are texts or dates.

Invariants: no cell is a number, a formula, a link or a truth value, so nothing in it is computed,
rounded or reformed: `0012345`, `3-15`, `1E10` and `=1+1` stay as they were written. No text breaks
the file. What every reader reads is the text as `readable` gives it.

A text stands in its own cell (`inlineStr`), not in a table of all texts, which would have to be
held in memory until the end. It has the number format `@`, so that it is still a text after
somebody has edited it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from kchat_search.serialization.export_table import Cell
from kchat_search.serialization.safe_text import printable
from kchat_search.serialization.times import known_rfc3339

MOST_CHARACTERS = 32_767
"""In a cell, in UTF-16 code units, as Excel counts."""
_CERTAINLY_FITS = MOST_CHARACTERS // 2

NUMBER = "\0"
"""Stands for the number of the row, which is known when the row is written. No text has it."""


class Style(IntEnum):
    """How a cell looks: the place of its format in `workbook`'s table of styles."""

    PLAIN = 0
    TEXT = 1
    DATE = 2
    HEADER = 3
    CONTINUED = 4
    """A text that is too long for a cell, so that it goes on in the next row."""


_LINE_ENDS = re.compile("\r\n?")
_NOT_IN_XML = re.compile("[\ufffe\uffff]")
_LIKE_AN_ESCAPE = re.compile("_(?=[xX][0-9A-Fa-f]{4}_)")
"""`_x0041_` in a text of a workbook stands for «A» (ST_Xstring), but not every reader knows that.
In two runs of a text, each of which is read by itself, no reader takes it for «A»."""
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})

_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  # dates of a workbook have no zone
_FIRST = datetime(1900, 1, 1)  # noqa: DTZ001  # the same
_MARCH_1900 = datetime(1900, 3, 1)  # noqa: DTZ001  # the same
_DAY = timedelta(days=1)


def readable(text: str) -> str:
    """What stands in the cell: control characters as symbols, as the pages show them, and each line
    break as a line feed, because that is Excel's own."""
    if text.isalnum():  # most cells: ids, names, words
        return text
    text = _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", printable(text))
    return _LINE_ENDS.sub("\n", text) if "\r" in text else text


def parts(text: str) -> list[str]:
    """A readable text, in parts each of which fits into a cell. Joined, they are the text."""
    if len(text) <= _CERTAINLY_FITS:
        return [text]
    found, start, size = [], 0, 0
    for at, character in enumerate(text):
        units = 2 if character > "\uffff" else 1
        if size + units > MOST_CHARACTERS:
            found.append(text[start:at])
            start, size = at, 0
        size += units
    return [*found, text[start:]]


def rows(cells: Sequence[Cell], zone: ZoneInfo, first: int = 0) -> list[str]:
    """The XML of these cells, the first of them in column `first`, from 0; once, or for several
    rows where a text is too long for one cell: then it goes on below, and the other cells are
    repeated."""
    found = []
    for column, cell in enumerate(cells, first):
        if isinstance(cell, str):
            if len(cell) > _CERTAINLY_FITS:
                return _several(cells, zone, first)
            if cell:
                found.append(text_cell(readable(cell), column))
        else:
            found.append(_cell(date_or_text(cell, zone), column))
    return ["".join(found)]


def _several(cells: Sequence[Cell], zone: ZoneInfo, first: int) -> list[str]:
    """The same, where some text may be too long."""
    divided: list[Sequence[str | float]] = [
        parts(readable(cell)) if isinstance(cell, str) else [date_or_text(cell, zone)]
        for cell in cells
    ]
    return [
        "".join(_of_several(each, row, column) for column, each in enumerate(divided, first))
        for row in range(max(map(len, divided)))
    ]


def row(cells: str) -> str:
    """A row of cells that `rows` or `text_cell` has made."""
    return f'<row r="{NUMBER}">{cells}</row>'


def text_cell(text: str, column: int, style: Style = Style.TEXT) -> str:
    """A cell with a readable text that fits. The column counts from 0."""
    place = _place(column, style)
    if text.isalnum():
        return f'{place} t="inlineStr"><is><t>{text}</t></is></c>'
    pieces = _LIKE_AN_ESCAPE.sub("_\0", text.translate(_ESCAPES)).split("\0")
    if len(pieces) == 1:
        return f'{place} t="inlineStr"><is><t xml:space="preserve">{pieces[0]}</t></is></c>'
    runs = "".join(f'<r><t xml:space="preserve">{piece}</t></r>' for piece in pieces)
    return f'{place} t="inlineStr"><is>{runs}</is></c>'


@lru_cache(16_384)  # the times of a chat are in each of its rows
def date_or_text(moment: datetime, zone: ZoneInfo) -> float | str:
    """The time in this zone as Excel counts it, in days; as a text where Excel has no such date:
    before 1900, and after 9999."""
    try:
        there = moment.astimezone(zone).replace(tzinfo=None, microsecond=0)
    except OverflowError:
        return known_rfc3339(moment, zone)
    if there < _FIRST:
        return known_rfc3339(moment, zone)
    # Excel believes that there was a 29 February 1900. So days before it count one less.
    return (there - _EPOCH) / _DAY - (there < _MARCH_1900)


@lru_cache(256)
def _place(column: int, style: Style) -> str:
    """The beginning of a cell. Cached, because a file has millions."""
    return f'<c r="{letters(column)}{NUMBER}" s="{style:d}"'


@lru_cache(64)
def letters(column: int) -> str:
    """«A» for 0, «AA» for 26."""
    return (letters(column // 26 - 1) if column >= 26 else "") + chr(ord("A") + column % 26)


def _cell(value: str | float, column: int) -> str:
    """An empty text has no cell."""
    if isinstance(value, float):
        return f"{_place(column, Style.DATE)}><v>{value!r}</v></c>"
    return text_cell(value, column) if value else ""


def _of_several(divided: Sequence[str | float], row: int, column: int) -> str:
    """The cell of this row, of a value that is one for all rows, or has a part for each row."""
    if len(divided) == 1:
        return _cell(divided[0], column)
    part = divided[row] if row < len(divided) else ""
    return text_cell(str(part), column, Style.CONTINUED) if part else ""
