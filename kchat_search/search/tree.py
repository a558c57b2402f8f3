"""The tree of a query: what was understood, independent of any engine.

`str()` of a tree says in the query language how the query was understood. Read again, that text
finds the same chats, with two exceptions. Text that had to be quoted is not relaxed, so fewer chats
with some of the words may follow. And the language cannot express a quoted string that ends with a
backslash and is followed by another quoted string.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from operator import add

from kchat_search.fields import OPERATORS
from kchat_search.search.unit_words import unit_spans
from kchat_search.text.joined import number_spans
from kchat_search.text.scripts import strip_punctuation

BETWEEN = "，。、；！？…｡､︐︑︒︔︕︖﹐﹑﹔﹖﹗「」『』《》〈〉【】〔〕｢｣"
"""Chinese punctuation. It may stand between two words, and a condition may begin after it."""

_NOT_PLAIN = re.compile(
    rf"""(?:.*[{BETWEEN}])?(?:-(?!\d)|(?:{"|".join(OPERATORS)}):)|.*[\s"()]""", re.DOTALL
)
"""Folded text that would not be read as text if it were written as it is."""
_PLAIN_VALUE = re.compile(r"[\w.@+-]+")
_NAME_AND_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_:：@.'’/*-])(?!(?:AND|OR|NOT) )[A-Za-z]++[ \u3000][0-9]{1,3}[A-Za-z]{0,2}"
    r"(?![A-Za-z0-9_.,:：@/%'’-]|[ \u3000][0-9]++(?![A-Za-z]))"
)
"""A Latin word, one blank, and a number of at most three digits with at most two letters. What goes
on is no such number: «iPhone 6.5», «call 138 1111»."""


@dataclass(frozen=True, slots=True)
class Word:
    """`iPhone`: a whole run of letters; `iph*`: its beginning. Folded."""

    text: str
    prefix: bool = False

    def __str__(self) -> str:
        return self.text + ("*" if self.prefix else "")


@dataclass(frozen=True, slots=True)
class Forms:
    """A word in its written forms, folded, that which was typed first: 账号, 帐号. A chat must have
    one of them."""

    texts: tuple[str, ...]

    def __str__(self) -> str:
        return self.texts[0]


Part = str | Word | Forms
"""What a text asks for: a literal, a run of letters, or a word in any of its forms."""


@dataclass(frozen=True, slots=True)
class Text:
    """Something that was typed without blanks, folded: `退款流程`, `iphone`, `5678`, `a@b.com`; or
    a number in groups: `138 1111 2222`.

    The chat must have each of `parts`, anywhere. `whole` is what was typed. A chat that has it in
    one piece ranks first.
    """

    whole: str
    parts: tuple[Part, ...]

    def __str__(self) -> str:
        if is_plain(self.whole):
            return self.whole
        parts = [written(part) for part in self.parts]
        return parts[0] if len(parts) == 1 else f"({_side_by_side(parts)})"


@dataclass(frozen=True, slots=True)
class Phrase:
    """`"退款流程"`: some message has exactly this text, after folding."""

    text: str

    def __str__(self) -> str:
        return quoted(self.text)


@dataclass(frozen=True, slots=True)
class Near:
    """`"退款 到账"~8`: some message has these texts, in any order, with at most `distance`
    characters between one and the next. Folded; there are at least two."""

    texts: tuple[str, ...]
    distance: int

    def __str__(self) -> str:
        return f"{quoted(' '.join(self.texts))}~{self.distance}"


@dataclass(frozen=True, slots=True)
class FieldCondition:
    """`agent:2192`. `name` is one of `OPERATORS`, `value` is as it was typed."""

    name: str
    value: str
    is_quoted: bool = False
    """Without quotes, it would be text: no chat has this value (`status:"200"`)."""

    def __str__(self) -> str:
        plain = _PLAIN_VALUE.fullmatch(self.value) and not self.is_quoted
        return f"{self.name}:{self.value if plain else quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts match. There are at least two."""

    parts: tuple[Tree, ...]

    def __str__(self) -> str:
        return _side_by_side([_grouped(part, (And, Or)) for part in self.parts])


