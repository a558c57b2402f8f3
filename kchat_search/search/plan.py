"""Tree and filters to a plan: what must match, what may, what ranks.

`from:visitor` is about the text that stands beside it: within its group (and groups inside),
every text must be found in messages by that speaker; of one of them where it is `(from:visitor OR
from:agent)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from kchat_search import fields
from kchat_search.models.chats import Speaker
from kchat_search.models.plan import (
    AllOf,
    AnyOf,
    Contains,
    CreatedIn,
    Everything,
    FieldIs,
    FileNamed,
    HasWord,
    Node,
    NoneOf,
)
from kchat_search.models.search import SearchRequest
from kchat_search.search.dates import parameter_end, parameter_start, span
from kchat_search.search.tree import And, Field, Not, Or, Phrase, Text, Tree, Word, names_speakers
from kchat_search.text.fold import fold, without_surrogates
from kchat_search.text.segmentation import index_token

ENOUGH = 20
"""Fewer chats with all the words than this, and chats with some of them follow (DESIGN 5)."""

Scope = tuple[tuple[Speaker | None, ...], ...]
"""Who must have said a text: of each of these, some speaker. None: anybody."""
ANYBODY: Scope = ((None,),)

_SPEAKERS: dict[str, Speaker] = {"visitor": "visitor", "agent": "agent", "robot": "robot"}


@dataclass(frozen=True, slots=True)
class Context:
    """What the meaning of a query depends on beside its text."""

    agents: Mapping[str, str]
    """Names by id."""
    today: date
    zone: ZoneInfo


def to_node(tree: Tree | None, context: Context, speakers: Scope = ANYBODY) -> Node:
    """What chats must fulfil to match all of `tree`."""
    match tree:
        case None:
            return Everything()
        case Text(_, parts):
            return _all([_for_scope(part, speakers) for part in parts])
        case Phrase(text):
            return _for_scope(text, speakers)
        case Field(name, value):
            return _field(name, value, context)
        case Not(part):
            return NoneOf(to_node(part, context, speakers))
        case Or(parts):
            return AnyOf(tuple(to_node(part, context, speakers) for part in parts))
        case And(parts):
            inner = scope(parts, speakers)
            return _all([to_node(part, context, inner) for part in parts])


def relaxed(tree: Tree | None, context: Context) -> Node | None:
    """The same query with only some of its words. A quoted, excluded or fielded part is never
    relaxed, nor is a group. None where there is nothing to relax."""
    parts = tree.parts if isinstance(tree, And) else (tree,) if isinstance(tree, Text) else ()
    speakers = scope(parts, ANYBODY)
    words = dict.fromkeys(
        _for_scope(w, speakers) for p in parts if isinstance(p, Text) for w in p.parts
    )
    if len(words) < 2:
        return None
    required = [to_node(part, context, speakers) for part in parts if not isinstance(part, Text)]
    return AllOf((*required, AnyOf(tuple(words))))


def scope(parts: Iterable[Tree], speakers: Scope) -> Scope:
    """The speakers that a group's own `from:` names, or else those around it."""
    named = dict.fromkeys(tuple(_named(part)) for part in parts if names_speakers(part))
    return tuple(named) or speakers


def _named(part: Tree) -> Iterator[Speaker]:
    if isinstance(part, Field):
        yield _SPEAKERS[_value(part.value)]
    elif isinstance(part, Or):
        for each in part.parts:
            yield from _named(each)


def filters(request: SearchRequest, zone: ZoneInfo) -> dict[str, Node]:
    """The request's filters beside the query, by name. Raises `BadRequest` for a bad date."""
    found: dict[str, Node] = {}
    for name, values in request.filters.items():
        # Lone surrogates (a terminal can send them) are in no index.
        stored = (fields.BY_NAME[name].stored(without_surrogates(value)) for value in values)
        found[name] = FieldIs(name, tuple(dict.fromkeys(stored)))
    if request.start is not None or request.end is not None:
        found["created"] = CreatedIn(
            None if request.start is None else parameter_start(request.start, zone),
            None if request.end is None else parameter_end(request.end, zone),
        )
    return found


