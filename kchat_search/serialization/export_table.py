"""The table of an export: one row for each message, with the facts of its chat.

CSV and the workbook are both written from it, so they have the same columns and say the same. To
add a column, add a row to `CHAT_COLUMNS` or `MESSAGE_COLUMNS`: nothing else lists them.

Invariant: every chat has at least one row, also one that says nothing, is absent or damaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from kchat_search.chats import ratings
from kchat_search.chats.visible_text import visible_text
from kchat_search.fields import Label
from kchat_search.models.chats import Message, Speaker
from kchat_search.models.damage import DamagedRow
from kchat_search.models.search import ChatView
from kchat_search.search.export_walk import AbsentChat, ChatWithPast, Exported
from kchat_search.serialization.safe_text import safe_link

Cell = str | datetime
"""A text, "" where there is nothing, or an aware time."""


class Said(NamedTuple):
    """A message of a chat, and what its JSON does not say directly."""

    message: Message
    speaker: Speaker
    text: str
    """What people saw of it."""
    version: int | None = None
    """Of a former message: the newest version that has it."""


Source = TypeVar("Source")


@dataclass(frozen=True, slots=True)
class Column(Generic[Source]):
    """One column, and what its cells are read from."""

    name: str
    meaning: Label
    read: Callable[[Source], Cell | None]
    """None is an empty cell."""
    width: int = 12
    """In a workbook, in characters."""
    link: bool = False
    """Are the cells addresses?"""


CHAT_COLUMNS: tuple[Column[ChatView], ...] = (
    Column("chat_id", Label("对话编号", "The chat's number"), lambda view: str(view.chat.id)),
    Column("chat_type", Label("对话类型", "The chat's type"), lambda view: view.chat.type),
    Column(
        "created_at",
        Label("对话开始时间", "When the chat began"),
        lambda view: view.chat.created_at,
        width=20,
    ),
    Column(
        "end_at",
        Label("对话结束时间", "When it ended"),
        lambda view: view.chat.end_at,
        width=20,
    ),
    Column("started_by", Label("发起方", "Who began it"), lambda view: view.chat.started_by),
    Column("status", Label("状态", "Its status"), lambda view: view.chat.status),
    Column("agent_id", Label("客服编号", "The agent's id"), lambda view: view.chat.agent_id),
    Column("agent_name", Label("客服姓名", "The agent's name"), lambda view: view.agent_name),
    Column("visitor_id", Label("访客编号", "The visitor's id"), lambda view: view.chat.visitor_id),
    Column("visitor_name", Label("访客姓名", "The visitor's name"), lambda view: view.visitor_name),
    Column("user_id", Label("用户编号", "The user's id"), lambda view: view.chat.user_id),
    Column("rating", Label("评价代码", "The rating's code"), lambda view: view.chat.rating),
    Column(
        "rating_label",
        Label("评价", "The rating"),
        lambda view: ratings.label(view.chat.rating),
    ),
    Column(
        "version",
        Label("对话的版本号", "Which version of the chat this is"),
        lambda view: str(view.version),
    ),
    Column(
        "gone_at",
        Label("发现 Kchat 上已不存在的时间", "When Kchat was seen not to have it any more"),
        lambda view: view.gone_at,
        width=20,
    ),
    Column(
        "absent",
        Label("true：导出期间已从归档删除", "true: erased from the archive meanwhile"),
        lambda _: None,
    ),
    Column(
        "damaged",
        Label("归档中已损坏：原因与处理办法", "Damaged in the archive: what is wrong, what helps"),
        lambda _: None,
    ),
)
"""The facts of a chat, which stand in each of its rows."""

MESSAGE_COLUMNS: tuple[Column[Said], ...] = (
    Column(
        "position",
        Label("消息在对话中的序号，从 0 起", "Where the message stands in the chat, from 0"),
        lambda said: str(said.message.position),
    ),
    Column(
        "message_id",
        Label("消息编号", "The message's number"),
        lambda said: None if said.message.id is None else str(said.message.id),
    ),
    Column(
        "message_type",
        Label("消息类型", "The message's type"),
        lambda said: said.message.type,
    ),
    Column(
        "message_created_at",
        Label("消息时间", "When it was said"),
        lambda said: said.message.created_at,
        width=20,
    ),
    Column("from", Label("发言方", "Who said it"), lambda said: said.speaker),
    Column("name", Label("发言人姓名", "By which name"), lambda said: said.message.name),
    Column("text", Label("正文", "What was said"), lambda said: said.text, width=60),
    Column(
        "recalled",
        Label("true：已撤回", "true: it was recalled"),
        lambda said: "true" if said.message.recalled else None,
    ),
    Column(
        "upload_name",
        Label("附件名", "The name of its file"),
        lambda said: None if said.message.upload is None else said.message.upload.name,
        width=20,
    ),
    Column(
        "upload_url",
        Label("附件地址", "The address of its file"),
        lambda said: None if said.message.upload is None else safe_link(said.message.upload.url),
        width=20,
        link=True,
    ),
)
"""One message."""

FORMER_COLUMN: Column[Said] = Column(
    "former_version",
    Label(
        "只有早先的版本里有这句话：最后一个有它的版本",
        "Said only in an earlier version: the newest that has it",
    ),
    lambda said: None if said.version is None else str(said.version),
)
"""Only where earlier versions are asked for."""


def message_columns(*, history: bool) -> tuple[Column[Said], ...]:
    """The columns of one message. `history`: former messages have rows too."""
    return (*MESSAGE_COLUMNS, FORMER_COLUMN) if history else MESSAGE_COLUMNS


def columns(*, history: bool) -> tuple[Column[Any], ...]:
    """All columns."""
    return (*CHAT_COLUMNS, *message_columns(history=history))


NAMES = tuple(column.name for column in columns(history=False))


class ChatRows(NamedTuple):
    """The rows of one chat."""

    facts: list[Cell]
    """The cells of `CHAT_COLUMNS`, in each row."""
    messages: list[list[Cell]]
    """The cells of `message_columns`, for each row; at least one."""


def chat_rows(item: Exported, *, history: bool = False) -> ChatRows:
    """The rows of a chat; its former messages come last. One without messages, absent or damaged
    has one row. `history`: see `message_columns`."""
    of_message = message_columns(history=history)
    nothing_said: list[Cell] = [""] * len(of_message)
    if isinstance(item, AbsentChat):
        return ChatRows(_only(chat_id=str(item.id), absent="true"), [nothing_said])
    if isinstance(item, DamagedRow):
        return ChatRows(_only(chat_id=str(item.chat_id), damaged=str(item)), [nothing_said])
    view = item.view if isinstance(item, ChatWithPast) else item
    facts = [column.read(view) or "" for column in CHAT_COLUMNS]
    messages = [[column.read(one) or "" for column in of_message] for one in _said(item, view)]
    return ChatRows(facts, messages or [nothing_said])


def _said(item: ChatView | ChatWithPast, view: ChatView) -> Iterator[Said]:
    for message, speaker in zip(view.chat.messages, view.speakers, strict=True):
        yield Said(message, speaker, visible_text(message.text))
    for each in item.former if isinstance(item, ChatWithPast) else ():
        yield Said(each.message, each.passage.speaker or "unknown", each.visible, each.version)


def _only(**cells: str) -> list[Cell]:
    """The cells of `CHAT_COLUMNS`, all empty but these."""
    return [cells.get(column.name, "") for column in CHAT_COLUMNS]
