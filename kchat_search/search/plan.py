"""From the tree of a query and the filters of the request to a plan: what must match, what may
match, what ranks.

`from:visitor` is about the other texts of its group. Each text in that group, and in the groups
inside it, must be in a message by the visitor. With `(from:visitor OR from:agent)` each text must
be in a message by one of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from kchat_search import fields
from kchat_search.models.chats import SPEAKERS, Speaker
from kchat_search.models.plan import (
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
    Related,
)
from kchat_search.models.search import SearchRequest
from kchat_search.search.dates import parameter_end, parameter_start, span
from kchat_search.search.tree import (
    And,
    FieldCondition,
    Not,
    Or,
    Phrase,
    Text,
    Tree,
    Word,
    names_speakers,
)
from kchat_search.text.fold import fold, without_surrogates
from kchat_search.text.segmentation import index_token

Scope = tuple[tuple[Speaker | None, ...], ...]
"""Who must have said a text. For each group of speakers, some message by one of them must have the
text. None stands for anybody."""
ANYBODY: Scope = ((None,),)

_SPEAKERS: dict[str, Speaker] = {"visitor": "visitor", "agent": "agent", "robot": "robot"}


@dataclass(frozen=True, slots=True)
class Context:
    """What the meaning of a query depends on, other than its text."""

    agents: Mapping[str, str]
    """The agents' names by id."""
    today: date
    zone: ZoneInfo


def to_node(tree: Tree | None, context: Context, scope: Scope = ANYBODY) -> Node:
    """What a chat must fulfil to match all of `tree`. `scope`: who must have said its texts."""
    match tree:
        case None:
            return Everything()
        case Text(_, parts):
            return _all([_said_in(scope, part) for part in parts])
        case Phrase(text):
            return _said_in(scope, text)
        case FieldCondition(name, value):
            return _field(name, value, context)
        case Not(part):
            return NoneOf(to_node(part, context, scope))
        case Or(parts):
            return AnyOf(tuple(to_node(part, context, scope) for part in parts))
        case And(parts):
            inner = inner_scope(parts, scope)
            return _all([to_node(part, context, inner) for part in parts])


def related(tree: Tree | None, context: Context, limit: int) -> Related | None:
    """What a chat must fulfil to match the query with only some of its words, which are the
    `parts`.

    All quoted parts, exclusions, fields and groups are still required. None where there are not
    two words of which one may be missing.
    """
    parts = tree.parts if isinstance(tree, And) else (tree,) if isinstance(tree, Text) else ()
    scope = inner_scope(parts, ANYBODY)
    words = dict.fromkeys(
        _said_in(scope, word) for part in parts if isinstance(part, Text) for word in part.parts
    )
    if len(words) < 2:
        return None
    required = [to_node(part, context, scope) for part in parts if not isinstance(part, Text)]
    return Related(AllOf(tuple(required)), tuple(words), limit)


def inner_scope(parts: Iterable[Tree], outer: Scope) -> Scope:
    """Who must have said the texts of a group: the speakers that its own `from:` names, or else
    those of the group around it, `outer`."""
    groups = (set(_named_speakers(part)) for part in parts if names_speakers(part))
    # In one order, so that a group that is named in several ways is looked for once.
    named = dict.fromkeys(tuple(s for s in SPEAKERS if s in group) for group in groups)
    return tuple(named) or outer


def _named_speakers(part: Tree) -> Iterator[Speaker]:
    if isinstance(part, FieldCondition):
        yield _SPEAKERS[_folded_value(part.value)]
    elif isinstance(part, Or):
        for alternative in part.parts:
            yield from _named_speakers(alternative)


