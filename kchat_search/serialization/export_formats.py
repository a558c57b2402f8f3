"""An export as bytes: JSON Lines and CSV for programs, a workbook for people with Excel.

Invariants: every chat of the export has one line (JSON Lines) or at least one row (CSV, workbook),
whatever it contains. Memory holds no more than one batch of chats and one piece of text. No cell is
a formula. No token of an upload is written. No file is made on the way.

JSON Lines has exactly what Kchat sent, except for lone surrogates, which UTF-8 does not allow. CSV
and the workbook show control characters as symbols, as the pages do, because spreadsheets end a
cell at a NUL. Every cell of CSV is quoted, so that it ends where it should in a spreadsheet that
splits at commas.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from kchat_search.models.damage import DamagedRow
from kchat_search.search.export_walk import AbsentChat, ChatWithPast, Exported
from kchat_search.serialization import schemas, workbook
from kchat_search.serialization.chats import chat_json
from kchat_search.serialization.csv_cells import cell, csv_row, guarded_link
from kchat_search.serialization.export_about import About
from kchat_search.serialization.export_table import (
    CHAT_COLUMNS,
    Cell,
    Column,
    chat_rows,
    columns,
    message_columns,
)
from kchat_search.serialization.export_workbook import workbook_pieces
from kchat_search.serialization.history import versions_json
from kchat_search.serialization.json_text import json_text
from kchat_search.serialization.links import Links
from kchat_search.serialization.times import known_rfc3339

Format = Literal["jsonl", "csv", "xlsx"]
TYPES: dict[Format, str] = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8; header=present",
    "xlsx": workbook.TYPE,
}
"""The `Content-Type` of each format (CSV: RFC 7111)."""

Chats = Iterable[Exported]

_PIECE = 64 * 1024
"""Characters in a piece. Sending each line by itself would cost a system call a line."""

_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}
"""JSON allows these characters unescaped, but some readers take them for the end of a line."""


def pieces(chats: Chats, form: Format, about: About) -> Iterator[bytes]:
    """The export, in pieces of about 64 Ki characters. `about` says what it is of; its zone is that
    of the times.

    Raises what reading the chats raises. Then the pieces are not the whole export.
    """
    if form == "xlsx":
        return workbook_pieces(chats, about)
    if form == "jsonl":
        return joined(_jsonl(chats, about.zone, about.links))
    return joined(_csv(chats, about.zone, history=about.history))


def joined(lines: Iterable[str]) -> Iterator[bytes]:
    """The lines in pieces of about 64 Ki characters."""
    held: list[str] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= _PIECE:
            yield "".join(held).encode()
            held, size = [], 0
    if held:
        yield "".join(held).encode()


def _jsonl(chats: Chats, zone: ZoneInfo, links: Links) -> Iterator[str]:
    """One line for each chat: what `GET /api/v1/chats/{id}` answers; and with history, its
    versions."""
    for item in chats:
        line: (
            schemas.ChatJson
            | schemas.ChatWithPastJson
            | schemas.AbsentJson
            | schemas.DamagedExportJson
        )
        if isinstance(item, AbsentChat):
            line = {"chat": {"id": item.id}, "absent": True}
        elif isinstance(item, DamagedRow):
            line = {"chat": {"id": item.chat_id or 0}, "damaged": str(item)}
        elif isinstance(item, ChatWithPast):
            past = versions_json(item.view.chat.id, item.history, zone, links)
            line = {**chat_json(item.view, zone, links), "versions": past["versions"]}
        else:
            line = chat_json(item, zone, links)
        yield json_text(line).translate(_LINE_ENDS) + "\n"


def _csv(chats: Chats, zone: ZoneInfo, *, history: bool) -> Iterator[str]:
    """One row for each message, with the facts of its chat. A chat without messages has one row."""
    of_message = message_columns(history=history)
    names = [column.name for column in columns(history=history)]
    yield "\N{BOM}" + csv_row(names)  # without the byte order mark, Excel does not read UTF-8
    for item in chats:
        facts, messages = chat_rows(item, history=history)
        guarded = _csv_cells(CHAT_COLUMNS, facts, zone)
        for cells in messages:
            yield csv_row(guarded + _csv_cells(of_message, cells, zone))


def _csv_cells(columns: Sequence[Column[Any]], cells: Sequence[Cell], zone: ZoneInfo) -> list[str]:
    return [
        known_rfc3339(value, zone)
        if isinstance(value, datetime)
        else cell(guarded_link(value) if column.link else value)
        for column, value in zip(columns, cells, strict=True)
    ]
