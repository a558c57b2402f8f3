"""Related chats: what those fulfil that have only some of the words of a query, or whose visitor
meant about the same; and how they are shown.

Invariant: nothing here changes what the exact answer has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kchat_search.chats.masking import Masked, may_show
from kchat_search.chats.reader import Transcript
from kchat_search.meaning import floor
from kchat_search.meaning.openings import says_something
from kchat_search.models.plan import (
    EVERYWHERE,
    AllOf,
    Contains,
    EngineAnswer,
    HasWord,
    Meant,
    Node,
    Plan,
    Related,
)
from kchat_search.models.search import Hit, RelatedChat, Snippet
from kchat_search.search.marks import needles_of
from kchat_search.search.opening_message import openings_of
from kchat_search.search.plan import Context, Scope, inner_scope, part_in, to_node
from kchat_search.search.snippets import REPLY_FROM, asked_and_answered, one_message
from kchat_search.search.tree import IN_HISTORY, And, Text, Tree, is_about_messages

MOST_BY_MEANING = 5


class _Relaxed(NamedTuple):
    """A query of which some words may be missing."""

    texts: tuple[Text, ...]
    """What was typed without quotes, outside of groups."""
    required: Node
    """All else: quoted parts, exclusions, fields and groups."""
    scope: Scope
    """In which messages the texts are looked for."""


def _relaxed(tree: Tree | None, context: Context) -> _Relaxed:
    parts = tree.parts if isinstance(tree, And) else (tree,) if isinstance(tree, Text) else ()
    scope = inner_scope(parts, Scope(within=context.said), context)
    required = [
        to_node(part, context, scope)
        for part in parts
        if not isinstance(part, Text) and not is_about_messages(part) and part != IN_HISTORY
    ]
    texts = tuple(part for part in parts if isinstance(part, Text))
    return _Relaxed(texts, context.asked(AllOf(tuple(required))), scope)


def related(tree: Tree | None, context: Context, limit: int) -> Related | None:
    """What a chat must fulfil to match the query with only some of its words, which are the
    `parts`.

    All quoted parts, exclusions, fields and groups are still required. None where there are not
    two words of which one may be missing.
    """
    relaxed = _relaxed(tree, context)
    words = dict.fromkeys(
        part_in(relaxed.scope, word) for text in relaxed.texts for word in text.parts
    )
    if len(words) < 2:
        return None
    return Related(relaxed.required, tuple(map(context.asked, words)), limit)


def meant(tree: Tree | None, context: Context, limit: int) -> Meant | None:
    """What a chat must fulfil to be about the same matter as the words of the query of which
    `related` lets some be missing; what is required is the same. None where they say nothing.

    What is private in the words counts as it does in a chat: what everybody sees of it.
    """
    relaxed = _relaxed(tree, context)
    typed = " ".join(text.whole for text in relaxed.texts)
    masked = Masked.of(typed) if may_show(typed) else None
    text = typed if masked is None else masked.hidden.text
    if not says_something(text):
        return None
    return Meant(
        text,
        relaxed.required,
        floor.FLOOR,
        min(limit, MOST_BY_MEANING),
        tuple(group for group in relaxed.scope.groups() if EVERYWHERE not in group),
        floor.BESIDE_HITS,
    )


def by_words(hits: Sequence[Hit], answer: EngineAnswer, plan: Plan) -> tuple[RelatedChat, ...]:
    """The chats with only some of the words, each with the words that it has and lacks."""
    words = [_written(part) for part in plan.related.parts] if plan.related else []
    found = {related.hit.id: related.has for related in answer.related}
    chats = []
    for hit in hits:
        has = found[hit.chat.id]
        chats.append(
            RelatedChat(
                hit,
                tuple(word for word, it_has in zip(words, has, strict=True) if it_has),
                tuple(word for word, it_has in zip(words, has, strict=True) if not it_has),
            )
        )
    return tuple(chats)


def _written(part: Node) -> str:
    """A word of the query: of several forms, the one that was typed."""
    first = needles_of(part)[0]
    if isinstance(first, Contains | HasWord):
        return first.text
    return " ".join(first.texts)


def nearest_opening(
    transcript: Transcript, answer: EngineAnswer, limit: int
) -> tuple[Snippet, ...]:
    """What is shown of a chat by meaning: the message that came nearest, without marks, and the
    reply to it. `limit`: as for `snippets`."""
    place = next(each.place for each in answer.meant if each.hit.id == transcript.chat.id)
    asked = openings_of(transcript)[: place + 1][-1:]  # the index may have another version
    if limit >= REPLY_FROM:
        return tuple(one for at in asked for one in asked_and_answered(transcript, at))
    return tuple(one_message(transcript, at) for at in asked[:limit])