@dataclass(frozen=True, slots=True)
class Or:
    """Some part matches. There are at least two."""

    parts: tuple[Tree, ...]

    def __str__(self) -> str:
        return " OR ".join(_grouped(part, (Or,)) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not match."""

    part: Tree

    def __str__(self) -> str:
        part = _grouped(self.part, (And, Or, Not))
        # A minus before a digit is text, and one before «iPhone 6» leaves out the «iPhone» alone.
        is_whole = group_spans(f"-{part}") == [(s + 1, e + 1) for s, e in group_spans(part)]
        is_text = part.lstrip("-+")[:1].isdigit() or not is_whole
        return f"NOT {part}" if is_text else f"-{part}"


def names_senders(part: Tree) -> bool:
    """Is it `from:`, or several of them joined by OR? Then it is about the other texts of its
    group."""
    return _is_about(part, "from")


def names_times(part: Tree) -> bool:
    """Is it `said:`, or several of them joined by OR? Then it is about the other texts of its
    group."""
    return _is_about(part, "said")


def is_about_messages(part: Tree) -> bool:
    """Does it say in which messages the other texts of its group are looked for?"""
    return names_senders(part) or names_times(part)


def _is_about(part: Tree, operator: str) -> bool:
    if isinstance(part, Or):
        return all(_is_about(each, operator) for each in part.parts)
    return isinstance(part, FieldCondition) and part.name == operator


IN_HISTORY = FieldCondition("in", "history")
"""It is about the whole query, so it stands in the tree at most once: alone, or first of an And."""


def asks_history(tree: Tree | None) -> bool:
    """Are earlier versions and recalled messages looked into too?"""
    return tree == IN_HISTORY or (isinstance(tree, And) and tree.parts[0] == IN_HISTORY)


Tree = Text | Phrase | Near | FieldCondition | And | Or | Not


def group_spans(query: str) -> list[tuple[int, int]]:
    """Where in a query, as typed, a blank does not divide: in a number in groups («138 1111
    2222»), between a number and its unit («5 月 1 日»), and between a Latin word and a short number
    («iPhone 6»). The ranges (start, end) are in order and do not overlap."""
    units = unit_spans(query)
    spans = units + _apart_from(units, number_spans(query))
    names = [match.span() for match in _NAME_AND_NUMBER.finditer(query)]
    return sorted(spans + _apart_from(spans, names))


def _apart_from(
    spans: list[tuple[int, int]], others: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Those of the others that overlap none of the spans."""
    if not spans:
        return others
    return [(s, e) for s, e in others if not any(s < stop and e > start for start, stop in spans)]


def without_dividers(query: str) -> str:
    """`query`, as long, with a nought for each blank, bracket and comma that divides nothing."""
    characters = list(query)
    for start, end in group_spans(query):
        for place in range(start, end):
            if not query[place].isalnum():
                characters[place] = "0"
    return "".join(characters)


def is_plain(folded: str) -> bool:
    """Is this text read as one text when it is written without quotes?"""
    if not strip_punctuation(folded):
        return False  # it is dropped from a longer query
    return not _NOT_PLAIN.match(folded) or not _NOT_PLAIN.match(without_dividers(folded))


def written(part: Part) -> str:
    """A part of a text, by itself."""
    return quoted(part) if isinstance(part, str) and not is_plain(part) else str(part)


def quoted(text: str) -> str:
    """`text` as a quoted string of the query language."""
    return '"' + text.replace('"', '\\"') + '"'


def _grouped(part: Tree, kinds: tuple[type, ...]) -> str:
    return f"({part})" if isinstance(part, kinds) else str(part)


def _side_by_side(written: list[str]) -> str:
    """All of these, each of which stays what it is by itself."""
    between = [" "] * len(written)
    for _ in range(3):  # what is divided may make room for another number
        text = "".join(map(add, between, written))[1:]
        starts = list(accumulate(map(len, map(add, between, written)), initial=0))
        together = group_spans(text)
        # «(6222) (0202)» is two numbers. Side by side, they would be one.
        joined = {
            number
            for number, place in enumerate(starts[1:-1], start=1)
            if any(start < place < end for start, end in together)
        }
        # «(vip 2) (3)» are two. Side by side, they would be three.
        for number, (part, end) in enumerate(zip(written, starts[1:], strict=True), start=1):
            begin = end - 1 - len(part)
            if any((begin + s, begin + e) not in together for s, e in group_spans(part)):
                joined.add(min(number, len(written) - 1))
        if not joined:
            return text
        for number in joined:
            between[number] = " AND "
    return " AND ".join(written)
