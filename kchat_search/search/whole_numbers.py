"""What a query asks for, of whoever does not see private numbers.

A number is found by the whole of it alone. So a text of the query that has whole numbers is looked
for as it is, and where passages have the same numbers as wholes. What a page shows of a number
(`138****8845`) is looked for where passages hide digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from kchat_search.chats.masking import STAR, whole_form
from kchat_search.chats.private_texts import find
from kchat_search.models.plan import (
    HIDDEN_DIGIT,
    HIDDEN_LETTER,
    WHOLE_BEGINS,
    AllOf,
    AnyOf,
    Contains,
    FieldIs,
    FileNamed,
    HasWord,
    Near,
    Node,
    NoneOf,
    Said,
)
from kchat_search.text.fold import fold

_STARS = re.compile(r"\*+(@)?")


def with_whole_numbers(node: Node) -> Node:
    """The node of a query, for whoever sees private numbers masked."""
    match node:
        case Contains(text):
            return _any(
                [
                    replace(node, text=form, joined=node.joined and WHOLE_BEGINS not in form)
                    for form in _forms(text)
                ]
            )
        case FileNamed(text):
            return _any([FileNamed(form) for form in _forms(text)])
        case Near(texts):
            # All texts in one form: a passage has all its numbers hidden, or all whole.
            forms = (texts, tuple(map(_as_shown, texts)), tuple(map(_whole, texts)))
            return _any([replace(node, texts=form) for form in dict.fromkeys(forms)])
        case AllOf(parts):
            return AllOf(tuple(map(with_whole_numbers, parts)))
        case AnyOf(parts):
            return _any([with_whole_numbers(part) for part in parts])
        case NoneOf(part):
            return NoneOf(with_whole_numbers(part))
        case _:
            return node


def count_whole_numbers(node: Node) -> int:
    """How many different private numbers a node of a query asks for as wholes: in texts, in names
    of files, of visitors and of senders. Somebody who tries out numbers asks for many."""
    return len(set(_canonical(node)))


def _forms(text: str) -> Iterable[str]:
    return dict.fromkeys((text, _as_shown(text), _whole(text)))


def _whole(text: str) -> str:
    return whole_form(text, find(text))


def _as_shown(text: str) -> str:
    """The text with hidden characters in the place of stars, as a page shows them."""
    if STAR not in text:
        return text
    return _STARS.sub(_hidden, text)


def _hidden(stars: re.Match[str]) -> str:
    count = len(stars.group().rstrip("@"))
    return HIDDEN_LETTER * count + "@" if stars[1] else HIDDEN_DIGIT * count


def _any(nodes: list[Node]) -> Node:
    flat = [part for node in nodes for part in (node.parts if isinstance(node, AnyOf) else (node,))]
    alternatives = tuple(dict.fromkeys(flat))
    return alternatives[0] if len(alternatives) == 1 else AnyOf(alternatives)


def _canonical(node: Node) -> Iterator[str]:
    match node:
        case Contains() | HasWord() | Near() | Said():
            texts = node.texts if isinstance(node, Near) else ()
            texts += (node.text,) if isinstance(node, Contains) else ()
            for text in (*texts, *node.messages.senders):
                yield from (one.canonical for one in find(text))
        case FileNamed(text):
            yield from (one.canonical for one in find(text))
        case FieldIs(_, values):
            for value in values:
                yield from (one.canonical for one in find(fold(value or "")))
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _canonical(part)
        case NoneOf(part):
            yield from _canonical(part)
        case _:
            return
