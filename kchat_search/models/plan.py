"""What an engine is asked and what it answers: `Node`, `Plan`, `EngineAnswer`, and `IndexDocument`.

A `Node` says which chats match. It is all that an engine knows of a query: no syntax, no jieba, no
time zone. Every string in it is already folded (`kchat_search.text.fold`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from kchat_search.models.chats import Speaker

Sort = Literal["relevance", "newest", "oldest"]


@dataclass(frozen=True, slots=True)
class Everything:
    """All chats."""


@dataclass(frozen=True, slots=True)
class Messages:
    """Which messages are looked into: those that fulfil all of this."""

    speaker: Speaker | None = None
    """The side that said it; None for any."""
    senders: tuple[str, ...] = ()
    """Who said it: any of these, see `Passage.sender`. Empty for anybody."""
    start: int | None = None
    end: int | None = None
    """Said in `[start, end)`, in seconds since 1970 UTC; None leaves that end open. With either, a
    message without a time is in no range."""


EVERYWHERE = Messages()
"""Every passage, those that nobody said included. Any other `Messages` are only what was said."""


@dataclass(frozen=True, slots=True)
class Contains:
    """Some passage of these messages contains exactly these characters; with `joined`, the passage
    or its joined form does. A match never spans two passages."""

    text: str
    messages: Messages = EVERYWHERE
    joined: bool = False


@dataclass(frozen=True, slots=True)
class HasWord:
    """Some passage of these messages has this whole run of letters; with `prefix`, a run that
    begins so. A run in which letters are hidden is none."""

    text: str
    prefix: bool = False
    messages: Messages = EVERYWHERE


@dataclass(frozen=True, slots=True)
class Near:
    """Some passage of these messages has all of these texts, in any order and none over another,
    with at most `distance` characters between one and the next."""

    texts: tuple[str, ...]
    distance: int
    messages: Messages = EVERYWHERE


@dataclass(frozen=True, slots=True)
class Said:
    """Some message is one of these. `messages` is not `EVERYWHERE`."""

    messages: Messages


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


Node = (
    Everything
    | Contains
    | HasWord
    | Near
    | Said
    | FileNamed
    | FieldIs
    | CreatedIn
    | AllOf
    | AnyOf
    | NoneOf
)


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody sees of the index. To them, all else does not exist: no count, no score and no
    suggestion depends on it."""

    restriction: Node = Everything()
    """The chats that they see."""
    masked: bool = False
    """True: private numbers stay hidden, and so do recalled texts and earlier versions. Only the
    `text` of each passage is looked into, and `Hidden.whole`."""


EVERYTHING_SEEN = Sight()

NO_TIME = -(2**62)
"""The time of a chat that has none, where times are sorted. It comes before every other."""

MOST_DAYS = 92
"""The facet `created_day` is counted only if all matches lie within this many days. Over a
longer time, months say more."""


ENOUGH = 20
"""Where fewer chats than this fulfil the whole query, related chats follow."""


@dataclass(frozen=True, slots=True)
class Related:
    """What chats with only a part of the query fulfil: `required`, and some of `parts`."""

    required: Node
    parts: tuple[Node, ...]
    limit: int
    """So many are in the answer, at most."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What chats that are about the same matter fulfil, whatever their words."""

    text: str
    """What is looked for, folded and as everybody sees it."""
    required: Node
    floor: float
    """The least score of a hit (see `MeantHit`)."""
    limit: int = 5
    scopes: tuple[tuple[Messages, ...], ...] = ()
    """For each of these, the message that is compared must be one of its messages."""
    beside: float | None = None
    """The floor where some chat fulfils `match`, if it is another."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One search, as an engine carries it out."""

    match: Node
    """What every hit must fulfil, in addition to the filters: the whole query."""
    related: Related | None = None
    """If the sort is relevance and fewer than `enough` chats fulfil `match` and the filters, the
    answer has a second list: chats that fulfil `related` and the filters, but not `match`."""
    meant: Meant | None = None
    """In the same case, a third list: chats whose visitor meant about the same. They fulfil the
    filters and `meant.required`, but not `match`, and are not among the hits of `related`."""
    enough: int = ENOUGH
    history: bool = False
    """Are former passages looked into too?"""
    filters: Mapping[str, Node] = field(default_factory=dict)
    """By the name of a facet, or any other key. All must hold. A facet is counted without the
    filter of its own name, so that a reader sees what else could be chosen."""
    words: tuple[str, ...] = ()
    """jieba's words of the query, for BM25."""
    forms: tuple[tuple[str, str], ...] = ()
    """Other written forms for BM25: (a word, the one of `words` that it stands for). It weighs at
    most as much, however seldom it is written so."""
    phrases: tuple[str, ...] = ()
    """Whole phrases. A chat that has one ranks before all chats that have none."""
    tails: tuple[str, ...] = ()
    """Texts that end in a digit. Hits in which no digit follows one rank before the others, and
    those in which it is a whole number, with no digit before it either, before these."""
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

    @classmethod
    def at(cls, chat_id: int, score: float, time: int) -> EngineHit:
        """A hit whose time is as indexes have it: `NO_TIME` stands for None."""
        return cls(chat_id, score, None if time == NO_TIME else time)


