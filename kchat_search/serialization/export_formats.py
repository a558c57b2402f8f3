"""An export as bytes: JSON Lines for programs, CSV for people with a spreadsheet.

Invariants: every chat of the export has one line (JSON Lines) or at least one row (CSV), whatever
it contains. Memory holds no more than one batch of chats and one piece of text. No cell is a
formula. No token of an upload is written.

JSON Lines has exactly what Kchat sent, except for lone surrogates, which UTF-8 does not allow. CSV
shows control characters as symbols, as the pages do, because spreadsheets end a cell at a NUL.
Every cell is quoted, so that it ends where it should in a spreadsheet that splits at commas.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from kchat_search.chats import ratings
from kchat_search.chats.visible_text import visible_text
from kchat_search.models.chats import Message, Speaker
from kchat_search.models.damage import DamagedRow
from kchat_search.models.search import ChatView
from kchat_search.search.export_walk import AbsentChat, Exported
from kchat_search.serialization import schemas
from kchat_search.serialization.chats import chat_json
from kchat_search.serialization.csv_cells import cell, guarded_link
from kchat_search.serialization.json_text import json_text
from kchat_search.serialization.links import Links
from kchat_search.serialization.safe_text import safe_link
from kchat_search.serialization.times import rfc3339

Format = Literal["jsonl", "csv"]
TYPES: dict[Format, str] = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8; header=present",
}
"""The `Content-Type` of each format (CSV: RFC 7111)."""

Chats = Iterable[Exported]

_PIECE = 64 * 1024
"""Characters in a piece. Sending each line by itself would cost a system call a line."""

_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}
"""JSON allows these characters unescaped, but some readers take them for the end of a line."""

_CHAT_COLUMNS = (
    "chat_id", "chat_type", "created_at", "end_at", "started_by", "status", "agent_id",
    "agent_name", "visitor_id", "visitor_name", "user_id", "rating", "rating_label", "version",
    "gone_at", "absent", "damaged",
)  # fmt: skip
_MESSAGE_COLUMNS = (
    "position", "message_id", "message_type", "message_created_at", "from", "name", "text",
    "recalled", "upload_name", "upload_url",
)  # fmt: skip
COLUMNS = _CHAT_COLUMNS + _MESSAGE_COLUMNS


def pieces(chats: Chats, form: Format, zone: ZoneInfo, links: Links) -> Iterator[bytes]:
    """The export, in pieces of about 64 Ki characters. `zone` is that of the times.

    Raises what reading the chats raises. Then the pieces are not the whole export.
    """
    lines = _jsonl(chats, zone, links) if form == "jsonl" else _csv(chats, zone)
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
    """One line for each chat: what `GET /api/v1/chats/{id}` answers."""
    for item in chats:
        line: schemas.ChatJson | schemas.AbsentJson | schemas.DamagedExportJson
        if isinstance(item, AbsentChat):
            line = {"chat": {"id": item.id}, "absent": True}
        elif isinstance(item, DamagedRow):
            line = {"chat": {"id": item.chat_id or 0}, "damaged": str(item)}
        else:
            line = chat_json(item, zone, links)
        yield json_text(line).translate(_LINE_ENDS) + "\n"


def _csv(chats: Chats, zone: ZoneInfo) -> Iterator[str]:
    """One row for each message, with the facts of its chat. A chat without messages has one row."""
    row = csv.writer(_Echo(), lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerow
    yield "\N{BOM}" + row(COLUMNS)  # without the byte order mark, Excel does not read UTF-8
    for item in chats:
        facts, messages = _cells(item, zone)
        guarded = [cell(text) for text in facts]
        for cells in messages:
            yield row(guarded + [cell(text) for text in cells])


class _Echo:
    """The csv module writes to this; it returns the text."""

    def write(self, text: str) -> str:
        return text


def _cells(item: Exported, zone: ZoneInfo) -> tuple[list[str], list[list[str]]]:
    """(the cells of `_CHAT_COLUMNS`, those of `_MESSAGE_COLUMNS` for each row)."""
    nothing_said = [[""] * len(_MESSAGE_COLUMNS)]
    if isinstance(item, AbsentChat):
        return _only(chat_id=str(item.id), absent="true"), nothing_said
    if isinstance(item, DamagedRow):
        return _only(chat_id=str(item.chat_id), damaged=str(item)), nothing_said
    said = zip(item.chat.messages, item.speakers, strict=True)
    messages = [_message_cells(message, speaker, zone) for message, speaker in said]
    return _chat_cells(item, zone), messages or nothing_said


def _only(**cells: str) -> list[str]:
    """The cells of `_CHAT_COLUMNS`, all empty but these."""
    return [cells.get(name, "") for name in _CHAT_COLUMNS]


def _chat_cells(view: ChatView, zone: ZoneInfo) -> list[str]:
    """The cells of `_CHAT_COLUMNS`."""
    chat = view.chat
    return [
        str(chat.id),
        chat.type,
        _time(chat.created_at, zone),
        _time(chat.end_at, zone),
        chat.started_by,
        chat.status,
        chat.agent_id or "",
        view.agent_name or "",
        chat.visitor_id or "",
        view.visitor_name or "",
        chat.user_id or "",
        chat.rating or "",
        ratings.label(chat.rating) or "",
        str(view.version),
        _time(view.gone_at, zone),
        "",
        "",
    ]


def _message_cells(message: Message, speaker: Speaker, zone: ZoneInfo) -> list[str]:
    """The cells of `_MESSAGE_COLUMNS`."""
    upload = message.upload
    return [
        str(message.position),
        "" if message.id is None else str(message.id),
        message.type,
        _time(message.created_at, zone),
        speaker,
        message.name,
        visible_text(message.text),
        "true" if message.recalled else "",
        "" if upload is None else upload.name,
        "" if upload is None else guarded_link(safe_link(upload.url) or ""),
    ]


def _time(moment: datetime | None, zone: ZoneInfo) -> str:
    return rfc3339(moment, zone) or ""
