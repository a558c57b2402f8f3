"""What an engine is asked and what it answers: `Node`, `Plan`, `EngineAnswer`, and `IndexDocument`.

A `Node` says which chats match. It is all that an engine knows of a query: no syntax, no jieba, no
time zone. Every string in it is already folded (`kchat_search.text.fold`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kchat_search.models.chats import Speaker

Sort = Literal["relevance", "newest", "oldest"]
Match = Literal["auto", "all"]


@dataclass(frozen=True, slots=True)
class Everything:
    """All chats."""


@dataclass(frozen=True, slots=True)
class Contains:
    """Some message (by `speaker`, if given) contains exactly these characters. A match never spans
    two messages."""

    text: str
    speaker: Speaker | None = None


@dataclass(frozen=True, slots=True)
class HasWord:
    """Some message (by `speaker`, if given) has this whole run of letters; with `prefix`, a run
    that begins so."""

    text: str
    prefix: bool = False
    speaker: Speaker | None = None


@dataclass(frozen=True, slots=True)
class FileNamed:
    """The name of some uploaded file contains these characters."""

    text: str


FilterField = str
"""The name of a field in `kchat_search.fields`: `agent_id`."""


@dataclass(frozen=True, slots=True)
class FieldIs:
    """The chat's field has one of these values. None stands for no value."""

    field: FilterField
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class CreatedIn:
    """Created in `[start, end)`, in seconds since 1970 UTC; None leaves that end open. A chat
    without a time is in no range, not even in one that is open at both ends."""

    start: int | None
    end: int | None


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part matches. Without parts, every chat matches."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Some part matches. Without parts, no chat matches."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """The part does not match."""

    part: Node


Node = Everything | Contains | HasWord | FileNamed | FieldIs | CreatedIn | AllOf | AnyOf | NoneOf

NO_TIME = -(2**62)
"""The time of a chat that has none, where times are sorted. It comes before every other."""

MOST_DAYS = 92
"""The facet `created_day` is counted only if all matches lie within this many days. Over a
longer time, months say more."""


ENOUGH = 20
"""If fewer chats than this have all the words, chats with some of them follow."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One search, as an engine carries it out."""

    match: Node
    """What every hit must fulfil, in addition to the filters: the whole query."""
    some: Node | None = None
    """Some of the query. If the sort is relevance and fewer than `enough` chats fulfil `match`, the
    answer is widened: it is about the chats that fulfil `some`, and those of `match` come first."""
    enough: int = ENOUGH
    filters: Mapping[str, Node] = field(default_factory=dict)
    """By the name of a facet, or any other key. All must hold. A facet is counted without the
    filter of its own name, so that a reader sees what else could be chosen."""
    words: tuple[str, ...] = ()
    """jieba's words of the query, for BM25."""
    phrases: tuple[str, ...] = ()
    """Whole phrases. A chat that has one ranks before all chats that have none."""
    sort: Sort = "relevance"
    offset: int = 0
    limit: int = 20
    after: tuple[int, int] | None = None
    """Only for newest and oldest: (created, id) of the last hit that was seen. The hits begin
    behind it, and `offset` has no effect."""
    facets: tuple[str, ...] = ()
    zone: str = "UTC"
    """The time zone of the days in `created_day`, by its IANA name."""


@dataclass(frozen=True, slots=True)
class EngineHit:
    """A chat that matches. `created`: seconds since 1970 UTC, or None."""

    id: int
    score: float
    created: int | None


@dataclass(frozen=True, slots=True)
class EngineAnswer:
    """An engine's answer to a plan. All of it is of one state of the index."""

    total: int
    """The exact number of chats that the answer is about: those of `match`, or of `some`."""
    all: int
    """The exact number of chats that fulfil `match` and the filters."""
    match: Literal["all", "some"]
    hits: tuple[EngineHit, ...]
    facets: Mapping[str, tuple[tuple[str | None, int], ...]]
    """By name: (value, count), the highest count first, then by value; months and days ascending.
    `created_day` is missing if the matches lie more than `MOST_DAYS` apart."""
    documents: int
    """How many chats the index has, matching or not."""


@dataclass(frozen=True, slots=True)
class IndexDocument:
    """A chat as an engine gets it. Folding and splitting into words are done already."""

    id: int
    revision: int
    """The revision of the stored chat. It changes whenever the chat's document would
    differ."""
    created: int | None
    """Seconds since 1970 UTC."""
    month: str | None
    """The month of `created` in the configured time zone, such as `2015-04`."""
    fields: Mapping[FilterField, tuple[str | None, ...]]
    """The values to filter by; (None,) for no value."""
    texts: tuple[tuple[Speaker, str], ...]
    """Each message with text: (who spoke, the folded text). No folded text has a line break."""
    files: tuple[str, ...]
    """The folded names of the uploads."""
    words: tuple[str, ...]
    """Words for ranking, and runs of letters; with repetitions."""
