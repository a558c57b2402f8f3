"""What a query asks for, of whoever does not see private numbers.

A number is found by the whole of it alone. So a text of the query that has whole numbers is looked
for as it is, and where passages have the same numbers as wholes, also where blanks or jieba have
cut a number («1380013 8845»). What a page shows of a number (`138****8845`) is looked for where
passages hide digits.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, groupby

from kchat_search.chats.masking import STAR, whole_form
from kchat_search.chats.private_numbers import Private
from kchat_search.chats.private_texts import find_typed
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
from kchat_search.search.tree import And, Not, Or, Phrase, Text, Tree
from kchat_search.text.fold import fold

_BETWEEN = " "
"""What is put between texts that were typed with blanks between."""
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
            forms = (texts, tuple(map(_as_shown, texts)), _whole_texts(texts))
            return _any([_near(node, form) for form in dict.fromkeys(forms)])
        case AllOf(parts):
            return AllOf(tuple(map(with_whole_numbers, parts)))
        case AnyOf(parts):
            return _any([with_whole_numbers(part) for part in parts])
        case NoneOf(part):
            return NoneOf(with_whole_numbers(part))
        case _:
            return node


def with_cut_numbers(tree: Tree) -> Tree:
    """The tree of a query that also finds in one piece each whole number of which several words
    have parts: `1380013 8845`."""
    match tree:
        case Text():
            return _all(_mended([tree]))
        case And(parts):
            mended: list[Tree] = []
            for is_text, run in groupby(parts, lambda part: isinstance(part, Text)):
                if is_text:
                    mended += _mended([part for part in run if isinstance(part, Text)])
                else:
                    mended += map(with_cut_numbers, run)
            return _all(mended)
        case Or(parts):
            return Or(tuple(map(with_cut_numbers, parts)))
        case Not(part):
            return Not(with_cut_numbers(part))
        case _:
            return tree


def _mended(texts: Sequence[Text]) -> list[Tree]:
    """`with_cut_numbers` of texts that stand side by side."""
    whole = _BETWEEN.join(text.whole for text in texts)
    starts = list(accumulate((len(text.whole) + len(_BETWEEN) for text in texts), initial=0))
    mended: list[Tree] = []
    done = 0
    for one in find_typed(whole):
        first, last = bisect_right(starts, one.start) - 1, bisect_right(starts, one.end - 1)
        if first < done or (last - first == 1 and _is_in_one_part(whole, one, texts[first])):
            continue
        before, number, after = (
            whole[starts[first] : one.start],
            whole[one.start : one.end],
            whole[one.end : starts[last]],
        )
        beside = [
            replace(text, parts=parts)
            for text in texts[first:last]
            if (parts := tuple(p for p in text.parts if str(p) in f"{before}\n{after}"))
        ]
        mended += texts[done:first]
        mended.append(Or((_all(texts[first:last]), _all([Phrase(number), *beside]))))
        done = last
    return [*mended, *texts[done:]]


def _is_in_one_part(whole: str, one: Private, text: Text) -> bool:
    """Is this number looked for in one piece anyway?"""
    return any(whole[one.start : one.end] in str(part) for part in text.parts)


def _all(trees: Sequence[Tree]) -> Tree:
    return trees[0] if len(trees) == 1 else And(tuple(trees))


def count_whole_numbers(node: Node) -> int:
    """How many different private numbers a node of a query asks for as wholes: in texts, in names
    of files, of visitors and of senders. Somebody who tries out numbers asks for many."""
    return len(set(_canonical(node)))


def _near(node: Near, texts: tuple[str, ...]) -> Near | Contains:
    """These texts near one another. One is all that is left of the groups of a number."""
    if len(texts) == 1:
        return Contains(texts[0], node.messages)
    return replace(node, texts=texts)


def _forms(text: str) -> Iterable[str]:
    return dict.fromkeys((text, _as_shown(text), _whole(text)))


def _whole(text: str) -> str:
    return whole_form(text, find_typed(text))


def _whole_texts(texts: Sequence[str]) -> tuple[str, ...]:
    """Texts with their whole numbers, of which several may be the groups."""
    return tuple(_whole(_BETWEEN.join(texts)).split(_BETWEEN))


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


def _texts(node: Contains | HasWord | Near | Said) -> tuple[str, ...]:
    """The texts of a node that may have whole numbers."""
    match node:
        case Contains(text):
            return (text,)
        case Near(texts):
            return (_BETWEEN.join(texts),)
        case _:
            return ()


def _canonical(node: Node) -> Iterator[str]:
    match node:
        case Contains() | HasWord() | Near() | Said():
            for text in (*_texts(node), *node.messages.senders):
                yield from (one.canonical for one in find_typed(text))
        case FileNamed(text):
            yield from (one.canonical for one in find_typed(text))
        case FieldIs(_, values):
            for value in values:
                yield from (one.canonical for one in find_typed(fold(value or "")))
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _canonical(part)
        case NoneOf(part):
            yield from _canonical(part)
        case _:
            return
