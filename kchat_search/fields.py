"""What chats are filtered by: ONE table.

From `FIELDS` come the API's parameters and their description, the operators of the query language,
the options of the command line, the facets, the links, the labels of the pages and the columns of
the index. To add a filter, add a row: nothing else lists them.

Words: a *field* is a property of a chat with one value, or several; a *filter* asks for some of
its values; a *facet* counts how many hits have each value.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kchat_search.chats import ratings
from kchat_search.models.chats import SPEAKERS, Chat, Speaker
from kchat_search.models.plan import FilterField

NONE = "none"
"""In a filter: chats that have no value, such as no agent or no rating."""

TRUE, FALSE = "true", "false"
ONLY_RECALLED = "recalled"
"""Of `has_upload`, in a document: all files that were sent are of messages that were recalled. It
is true for who sees these, false for who does not, and no answer has it."""


class Label(NamedTuple):
    """A word of the pages in both languages."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        """The word in `language`: «zh» or «en»."""
        return self.en if language == "en" else self.zh


class Facts(NamedTuple):
    """What a chat's values are read from."""

    chat: Chat
    speakers: Collection[Speaker]
    """Who said something or sent a file."""
    gone: bool
    """Kchat no longer has the chat."""
    participants: Collection[str] = ()
    """The agents who took part: ids, or names where no id is known."""
    visitor_names: Collection[str] = ()
    """The visitor's names, folded."""


Values = tuple[str | None, ...]
_NO_VALUE = Label("无", "None")


def _one(value: str | None) -> Values:
    """An empty value is no value."""
    return (value or None,)


def _many(values: Collection[str]) -> Values:
    return tuple(sorted(set(values) - {""})) or (None,)


def _flag(*, value: bool) -> tuple[str]:
    return (TRUE if value else FALSE,)


def _has_upload(chat: Chat) -> tuple[str]:
    recalled = [message.recalled for message in chat.messages if message.upload]
    return (TRUE,) if not all(recalled) else (ONLY_RECALLED,) if recalled else (FALSE,)


def _as_it_is(value: str) -> str:
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A property that chats are filtered by."""

    name: FilterField
    """Its name as the API's parameter, as facet and as column of the index: `agent_id`."""
    read: Callable[[Facts], Values]
    """The values of a chat; (None,) for none. More than one where `many`."""
    title: Label
    """What the pages call it."""
    description: str = ""
    """What the parameter takes, for the API's description and the command line's help."""
    parameter: bool = True
    """May it be asked for outside the query, as a parameter or an option?"""
    repeatable: bool = False
    """May the parameter be given several times? Then a chat needs any of the values."""
    facet: bool = False
    """Is it counted beside the hits?"""
    many: bool = False
    """May a chat have several values?"""
    flag: bool = False
    """Are the values «true» and «false», and no others?"""
    closed: bool = False
    """Are the values of `labels` all that there can be?"""
    person: bool = False
    """Are the values ids of people at Kchat?"""
    agent: bool = False
    """Are the values ids of agents, whom the pages call by their names?"""
    operator: str | None = None
    """Its name in the query language: `agent:2192`."""
    option: str = ""
    """Its option on the command line: `--agent`."""
    metavar: str | None = None
    """What the command line's help calls a value."""
    labels: Mapping[str, Label] = field(default_factory=dict)
    """The pages' words for known values; others are shown as they are."""
    none_label: Label = _NO_VALUE
    """The pages' word for no value."""
    canonical: Callable[[str], str | None] = _as_it_is
    """From a value in any of its forms, such as a label, to the form that the index has."""

    def stored(self, value: str) -> str | None:
        """The value of the index that a filter asks for; None stands for no value."""
        return None if value == NONE else self.canonical(value)

    def label(self, value: str | None, language: str) -> str | None:
        """The pages' word for a value in `language`; None where they have none of their own."""
        if value is None or value == NONE:
            return self.none_label.in_language(language)
        known = self.labels.get(self.canonical(value) or value)
        return None if known is None else known.in_language(language)


SPEAKER_LABELS: dict[Speaker, Label] = {
    "visitor": Label("访客", "Visitor"),
    "agent": Label("客服", "Agent"),
    "robot": Label("机器人", "Robot"),
    "unknown": Label("身份不明", "Unknown"),
}
assert tuple(SPEAKER_LABELS) == SPEAKERS, "every speaker has a label"

