"""The shapes of the JSON that the API answers with: section «HTTP API» of the contract.

mypy checks the functions of this room against these, and pydantic makes the OpenAPI document from
them, so what is described is what is sent. Times are RFC 3339 in the configured zone.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from kchat_search.models.chats import Speaker
from kchat_search.models.people import Permission, Role

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]


class LinksJson(TypedDict):
    """Where the chat is: in this API, as a page, at Kchat."""

    self: Url
    html: Url
    kchat: Url | None


class CoverageJson(TypedDict):
    """Does the answer cover every chat? `complete` is false while chats wait or were rejected."""

    complete: bool
    chats: int
    pending: int
    rejected: int
    synced_at: Time | None


MessageNotesJson = TypedDict(
    "MessageNotesJson",
    {
        "position": int,
        "message_id": int | None,
        "from": Speaker,
        "created_at": Time | None,
        "text": Annotated[str, Field(description="The visible text: what people saw of `msg`.")],
        "highlights": Annotated[
            list[tuple[int, int]],
            Field(description="What `q` marks: [start, end) in code points of `text`."),
        ],
    },
)


class ParticipantJson(TypedDict):
    """An agent who was in charge, or said something. At least one of the two is known."""

    id: str | None
    name: str | None


class ChatJson(TypedDict):
    """One chat."""

    chat: Annotated[
        dict[str, Any],
        Field(description="The chat as Kchat sent it, with the tokens of uploads removed."),
    ]
    messages: Annotated[
        list[MessageNotesJson], Field(description="What is known of each message, in order.")
    ]
    agent_name: str | None
    participants: list[ParticipantJson]
    visitor_name: str | None
    version: Annotated[int, Field(description="1 for the first; each change adds one.")]
    digest: str
    first_seen_at: Time
    changed_at: Time
    gone_at: Time | None
    links: LinksJson


class FieldChangeJson(TypedDict):
    """A field that changed: of the chat, or of a message. null also where it was absent."""

    kind: Literal["field"]
    name: str
    before: Any
    after: Any


class MessageChangeJson(TypedDict):
    """A message that was added, removed, recalled or otherwise changed."""

    kind: Literal["added", "removed", "changed", "recalled"]
    message_id: int | None
    position: Annotated[
        int, Field(description="Its place in the chat, from 0; of a removed one, before.")
    ]
    name: str
    before: Annotated[str | None, Field(description="Its visible text before; null: none.")]
    after: Annotated[str | None, Field(description="Its visible text after; null: gone.")]
    recalled: bool
    upload: Annotated[str | None, Field(description="The name of its file.")]
    fields: Annotated[
        list[FieldChangeJson],
        Field(
            description="What else changed: `position` where it moved, `msg` where people saw "
            "the same text."
        ),
    ]


class VersionJson(TypedDict):
    """A version of a chat."""

    version: Annotated[int, Field(description="1 for the first.")]
    seen_at: Annotated[
        Time | None, Field(description="When this version was first seen; null: it is damaged.")
    ]
    until: Annotated[Time | None, Field(description="When the next was; null: the present one.")]
    digest: str
    chat: NotRequired[
        Annotated[
            dict[str, Any],
            Field(description="The chat as Kchat sent it then, tokens removed. See `full`."),
        ]
    ]
    changes: Annotated[
        list[FieldChangeJson | MessageChangeJson],
        Field(
            description="From the version before: fields of the chat, then messages by position. "
            "Empty for the first version, where nothing that may be shown changed, and for a "
            "version that is damaged or follows one that is."
        ),
    ]
    damaged: NotRequired[
        Annotated[str, Field(description="Why it can't be read. Then `chat` is not there.")]
    ]


class ChatWithPastJson(ChatJson):
    """One chat of an export with `history`."""

    versions: Annotated[list[VersionJson], Field(description="All its versions, oldest first.")]


class VersionsLinksJson(TypedDict):
    """Where the versions are, in this API and as a page, and where the chat is."""

    self: Url
    html: Url
    chat: Url


class VersionsJson(TypedDict):
    """What a chat said before."""

    chat_id: int
    total: Annotated[int, Field(description="How many versions the chat has.")]
    page: int
    per_page: int
    next: Url | None
    previous: Url | None
    versions: Annotated[list[VersionJson], Field(description="Oldest first.")]

    links: VersionsLinksJson


class AbsentIdJson(TypedDict):
    """All that is known of it."""

    id: int


class DamagedExportJson(TypedDict):
    """A chat that was found, and is damaged in the archive."""

    chat: AbsentIdJson
    damaged: Annotated[str, Field(description="What is wrong with it, and the way out.")]


class AbsentJson(TypedDict):
    """A chat that was found, and was erased before the export reached it."""

    chat: AbsentIdJson
    absent: Literal[True]


class AgentJson(TypedDict):
    """An agent, as Kchat lists them."""

    id: str
    name: str


class AgentsJson(TypedDict):
    """All agents whose names are known, by id."""

    agents: list[AgentJson]


class AlertJson(TypedDict):
    """Something is wrong now; searches are answered all the same."""

    code: Annotated[str, Field(description="Which one; docs/api.md lists them.")]
    text: Annotated[str, Field(description="The whole alert, in the language of the answer.")]
    reason: Annotated[str, Field(description="Why, and what to do; in English.")]
    since: Annotated[Time, Field(description="When it happened for the first time in a row.")]
    times: Annotated[int, Field(description="How often in a row; for damage, of how many rows.")]
    next_try_at: Annotated[Time | None, Field(description="null: nothing is planned.")]


class ReadyJson(TypedDict):
    """Searches are answered."""

    status: Literal["ok"]
    alerts: Annotated[
        NotRequired[list[AlertJson]], Field(description="For those who may see the status.")
    ]


class MeJson(TypedDict):
    """Who asks."""

    kind: Annotated[
        Literal["person", "token", "anyone"],
        Field(description="anyone: whoever sits at this machine, as long as there are no people."),
    ]
    name: Annotated[str, Field(description="The user name, or the name of the token.")]
    roles: list[Role]
    agent_id: Annotated[str | None, Field(description="The Kchat agent who it is, if it is one.")]
    permissions: Annotated[
        list[Permission], Field(description="What it may do; docs/api.md lists them.")
    ]


class LifeJson(TypedDict):
    """The process lives."""

    status: Literal["ok"]


class ProblemJson(TypedDict, total=False):
    """An error, RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    parameter: Annotated[str, Field(description="The parameter that was refused.")]
    limit: Annotated[int, Field(description="The limit that was passed.")]
    alerts: Annotated[
        list[AlertJson], Field(description="With 503: what else is wrong now, such as the indexer.")
    ]
