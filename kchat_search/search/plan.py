"""From the tree of a query and the filters of the request to a plan: what must match, and what
ranks. What may match besides is in `related.py`.

`from:visitor` and `said:2019-07-02` are about the other texts of their group. Each text in that
group, and in the groups inside it, must be in a message by the visitor, said on that day. With
`(from:visitor OR from:agent)` each text must be in a message by one of the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import islice, product, starmap
from typing import NamedTuple
from zoneinfo import ZoneInfo

from kchat_search import fields
from kchat_search.chats.masking import shown
from kchat_search.chats.speakers import is_given_by_kchat
from kchat_search.errors import LimitExceeded
from kchat_search.models.plan import (
    EVERYWHERE,
    AllOf,
    AnyOf,
    Contains,
    CreatedIn,
    Everything,
    FieldIs,
    FileNamed,
    HasWord,
    Messages,
    Node,
    NoneOf,
    Said,
)
from kchat_search.models.plan import Near as NearNode
from kchat_search.models.search import Note, SearchRequest
from kchat_search.search import conditions
from kchat_search.search.dates import parameter_end, parameter_start
from kchat_search.search.tree import (
    IN_HISTORY,
    And,
    FieldCondition,
    Forms,
    Near,
    Not,
    Or,
    Part,
    Phrase,
    Text,
    Tree,
    Word,
    is_about_messages,
    is_plain,
    names_senders,
    names_times,
    written,
)
from kchat_search.search.whole_numbers import with_cut_numbers, with_whole_numbers
from kchat_search.text.fold import fold, without_surrogates
from kchat_search.text.joined import joined_query
from kchat_search.text.segmentation import index_token

_MOST_GROUPS = 16
"""Groups of messages that each text of a query may be looked for in, at most."""

_MOST_PHRASES = 4
"""Ways to write a whole text that rank first, at most."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the meaning of a query depends on, other than its text."""

    agents: Mapping[str, str]
    """The agents' names by id."""
    today: date
    zone: ZoneInfo
    said: Messages = EVERYWHERE
    """The messages that the request's `said_start` and `said_end` leave."""
    masked: bool = False
    """Does whoever asks see private numbers masked? Then `agents` are masked too."""

    def asked(self, node: Node) -> Node:
        """What a node of a query asks for, of whoever asks."""
        return with_whole_numbers(node) if self.masked else node


@dataclass(frozen=True, slots=True)
class Scope:
    """In which messages a text must be: for each group in `senders` and for each in `times`, in one
    message of both. A group is several kinds of messages, of which any will do."""

    senders: tuple[tuple[Messages, ...], ...] = ()
    times: tuple[tuple[Messages, ...], ...] = ()
    within: Messages = EVERYWHERE
    """And it must be one of these."""

    def groups(self) -> list[tuple[Messages, ...]]:
        """For each group, some message of it must have the text. Raises `LimitExceeded`."""
        senders, times = self.senders or ((EVERYWHERE,),), self.times or ((EVERYWHERE,),)
        if len(senders) * len(times) > _MOST_GROUPS:
            raise LimitExceeded(
                f"The query looks for each word in {len(senders) * len(times)} groups of messages "
                f"(from:, said:); at most {_MOST_GROUPS} are allowed.",
                "q",
                _MOST_GROUPS,
            )
        within = (self.within,)
        return [
            tuple(dict.fromkeys(filter(None, starmap(conditions.all_of, product(*each, within)))))
            for each in product(senders, times)
        ]


def whole(tree: Tree | None, context: Context) -> Node:
    """What a chat must fulfil to match all of a query; and some message of it, or of the chat where
    the query has no text, is one of `context.said`.

    Raises `LimitExceeded` where each text is looked for in too many groups of messages.
    """
    if tree is not None and context.masked:
        tree = with_cut_numbers(tree)
    if tree is not None and is_about_messages(tree):
        return to_node(And((tree,)), context)
    node = context.asked(to_node(tree, context))
    if context.said == EVERYWHERE or (tree is not None and says_something(tree)):
        return node
    return _all([Said(context.said), *([] if tree is None else [node])])


def to_node(tree: Tree | None, context: Context, scope: Scope | None = None) -> Node:
    """What a chat must fulfil to match all of `tree`. `scope`: in which messages its texts must be;
    None: in those of `context.said`.

    Raises `LimitExceeded` where each text is looked for in too many groups of messages.
    """
    scope = scope or Scope(within=context.said)
    match tree:
        case None:
            return Everything()
        case Text(whole, parts):
            return _text(whole, parts, scope)
        case Phrase(text):
            return _in_each(scope, lambda messages: Contains(text, messages))
        case Near(texts, distance):
            return _in_each(scope, lambda messages: NearNode(texts, distance, messages))
        case FieldCondition(name, value):
            return _field(name, value, context)
        case Not(part):
            return NoneOf(to_node(part, context, scope))
        case Or(parts):
            return AnyOf(tuple(to_node(part, context, scope) for part in parts))
        case And(parts):
            inner = inner_scope(parts, scope, context)
            about = any(map(is_about_messages, parts))
            # Where a text must be in these messages, there are some. That needs no look of its own.
            is_implied = not about or any(map(says_something, parts))
            some = [] if is_implied else [_in_each(inner, Said)]
            others = [
                to_node(part, context, inner)
                for part in parts
                if part != IN_HISTORY and not is_about_messages(part)
            ]
            return _all([*some, *others])


