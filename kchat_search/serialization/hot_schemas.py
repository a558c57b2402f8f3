"""The shape of the hot questions: `GET /api/v1/hot`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from kchat_search.models.hot import HotState, Period
from kchat_search.serialization.schemas import Time, Url

Day = Annotated[str, Field(json_schema_extra={"format": "date"})]


class TypicalMessageJson(TypedDict):
    """A message of a visitor that stands for a question. `text` is at most 160 characters."""

    chat_id: int
    message_id: int | None
    position: int
    created_at: Time | None
    text: str
    html: Annotated[Url, Field(description="The page of the chat, at this message.")]


class HotLinksJson(TypedDict):
    """The searches that find the chats of a question: in this API, and as pages."""

    self: Annotated[Url, Field(description="Of the period: `total` chats.")]
    html: Url
    before: Annotated[Url, Field(description="Of the period before: `before` chats.")]
    before_html: Url


class HotQuestionJson(TypedDict):
    """What many visitors asked first."""

    id: Annotated[str, Field(description="For the parameter `hot` of a search; for 7 days.")]
    total: Annotated[int, Field(description="Chats of the period.")]
    before: Annotated[int, Field(description="The same of the period before.")]
    change: Annotated[int, Field(description="`total` less `before`.")]
    words: Annotated[list[str], Field(description="More common here than in other questions.")]
    messages: Annotated[list[TypicalMessageJson], Field(description="Three, at most.")]
    links: HotLinksJson


class HotJson(TypedDict):
    """The hot questions of a period, the largest first."""

    state: Annotated[
        HotState,
        Field(
            description="`off`: the index has no vectors, so there are none. `waiting`: they were "
            "not computed yet."
        ),
    ]
    period: Period
    start: Day
    end: Day
    before_start: Day
    before_end: Day
    made_at: Annotated[Time | None, Field(description="When they were computed.")]
    total: Annotated[int, Field(description="All chats of the period.")]
    covered: Annotated[int, Field(description="Those that are in one of the questions.")]
    questions: list[HotQuestionJson]
