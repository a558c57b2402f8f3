"""What an engine is asked and what it answers: `Node`, `Plan`, `EngineAnswer`, and `IndexDocument`.

A `Node` says which chats match. It is all an engine knows of a query: no syntax, no jieba,
no time zone. Every string in it is folded already (`kchat_search.text.fold`).
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
    """Some message (by `speaker`, if given) has exactly these characters; never across two."""

    text: str
    speaker: Speaker | None = None


@dataclass(frozen=True, slots=True)
class HasWord:
    """Some message (by `speaker`, if given) has this whole run of letters; with `prefix`, one that
    begins so."""

    text: str
    prefix: bool = False
    speaker: Speaker | None = None


@dataclass(frozen=True, slots=True)
class FileNamed:
    """The name of some upload contains these characters."""

    text: str


FilterField = str
"""The name of a field in `kchat_search.fields`: `agent_id`."""


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
    revision: int
    """The stored chat's: rises whenever the chat's document would differ."""
    created: int | None
    """Seconds since 1970 UTC."""
    month: str | None
    """`2015-04`, in the configured zone."""
    fields: Mapping[FilterField, tuple[str | None, ...]]
    """Values to filter by; (None,) for none."""
    texts: tuple[tuple[Speaker, str], ...]
    """Each message with text: who spoke and the folded text. No folded text has a line break."""
    files: tuple[str, ...]
    """Folded names of the uploads."""
    words: tuple[str, ...]
    """Words for ranking and runs of letters, with repetitions."""