FIELDS = (
    Field(
        name="agent_id",
        read=lambda facts: _one(facts.chat.agent_id),
        title=Label("负责客服", "Agent in charge"),
        none_label=Label("无客服", "No agent"),
        description="The id of the agent in charge, or `none`; may be repeated: any of them.",
        repeatable=True,
        facet=True,
        person=True,
        agent=True,
        operator="assigned",
        option="--agent",
        metavar="ID",
    ),
    Field(
        name="participant",
        read=lambda facts: _many(facts.participants),
        title=Label("参与客服", "Agents who took part"),
        none_label=Label("无客服", "No agent"),
        description="The id of an agent who took part, a name where Kchat tells no id, or `none`; "
        "may be repeated: any of them.",
        repeatable=True,
        facet=True,
        many=True,
        person=True,
        agent=True,
        operator="agent",
        option="--participant",
        metavar="ID",
    ),
    Field(
        name="visitor_id",
        read=lambda facts: _one(facts.chat.visitor_id),
        title=Label("访客", "Visitor"),
        description="The visitor's id, or `none`.",
        person=True,
        operator="visitor",
        option="--visitor",
        metavar="ID",
    ),
    Field(
        name="user_id",
        read=lambda facts: _one(facts.chat.user_id),
        title=Label("用户", "User"),
        description="The user's id, or `none`.",
        person=True,
        operator="user",
        option="--user",
        metavar="ID",
    ),
    Field(
        name="status",
        read=lambda facts: _one(facts.chat.status),
        title=Label("状态", "Status"),
        labels={
            "close": Label("已结束", "Closed"),
            "open": Label("进行中", "Open"),
            "queue": Label("排队中", "Waiting"),
        },
        description="Such as `close`; may be repeated: any of them.",
        repeatable=True,
        facet=True,
        operator="status",
        option="--status",
    ),
    Field(
        name="rating",
        read=lambda facts: _one(ratings.canonical(facts.chat.rating)),
        title=Label("评价", "Rating"),
        none_label=Label("未评价", "Unrated"),
        labels={
            code: Label(ratings.LABELS[code], english)
            for code, english in (
                ("0", "Dissatisfied"),
                ("2", "Rather dissatisfied"),
                ("3", "Fair"),
                ("4", "Mostly satisfied"),
                ("1", "Satisfied"),
            )
        },
        description="A code (`1`), a label (`满意`) or `none`; may be repeated: any of them.",
        repeatable=True,
        facet=True,
        operator="rating",
        option="--rating",
        canonical=ratings.canonical,
    ),
    Field(
        name="started_by",
        read=lambda facts: _one(facts.chat.started_by),
        title=Label("发起方", "Started by"),
        labels={name: SPEAKER_LABELS[name] for name in ("visitor", "agent", "robot")},
        description="Such as `visitor`.",
        facet=True,
        operator="started",
        option="--started-by",
        metavar="WHO",
    ),
    Field(
        name="type",
        read=lambda facts: _one(facts.chat.type),
        title=Label("类型", "Type"),
        labels={"chat": Label("在线对话", "Live chat")},
        description="Such as `chat`.",
        facet=True,
        operator="type",
        option="--type",
    ),
    Field(
        name="spoke",
        read=lambda facts: _many(facts.speakers),
        title=Label("谁说过话", "Who spoke"),
        labels={str(speaker): label for speaker, label in SPEAKER_LABELS.items()},
        description="Who said something; may be repeated: any of them.",
        repeatable=True,
        facet=True,
        many=True,
        closed=True,
        option="--spoke",
    ),
    Field(
        name="has_upload",
        read=lambda facts: _has_upload(facts.chat),
        title=Label("附件", "Files"),
        labels={TRUE: Label("有附件", "With files"), FALSE: Label("无附件", "Without files")},
        description="Did someone send a file?",
        facet=True,
        flag=True,
        option="--has-upload/--no-upload",
    ),
    Field(
        name="visitor_name",
        read=lambda facts: _many(facts.visitor_names),
        title=Label("访客姓名", "Visitor's name"),
        parameter=False,
        many=True,
    ),
    Field(
        name="id",
        read=lambda facts: _one(str(facts.chat.id)),
        title=Label("编号", "Number"),
        parameter=False,
        operator="id",
    ),
    Field(
        name="gone",
        read=lambda facts: _flag(value=facts.gone),
        title=Label("Kchat 上已不存在", "Gone from Kchat"),
        parameter=False,
        flag=True,
    ),
)
"""In the order in which parameters, options and facets are listed."""

BY_NAME: Mapping[str, Field] = {row.name: row for row in FIELDS}
BY_OPERATOR: Mapping[str, Field] = {row.operator: row for row in FIELDS if row.operator}
PARAMETERS: Mapping[str, Field] = {row.name: row for row in FIELDS if row.parameter}
FACETS = (*(row.name for row in FIELDS if row.facet), "created_month", "created_day")
"""Everything that is counted beside the hits: the fields that are facets, and when chats were
created."""

OPERATOR_TITLES: Mapping[str, Label] = {
    **{name: row.title for name, row in BY_OPERATOR.items()},
    "from": Label("谁说的", "Who said it"),
    "said": Label("消息发于", "Said on"),
    "in": Label("早先的版本", "Earlier versions"),
    "has": Label("附件", "Files"),
    "is": Label("Kchat 上已不存在", "Gone from Kchat"),
    "file": Label("附件的文件名", "Name of a file"),
    "date": Label("对话创建于", "Created on"),
    "after": Label("创建不早于", "Created on or after"),
    "before": Label("创建不晚于", "Created on or before"),
}
"""What the pages call each operator of the query language. `from:` and `said:` say who must have
said the words in their group, and when; `in:history` looks into earlier versions too; `has:upload`
and `is:gone` are flags; `file:` looks in the names of uploads; the last three are about when a chat
was created."""
OPERATORS = tuple(OPERATOR_TITLES)


def chosen_filters(values: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """The filters of a `SearchRequest`, from the value of each parameter or option by its name.

    A value is a text, a flag, or several texts; what was given twice is kept once. A parameter that
    was not given (None, or no text) gives no filter.
    """
    filters: dict[str, tuple[str, ...]] = {}
    for name, value in values.items():
        if isinstance(value, bool):
            filters[name] = _flag(value=value)
        elif isinstance(value, str) and value:
            filters[name] = (value,)
        elif isinstance(value, list | tuple) and value:
            filters[name] = tuple(dict.fromkeys(value))
    return filters