@dataclass(frozen=True, slots=True)
class RelatedHit:
    """A chat that fulfils a part of the query."""

    hit: EngineHit
    has: tuple[bool, ...]
    """Which of `Related.parts` it fulfils, in their order."""


@dataclass(frozen=True, slots=True)
class MeantHit:
    """A chat whose visitor meant about the same. The hit's score is the cosine, less where the
    opening is not the first, or where it or the query is short."""

    hit: EngineHit
    place: int
    """Which of the document's `openings` came nearest, from 0."""


@dataclass(frozen=True, slots=True)
class EngineAnswer:
    """An engine's answer to a plan. All of it is of one state of the index."""

    total: int
    """The exact number of chats that fulfil `match` and the filters."""
    hits: tuple[EngineHit, ...]
    facets: Mapping[str, tuple[tuple[str | None, int], ...]]
    """By name: (value, count), the highest count first, then by value; months and days ascending.
    `created_day` is missing if the matches lie more than `MOST_DAYS` apart."""
    documents: int
    """How many chats the index has, matching or not."""
    related: tuple[RelatedHit, ...] = ()
    """Best first."""
    related_total: int = 0
    """The exact number of related chats; 0 where none are looked for."""
    meant: tuple[MeantHit, ...] = ()
    """Best first. Empty where the index has no vectors."""
    former: int | None = None
    """How many chats more match with `history`: those that do not match without. None where the
    plan has it."""
    before: int = 0
    """How many hits come before the first of `hits`, in the order of the plan."""


@dataclass(frozen=True, slots=True)
class Alike:
    """A chat, of which others like it are looked for."""

    id: int
    words: tuple[str, ...]
    """Those of its document, with repetitions."""
    limit: int


@dataclass(frozen=True, slots=True)
class AlikeHit:
    """A chat that is like another one."""

    hit: EngineHit
    words: Mapping[str, float]
    """The words that both have and that count, each with what it adds to the score."""
    place: int | None
    """Which of the document's `openings` is nearest to one of the other's, from 0; None where one
    of the two has no vectors."""


HIDDEN_DIGIT, HIDDEN_LETTER, WHOLE_BEGINS, WHOLE_ENDS = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"
"""Characters that no text and no query has (Unicode keeps them for such use). The first two stand
in a passage for hidden digits and letters; to all that looks at runs of digits or letters they are
a digit and a letter. The last two stand around a whole number in `Hidden.whole`."""


class Hidden(NamedTuple):
    """What of a passage not everybody sees: it has private numbers, or was recalled. All is
    folded."""

    clear: str
    """The passage as it is. Only who sees it unmasked can search it."""
    joined: tuple[str, ...] = ()
    """The joined stretches of `clear`."""
    whole: str = ""
    """The passage with each private number in its one form between `WHOLE_BEGINS` and `WHOLE_ENDS`,
    in characters that no query has (`chats.masking.whole`). So who does not see the number finds it
    by the whole of it alone: a text with `WHOLE_BEGINS` is looked for here and nowhere else; a
    `Near` that has such a text is looked for here as a whole. «» for a recalled text."""


class Passage(NamedTuple):
    """One folded text of a chat: of a message, of the name of a file that a message brought, or of
    a name on the page. It has no line break. A NamedTuple, because a build makes millions."""

    text: str
    """As everybody sees it: private numbers are masked, a recalled text is «». Between what is
    hidden, it is the clear passage letter for letter, and only digits become `HIDDEN_DIGIT`."""
    speaker: Speaker | None
    """None: nobody said it (a visitor's name)."""
    sender: str = ""
    """Who said it: «#» and the id of an agent, else the folded name on the message."""
    said: int | None = None
    """When, in seconds since 1970 UTC; None where that is not known."""
    joined: tuple[str, ...] = ()
    """The stretches of the text that people also write without separators, without them; see
    `text.joined`."""
    hidden: Hidden | None = None
    """What not everybody sees; None in nearly all passages."""


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
    passages: tuple[Passage, ...]
    """What the chat says now, in its order."""
    files: tuple[str, ...]
    """The folded names of the uploads, masked."""
    words: tuple[str, ...]
    """Words for ranking, and runs of letters; with repetitions. Of `passages` alone."""
    hidden_files: tuple[str, ...] = ()
    """Those of the names that are masked, as they are."""
    whole_files: tuple[str, ...] = ()
    """The same names with each private number as a whole, as `Hidden.whole`: a `FileNamed` with
    `WHOLE_BEGINS` is looked for here and nowhere else."""
    hidden_words: tuple[str, ...] = ()
    """Runs of letters of what is hidden, for `HasWord`. They do not rank."""
    openings: tuple[int, ...] = ()
    """The places in `passages` of what the visitor asked first (`meaning.openings`). The engine
    makes a vector of each."""
    former: tuple[Passage, ...] = ()
    """What earlier versions and recalled messages said, and `passages` do not; in clear, with
    nothing in `hidden`. Who sees masked does not look into it."""
