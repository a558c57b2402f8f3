"""The tree of a query: what was understood, independent of any engine.

`str()` of a tree says in the query language how the query was understood. Read again, that text
finds the same chats, with two exceptions. Text that had to be quoted is not relaxed, so fewer chats
with some of the words may follow. And the language cannot express a quoted string that ends with a
backslash and is followed by another quoted string.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kchat_search.fields import OPERATORS
from kchat_search.text.scripts import strip_punctuation

BETWEEN = "，。、；！？…｡､︐︑︒︔︕︖﹐﹑﹔﹖﹗「」『』《》〈〉【】〔〕｢｣"
"""Chinese punctuation. It may stand between two words, and a condition may begin after it."""

_NOT_PLAIN = re.compile(
    rf"""(?:.*[{BETWEEN}])?(?:-|(?:{"|".join(OPERATORS)}):)|.*[\s"()]""", re.DOTALL
)
"""Folded text that would not be read as text if it were written as it is."""
_PLAIN_VALUE = re.compile(r"[\w.@+-]+")


@dataclass(frozen=True, slots=True)
class Word:
    """`iPhone`: a whole run of letters; `iph*`: its beginning. Folded."""

    text: str
    prefix: bool = False

    def __str__(self) -> str:
        return self.text + ("*" if self.prefix else "")


@dataclass(frozen=True, slots=True)
class Text:
    """Something that was typed without blanks, folded: `退款流程`, `iphone`, `5678`, `a@b.com`.

    The chat must have each of `parts`, anywhere: a string as a literal, a `Word` as a run of
    letters. `whole` is what was typed. A chat that has it in one piece ranks first.
    """

    whole: str
    parts: tuple[str | Word, ...]

    def __str__(self) -> str:
        # Punctuation without other characters is dropped from a longer query, so it is quoted.
        if strip_punctuation(self.whole) and not _NOT_PLAIN.match(self.whole):
            return self.whole
        parts = [quoted(part) if isinstance(part, str) else str(part) for part in self.parts]
        return parts[0] if len(parts) == 1 else f"({' '.join(parts)})"


@dataclass(frozen=True, slots=True)
class Phrase:
    """`"退款流程"`: some message has exactly this text, after folding."""

    text: str

    def __str__(self) -> str:
        return quoted(self.text)


@dataclass(frozen=True, slots=True)
class FieldCondition:
    """`agent:2192`. `name` is one of `OPERATORS`, `value` is as it was typed."""

    name: str
    value: str

    def __str__(self) -> str:
        plain = _PLAIN_VALUE.fullmatch(self.value)
        return f"{self.name}:{self.value if plain else quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts match. There are at least two."""

    parts: tuple[Tree, ...]

    def __str__(self) -> str:
        return " ".join(_grouped(part, (And, Or)) for part in self.parts)


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
        return "-" + _grouped(self.part, (And, Or, Not))


def names_speakers(part: Tree) -> bool:
    """Is it `from:`, or several of them joined by OR? Then it is about the other texts of
    its group."""
    if isinstance(part, Or):
        return all(map(names_speakers, part.parts))
    return isinstance(part, FieldCondition) and part.name == "from"


Tree = Text | Phrase | FieldCondition | And | Or | Not


def quoted(text: str) -> str:
    """`text` as a quoted string of the query language."""
    return '"' + text.replace('"', '\\"') + '"'


def _grouped(part: Tree, kinds: tuple[type, ...]) -> str:
    return f"({part})" if isinstance(part, kinds) else str(part)
