"""How a query was understood, in the query language: with the written forms of its words.

`账号登录` is understood as `(账号 OR 帐号) 登录`. Read again, that finds the same chats. `str()` of
a tree has the words as they were typed; links have that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kchat_search.models.search import MAX_QUERY_CHARACTERS
from kchat_search.search.tree import (
    And,
    Forms,
    Not,
    Or,
    Part,
    Text,
    Tree,
    is_about_messages,
    written,
)
from kchat_search.search.units import parts_of

Split = Callable[[str], list[str]]


def understood(tree: Tree | None, split: Split) -> str:
    """A query as it was understood. `split` cuts Han text into words, as when it was read."""
    if tree is None:
        return ""
    text = str(_with_forms(tree, split))
    return text if len(text) <= MAX_QUERY_CHARACTERS else str(tree)


def _with_forms(tree: Tree, split: Split) -> Tree:
    match tree:
        case Text(_, parts) if any(isinstance(part, Forms) for part in parts):
            # By itself, jieba may cut a word that it left whole beside others.
            if not all(_is_read_alone(part, split) for part in parts):
                return tree
            return _one_or(And, list(map(_alternatives, parts)))
        case And(parts):
            return And(tuple(_flat(And, [_with_forms(part, split) for part in parts])))
        case Or(parts):
            return _one_or(Or, list(_flat(Or, [_with_forms(part, split) for part in parts])))
        case Not(part):
            return Not(_with_forms(part, split))
        case _:
            return tree


def _alternatives(part: Part) -> Tree:
    if isinstance(part, Forms):
        return Or(tuple(Text(form, (form,)) for form in part.texts))
    return Text(written(part), (part,))


def _is_read_alone(part: Part, split: Split) -> bool:
    """Is each form, by itself, read as this word?"""
    if isinstance(part, Forms):
        alone = (parts_of(form, split) for form in part.texts)
        return all(
            isinstance(each[0], Forms) and set(each[0].texts) == set(part.texts) and len(each) == 1
            for each in alone
        )
    return not isinstance(part, str) or parts_of(part, split) == (part,)


def _flat(kind: type[And | Or], parts: list[Tree]) -> Iterator[Tree]:
    """The parts, those of inner groups of this kind among them; nothing twice."""
    inner = [
        each
        for part in parts
        for each in (
            part.parts
            if isinstance(part, And | Or)
            and isinstance(part, kind)
            and not any(map(is_about_messages, part.parts))
            else (part,)
        )
    ]
    yield from dict.fromkeys(inner)


def _one_or(kind: type[And | Or], parts: list[Tree]) -> Tree:
    return parts[0] if len(parts) == 1 else kind(tuple(parts))
