"""What a person asks of the search and what it answers.

SearchRequest --syntax, plan--> Plan --engine--> EngineAnswer --snippets--> SearchPage
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from kchat_search.models.chats import Chat, Speaker
from kchat_search.models.plan import FilterField, Match, Sort
from kchat_search.models.reports import Coverage

MAX_QUERY_CHARACTERS = 1_000
MAX_CLAUSES = 64
"""Words, quoted strings and groups of one query."""
MAX_HITS_BY_PAGE = 10_000
"""As far as `page` reaches. A cursor has no end."""
MAX_PER_PAGE = 100
MAX_SNIPPETS = 5
"""Snippets of one hit."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search as it was asked; fields and words as in the HTTP API. Nothing is checked yet."""

    q: str = ""
    match: Match = "auto"
    filters: Mapping[FilterField, tuple[str, ...]] = field(default_factory=dict)
    """By name of a field (`kchat_search.fields`): the values asked for, as they were given, any of
    them; «none» for chats without a value. A field that is not filtered by is not in it."""
    start: str | None = None
    """A day (`2016-01-01`, from its beginning) or an RFC 3339 time."""
    end: str | None = None
    """A day (to its end) or an RFC 3339 time (included)."""
    sort: Sort = "relevance"
    page: int = 1
    per_page: int = 20
    cursor: str | None = None
    facets: tuple[str, ...] | None = None
    """None: all; () none."""
    snippets: int = 3


@dataclass(frozen=True, slots=True)
class Snippet:
    """A message that matched: text and ranges, never HTML."""

    message_id: int | None
    position: int
    name: str
    speaker: Speaker
    created_at: datetime | None
    text: str
    """The original text, or a cut of it around the match."""
    highlights: tuple[tuple[int, int], ...]
    """[start, end) in code points of `text`."""
    start: int = 0
    """Where `text` begins in the message, in code points."""
    cut: bool = False
    """There is more of the message after `text`."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A chat that was found."""

    chat: Chat
    speakers: tuple[Speaker, ...]
    """Who spoke, message by message."""
    agent_name: str | None
    visitor_name: str | None
    gone_at: datetime | None
    score: float
    snippets: tuple[Snippet, ...]


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a facet. `value` None is «none»; `label` None: the page's own words."""

    value: str | None
    label: str | None
    count: int


@dataclass(frozen=True, slots=True)
class PartCount:
    """How many chats one part of the query has alone (filters aside)."""

    text: str
    count: int | None
    """None: not counted, for want of time."""


@dataclass(frozen=True, slots=True)
class FilterCut:
    """What would be found without one filter, all others kept."""

    parameter: str
    """The filter's name («agent_id»; «created» for start and end), or «q» for a part of the query
    that filters or excludes."""
    part: str | None
    """The part of the query, as it was understood."""
    q: str
    """The query without it."""
    total: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What may have been meant: a query that some chats answer whole."""

    q: str
    total: int
    """What a search for it finds, filters included; where few have all of it, those with some of
    it too."""


NoteCode = Literal[
    "taken_as_text",
    "stray_quote",
    "stray_parenthesis",
    "unclosed_parenthesis",
    "operator_without_condition",
    "unknown_field",
    "no_value",
    "not_an_id",
    "not_a_speaker",
    "not_upload",
    "not_gone",
    "not_a_date",
]


@dataclass(frozen=True, slots=True)
class Note:
    """Something in the query that was not taken as it was typed. `serialization.notes` has the
    words."""

    code: NoteCode
    values: tuple[str, ...] = ()
    """What the words name: the operator, the name of the field, or the condition as it was typed.
    """


@dataclass(frozen=True, slots=True)
class QueryReading:
    """How the query was understood."""

    q: str
    understood: str
    match: Literal["all", "some"]
    all: int
    sort: Sort
    notes: tuple[Note, ...] = ()
    parts: tuple[PartCount, ...] = ()
    """Only where no chat has all of it."""
    suggestions: tuple[Suggestion, ...] = ()
    """Only where no chat has all of it, or so few that chats with some of it follow."""
    cuts: tuple[FilterCut, ...] = ()
    """Only where nothing was found."""
    without_filters: int | None = None
    """Only where nothing was found and there were filters: what would be found without all."""


@dataclass(frozen=True, slots=True)
class SearchPage:
    """The answer to a `SearchRequest`."""

    query: QueryReading
    total: int
    page: int
    per_page: int
    has_next: bool
    cursor: str | None
    """Hand it back to walk on; None at the end."""
    hits: tuple[Hit, ...]
    facets: Mapping[str, tuple[FacetValue, ...]]
    coverage: Coverage
    took_ms: float


@dataclass(frozen=True, slots=True)
class ChatView:
    """One chat for reading."""

    chat: Chat
    sent: Mapping[str, object]
    """The chat as Kchat sent it, upload tokens removed."""
    speakers: tuple[Speaker, ...]
    """Who spoke, message by message."""
    highlights: Mapping[int, tuple[tuple[int, int], ...]]
    """By position of the message: ranges to mark, for the query that led here."""
    agent_name: str | None
    visitor_name: str | None
    version: int
    first_seen_at: datetime
    changed_at: datetime
    seen_at: datetime
    gone_at: datetime | None
    digest: str
    others: tuple[Chat, ...] = ()
    """Other chats of this visitor, newest first, at most ten."""
    others_total: int = 0
