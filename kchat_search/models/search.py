"""What a person asks of the search, and what it answers.

`SearchRequest` becomes a `Plan` (search/syntax.py, search/plan.py). An engine answers the plan with
an `EngineAnswer`. That becomes a `SearchPage` (search/searcher.py).

The limits stand here once. Search, web and OpenAPI import them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from kchat_search.models.chats import Chat, Participant, Speaker
from kchat_search.models.damage import DamagedRow
from kchat_search.models.plan import FilterField, Sort
from kchat_search.models.reports import Coverage

MAX_QUERY_CHARACTERS = 1_000
MAX_CLAUSES = 64
"""Quoted strings, conditions and groups of one query, at most."""
MAX_HITS_BY_PAGE = 10_000
"""`page` reaches this many hits. A cursor has no such limit."""
MAX_PER_PAGE = 100
MAX_SNIPPETS = 5
"""Snippets of one hit, at most."""
SIMILAR = 5
"""Chats like one, if nobody asks for more or fewer."""
MAX_SIMILAR = 20
"""Chats like one, at most."""
MAX_RELATED = 50
"""Related chats of one answer, at most."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search as it was asked, in the names and words of the HTTP API. Nothing is checked yet."""

    q: str = ""
    filters: Mapping[FilterField, tuple[str, ...]] = field(default_factory=dict)
    """By name of a field (`kchat_search.fields`): the values asked for, as they were given, any of
    them; «none» for chats without a value. A field that is not filtered by is not in it."""
    start: str | None = None
    """A day (`2016-01-01`), from its beginning, or an RFC 3339 time."""
    end: str | None = None
    """A day, to its end, or an RFC 3339 time, which is included."""
    said_start: str | None = None
    said_end: str | None = None
    """As `start` and `end`, for the time of a message."""
    history: bool = False
    """Are earlier versions and recalled messages looked into too?"""
    hot: str | None = None
    """The id of a hot question (`models.hot.HotId`): only its chats."""
    unseen: int | None = None
    """The number of a saved search of whoever asks: only chats that it did not find when it was
    seen last."""
    sort: Sort = "relevance"
    page: int = 1
    per_page: int = 20
    cursor: str | None = None
    facets: tuple[str, ...] | None = None
    """The names of the facets to count. None: all; (): none."""
    snippets: int = 3
    related: int = 20
    """So many related chats, at most."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A message that matched: text and ranges, never HTML."""

    message_id: int | None
    position: int
    name: str
    speaker: Speaker
    created_at: datetime | None
    text: str
    """The visible text, or the part of it around the match."""
    highlights: tuple[tuple[int, int], ...]
    """The ranges to mark: `[start, end)` in code points of `text`."""
    start: int = 0
    """Where `text` begins in the visible text, in code points."""
    cut: bool = False
    """Does the message go on after `text`?"""
    reply: bool = False
    """Is it the reply to the visitor's message before it, whether or not it matches?"""
    former: int | None = None
    """The number of the version that said this, where the chat does not say it any more."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A chat that was found."""

    chat: Chat
    speakers: tuple[Speaker, ...]
    """Who spoke, message by message."""
    agent_name: str | None
    participants: tuple[Participant, ...]
    """The agents who took part: first the one in charge."""
    visitor_name: str | None
    gone_at: datetime | None
    score: float
    snippets: tuple[Snippet, ...]


