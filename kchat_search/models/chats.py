"""Chats at each stage: understood (`Chat`), fetched (`FetchedChat`, `RejectedChat`), stored
(`StoredChat`, `StoredVersion`, `StoredReject`).

Times are aware datetimes in UTC; the strings that Kchat sent stay in the raw JSON. Ids of people
are strings, because the API sends them as numbers and as strings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Literal, NamedTuple

Speaker = Literal["visitor", "agent", "robot", "unknown"]
"""Who spoke, in the API's words (`role`); «unknown» where nothing shows it."""

SPEAKERS: tuple[Speaker, ...] = ("visitor", "agent", "robot", "unknown")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent. The API's tokens (`token`, `oss_token`) are never in it.

    `size` is in bytes, `width` and `height` are in pixels. `type` is a file extension. `url` is as
    Kchat sent it and may have any scheme: show it as a link only if it is http or https.
    """

    id: str | None
    name: str
    size: int | None
    type: str
    url: str | None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    """Seconds, of a voice message or a video; None where Kchat does not say it."""


class Message(NamedTuple):
    """One message. `text` is the API's `msg` as a string, exactly as sent, lone surrogates too.

    A NamedTuple, because a build of the index makes millions of them, and a frozen dataclass takes
    four times as long to make.
    """

    id: int | None
    position: int
    """Its position in the chat, from 0. A message without an id is known by it alone."""
    type: str
    name: str
    text: str
    role: str | None
    created_at: datetime | None
    recalled: bool = False
    upload: Upload | None = None
    user_id: str | None = None
    """The id of the agent or user who sent it; None where Kchat does not say it."""


class Participant(NamedTuple):
    """An agent who took part in a chat. At least one of the two is there."""

    id: str | None
    """None where only a name is known."""
    name: str | None
    """None where only the id is known."""

    @property
    def value(self) -> str:
        """What the index has of this agent: the id, or the name where there is none. No name is the
        id of another: «2193» becomes `#2193`."""
        name = self.name or ""
        return self.id or (f"#{name}" if name.isdecimal() else name)


@dataclass(frozen=True, slots=True)
class Chat:
    """One conversation, as understood. Fields are the API's. A field that the API did not send is
    None or ''."""

    id: int
    type: str
    started_by: str
    status: str
    agent_id: str | None
    rating: str | None
    """As Kchat sent it, as a string: a code («1») or a text («满意»). `kchat_search.chats.ratings`
    has the codes."""
    visitor_id: str | None
    user_id: str | None
    created_at: datetime | None
    assigned_at: datetime | None
    end_at: datetime | None
    messages: tuple[Message, ...]


def raw_sha256(raw: str) -> str:
    """The SHA-256 (hex) of the bytes of a raw JSON text. A byte that is not UTF-8 is a lone
    surrogate in the text (PEP 383) and is counted as that byte."""
    return sha256(raw.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True)
class FetchedChat:
    """A chat as Kchat sent it, understood."""

    chat: Chat
    raw: str
    """What Kchat sent, as compact JSON in ASCII, so that any database can store it, with its
    lone surrogates and NUL characters."""
    digest: str
    """SHA-256 (hex) of the content, with keys sorted and without upload tokens, because Kchat
    renews those at any time. Two fetches with the same digest are the same version, and so are
    two with different digests that say the same (`AddsNothing`)."""
    has_messages: bool
    """False for a list item without messages. Then the chat itself must be fetched."""
    listed: bool = False
    """True for an item of a list. A list may leave out fields that the chat itself has."""
    sha256: str = ""
    """SHA-256 (hex) of the bytes of `raw`. Computed with the record, so where the chat was
    parsed: whatever happens to `raw` after that is noticed."""

    def __post_init__(self) -> None:
        _seal_raw(self)


NOT_FETCHED = "null"
"""The raw form of a reject that could not be fetched: Kchat sent nothing for it."""


@dataclass(frozen=True, slots=True)
class RejectedChat:
    """A chat that could not be fetched or understood. It is kept, counted and tried again."""

    key: str
    """`chat:<id>` where the id is known, otherwise `raw:<digest>`."""
    chat_id: int | None
    raw: str
    reason: str
    sha256: str = ""
    """SHA-256 (hex) of the bytes of `raw`, computed with the record."""

    def __post_init__(self) -> None:
        _seal_raw(self)


def _seal_raw(fetched: FetchedChat | RejectedChat) -> None:
    if not fetched.sha256:
        object.__setattr__(fetched, "sha256", raw_sha256(fetched.raw))


Understand = Callable[[str], FetchedChat | RejectedChat]
"""From a chat's raw JSON to what is understood of it today. Raises ValueError for a text that is no
JSON."""


AddsNothing = Callable[[FetchedChat, str], bool]
"""Does a fetched chat say nothing that the stored raw JSON of this chat does not say?"""


@dataclass(frozen=True, slots=True)
class ChatPage:
    """One page of Kchat's list."""

    number: int
    chats: tuple[FetchedChat, ...]
    rejects: tuple[RejectedChat, ...]
    count: int | None
    """How many chats the whole list has, or None if the server does not say it."""
    last: bool
    """No page follows: the server says so, or shows it by an empty page."""
    failed: str | None = None
    """Why this page could not be fetched although the next one could; None if it was fetched."""

    @property
    def size(self) -> int:
        """How many chats the server put on the page, understood or not."""
        return len(self.chats) + len(self.rejects)


@dataclass(frozen=True, slots=True)
class StoredReject:
    """A reject as the archive has it."""

    reject: RejectedChat
    """If its row in the archive is damaged, only its key is known; `reason` says so."""
    first_seen_at: datetime | None
    """None if its row is damaged."""
    last_seen_at: datetime | None
    times: int
    """How often it was rejected; 0 if its row is damaged."""
    gone_at: datetime | None = None
    """When Kchat no longer showed it; None while Kchat shows it."""


@dataclass(frozen=True, slots=True)
class StoredChat:
    """The present version of a chat, as the archive has it."""

    id: int
    raw: str
    digest: str
    version: int
    """1 for the first version; each change adds 1."""
    first_seen_at: datetime
    changed_at: datetime
    """When the present version was first seen."""
    seen_at: datetime
    """When Kchat last showed this chat."""
    gone_at: datetime | None
    """When Kchat no longer had it; None while Kchat has it."""

    @property
    def revision(self) -> int:
        """See `revision`."""
        return revision(self.version, gone=self.gone_at is not None)


def revision(version: int, *, gone: bool) -> int:
    """A number of a chat that changes whenever its document in the index would differ.

    It is twice the version, plus 1 while the chat is gone from Kchat. The index and the archive
    have the same chats if they have the same ids with the same revisions.
    """
    return 2 * version + gone


def is_gone(revision: int) -> bool:
    """Whether this is the revision of a chat that is gone from Kchat."""
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
    """What sync needs to decide whether to fetch a chat again."""

    id: int
    status: str
    end_at: datetime | None
    created_at: datetime | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """An entry of the change queue: this chat must be indexed as it is now.

    Entries are in the order of `sequence`. A number is never used twice.
    """

    sequence: int
    chat_id: int


@dataclass(frozen=True, slots=True)
class SaveReport:
    """What one save did. Counts are of chats, `rejected` of rejects."""

    new: int = 0
    changed: int = 0
    same: int = 0
    rejected: int = 0
    replaced: Mapping[int, str] = field(default_factory=dict, compare=False)
    """Of the chats that changed, by id: the digest of the version before."""
