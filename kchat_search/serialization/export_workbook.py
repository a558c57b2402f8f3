"""An export as an Excel workbook: a sheet of the messages, and one about the export.

The sheet about it comes last, because it has counts; the messages open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kchat_search.models.damage import DamagedRow
from kchat_search.search.export_walk import AbsentChat, ChatWithPast, Exported
from kchat_search.serialization import export_about, sheet_cells
from kchat_search.serialization.export_about import About, Tally, about_lines
from kchat_search.serialization.export_table import (
    CHAT_COLUMNS,
    ChatRows,
    chat_rows,
    columns,
)
from kchat_search.serialization.workbook import Sheet, Workbook

_ABOUT_WIDTHS = (44, 90)


def workbook_pieces(chats: Iterable[Exported], about: About) -> Iterator[bytes]:
    """The workbook, in pieces of at least 32 KiB but for the last.

    Raises what reading the chats raises. Then the pieces are not a workbook.
    """
    return Workbook().pieces(_sheets(chats, about))


def _sheets(chats: Iterable[Exported], about: About) -> Iterator[Sheet]:
    tally = Tally()
    title = export_about.TABLE_TITLE.in_language(about.language)
    of_table = columns(history=about.history)
    names, widths = zip(*((column.name, column.width) for column in of_table), strict=True)
    yield Sheet(title, names, widths, _message_rows(chats, about, tally))
    title = export_about.ABOUT_TITLE.in_language(about.language)
    header = tuple(label.in_language(about.language) for label in export_about.HEADER)
    lines = about_lines(about, tally)
    rows = (
        sheet_cells.row(cells) for line in lines for cells in sheet_cells.rows(line, about.zone)
    )
    yield Sheet(title, header, _ABOUT_WIDTHS, rows)


def _message_rows(chats: Iterable[Exported], about: About, tally: Tally) -> Iterator[str]:
    for item in chats:
        _count(item, tally)
        yield from _chat_rows(chat_rows(item, history=about.history), about, tally)


def _chat_rows(chat: ChatRows, about: About, tally: Tally) -> Iterator[str]:
    """The rows of one chat. The XML of its facts is made once."""
    facts = sheet_cells.rows(chat.facts, about.zone)
    for cells in chat.messages:
        message = sheet_cells.rows(cells, about.zone, len(CHAT_COLUMNS))
        if len(facts) == len(message) == 1:
            yield sheet_cells.row(facts[0] + message[0])
        else:  # some text is too long for a cell
            tally.continued += 1
            yield from map(sheet_cells.row, sheet_cells.rows([*chat.facts, *cells], about.zone))


def _count(item: Exported, tally: Tally) -> None:
    tally.chats += 1
    if isinstance(item, AbsentChat):
        tally.absent.append(item.id)
    elif isinstance(item, DamagedRow):
        tally.damaged.append(item.chat_id or 0)
    elif isinstance(item, ChatWithPast):
        tally.messages += len(item.view.chat.messages) + len(item.former)
    else:
        tally.messages += len(item.chat.messages)
