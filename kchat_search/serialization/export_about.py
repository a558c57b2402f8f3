"""What an export says of itself: what was asked, what it covers, what it has.

A workbook has it as a sheet, so that the file explains itself to whoever gets it, long after it was
made. All its words are in one language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from kchat_search import __version__
from kchat_search.fields import BY_NAME, NONE, PARAMETERS, Label
from kchat_search.models.reports import Coverage
from kchat_search.models.search import SearchRequest
from kchat_search.serialization.export_table import Cell, columns
from kchat_search.serialization.links import Links, pairs
from kchat_search.serialization.notes import Language

_MOST_NAMED = 1_000
"""Chats that are named as damaged or absent, at most. The table has them all."""
_IN_A_CELL = 50


@dataclass(frozen=True, slots=True)
class About:
    """What an export says of itself, known before its first chat."""

    request: SearchRequest
    total: int
    """How many chats it has, exactly."""
    coverage: Coverage
    made_at: datetime
    zone: ZoneInfo
    """Of the times."""
    links: Links
    agents: Mapping[str, str] = field(default_factory=dict)
    """The agents' names by id."""
    language: Language = "en"
    history: bool = False
    """Do the chats come with their earlier versions?"""


@dataclass(slots=True)
class Tally:
    """What an export has, counted while its chats are written."""

    chats: int = 0
    messages: int = 0
    absent: list[int] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    continued: int = 0
    """Messages with a text that goes on in a further row."""


class Line(NamedTuple):
    """A row of the sheet."""

    label: str
    value: Cell


_PARAMETERS = {
    "q": Label("查询", "Query"),
    "start": Label("对话开始于（从）", "Chats begun from"),
    "end": Label("对话开始于（到）", "Chats begun until"),
    "said_start": Label("消息发出于（从）", "Messages said from"),
    "said_end": Label("消息发出于（到）", "Messages said until"),
    "history": Label("包括以前的版本和撤回的消息", "With earlier versions and recalled messages"),
    "sort": Label("顺序", "Order"),
}
"""Of a search, beside the filters. A parameter without words has its own name."""
_VALUES = {
    "oldest": Label("最早的在前", "Oldest first"),
    "newest": Label("最新的在前", "Newest first"),
    "True": Label("是", "Yes"),
}
_EVERY_CHAT = Label("（空：全部对话）", "(empty: every chat)")
_NOT_OF_AN_EXPORT = ("page", "per_page", "cursor", "facets", "snippets", "related")

TABLE_TITLE = Label("消息", "Messages")
ABOUT_TITLE = Label("说明", "About")
HEADER = (Label("项目", "What"), Label("内容", "Value"))

_MADE_BY = Label("导出程序", "Made by")
_MADE_AT = Label("导出时间（搜索截至此时）", "Made at; the search is as of then")
_ZONE = Label("所有时间的时区", "Time zone of all times")
_ADDRESS = Label("再次搜索的地址", "The same search again")
_COVERAGE = Label("是否完整", "Complete?")
_COMPLETE = Label(
    "是：Kchat 的全部对话都在归档和索引中",
    "Yes: the archive and the index had every chat of Kchat's",
)
_BACKFILL = Label("否：历史对话仍在导入", "No: older chats were still being fetched")
_PENDING = Label("否：{} 个对话等待编入索引", "No: {} chats waited for the index")
_REJECTED = Label("否：{} 个对话无法识别", "No: {} chats could not be understood")
_UNPROVEN = Label("否：归档尚未证明完整", "No: the archive is not proven to be whole")
_SYNCED_AT = Label("最近一次与 Kchat 同步", "Last sync with Kchat")
_NEVER = Label("从未", "never")
_ARCHIVED = Label("归档中的对话", "Chats in the archive")
_TOTAL = Label("符合条件的对话", "Chats that match")
_WRITTEN = Label("本文件中的对话", "Chats in this file")
_MESSAGES = Label("本文件中的消息", "Messages in this file")
_DAMAGED = Label("归档中已损坏、内容缺失的对话", "Chats damaged in the archive, without content")
_ABSENT = Label("导出期间从归档删除的对话", "Chats erased from the archive meanwhile")
_AND_MORE = Label("另有 {} 个，见各列", "and {} more: see the table")
_CONTINUED = Label("有单元格放不下的文字的消息", "Messages with a text that is too long for a cell")
_COLUMN = Label("列 {}", "Column {}")
_READING = Label("阅读方法", "How to read it")
_HOW = (
    Label(
        "每行一条消息，并带有所属对话的信息；没有消息的对话占一行。",
        "Each row is a message with the facts of its chat. A chat without messages has one row.",
    ),
    Label(
        "单元格都是文字或日期：数字、公式和网址保持原样，不会被计算。1900 年以前的时间是文字。",
        "Every cell is a text or a date: numbers, formulas and addresses stay as they were "
        "written. A time before 1900 is a text.",
    ),
    Label(
        "超过 32,767 个字符的文字在下一行继续，底色为黄色；该行的其他单元格与上一行相同。",
        "A text of more than 32,767 characters goes on in the next row, on yellow; the other cells "
        "of that row are those of the row before.",
    ),
    Label(
        "控制字符显示为符号（如 ␀），换行统一为一种。",
        "Control characters are shown as symbols (␀), and there is one kind of line break.",
    ),
    Label(
        "一张工作表最多 1,048,576 行，其余在下一张。",
        "A sheet has at most 1,048,576 rows; further rows are in the next one.",
    ),
)