def excludes(node: Node) -> bool:
    """Does it ask for what a chat must not fulfil?"""
    match node:
        case NoneOf():
            return True
        case AllOf(parts) | AnyOf(parts):
            return any(map(excludes, parts))
        case _:
            return False


def _text(whole: str, parts: Iterable[Part], scope: Scope) -> Node:
    said = _all([part_in(scope, part) for part in parts])
    if scope == Scope() and is_given_by_kchat(whole):  # such a name is no text of the chat
        return AnyOf((said, FieldIs("visitor_name", (whole,))))
    return said


def says_something(part: Tree) -> bool:
    """Can a chat fulfil this only by what some message says?"""
    match part:
        case Text() | Phrase() | Near():
            return True
        case And(parts):
            return any(map(says_something, parts)) and not any(map(is_about_messages, parts))
        case Or(parts):
            return all(map(says_something, parts))
        case _:
            return False


def inner_scope(parts: Iterable[Tree], outer: Scope, context: Context) -> Scope:
    """In which messages the texts of a group must be: those that its own `from:` and `said:` name,
    or else those that the group around it has, `outer`."""
    parts = tuple(parts)

    def named(part: Tree) -> Iterator[Messages]:
        if isinstance(part, FieldCondition):
            yield _messages(part, context)
        elif isinstance(part, Or):
            for alternative in part.parts:
                yield from named(alternative)

    def groups(is_one: Callable[[Tree], bool]) -> tuple[tuple[Messages, ...], ...]:
        # In one order, so that a group that is named in several ways is looked for once.
        found = (tuple(sorted(set(named(part)), key=str)) for part in parts if is_one(part))
        return tuple(dict.fromkeys(found))

    return Scope(
        groups(names_senders) or outer.senders, groups(names_times) or outer.times, outer.within
    )


def _messages(condition: FieldCondition, context: Context) -> Messages:
    if condition.name == "from":
        return conditions.messages_from(condition.value, context.agents)
    return conditions.messages_said(condition.value, context.today, context.zone)


def filters(request: SearchRequest, zone: ZoneInfo) -> dict[str, Node]:
    """The filters of the request, by name, without those in the query.

    Raises `BadRequest` for a `start` or `end` that is neither a day nor a time.
    """
    nodes: dict[str, Node] = {}
    for name, values in request.filters.items():
        # A terminal can send lone surrogates. No index has them.
        field = fields.BY_NAME[name]
        stored = [field.stored(without_surrogates(value)) for value in values]
        stored += [shown(value) for value in stored if value and field.agent]  # as the index has it
        nodes[name] = FieldIs(name, tuple(dict.fromkeys(stored)))
    if request.start is not None or request.end is not None:
        nodes["created"] = CreatedIn(
            None if request.start is None else parameter_start(request.start, zone),
            None if request.end is None else parameter_end(request.end, zone),
        )
    return nodes


def said_in(request: SearchRequest, zone: ZoneInfo) -> Messages:
    """The messages that `said_start` and `said_end` leave.

    Raises `BadRequest` as `filters` does.
    """
    if request.said_start is None and request.said_end is None:
        return EVERYWHERE
    start, end = request.said_start, request.said_end
    return conditions.messages_between(
        None if start is None else parameter_start(start, zone, "said_start"),
        None if end is None else parameter_end(end, zone, "said_end"),
    )


def notes_of_filters(request: SearchRequest, zone: ZoneInfo) -> tuple[Note, ...]:
    """What the answer says of the request's `start` and `end`, `said_start` and `said_end`.

    Raises `BadRequest` as `filters` does.
    """
    notes = []
    for start, end in ((request.start, request.end), (request.said_start, request.said_end)):
        if start is None or end is None:
            continue
        first, after = parameter_start(start, zone), parameter_end(end, zone)
        if first is not None and after is not None and after <= first:
            notes.append(Note("reversed_dates", (f"{start}..{end}",)))
    return tuple(notes)


class Ranking(NamedTuple):
    """What ranks. What the query excludes is in none of these. See `Plan`."""

    words: tuple[str, ...]
    phrases: tuple[str, ...]
    forms: tuple[tuple[str, str], ...]
    tails: tuple[str, ...]


_TAIL = re.compile("[0-9]{3}$")
"""A text that may be the end of a number, long enough to mean it."""


