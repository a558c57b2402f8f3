"""The shapes of a search's answer: `GET /api/v1/search` and `GET /api/v1/related`."""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Annotated,
    Literal,
    NotRequired,  # pydantic wants these before Python 3.12
)

from pydantic import Field
from typing_extensions import TypedDict

from kchat_search.fields import FIELDS
from kchat_search.models.chats import Speaker
from kchat_search.models.plan import ENOUGH, MOST_DAYS
from kchat_search.models.search import NoteCode
from kchat_search.serialization.schemas import CoverageJson, LinksJson, ParticipantJson, Time, Url


class PartJson(TypedDict):
    """How many chats one part of the query finds by itself, without the filters."""

    text: str
    count: Annotated[int | None, Field(description="null: not counted, because time ran out.")]


class SuggestionJson(TypedDict):
    """What may have been meant: a query with similar words that the index has."""

    q: str
    total: Annotated[int, Field(description="What this search finds with `q` in place of its own.")]


class CutJson(TypedDict):
    """What would be found without one filter, with all the others."""

    parameter: Annotated[
        str,
        Field(
            description="The filter's name (`created` for `start` and `end`, `said` for "
            "`said_start` and `said_end`), or `q` for a part of the query that filters or excludes."
        ),
    ]
    part: Annotated[str | None, Field(description="That part of the query.")]
    q: Annotated[str, Field(description="The query without it.")]
    total: int


class SaidInsteadJson(TypedDict):
    """The same search by when it was said, in place of when the chats were created."""

    q: str
    said_start: str | None
    said_end: str | None
    total: Annotated[
        int, Field(description="What it finds with these in place of `q`, `start` and `end`.")
    ]
    more: Annotated[int, Field(description="How many of them this search leaves out.")]


class NoteJson(TypedDict):
    """Something in the query that was not taken as it was typed."""

    code: Annotated[NoteCode, Field(description="For programs.")]
    text: Annotated[str, Field(description="For people.")]
    instead: Annotated[
        str | None, Field(description="The query that takes it the other way, where there is one.")
    ]


class QueryJson(TypedDict):
    """How the query was understood."""

    q: str
    understood: str
    sort: Literal["relevance", "newest", "oldest"]
    notes: Annotated[list[NoteJson], Field(description="What was not taken as it was typed.")]
    parts: Annotated[list[PartJson], Field(description="Only where no chat has all of it.")]
    suggestions: Annotated[
        list[SuggestionJson],
        Field(
            description="At most six: where few chats, or none, have all of it; and the chat whose "
            "number was typed."
        ),
    ]
    cuts: Annotated[list[CutJson], Field(description="Only where nothing was found.")]
    said_instead: Annotated[
        SaidInsteadJson | None,
        Field(
            description="Where chats were created outside of the days that are asked for and said "
            "it within; on the first page only."
        ),
    ]
    without_filters: Annotated[
        int | None,
        Field(description="Where nothing was found and there were filters: hits without them."),
    ]


class ChatSummaryJson(TypedDict):
    """A chat without its messages. `rating` is raw: a code, a text or null."""

    id: int
    type: str
    started_by: str
    status: str
    agent_id: str | None
    agent_name: str | None
    participants: list[ParticipantJson]
    rating: str | None
    visitor_id: str | None
    visitor_name: str | None
    user_id: str | None
    created_at: Time | None
    assigned_at: Time | None
    end_at: Time | None
    message_count: int
    gone_at: Annotated[Time | None, Field(description="When Kchat no longer had this chat.")]


SnippetJson = TypedDict(
    "SnippetJson",
    {
        "message_id": int | None,
        "position": Annotated[int, Field(description="Which message of the chat, from 0.")],
        "name": str,
        "from": Speaker,
        "created_at": Time | None,
        "text": Annotated[str, Field(description="Visible text, never HTML.")],
        "highlights": Annotated[
            list[tuple[int, int]],
            Field(description="[start, end) in Unicode code points of `text`."),
        ],
        "start": Annotated[int, Field(description="Where it begins in the visible text.")],
        "cut": Annotated[bool, Field(description="There is more of the message after `text`.")],
        "reply": Annotated[
            bool,
            Field(
                description="The reply that followed the best message of the visitor, whether or "
                "not it matches."
            ),
        ],
        "former": Annotated[
            bool, Field(description="An earlier version said this, and the chat does not now.")
        ],
        "version": Annotated[
            int | None, Field(description="Of a former message: the newest version that has it.")
        ],
    },
)


