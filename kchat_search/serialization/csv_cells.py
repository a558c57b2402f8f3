"""Cells of a CSV file that no spreadsheet takes for formulas, however it splits the file.

Excel splits at semicolons where the decimal mark is a comma, and LibreOffice at whatever its dialog
says. Then a text goes on in the next cell after any separator or line break in it, and in that cell
quotes may vanish. So a text is guarded at its beginning and after each separator and line break: if
a sign that begins a formula follows there, possibly behind blanks, quotes and characters that can't
be seen, an apostrophe is put before the sign (OWASP, «CSV Injection»).

Invariant: the text can be had back. Where such an apostrophe may stand, one of the text's own gets
another one before it. So whoever removes one apostrophe at each of these places has the text.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable

from kchat_search.serialization.safe_text import printable

SEPARATORS = ",;|\t\r\n\u2028\u2029"
"""Where a text may be split: common separators, and what some programs take for a line's end."""

SIGNS = "=+\\-@⁺⁻⁼₊₋₌‐‑−⩵⩶﬩﹢﹣﹦﹫＋－＝＠"
"""What begins a formula in Excel, LibreOffice or Google Sheets: = + - @, and what Unicode holds to
be a form of them (NFKC), because programs replace those. As in a set of a regular expression."""

UNSEEN = (
    " \x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u202f\u205f\u3000\u2800"  # blanks
    "\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Blanks, characters without a width, and such as only control others (Unicode's White_Space,
Default_Ignorable_Code_Point and Cf). As in a set of a regular expression."""

_BEFORE = f'[{UNSEEN}"\\\\]*'  # a quote or a backslash may be taken for part of the file's form
_AT_THE_BEGINNING = re.compile(f"({_BEFORE})(?=[{SIGNS}'])|(?=[\t\r\n\u2028\u2029])")
_INSIDE = re.compile(f"([{SEPARATORS}]{_BEFORE})(?=[{SIGNS}'])")
_INSIDE_A_LINK = re.compile(f"([{SEPARATORS}]{_BEFORE})([{SIGNS}'])")


def cell(text: str) -> str:
    """The text of a cell that no spreadsheet reads as a formula.

    Control characters are shown as symbols, because spreadsheets end a cell at a NUL.
    """
    if (
        not text or text.isalnum()
    ):  # most cells: ids, names, words; no sign and no control character
        return text
    readable = printable(text)
    readable = _INSIDE.sub(r"\1'", readable)
    found = _AT_THE_BEGINNING.match(readable)
    return f"{found.group()}'{readable[found.end() :]}" if found else readable


def csv_row(cells: Iterable[str]) -> str:
    """A line of a CSV file (RFC 4180). Every cell is quoted."""
    # A writer of its own: threads can't share one.
    writer = csv.writer(_Echo(), lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    return str(writer.writerow(cells))


def guarded_link(url: str) -> str:
    """An address of `http` or `https` to which `cell` adds nothing, and which still leads there:
    what an apostrophe would stand before is escaped."""
    return _INSIDE_A_LINK.sub(lambda found: found.group(1) + _escaped(found.group(2)), url)


def _escaped(sign: str) -> str:
    """`%3D` for `=`. (urllib's `quote` leaves the hyphen and the apostrophe as they are.)"""
    return "".join(f"%{byte:02X}" for byte in sign.encode())


class _Echo:
    """The csv module writes to this; it returns the text."""

    def write(self, text: str) -> str:
        return text
