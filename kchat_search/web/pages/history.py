"""What the page of a chat's versions shows: the differences, grouped for a reader.

Pure functions, except for the words, which are in the language of the request. Invariant: the text
that a message had before it was recalled or removed is shown in full. Only what can still be read
elsewhere is cut short, and then the page says so.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from flask_babel import gettext as _

from kchat_search import processor_time
from kchat_search.chats.history import (
    FieldDifference,
    History,
    MessageDifference,
    Version,
    value_text,
)
from kchat_search.chats.visible_text import visible_text
from kchat_search.errors import RequestTooExpensive
from kchat_search.models.chats import Chat, Message
from kchat_search.serialization.links import anchor, versions_url
from kchat_search.web.pages.labels import Labels

log = logging.getLogger(__name__)

A_PAGE = 20
"""Versions on a page, at most."""
_MESSAGES_A_PAGE = 10_000
"""Messages of all versions of a page, unless one version has more."""
_PATIENCE = 0.2
"""Seconds of processor time for `said_before`. Where it does not suffice, links are missing, and
the page of the versions has all there is."""
_MAX_OPEN = 5
"""A group of at most so many added messages is open from the beginning."""
_GROW_TOO = frozenset(("message_count", "duration"))
"""Fields of a chat that change whenever it grows."""
_SHOWN = 1_000
"""At most so many added or touched messages of a version are shown. The API has them all."""

Kind = Literal["recalled", "changed", "removed", "added", "touched"]
_Anchored = tuple[str, MessageDifference]
"""(anchor on the page, difference)."""


@dataclass(frozen=True, slots=True)
class ShownField:
    """A field that changed, in the words of the page. A missing value is ""."""

    name: str
    """In the API."""
    title: str
    known: bool
    """Whether `title` is a word of the page. If not, it is the name of the field."""
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Pieces:
    """A text in three pieces, compared with another text: the common beginning, what only this text
    has, and the common end."""

    head: str
    own: str
    tail: str


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message that changed."""

    anchor: str
    message: Message
    """The message before the change; a message that was added, after it."""
    text: str
    """The visible text of `message`."""
    before: Pieces
    after: Pieces
    upload_after: str | None
    """The name of its file after the change. "" if it has none any more, None if it is the same."""
    fields: tuple[ShownField, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The messages with one kind of change."""

    kind: Kind
    """`touched`: neither text nor file changed, but another field."""
    title: str
    total: int
    """Messages of this kind; `messages` may have fewer."""
    messages: tuple[ShownMessage, ...]
    open: bool
    """Is the group open when the page is loaded?"""


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """A version with its differences from the version before."""

    version: Version
    fields: tuple[ShownField, ...]
    groups: tuple[Group, ...]
    """The groups whose texts can't be read elsewhere come first."""


@dataclass(frozen=True, slots=True)
class Fold:
    """What stands as one entry on the page: a version, or several in which the chat only grew."""

    versions: tuple[ShownVersion, ...]
    """Newest first."""
    grew: bool
    """Did nothing happen but that messages were added?"""

    @property
    def added(self) -> int:
        """How many messages were added."""
        groups = (group for one in self.versions for group in one.groups)
        return sum(group.total for group in groups if group.kind == "added")


def folded(versions: Iterable[ShownVersion]) -> tuple[Fold, ...]:
    """The entries of the page, in the order of the versions: those that follow each other and only
    grew are one."""
    return tuple(
        fold
        for grew, some in groupby(versions, _only_grew)
        for fold in ([Fold(tuple(some), grew)] if grew else [Fold((one,), grew) for one in some])
    )


def _only_grew(one: ShownVersion) -> bool:
    """Were messages added, and nothing else? That they were read, and what Kchat counts of them,
    follows from it."""
    kinds = {group.kind: group for group in one.groups}
    touched = kinds.pop("touched", None)
    if set(kinds) != {"added"} or any(field.name not in _GROW_TOO for field in one.fields):
        return False
    if touched is None:
        return True
    fields = {field.name for message in touched.messages for field in message.fields}
    return fields <= {"is_read"} and touched.total == len(touched.messages)


def versions_a_page(chat: Chat) -> int:
    """How many versions of this chat a page shows: fewer if it has thousands of messages."""
    return max(1, min(A_PAGE, _MESSAGES_A_PAGE // max(1, len(chat.messages))))


def shown_versions(
    history: History, offset: int, a_page: int, agents: Mapping[str, str]
) -> tuple[ShownVersion, ...]:
    """One page of versions, newest first, without the first `offset`, at most `a_page`. `agents`:
    names by id."""
    stop = max(0, len(history) - offset)
    namer = _Namer(agents)
    oldest_first = [_shown(version, namer) for version in history.walk(max(0, stop - a_page), stop)]
    return tuple(reversed(oldest_first))


def said_before(history: History, chat: Chat) -> dict[int, str]:
    """By id of a message: the address of the change that removed its text or its file.

    A message that was recalled before the archive saw it is not in the answer. Of a chat with very
    many versions, only the first are looked through.
    """
    addresses: dict[int, str] = {}
    try:
        with processor_time.limited(_PATIENCE):
            _add_addresses(addresses, history, chat)
    except RequestTooExpensive:
        log.info("Not all versions of chat %d were looked through.", chat.id)
    return addresses


def _add_addresses(addresses: dict[int, str], history: History, chat: Chat) -> None:
    a_page = versions_a_page(chat)
    for position, version in enumerate(history.walk()):
        offset = (len(history) - 1 - position) // a_page * a_page
        for name, change in _anchored(version):
            before, after = change.before, change.after
            if before is None or after is None or after.id is None:
                continue
            text_gone = visible_text(before.text) and not visible_text(after.text)
            if text_gone or (before.upload and not after.upload):
                addresses[after.id] = versions_url(chat.id, offset, name)


def pieces(text: str, other: str) -> Pieces:
    """The pieces of `text`, compared with `other`."""
    shortest = min(len(text), len(other))
    head = 0
    while head < shortest and text[head] == other[head]:
        head += 1
    tail = 0
    while tail < shortest - head and text[-1 - tail] == other[-1 - tail]:
        tail += 1
    end = len(text) - tail
    return Pieces(text[:head], text[head:end], text[end:])


class _Namer:
    """The page's words for fields and their values. Made once for each page."""

    def __init__(self, agents: Mapping[str, str]) -> None:
        self._agents = agents
        self._labels = Labels()
        self._titles = self._labels.titles | {
            "created_at": _("创建"),
            "assigned_at": _("分配"),
            "end_at": _("结束"),
            "messages": _("消息"),
        }
        self.groups: dict[Kind, str] = {
            "recalled": _("撤回的消息"),
            "changed": _("修改的消息"),
            "removed": _("移除的消息"),
            "added": _("新增的消息"),
            "touched": _("仅其他字段有变化的消息"),
        }
        self._of_messages: dict[str, str] = {
            "position": _("位置"),
            "recalled": _("已撤回"),
            "upload": _("附件"),
            "is_read": _("已读"),
            "msg": _("原始格式"),
        }

    def of_chat(self, change: FieldDifference) -> ShownField:
        """A field of the chat."""
        before, after = (self._value(change.name, value) for value in (change.before, change.after))
        return self._field(change, self._titles, before, after)

    def of_message(self, change: FieldDifference) -> ShownField:
        """A field of a message."""
        before, after = value_text(change.before), value_text(change.after)
        if change.name == "position":  # people count from 1
            before, after = (
                str(value + 1) if isinstance(value, int) else value_text(value)
                for value in (change.before, change.after)
            )
        return self._field(change, self._of_messages, before, after)

    def _field(
        self, change: FieldDifference, titles: Mapping[str, str], before: str, after: str
    ) -> ShownField:
        if before == after:  # 2192 and "2192": quotes show which one is text
            before, after = (
                f'"{value}"' if isinstance(value, str) else value_text(value)
                for value in (change.before, change.after)
            )
        known = change.name in titles
        title = titles.get(change.name, change.name)
        return ShownField(change.name, title, known, before, after)

    def _value(self, name: str, value: object) -> str:
        text = value_text(value)
        if not text:
            return ""
        if name == "agent_id":
            return self._agents.get(text, text)
        return self._labels.value(name, text) if name in self._labels.titles else text


def _shown(version: Version, namer: _Namer) -> ShownVersion:
    by_kind: dict[Kind, list[_Anchored]] = {kind: [] for kind in namer.groups}
    for name, change in _anchored(version):
        by_kind[_kind(change)].append((name, change))
    return ShownVersion(
        version=version,
        fields=tuple(
            namer.of_chat(change)
            for change in version.differences
            if isinstance(change, FieldDifference)
        ),
        groups=tuple(_group(kind, some, namer) for kind, some in by_kind.items() if some),
    )


def _group(kind: Kind, changes: list[_Anchored], namer: _Namer) -> Group:
    may_be_cut = kind in ("added", "touched")
    return Group(
        kind=kind,
        title=namer.groups[kind],
        total=len(changes),
        messages=tuple(
            _message(name, change, namer)
            for name, change in (changes[:_SHOWN] if may_be_cut else changes)
        ),
        open=not may_be_cut or (kind == "added" and len(changes) <= _MAX_OPEN),
    )


def _message(name: str, change: MessageDifference, namer: _Namer) -> ShownMessage:
    processor_time.check()
    before = visible_text(change.before.text) if change.before else ""
    after = visible_text(change.after.text) if change.after else ""
    shown = change.before or change.message
    file_after = _file(change.after)
    return ShownMessage(
        anchor=name,
        message=shown,
        text=before if change.before else after,
        before=pieces(before, after),
        after=pieces(after, before),
        upload_after=None if file_after == _file(shown) else file_after or "",
        fields=tuple(namer.of_message(field) for field in _by_field_of_file(change.fields)),
    )


def _by_field_of_file(fields: Iterable[FieldDifference]) -> Iterator[FieldDifference]:
    """The differences in the fields of a message, with those of its file one by one."""
    for field in fields:
        before, after = field.before, field.after
        if field.name == "upload" and isinstance(before, dict) and isinstance(after, dict):
            for name in dict.fromkeys((*before, *after)):
                if before.get(name) != after.get(name):
                    yield FieldDifference(f"upload.{name}", before.get(name), after.get(name))
        elif field.name != "upload" or not (
            isinstance(before, dict | None) and isinstance(after, dict | None)
        ):
            yield field  # a file that was added or removed is shown by its name instead


def _anchored(version: Version) -> Iterator[_Anchored]:
    """The messages that changed, each with an anchor that no other has.

    Ids alone do not suffice, because a server may send one twice. Positions alone do not either,
    because one may be of before the change and another of after it.
    """
    used: set[str] = set()
    for number, change in enumerate(version.differences):
        if isinstance(change, MessageDifference):
            name = f"v{version.number}-{anchor(change.message.id, change.message.position)}"
            name = f"{name}-{number}" if name in used else name
            used.add(name)
            yield name, change


def _kind(change: MessageDifference) -> Kind:
    same_content = not change.text_changed and _file(change.before) == _file(change.after)
    return "touched" if change.kind == "changed" and same_content else change.kind


def _file(message: Message | None) -> str | None:
    """What a reader recognizes a message's file by: its name, else its id. None without a file."""
    if message is None or message.upload is None:
        return None
    return message.upload.name or message.upload.id or "?"
