"""An Excel workbook (ECMA-376), written as a stream: its first bytes can be sent while its last
rows are not yet known.

A workbook is a zip file. `zipfile` writes one to anything that only takes bytes: the size and the
checksum of each part then follow the part. So nothing is kept, neither in memory nor in a file, and
a reader who goes away leaves nothing behind. XlsxWriter and openpyxl can't do that: they write each
sheet to a temporary file, which stays when the process is killed, and begin the workbook when all
rows are there. They take more than four times as long, too. And XlsxWriter takes a text that begins
with `<r>` and ends with `</r>` for XML, so that a message could break the file.

Invariant: a workbook that breaks off can't be opened, because its directory comes last.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile

from kchat_search.serialization.sheet_cells import NUMBER, Style, letters, row, text_cell

TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 1_048_576
"""Of a sheet of Excel's, with its header."""
MOST_BYTES = 1 << 30
"""Of the XML of a sheet. The zip file's own form ends at 2 GiB; beyond, Excel may refuse it."""

_PIECE = 32 * 1024
"""Bytes that are sent at once, at least."""
_AT_ONCE = 64 * 1024
"""Characters that are compressed at once, at least."""
_LEVEL = 3
"""Of compression: half the time of the usual 6, and files a tenth larger."""

_XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SPREADSHEET: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet that may have any number of rows: what does not fit goes to further sheets, «Title 2»
    and so on."""

    title: str
    """At most 25 characters, without `:\\/?*[]`."""
    header: tuple[str, ...]
    """Readable texts, for the first row of each of the sheets."""
    widths: tuple[int, ...]
    """Of the columns, in characters."""
    rows: Iterable[str]
    """XML, as `sheet_cells.row` makes it."""


@dataclass(slots=True)
class _Written:
    """A sheet that is in the zip file."""

    title: str
    cells: str
    """All its cells: «A1:C7»."""


class _Sink(io.RawIOBase):
    """Takes the bytes of a zip file, for whoever sends them."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        taken = bytes(data)  # type: ignore[call-overload]  # whatever has bytes
        self._held.append(taken)
        self.size += len(taken)
        return len(taken)

    def take(self) -> bytes:
        """What has come since the last call."""
        taken = b"".join(self._held)
        self._held.clear()
        self.size = 0
        return taken


@dataclass(slots=True)
class Workbook:
    """Makes one workbook."""

    rows_a_sheet: int = MOST_ROWS
    bytes_a_sheet: int = MOST_BYTES
    _sink: _Sink = field(default_factory=_Sink, init=False)
    _written: list[_Written] = field(default_factory=list, init=False)

    def pieces(self, sheets: Iterable[Sheet]) -> Iterator[bytes]:
        """The workbook's bytes. Each sheet is asked for when the rows of the one before are
        written, so it may tell what those were. The first sheet is the one that opens.

        Raises what making the rows raises. Then the pieces are not a workbook.
        """
        with ZipFile(self._sink, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as file:
            _put(
                file, "_rels/.rels", _relationships(f"{_OFFICE}/officeDocument", "xl/workbook.xml")
            )
            for sheet in sheets:
                rows = iter(sheet.rows)
                following = next(rows, None)
                number = 0
                while following is not None or not number:
                    number += 1
                    title = sheet.title if number == 1 else f"{sheet.title} {number}"
                    following = yield from self._sheet(file, sheet, title, following, rows)
            for name, text in _frame(self._written).items():
                _put(file, name, text)
        yield self._sink.take()

    def _sheet(
        self, file: ZipFile, sheet: Sheet, title: str, following: str | None, rows: Iterator[str]
    ) -> Generator[bytes, None, str | None]:
        """Write one sheet, with as many rows as fit. Returns the row that comes after them."""
        name = f"xl/worksheets/sheet{len(self._written) + 1}.xml"
        with file.open(name, "w") as part:
            header = "".join(
                text_cell(text, column, Style.HEADER) for column, text in enumerate(sheet.header)
            )
            held = [_head(sheet, opens=not self._written), row(header).replace(NUMBER, "1")]
            characters, written, last = 0, 0, 1
            while following is not None and last < self.rows_a_sheet:
                last += 1
                numbered = following.replace(NUMBER, str(last))
                held.append(numbered)
                characters += len(numbered)
                following = next(rows, None)
                if characters >= _AT_ONCE:
                    written += part.write("".join(held).encode())
                    held, characters = [], 0
                    if self._sink.size >= _PIECE:
                        yield self._sink.take()
                    if written >= self.bytes_a_sheet:
                        break
            cells = f"A1:{letters(len(sheet.header) - 1)}{last}"
            part.write(("".join(held) + _tail(cells)).encode())
        self._written.append(_Written(title, cells))
        return following


def _put(file: ZipFile, name: str, text: str) -> None:
    """Write a whole part. (`writestr` would add the time, and the zone of this machine.)"""
    with file.open(name, "w") as part:
        part.write(text.encode())


def _head(sheet: Sheet, *, opens: bool) -> str:
    """A worksheet up to its rows. Its first row stays in sight."""
    widths = "".join(
        f'<col min="{at}" max="{at}" width="{width}" customWidth="1"/>'
        for at, width in enumerate(sheet.widths, start=1)
    )
    selected = ' tabSelected="1"' if opens else ""
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView{selected} workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        '<selection pane="bottomLeft"/></sheetView></sheetViews>'
        f'<sheetFormatPr defaultRowHeight="15"/><cols>{widths}</cols><sheetData>'
    )