@dataclass(frozen=True, slots=True)
class RelatedChat:
    """A chat with only some of the words of the query, or one about the same matter."""

    hit: Hit
    has: tuple[str, ...] = ()
    """The words that it has, as the query language writes them."""
    lacks: tuple[str, ...] = ()
    why: Literal["words", "meaning"] = "words"


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a facet, and how many hits have it.

    A `value` of None stands for chats without a value. Where `label` is None, the pages have words
    of their own.
    """

    value: str | None
    label: str | None
    count: int


@dataclass(frozen=True, slots=True)
class PartCount:
    """How many chats one part of the query finds alone, without the filters."""

    text: str
    count: int | None
    """None: not counted, because time ran out."""


@dataclass(frozen=True, slots=True)
class FilterCut:
    """What a search would find without one filter, with all the others."""

    parameter: str
    """The name of the filter («agent_id»; «hot»; «created» for `start` and `end`, «said» for
    `said_start` and `said_end`), or «q» for a part of the query that filters or excludes."""
    part: str | None
    """That part of the query, as it was understood; None for a filter outside the query."""
    q: str
    """The query without that part."""
    total: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What may have been meant: a query that some chats match whole."""

    q: str
    total: int
    """How many chats a search for it finds, with the filters."""


@dataclass(frozen=True, slots=True)
class SaidInstead:
    """The same search by when it was said, in place of when the chats were created."""

    q: str
    said_start: str | None
    said_end: str | None
    total: int
    """How many chats it finds, without `start` and `end`."""
    more: int
    """How many of these the search by creation leaves out."""


NoteCode = Literal[
    "taken_as_text",
    "stray_quote",
    "stray_parenthesis",
    "unclosed_parenthesis",
    "operator_without_condition",
    "unknown_field",
    "no_value",
    "not_an_id",
    "not_upload",
    "not_gone",
    "not_history",
    "not_a_date",
    "impossible_day",
    "reversed_dates",
    "no_such_value",
    "not_near",
    "minus_as_text",
    "operators_as_text",
    "operators_taken",
    "no_agent_id",
]


@dataclass(frozen=True, slots=True)
class Note:
    """Something in the query that was not taken as it was typed.

    `serialization.notes` has the words for it.
    """

    code: NoteCode
    values: tuple[str, ...] = ()
    """What the words name: an operator, a field, or a condition as it was typed."""
    instead: str | None = None
    """The query that takes it the other way, where there is one."""


@dataclass(frozen=True, slots=True)
class QueryReading:
    """How the query was understood."""

    q: str
    """As it was typed."""
    understood: str
    """As it was understood, in the query language."""
    sort: Sort
    notes: tuple[Note, ...] = ()
    parts: tuple[PartCount, ...] = ()
    """Only where nothing was found."""
    suggestions: tuple[Suggestion, ...] = ()
    """Only where nothing was found, or so little that related chats follow."""
    cuts: tuple[FilterCut, ...] = ()
    """Only where nothing was found."""
    said_instead: SaidInstead | None = None
    """Only on the first page, where chats were left out that were created outside of the days and
    said it within."""
    without_filters: int | None = None
    """How many chats would be found without any filter; None unless nothing was found and there
    were filters."""
    whole_numbers: int = 0
    """How many different private numbers it asks for as wholes, of somebody who does not see them;
    else 0. For the audit: somebody may be trying out numbers."""


@dataclass(frozen=True, slots=True)
class SearchPage:
    """The answer to a `SearchRequest`."""

    query: QueryReading
    total: int
    page: int
    per_page: int
    has_next: bool
    cursor: str | None
    """Send it back to get the hits that follow; None where none follow."""
    hits: tuple[Hit, ...]
    """The hits of this page, without `damaged`; `total` counts those too."""
    facets: Mapping[str, tuple[FacetValue, ...]]
    coverage: Coverage
    took_ms: float | None
    """None for who does not see everything: time tells of what they do not see."""
    damaged: tuple[DamagedRow, ...] = ()
    """Hits of this page, and related chats, that are damaged in the archive and can't be shown."""
    related: tuple[RelatedChat, ...] = ()
    """Best first; never counted in `total` or in facets."""
    related_total: int = 0
    """How many chats have only some of the words; 0 where they are not looked for."""
    may_mean: bool = False
    """Were chats by their meaning left out, for which one may ask apart?"""
    former: int | None = None
    """How many chats more would be found with `history`; None where it was asked for, or may not
    be."""
    hot_words: tuple[str, ...] = ()
    """The words that mark the hot question that was asked for."""
    first: int = 1
    """The place of the first of `hits` among all, from 1."""