def filters(request: SearchRequest, zone: ZoneInfo) -> dict[str, Node]:
    """The filters of the request, by name, without those in the query.

    Raises `BadRequest` for a `start` or `end` that is neither a day nor a time.
    """
    nodes: dict[str, Node] = {}
    for name, values in request.filters.items():
        # A terminal can send lone surrogates. No index has them.
        stored = (fields.BY_NAME[name].stored(without_surrogates(value)) for value in values)
        nodes[name] = FieldIs(name, tuple(dict.fromkeys(stored)))
    if request.start is not None or request.end is not None:
        nodes["created"] = CreatedIn(
            None if request.start is None else parameter_start(request.start, zone),
            None if request.end is None else parameter_end(request.end, zone),
        )
    return nodes


def ranking(
    tree: Tree | None, words: Callable[[Iterable[str]], list[str]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(words for BM25, whole phrases that rank first). What the query excludes is in neither.

    `words` cuts folded texts into words.
    """
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
    """The texts that a query asks for. Those under a NOT are not among them."""
    match tree:
        case Text() | Phrase():
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
    scope = inner_scope(parts, ANYBODY)
    from_parts = [f"({p})" if isinstance(p, Or) else str(p) for p in parts if names_speakers(p)]
    alone: list[tuple[str, Node]] = []
    for part in parts:
        if isinstance(part, Text):
            for word in part.parts:
                written = str(Text(word, (word,)) if isinstance(word, str) else word)
                alone.append((" ".join([*from_parts, written]), _said_in(scope, word)))
        elif isinstance(part, FieldCondition | Not) or names_speakers(part):
            alone.append((str(part), to_node(part, context)))
        else:
            written = f"({part})" if from_parts and not isinstance(part, Phrase) else str(part)
            alone.append((" ".join([*from_parts, written]), to_node(part, context, scope)))
    return alone


def _said_in(scope: Scope, part: str | Word) -> Node:
    return _all([_any([_said_by(speaker, part) for speaker in group]) for group in scope])


def _said_by(speaker: Speaker | None, part: str | Word) -> Node:
    if isinstance(part, str):
        return Contains(part, Messages(speaker))
    return HasWord(part.text, part.prefix, Messages(speaker))


def _any(nodes: list[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else AnyOf(tuple(nodes))


def _all(nodes: list[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else AllOf(tuple(nodes))


def _folded_value(value: str) -> str:
    return fold(value).strip()


def _field(name: str, value: str, context: Context) -> Node:
    match name:
        case "agent":
            return FieldIs("participant", _agent_ids(value, context))
        case "from":
            return FieldIs("spoke", (_folded_value(value),))
        case "has" | "is":
            return FieldIs("has_upload" if name == "has" else "gone", (fields.TRUE,))
        case "file":
            return FileNamed(fold(value))
        case "date" | "after" | "before":
            return _dated(name, _folded_value(value), context)
        case "assigned":
            return FieldIs("agent_id", _agent_ids(value, context))
        case "id":
            return FieldIs("id", (str(int(_folded_value(value))),))
        case _:
            field = fields.BY_OPERATOR[name]
            return FieldIs(field.name, _values(value, lambda text: field.canonical(text.strip())))


def _values(
    value: str, canonical: Callable[[str], str | None] = str.strip
) -> tuple[str | None, ...]:
    """The value as typed and as folded. The index has what Kchat sent, but people may type
    «ＣＬＯＳＥ» or «滿意»."""
    folded = _folded_value(value)
    if folded == fields.NONE:
        return (None,)
    return tuple(dict.fromkeys(map(canonical, (value, folded))))


def _agent_ids(value: str, context: Context) -> tuple[str | None, ...]:
    """The ids that `agent:` asks for: the value itself, and each agent who has it as whole name."""
    ids = _values(value)
    named = [
        key for key, name in context.agents.items() if _folded_value(name) == _folded_value(value)
    ]
    return ids if ids == (None,) else tuple(dict.fromkeys([*ids, *named]))


def _dated(name: str, value: str, context: Context) -> Node:
    days = span(value, context.today, context.zone)
    assert days is not None, "the parser lets no other value through"
    start, end = days
    if name == "after":
        end = None
    if name == "before":
        start = None
    return CreatedIn(start, end)