def ranking(tree: Tree | None, words: Callable[[Iterable[str]], list[str]]) -> Ranking:
    """What ranks the chats that a query finds. `words` cuts folded texts into words."""
    scored: list[str] = []
    phrases: list[str] = []
    forms: list[tuple[str, str]] = []
    tails: list[str] = []
    for leaf in positive_leaves(tree):
        if isinstance(leaf, Phrase):
            tails.append(leaf.text)
            scored.extend(words([leaf.text]))
            continue
        if isinstance(leaf, Near):
            scored.extend(words(leaf.texts))
            continue
        for part in leaf.parts:
            if isinstance(part, Word):
                scored.extend([] if part.prefix else [index_token(part.text)])
                continue
            # The number as it is written without separators is one token in most texts.
            joined = joined_query(str(part))
            typed = words([joined])
            scored.extend(typed)
            tails.append(joined)
            if isinstance(part, Forms) and typed:
                # jieba's search mode gives a long word after those inside it.
                forms.extend((form, typed[-1]) for form in words(part.texts[1:]))
        if len(leaf.parts) > 1:
            phrases.extend(_written_otherwise(leaf))
    return Ranking(
        tuple(scored),
        tuple(dict.fromkeys(phrases)),
        tuple(dict.fromkeys(forms)),
        tuple(dict.fromkeys(filter(_TAIL.search, tails))),
    )


def _written_otherwise(text: Text) -> Iterator[str]:
    """The whole text as it was typed, and in the other written forms of its words."""
    whole = text.whole.removesuffix("*")
    words = [part.texts for part in text.parts if isinstance(part, Forms)]
    for chosen in islice(product(*words), _MOST_PHRASES):
        phrase = whole
        for each, form in zip(words, chosen, strict=True):
            phrase = phrase.replace(each[0], form)
        yield phrase


def positive_leaves(tree: Tree | None) -> Iterator[Text | Phrase | Near]:
    """The texts that a query asks for. Those under a NOT are not among them."""
    match tree:
        case Text() | Phrase() | Near():
            yield tree
        case And(parts) | Or(parts):
            for part in parts:
                yield from positive_leaves(part)
        case _:
            return


def parts_alone(tree: Tree | None, context: Context) -> list[tuple[str, Node]]:
    """(how it is written, what it asks for) of each part of a query by itself.

    A search for the written part finds as many chats. So the answer can say why the whole query
    found nothing.
    """
    parts: Sequence[Tree] = tree.parts if isinstance(tree, And) else () if tree is None else (tree,)
    scope = inner_scope(parts, Scope(within=context.said), context)
    history = [str(part) for part in parts if part == IN_HISTORY]
    scoped = [f"({p})" if isinstance(p, Or) else str(p) for p in parts if is_about_messages(p)]
    alone: list[tuple[str, Node]] = []
    for part in parts:
        if isinstance(part, Text):
            before = [*history, *scoped]
            alone.extend(
                (" ".join([*before, written(word)]), part_in(scope, word)) for word in part.parts
            )
        elif isinstance(part, FieldCondition | Not) or is_about_messages(part):
            if part != IN_HISTORY:
                alone.append((" ".join([*history, str(part)]), to_node(part, context)))
        else:
            is_group = (history or scoped) and not isinstance(part, Phrase | Near)
            text = f"({part})" if is_group else str(part)
            alone.append((" ".join([*history, *scoped, text]), to_node(part, context, scope)))
    return [(text, context.asked(node)) for text, node in alone]


@lru_cache(maxsize=64)
def _groups(scope: Scope) -> list[tuple[Messages, ...]]:
    """`scope.groups()`: the same for each of a thousand words."""
    return scope.groups()


def part_in(scope: Scope, part: Part) -> Node:
    """What a chat must fulfil to have this part of a text in these messages."""
    return _in_each(scope, lambda messages: _part(part, messages))


def _in_each(scope: Scope, node: Callable[[Messages], Node]) -> Node:
    return _all([_any([node(messages) for messages in group]) for group in _groups(scope)])


def _part(part: Part, messages: Messages) -> Node:
    match part:
        case Word(text, prefix):
            return HasWord(text, prefix, messages)
        case Forms(texts):
            return _any([Contains(text, messages, joined=True) for text in texts])
        case _:
            # What can only be written in quotes is looked for as if it stood in quotes.
            if not is_plain(part):
                return Contains(part, messages)
            form = joined_query(part)
            joined = Contains(form, messages, joined=True)
            return joined if form == part else AnyOf((Contains(part, messages), joined))


def _any(nodes: Sequence[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else AnyOf(tuple(nodes))


def _all(nodes: list[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else AllOf(tuple(nodes))


def _field(name: str, value: str, context: Context) -> Node:
    match name:
        case "from" | "said":
            return Said(_messages(FieldCondition(name, value), context))
        case "in":
            return Everything()
        case "has" | "is":
            has_it = name == "is" or conditions.has_upload(value)
            field = "has_upload" if name == "has" else "gone"
            return FieldIs(field, (fields.TRUE if has_it else fields.FALSE,))
        case "file":
            return FileNamed(fold(value))
        case "date" | "after" | "before":
            start, end = conditions.moments(value, context.today, context.zone)
            return CreatedIn(None if name == "before" else start, None if name == "after" else end)
    found = conditions.values(name, value, context.agents)
    of_field = FieldIs(fields.BY_OPERATOR[name].name, found)
    if name != "visitor" or found == (None,):
        return of_field
    return AnyOf((of_field, FieldIs("visitor_name", (conditions.folded(value),))))