@dataclass(frozen=True, slots=True)
class SimilarPage:
    """The chats that are like one."""

    hits: tuple[Hit, ...]
    """Best first, each with the message that makes them alike, and the reply to it."""
    damaged: tuple[DamagedRow, ...] = ()
    """Those that are damaged in the archive and can't be shown."""


@dataclass(frozen=True, slots=True)
class Within:
    """The search among whose hits a chat is read."""

    request: SearchRequest
    """Its page and its cursor have no effect."""
    at: int | None = None
    """The place of the chat among the hits, from 1, when they were shown; None where it was not
    among them: a related chat."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The hit before or after a chat."""

    chat_id: int
    at: int
    """Its place among the hits, from 1."""
    snippet: Snippet | None
    """What matched best in it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chat stands among the hits of a search."""

    at: int | None
    """From 1; None where it is not among them any more, near its former place."""
    total: int
    previous: Neighbour | None = None
    next: Neighbour | None = None
    cursor: str | None = None
    """The hits from this chat on, where `page` does not reach them."""


@dataclass(frozen=True, slots=True)
class VisitorChat:
    """One of a visitor's chats, as a line among all of them."""

    id: int
    hit: Hit | None
    """With one snippet: what matched, else the first words. None for a chat that is too long to be
    read beside others, or damaged in the archive."""
    matches: bool = False
    """Is the snippet what matched?"""


@dataclass(frozen=True, slots=True)
class VisitorChats:
    """A page of all chats of a visitor, newest first."""

    chats: tuple[VisitorChat, ...]
    total: int
    """Of all pages."""
    page: int
    """From 1."""
    pages: int


@dataclass(frozen=True, slots=True)
class ChatView:
    """One chat, for people to read."""

    chat: Chat
    sent: Mapping[str, object]
    """The chat as Kchat sent it, without the upload tokens."""
    speakers: tuple[Speaker, ...]
    """Who spoke, message by message."""
    highlights: Mapping[int, tuple[tuple[int, int], ...]]
    """The ranges of the visible text to mark for a query, by the position of the message, in code
    points."""
    agent_name: str | None
    participants: tuple[Participant, ...]
    """The agents who took part: first the one in charge."""
    visitor_name: str | None
    version: int
    first_seen_at: datetime
    changed_at: datetime
    seen_at: datetime
    gone_at: datetime | None
    digest: str
    others: tuple[VisitorChat, ...] = ()
    """Other chats of this visitor, newest first: those around this one, at most ten."""
    others_total: int = 0
    """How many other chats this visitor has."""
    index_silent: bool = False
    """Could the index not be asked for the other chats?"""
    hides: bool = False
    """Is something of it hidden from whoever asks: private numbers?"""
    found: Mapping[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    """The same as `highlights`, for what is looked for in this chat."""
    place: Place | None = None
    """Where it stands among the hits that it was opened from; None where that was not asked, or
    can't be said."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What may be typed at the cursor."""

    insert: str
    """What takes the place of what was typed: `agent:`, `agent:李雷`."""
    label: str
    """What the pages call it. It may be the code of a value that has no label."""
    hint: str = ""
    """What tells it from others: an agent's id; what an operator asks."""
    count: int | None = None
    """How many chats fulfil it alone; None for what is not yet a condition."""


@dataclass(frozen=True, slots=True)
class Completions:
    """What may be typed at the cursor of a query, the likeliest first."""

    start: int
    end: int
    """What they replace: [start, end), in code points of the query."""
    found: tuple[Completion, ...] = ()


@dataclass(frozen=True, slots=True)
class InUse:
    """Values that chats have which the viewer sees, for examples of queries. None: no chat has
    one."""

    agent: str | None = None
    """The name of an agent; its id, where others have that name too."""
    rating: str | None = None
    status: str | None = None
    month: str | None = None
    """The last month in which a chat was created: `2015-04`."""
