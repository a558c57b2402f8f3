"""What is asked and what is answered.

    SearchRequest --syntax, plan--> Plan --engine--> EngineAnswer --snippets--> SearchPage

A `Node` says which chats match. It is all an engine knows of a query: no syntax, no jieba,
no time zone. Every string in it is folded already (`kchat_search.text.fold`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from kchat_search.models.chats import Chat, Side
from kchat_search.models.reports import Coverage

Sort = Literal["relevance", "newest", "oldest"]
Match = Literal["auto", "all"]

# -- what an engine is asked -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Everything:
    """All chats."""


@dataclass(frozen=True, slots=True)
class Contains:
    """Some message (of `side`, if given) has exactly these characters; never across two."""

    text: str
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class HasWord:
    """Some message (of `side`, if given) has this whole run of letters; with `prefix`, one that
    begins so."""

    text: str
    prefix: bool = False
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class FileNamed:
    """The name of some upload contains these characters."""

    text: str


FilterField = Literal[
    "id",
    "agent_id",
    "visitor_id",
    "user_id",
    "status",
    "rating",
    "started_by",
    "type",
    "has_upload",
    "spoke",
    "gone",
]


@dataclass(frozen=True, slots=True)
class FieldIs:
    """The chat's field has one of these values; None stands for «none»."""

    field: FilterField
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class CreatedIn:
    """Created in `[start, end)`, seconds since 1970 UTC; None is open. A chat without a time is
    in no range, not even the open one."""

    start: int | None
    end: int | None


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part matches. Without parts: everything."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Some part matches. Without parts: nothing."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """The part does not match."""

    part: Node


Node = Everything | Contains | HasWord | FileNamed | FieldIs | CreatedIn | AllOf | AnyOf | NoneOf

NO_TIME = -(2**62)
"""Stands for the time of a chat that has none, where times are sorted: before every other."""

FACETS = (
    "agent_id", "status", "rating", "started_by", "type", "spoke", "has_upload", "created_month",
    "created_day",
)  # fmt: skip

MOST_DAYS = 92
"""The facet `created_day` is counted where the matches lie within so many days; over a longer time
months say more."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One search, as an engine carries it out."""

    match: Node
    """What every hit must fulfil (beside the filters)."""
    some: Node | None = None
    """A wider net. Where sort is relevance and fewer than `enough` chats fulfil `match`, the
    answer is of `some`, with the chats of `match` first."""
    enough: int = 20
    filters: Mapping[str, Node] = field(default_factory=dict)
    """By facet name (or any other key): all must hold. A facet is counted without the filter of
    its own name, so that a reader sees what else could be chosen."""
    words: tuple[str, ...] = ()
    """jieba's words of the query, for BM25."""
    phrases: tuple[str, ...] = ()
    """Whole phrases; a chat that has one ranks before all that have not."""
    sort: Sort = "relevance"
    offset: int = 0
    limit: int = 20
    after: tuple[int, int] | None = None
    """For newest and oldest: (created, id) of the last hit seen; hits behind it follow."""
    facets: tuple[str, ...] = ()
    zone: str = "UTC"
    """Of the days of `created_day`: a name of the IANA's."""


@dataclass(frozen=True, slots=True)
class EngineHit:
    """A chat that matches. `created` is seconds since 1970 UTC, or None."""

    id: int
    score: float
    created: int | None


@dataclass(frozen=True, slots=True)
class EngineAnswer:
    """An engine's answer to a plan, all of it of one state of the index."""

    total: int
    """Exact number of chats that the answer is about (`match`, or `some`)."""
    all: int
    """Exact number of chats that fulfil `match` and the filters."""
    match: Literal["all", "some"]
    hits: tuple[EngineHit, ...]
    facets: Mapping[str, tuple[tuple[str | None, int], ...]]
    """By name: (value, count), most first, then by value; months and days ascending. No
    `created_day` where the matches lie more than `MOST_DAYS` apart."""
    documents: int
    """How many chats the index has, whether or not they match."""


@dataclass(frozen=True, slots=True)
class IndexDocument:
    """A chat as the index sees it: everything folded and split on our side of the engine."""

    id: int
    version: int
    created: int | None
    """Seconds since 1970 UTC."""
    month: str | None
    """`2015-04`, in the configured zone."""
    fields: Mapping[FilterField, tuple[str | None, ...]]
    """Values to filter by; (None,) for none."""
    texts: tuple[tuple[Side, str], ...]
    """Each message with text: who spoke and the folded text. No folded text has a line break."""
    files: tuple[str, ...]
    """Folded names of the uploads."""
    words: tuple[str, ...]
    """Words for ranking and runs of letters, with repetitions."""


# -- what a person asks ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search as it was asked; fields and words as in the HTTP API. Nothing is checked yet."""

    q: str = ""
    match: Match = "auto"
    agent_id: tuple[str, ...] = ()
    visitor_id: str | None = None
    user_id: str | None = None
    status: tuple[str, ...] = ()
    rating: tuple[str, ...] = ()
    """Codes, labels or «none»."""
    started_by: str | None = None
    type: str | None = None
    spoke: tuple[str, ...] = ()
    """Sides that said something: visitor, agent, robot; any of them."""
    has_upload: bool | None = None
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
    side: Side
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


@dataclass(frozen=True, slots=True)
class QueryReading:
    """How the query was understood."""

    q: str
    understood: str
    match: Literal["all", "some"]
    all: int
    sort: Sort
    notes: tuple[str, ...] = ()
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
    sides: tuple[Side, ...]
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