class HitJson(TypedDict):
    """A chat that was found."""

    chat: ChatSummaryJson
    score: float
    snippets: list[SnippetJson]
    links: LinksJson


class FacetJson(TypedDict):
    """One value of a facet; null stands for «none»: filter by the word `none`."""

    value: str | None
    label: str | None
    count: int


class PeriodJson(TypedDict):
    """Chats created in one month (`2015-04`) or on one day (`2015-04-25`), in the configured zone;
    null: without a time."""

    value: str | None
    count: int


if TYPE_CHECKING:
    FacetsJson = dict[str, list[FacetJson] | list[PeriodJson]]
else:
    FacetsJson = TypedDict(
        "FacetsJson",
        {
            **{
                field.name: Annotated[
                    list[FacetJson],
                    Field(description="A chat counts for each of its values.")
                    if field.many
                    else Field(),
                ]
                for field in FIELDS
                if field.facet
            },
            "created_month": list[PeriodJson],
            "created_day": Annotated[
                list[PeriodJson],
                Field(
                    description=f"Only where the hits lie within {MOST_DAYS} days: months say more "
                    "otherwise."
                ),
            ],
        },
        total=False,
    )
    FacetsJson.__doc__ = "Counts by value; each facet without the filter of its own name."


class RelatedHitJson(HitJson):
    """A chat with only some of the words of the query."""

    why: Literal["words"]
    has: Annotated[list[str], Field(description="The words that it has.")]
    lacks: Annotated[list[str], Field(description="The words that it lacks.")]


class MeantHitJson(HitJson):
    """A chat whose visitor asked about the same matter, whatever the words: a guess. Its snippet is
    the message that came nearest, and `score` how near, at most 1."""

    why: Literal["meaning"]


class DamagedHitJson(TypedDict):
    """A hit whose chat is damaged in the archive. `total` counts it."""

    id: int
    problem: Annotated[str, Field(description="What is wrong with it, and the way out.")]


class SearchJson(TypedDict):
    """A page of hits. `total` is exact."""

    query: QueryJson
    total: int
    page: int
    per_page: int
    next: Url | None
    previous: Url | None
    cursor: Annotated[
        str | None,
        Field(description="Send it back as `cursor` to get the hits that follow; null at the end."),
    ]
    hits: list[HitJson]
    damaged: Annotated[
        list[DamagedHitJson],
        Field(description="Hits of this page, and related chats, that can't be shown."),
    ]
    related: Annotated[
        list[RelatedHitJson | MeantHitJson],
        Field(
            description=f"By relevance, where fewer than {ENOUGH} chats have all of it: chats with "
            "some of the words, best first; then at most five that mean the same. Never in "
            "`total`, in facets or in an export; not behind a cursor."
        ),
    ]
    related_total: Annotated[
        int, Field(description="How many chats have only some of the words, exactly.")
    ]
    former: Annotated[
        int | None,
        Field(
            description="How many chats more `history=true` finds; null where it was asked for, or "
            "may not be."
        ),
    ]
    facets: FacetsJson
    coverage: CoverageJson
    took_ms: NotRequired[
        Annotated[float, Field(description="Left out for who does not see everything.")]
    ]


class SimilarJson(TypedDict):
    """The chats that are like one."""

    id: Annotated[int, Field(description="The chat that they are like.")]
    similar: Annotated[
        list[HitJson],
        Field(
            description="Best first; of equally good ones, the newest. Each with the message that "
            "makes them alike, and the reply to it."
        ),
    ]
    damaged: Annotated[list[DamagedHitJson], Field(description="Those that can't be shown.")]


class RelatedJson(TypedDict):
    """The related chats of a search, alone."""

    query: QueryJson
    total: Annotated[int, Field(description="How many chats have all of it.")]
    related: list[RelatedHitJson | MeantHitJson]
    related_total: int
    damaged: list[DamagedHitJson]
    coverage: CoverageJson
    took_ms: NotRequired[
        Annotated[float, Field(description="Left out for who does not see everything.")]
    ]