def ranking(
    tree: Tree | None, words: Callable[[Iterable[str]], list[str]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(words for BM25, whole phrases that rank first) of all that is asked for, not excluded."""
    scored: list[str] = []
    phrases: list[str] = []
    for leaf in positive_leaves(tree):
        if isinstance(leaf, Phrase):
            scored.extend(words([leaf.text]))
            continue
        for part in leaf.parts:
            if isinstance(part, str):
                scored.extend(words([part]))
            elif not part.prefix:
                scored.append(index_token(part.text))
        if len(leaf.parts) > 1:
            phrases.append(leaf.whole.removesuffix("*"))
    return tuple(scored), tuple(dict.fromkeys(phrases))


def positive_leaves(tree: Tree | None) -> Iterator[Text | Phrase]:
    """The texts that are asked for; those under a NOT are not."""
    match tree:
        case Text() | Phrase():
            yield tree
        case And(parts) | Or(parts):
            for part in parts:
                yield from positive_leaves(part)
        case _:
            return


def parts_alone(tree: Tree | None, context: Context) -> list[tuple[str, Node]]:
    """Each part of a query by itself, with how it is written, so that it finds as many: to say why
    nothing was found."""
    parts: Sequence[Tree] = tree.parts if isinstance(tree, And) else () if tree is None else (tree,)
    speakers = scope(parts, ANYBODY)
    named = [f"({p})" if isinstance(p, Or) else str(p) for p in parts if names_speakers(p)]
    found: list[tuple[str, Node]] = []
    for part in parts:
        if isinstance(part, Text):
            for word in part.parts:
                written = str(Text(word, (word,)) if isinstance(word, str) else word)
                found.append((" ".join([*named, written]), _for_scope(word, speakers)))
        elif isinstance(part, Field | Not) or names_speakers(part):
            found.append((str(part), to_node(part, context)))
        else:
            written = f"({part})" if named and not isinstance(part, Phrase) else str(part)
            found.append((" ".join([*named, written]), to_node(part, context, speakers)))
    return found


def _for_scope(part: str | Word, speakers: Scope) -> Node:
    return _all([_any([_said(part, speaker) for speaker in several]) for several in speakers])


def _said(part: str | Word, speaker: Speaker | None) -> Node:
    if isinstance(part, str):
        return Contains(part, speaker)
    return HasWord(part.text, part.prefix, speaker)


def _any(nodes: list[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else AnyOf(tuple(nodes))


def _all(nodes: list[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else AllOf(tuple(nodes))


def _value(value: str) -> str:
    return fold(value).strip()


def _field(name: str, value: str, context: Context) -> Node:
    match name:
        case "agent":
            return FieldIs("agent_id", _agent_ids(value, context))
        case "from":
            return FieldIs("spoke", (_value(value),))
        case "has" | "is":
            return FieldIs("has_upload" if name == "has" else "gone", (fields.TRUE,))
        case "file":
            return FileNamed(fold(value))
        case "date" | "after" | "before":
            return _dated(name, _value(value), context)
        case "id":
            return FieldIs("id", (str(int(_value(value))),))
        case _:
            field = fields.BY_OPERATOR[name]
            return FieldIs(field.name, _values(value, lambda text: field.canonical(text.strip())))


def _values(
    value: str, canonical: Callable[[str], str | None] = str.strip
) -> tuple[str | None, ...]:
    """As typed and as folded: the index has what Kchat sent, people type «ＣＬＯＳＥ» or «滿意»."""
    folded = _value(value)
    return (
        (None,) if folded == fields.NONE else tuple(dict.fromkeys(map(canonical, (value, folded))))
    )


def _agent_ids(value: str, context: Context) -> tuple[str | None, ...]:
    """An id, or the whole name of one or more agents."""
    ids = _values(value)
    named = [key for key, name in context.agents.items() if _value(name) == _value(value)]
    return ids if ids == (None,) else tuple(dict.fromkeys([*ids, *named]))


def _dated(name: str, value: str, context: Context) -> Node:
    found = span(value, context.today, context.zone)
    assert found is not None  # syntax has looked
    start, end = found
    if name == "after":
        end = None
    if name == "before":
        start = None
    return CreatedIn(start, end)
