"""What a chat said before and does not say now: texts of earlier versions, of messages that were
recalled, changed or removed.

Nearly all messages of an earlier version are as they are now. So JSON is compared first, one
version after the other (`differing`), and only messages that differ are read
(`former_messages`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from kchat_search.chats.history import decoded
from kchat_search.chats.passages import clear_passages_of
from kchat_search.chats.reader import ChatReader, Transcript
from kchat_search.models.chats import Message, StoredVersion
from kchat_search.models.damage import DamagedRow
from kchat_search.models.plan import Passage

MAX_CHARACTERS = 16_000_000
"""Of the JSON of messages that differ, in one chat: as many as a chat itself may have. Where there
are more, the newest are looked into, and the log says so."""

Json = dict[str, Any]

log = logging.getLogger(__name__)


class DifferingVersion(NamedTuple):
    """An earlier version, without the messages that the chat still has."""

    number: int
    raw: str
    """The chat's JSON, with the messages that differ and those that tell who joined."""


@dataclass(frozen=True, slots=True)
class FormerMessage:
    """A text that a chat said before: of a message, or the name of a file."""

    version: int
    """The newest version that has it."""
    message: Message
    """As it was in that version, but for `position`, which is of no meaning."""
    visible: str
    """The visible text, or the file's name."""
    passage: Passage


def differing(
    present: str, earlier: Iterable[StoredVersion | DamagedRow]
) -> tuple[DifferingVersion, ...]:
    """The earlier versions that have messages which the chat does not have now. A message that
    several versions have is in the newest of them alone.

    `present`: the chat's raw JSON. `earlier`: newest first; one at a time is in memory. The log
    names those that are damaged.
    """
    known = set(map(_key, _messages(decoded(present))))
    found: list[DifferingVersion] = []
    size = 0
    for version in earlier:
        if isinstance(version, DamagedRow):
            log.error("Not looked into: %s", version)
            continue
        sent = decoded(version.raw)
        kept, differs = [], False
        for message in _messages(sent):
            key = _key(message)
            if key not in known:
                known.add(key)
                differs = True
            elif message.get("type") != "chat.memberjoin":
                continue
            kept.append(message)
        if not differs:
            continue
        raw = json.dumps(sent | {"messages": kept})
        size += len(raw)
        if size > MAX_CHARACTERS:
            log.error(
                "Chat %d has more than %d characters of former messages: versions up to %d are "
                "not searched.", version.chat_id, MAX_CHARACTERS, version.version,
            )  # fmt: skip
            break
        found.append(DifferingVersion(version.version, raw))
    return tuple(found)


def former_messages(
    present: Transcript,
    versions: Sequence[DifferingVersion],
    reader: ChatReader,
    agents: Mapping[str, str],
) -> tuple[FormerMessage, ...]:
    """What these versions said and the chat does not say now, newest first, each text once.

    A text is said now if the message with its id has it; without an id, if any message has it.
    """
    if not versions:
        return ()
    now: dict[int | None, set[str]] = {None: set()}
    for position, passage in clear_passages_of(present):
        now[None].add(passage.text)
        now.setdefault(present.chat.messages[position].id, set()).add(passage.text)
    found: dict[tuple[int | None, str], FormerMessage] = {}
    for version in versions:
        read = reader.read(version.raw, agents)
        for position, passage in clear_passages_of(read):
            if not passage.text:
                continue
            message = read.chat.messages[position]
            key = (message.id, passage.text)
            if key not in found and passage.text not in now.get(message.id, ()):
                visible = read.visible[position]
                if read.texts[position] != passage.text and message.upload is not None:
                    visible = message.upload.name
                found[key] = FormerMessage(version.number, message, visible, passage)
    return tuple(found.values())


@dataclass(frozen=True)
class FormerTranscript(Transcript):
    """The former messages of a chat, as messages of a transcript: to look into them and to mark
    what they have."""

    former: tuple[FormerMessage, ...] = ()

    @classmethod
    def of(cls, present: Transcript, former: tuple[FormerMessage, ...]) -> FormerTranscript:
        """`former`: what the chat `present` said before."""
        return cls(
            replace(present.chat, messages=tuple(each.message for each in former)),
            present.agent_name,
            tuple(each.passage.speaker or "unknown" for each in former),
            present.visitor_name,
            present.agents,
            former,
        )

    @cached_property
    def visible(self) -> list[str]:
        """The text of each, see `FormerMessage.visible`."""
        return [each.visible for each in self.former]

    @cached_property
    def senders(self) -> tuple[str, ...]:
        """The key of whoever said each."""
        return tuple(each.passage.sender for each in self.former)


def read_former(
    present: Transcript,
    raw: str,
    earlier: Iterable[StoredVersion | DamagedRow],
    reader: ChatReader,
    agents: Mapping[str, str],
) -> FormerTranscript:
    """What a chat said before. `raw`, `earlier`: see `differing`. `agents`: names by id."""
    versions = differing(raw, earlier)
    return FormerTranscript.of(present, former_messages(present, versions, reader, agents))


def _messages(sent: Json) -> list[Json]:
    """The messages as Kchat sent them: a list, or what PHP sends in the place of one."""
    messages = sent.get("messages")
    items = messages.values() if isinstance(messages, dict) else messages
    return [item for item in items if isinstance(item, dict)] if isinstance(items, Iterable) else []


def _key(message: Json) -> str:
    """The same for two messages that say the same."""
    upload = message.get("upload")
    name = upload.get("name") if isinstance(upload, dict) else upload
    return json.dumps((message.get("id"), message.get("msg"), name))