def _tail(cells: str) -> str:
    """A worksheet after its rows: a filter in each column, and no green triangles at numbers that
    are texts."""
    return (
        f'</sheetData><autoFilter ref="{cells}"/><ignoredErrors><ignoredError sqref="{cells}" '
        'twoDigitTextYear="1" numberStoredAsText="1"/></ignoredErrors></worksheet>'
    )


def _frame(sheets: list[_Written]) -> dict[str, str]:
    """The parts of a workbook beside its sheets, by name."""
    numbers = range(1, len(sheets) + 1)
    named = "".join(
        f'<sheet name="{sheet.title}" sheetId="{n}" r:id="rId{n}"/>'
        for n, sheet in zip(numbers, sheets, strict=True)
    )
    filters = "".join(
        f'<definedName name="_xlnm._FilterDatabase" localSheetId="{n}" hidden="1">'
        f"'{sheet.title}'!{_absolute(sheet.cells)}</definedName>"
        for n, sheet in enumerate(sheets)
    )
    overrides = "".join(
        f'<Override PartName="/xl/{name}" ContentType="{_SPREADSHEET}.{kind}+xml"/>'
        for name, kind in [
            ("workbook.xml", "sheet.main"),
            ("styles.xml", "styles"),
            *((f"worksheets/sheet{n}.xml", "worksheet") for n in numbers),
        ]
    )
    return {
        "xl/_rels/workbook.xml.rels": _relationships(
            f"{_OFFICE}/worksheet",
            *(f"worksheets/sheet{n}.xml" for n in numbers),
            styles="styles.xml",
        ),
        "xl/styles.xml": _STYLES,
        "xl/workbook.xml": (
            f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><bookViews><workbookView/>'
            f"</bookViews><sheets>{named}</sheets><definedNames>{filters}</definedNames></workbook>"
        ),
        "[Content_Types].xml": (
            f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
            f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
            f'relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
            f"{overrides}</Types>"
        ),
    }


def _relationships(kind: str, *targets: str, styles: str = "") -> str:
    """Parts that a part leads to: rId1 and so on."""
    kinds = [(kind, target) for target in targets]
    if styles:
        kinds.append((f"{_OFFICE}/styles", styles))
    each = "".join(
        f'<Relationship Id="rId{n}" Type="{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(kinds, start=1)
    )
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{each}</Relationships>'


def _absolute(cells: str) -> str:
    """«$A$1:$C$7» for «A1:C7»."""
    return ":".join(
        f"${corner.rstrip('0123456789')}${corner.lstrip('ABCDEFGHIJKLMNOPQRSTUVWXYZ')}"
        for corner in cells.split(":")
    )


_FONT = '<sz val="11"/><name val="Calibri"/><family val="2"/>'
_TOP = '<alignment vertical="top" wrapText="1"/>'
_FORMATS: dict[Style, str] = {
    Style.PLAIN: 'numFmtId="0" fontId="0" fillId="0"',
    Style.TEXT: 'numFmtId="49" fontId="0" fillId="0"',
    Style.DATE: 'numFmtId="164" fontId="0" fillId="0"',
    Style.HEADER: 'numFmtId="49" fontId="1" fillId="0"',
    Style.CONTINUED: 'numFmtId="49" fontId="0" fillId="2"',
}
"""Number format 49 is `@`, text; 164 is the one of `_STYLES`."""
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    f'<fonts count="2"><font>{_FONT}</font><font><b/>{_FONT}</font></fonts>'
    '<fills count="3"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill><fill><patternFill patternType="solid">'
    '<fgColor rgb="FFFFF2CC"/><bgColor indexed="64"/></patternFill></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    f'<cellXfs count="{len(_FORMATS)}">'
    + "".join(
        f'<xf {_FORMATS[style]} borderId="0" xfId="0" applyNumberFormat="1" applyFont="1" '
        f'applyFill="1" applyAlignment="1">{_TOP}</xf>'
        for style in Style
    )
    + '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/>'
    "</cellStyles></styleSheet>"
)
"""The first two fills are Excel's own; the third is behind texts that go on in the next row."""