def about_lines(about: About, tally: Tally) -> Iterator[Line]:
    """The rows of the sheet, without its header. `tally`: after the last chat was written."""
    return chain(_made(about), _asked(about), _covered(about), _counted(about, tally), _read(about))


def _made(about: About) -> Iterator[Line]:
    yield Line(_say(_MADE_BY, about), f"kchat-search {__version__}")
    yield Line(_say(_MADE_AT, about), about.made_at)
    yield Line(_say(_ZONE, about), about.zone.key)


def _asked(about: About) -> Iterator[Line]:
    """The search: each parameter that was given, and the order."""
    given = [("q", about.request.q or _say(_EVERY_CHAT, about))]
    given += [(n, v) for n, v in pairs(about.request) if n not in ("q", *_NOT_OF_AN_EXPORT)]
    for name, value in given:
        yield Line(_name(name, about), _value(name, value, about))
    yield Line(_say(_ADDRESS, about), about.links.search_page(about.request))


def _name(parameter: str, about: About) -> str:
    if parameter in PARAMETERS:
        return PARAMETERS[parameter].title.in_language(about.language)
    return _say(_PARAMETERS[parameter], about) if parameter in _PARAMETERS else parameter


def _value(parameter: str, value: str, about: About) -> str:
    """A value with the word for it, where there is one."""
    if parameter not in BY_NAME:
        words = _VALUES.get(value) if parameter != "q" else None
        return value if words is None else _say(words, about)
    label = BY_NAME[parameter].label(value, about.language)
    if label is None and BY_NAME[parameter].person:
        label = about.agents.get(value)
    return value if label is None else label if value == NONE else f"{label} ({value})"


def _covered(about: About) -> Iterator[Line]:
    coverage = about.coverage
    reasons = [
        _say(words, about).format(str(count))
        for words, count in (
            (_BACKFILL, not coverage.backfilled),
            (_PENDING, coverage.pending),
            (_REJECTED, coverage.rejected),
        )
        if count
    ]
    whole = _COMPLETE if coverage.complete else _UNPROVEN
    for text in reasons or [_say(whole, about)]:
        yield Line(_say(_COVERAGE, about), text)
    yield Line(_say(_SYNCED_AT, about), coverage.synced_at or _say(_NEVER, about))
    yield Line(_say(_ARCHIVED, about), str(coverage.chats))


def _counted(about: About, tally: Tally) -> Iterator[Line]:
    yield Line(_say(_TOTAL, about), str(about.total))
    yield Line(_say(_WRITTEN, about), str(tally.chats))
    yield Line(_say(_MESSAGES, about), str(tally.messages))
    for words, chats in ((_DAMAGED, tally.damaged), (_ABSENT, tally.absent)):
        yield Line(_say(words, about), str(len(chats)))
        yield from _named(words, chats, about)
    yield Line(_say(_CONTINUED, about), str(tally.continued))


def _named(words: Label, chats: list[int], about: About) -> Iterator[Line]:
    """The numbers of these chats, some in each cell."""
    numbers = iter(chats[:_MOST_NAMED])
    while some := ", ".join(f"#{number}" for number in islice(numbers, _IN_A_CELL)):
        yield Line(_say(words, about), some)
    if len(chats) > _MOST_NAMED:
        more = _say(_AND_MORE, about).format(str(len(chats) - _MOST_NAMED))
        yield Line(_say(words, about), more)


def _read(about: About) -> Iterator[Line]:
    for words in _HOW:
        yield Line(_say(_READING, about), _say(words, about))
    for column in columns(history=about.history):
        yield Line(_say(_COLUMN, about).format(column.name), _say(column.meaning, about))


def _say(words: Label, about: About) -> str:
    return words.in_language(about.language)
