"""The tree of a query: what was understood, before any engine.

`str()` of a tree is how the query was understood, in the query language itself: read again, it
finds the same chats. But text that had to be quoted is not relaxed, so where chats with some of the
words follow, fewer may. And a quoted string that ends with a backslash and has another one behind
it can't be written in that language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kchat_search.fields import OPERATORS
from kchat_search.text.scripts import strip_punctuation

BETWEEN = "，。、；！？…｡､︐︑︒︔︕︖﹐﹑﹔﹖﹗「」『』《》〈〉【】〔〕｢｣"
"""Chinese punctuation: it may part two things, and behind it a condition may begin."""

_NOT_PLAIN = re.compile(
    rf"""(?:.*[{BETWEEN}])?(?:-|(?:{"|".join(OPERATORS)}):)|.*[\s"＂“”„‟()（）]""", re.DOTALL
)
"""Folded text that, written as it is, would be read as something else than text."""


@dataclass(frozen=True, slots=True)
class Word:
    """`iPhone`: a whole run of letters; `iph*`: its beginning. Folded."""

    text: str
    prefix: bool = False

    def __str__(self) -> str:
        return self.text + ("*" if self.prefix else "")


@dataclass(frozen=True, slots=True)
class Text:
    """Something typed without blanks, folded: `退款流程`, `iphone`, `5678`, `a@b.com`.

    Each of `parts` must be in the chat, anywhere: a string as a literal, a `Word` as a run of
    letters. `whole` is what was typed; a chat that has it in one piece ranks first.
    """

    whole: str
    parts: tuple[str | Word, ...]

    def __str__(self) -> str:
        # Punctuation alone is dropped where anything else is asked for.
        if strip_punctuation(self.whole) and not _NOT_PLAIN.match(self.whole):
            return self.whole
        parts = [quoted(part) if isinstance(part, str) else str(part) for part in self.parts]
        return parts[0] if len(parts) == 1 else f"({' '.join(parts)})"


@dataclass(frozen=True, slots=True)
class Phrase:
    """`"退款流程"`: exactly this, folded, in one message."""

    text: str

    def __str__(self) -> str:
        return quoted(self.text)


@dataclass(frozen=True, slots=True)
class Field:
    """`agent:2192`. `name` is one of `OPERATORS`, `value` as typed."""

    name: str
    value: str

    def __str__(self) -> str:
        plain = re.fullmatch(r"[\w.@+-]+", self.value)
        return f"{self.name}:{self.value if plain else quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class And:
    """All of these; at least two."""

    parts: tuple[Tree, ...]

    def __str__(self) -> str:
        return " ".join(_grouped(part, (And, Or)) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """Any of these; at least two."""

    parts: tuple[Tree, ...]

    def __str__(self) -> str:
        return " OR ".join(_grouped(part, (Or,)) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """All the others."""

    part: Tree

    def __str__(self) -> str:
        return "-" + _grouped(self.part, (And, Or, Not))


def names_speakers(part: Tree) -> bool:
    """Is it `from:`, or several of these with OR between them? Then it is about the text beside."""
    if isinstance(part, Or):
        return all(map(names_speakers, part.parts))
    return isinstance(part, Field) and part.name == "from"


Tree = Text | Phrase | Field | And | Or | Not


def quoted(text: str) -> str:
    """`text` as a quoted string of the query language."""
    return '"' + text.replace('"', '\\"') + '"'


def _grouped(part: Tree, kinds: tuple[type, ...]) -> str:
    return f"({part})" if isinstance(part, kinds) else str(part)
