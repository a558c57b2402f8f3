"""The tree of a query: what was understood, before any engine.

`str()` of a tree is how the query was understood, in the query language itself.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """`iPhone`: a whole run of letters; `iph*`: its beginning. Folded."""

    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Something typed without blanks, folded: `退款流程`, `iphone`, `5678`, `a@b.com`.

    Each of `parts` must be in the chat, anywhere: a string as a literal, a `Word` as a run of
    letters. `whole` is what was typed; a chat that has it in one piece ranks first.
    """

    whole: str
    parts: tuple[str | Word, ...]

    def __str__(self) -> str:
        return self.whole


@dataclass(frozen=True, slots=True)
class Phrase:
    """`"退款流程"`: exactly this, folded, in one message."""

    text: str

    def __str__(self) -> str:
        return quoted(self.text)


@dataclass(frozen=True, slots=True)
class Field:
    """`agent:2192`. `name` is one of `syntax.FIELDS`, `value` as typed."""

    name: str
    value: str

    def __str__(self) -> str:
        plain = not any(c.isspace() or c in '"“”„‟＂()（）' for c in self.value)
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


Tree = Text | Phrase | Field | And | Or | Not


def quoted(text: str) -> str:
    """`text` as a quoted string of the query language."""
    return '"' + text.replace('"', '\\"') + '"'


def _grouped(part: Tree, kinds: tuple[type, ...]) -> str:
    return f"({part})" if isinstance(part, kinds) else str(part)
