"""Chats: as understood (`Chat`), fetched (`FetchedChat`), stored (`StoredChat`), rejected.

Times are aware datetimes in UTC; the original strings stay in the raw JSON. Ids of people are
one string form inside, since the API sends them as numbers and as strings.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

Speaker = Literal["visitor", "agent", "robot", "unknown"]
"""Who spoke, in the API's words (`role`), or «unknown» where nothing tells."""

SPEAKERS: tuple[Speaker, ...] = ("visitor", "agent", "robot", "unknown")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent. The tokens of the API (`token`, `oss_token`) never get here.

    `size` is in bytes, `width` and `height` in pixels; `type` is a file extension; `url` is as
    sent and may have any scheme: show it as a link only if it is http or https.
    """

    id: str | None
    name: str
    size: int | None
    type: str
    url: str | None
    width: int | None = None
    height: int | None = None


class Message(NamedTuple):
    """One message. `text` is the API's `msg` as a string, exactly as sent (lone surrogates too).

    A NamedTuple, since a build makes millions: a frozen dataclass takes four times as long.
    """

    id: int | None
    position: int
    """Its place in the chat, from 0; the only name of a message that has no id."""
    type: str
    name: str
    text: str
    role: str | None
    created_at: datetime | None
    recalled: bool = False
    upload: Upload | None = None


@dataclass(frozen=True, slots=True)
class Chat:
    """One conversation, as understood. Fields are the API's; what it did not send is None or ''."""

    id: int
    type: str
    started_by: str
    status: str
    agent_id: str | None
    rating: str | None
    """Raw, as a string: a code («1») or a text («满意»); see `kchat_search.chats.ratings`."""
    visitor_id: str | None
    user_id: str | None
    created_at: datetime | None
    assigned_at: datetime | None
    end_at: datetime | None
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class FetchedChat:
    """A chat as it came from the wire."""

    chat: Chat
    raw: str
    """What Kchat sent, as compact JSON in ASCII: lone surrogates and NUL survive any storage."""
    digest: str
    """SHA-256 (hex) of the content: keys sorted, upload tokens left out, since Kchat renews those
    at will. Two fetches with one digest are the same version."""
    has_messages: bool
    """False where a list item came without messages: then the chat itself must be fetched."""
    listed: bool = False
    """As a list shows it, which may leave fields out."""


NOTHING = "null"
"""The raw form of a chat that could not be had at all."""


@dataclass(frozen=True, slots=True)
class RejectedChat:
    """A chat that can't be understood. It is kept, counted and tried again."""

    key: str
    """`chat:<id>` where the id is known, else `raw:<digest>`."""
    chat_id: int | None
    raw: str
    reason: str


@dataclass(frozen=True, slots=True)
class ChatPage:
    """One page of Kchat's list."""

    number: int
    chats: tuple[FetchedChat, ...]
    rejects: tuple[RejectedChat, ...]
    count: int | None
    """How many chats the whole list has, if the server says so."""
    last: bool
    """The server says, or shows by an empty page, that none follows."""
    failed: str | None = None
    """Why this page could not be had, though the one behind it could."""

    @property
    def size(self) -> int:
        """How many chats the server put on the page, understood or not."""
        return len(self.chats) + len(self.rejects)


@dataclass(frozen=True, slots=True)
class StoredReject:
    """A reject as the archive keeps it."""

    reject: RejectedChat
    first_seen_at: datetime
    last_seen_at: datetime
    times: int
    gone_at: datetime | None = None
    """When Kchat was found to show it no more; None while it does."""


@dataclass(frozen=True, slots=True)
class StoredChat:
    """A chat as the archive keeps it: the present version."""

    id: int
    raw: str
    digest: str
    version: int
    """1 for the first; each change adds one."""
    first_seen_at: datetime
    changed_at: datetime
    """When the present version was first seen."""
    seen_at: datetime
    """When Kchat last showed this chat."""
    gone_at: datetime | None
    """When Kchat no longer had it; None while it is there."""

    @property
    def revision(self) -> int:
        """See `revision`."""
        return revision(self.version, gone=self.gone_at is not None)


def revision(version: int, *, gone: bool) -> int:
    """One number that changes with whatever the index shows of a chat: twice its version, and one
    more while Kchat has it no more. So index and archive can be held against one another."""
    return 2 * version + gone


def is_gone(revision: int) -> bool:
    """Is that the revision of a chat that Kchat has no more?"""
    return revision % 2 == 1


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of a chat, present or past."""

    chat_id: int
    version: int
    raw: str
    digest: str
    seen_at: datetime
    """When this version was first seen."""


@dataclass(frozen=True, slots=True)
class ChatState:
    """What the decision «look at this chat again?» needs to know, and no more."""

    id: int
    status: str
    end_at: datetime | None
    created_at: datetime | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """An entry of the change queue: this chat must be indexed as it is now."""

    sequence: int
    chat_id: int


@dataclass(frozen=True, slots=True)
class SaveReport:
    """What one transaction of the archive did."""

    new: int = 0
    changed: int = 0
    same: int = 0
    rejected: int = 0
