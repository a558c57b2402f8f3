"""From query text to a tree. Every input is a query. What cannot be read as an operator is taken as
text, and a note says so.

    query := and (OR and)*          and := part (AND? part)*        part := (NOT | -)* simple
    simple := "phrase" | ( query ) | field:value | text
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeGuard

from kchat_search.errors import LimitExceeded
from kchat_search.models.plan import FieldIs
from kchat_search.models.search import MAX_CLAUSES, MAX_QUERY_CHARACTERS, Note
from kchat_search.search.conditions import (
    TIMES,
    IsKnown,
    is_reversed,
    needs_quotes,
    wrong_value,
)
from kchat_search.search.tokens import Token, tokens
from kchat_search.search.tree import (
    IN_HISTORY,
    And,
    FieldCondition,
    Near,
    Not,
    Or,
    Phrase,
    Text,
    Tree,
    Word,
    is_about_messages,
    quoted,
)
from kchat_search.search.unit_words import without_unit_blanks
from kchat_search.search.units import parts_of, without_punctuation
from kchat_search.text.fold import fold, without_reserved, without_surrogates
from kchat_search.text.scripts import strip_punctuation
from kchat_search.text.typography import without_ignorable

_OPERATORS = ("and", "or", "not")
_LATIN = re.compile(r"[A-Za-z]")
_NOT_UPPER = re.compile(r"[a-z*＊]")
MOST_NEAR = 8
"""Words of one `"…"~8`, at most."""
MAX_DISTANCE = 1_000


@dataclass(frozen=True, slots=True)
class Parsed:
    """A query as it was understood. A `tree` of None asks for every chat."""

    tree: Tree | None
    notes: tuple[Note, ...]


def _is_known(_: FieldIs) -> bool:
    return True


def parse(
    query: str,
    split: Callable[[str], list[str]],
    today: date,
    is_known: IsKnown = _is_known,
) -> Parsed:
    """Read a query. `split` cuts Han text into words. `today` decides which days a date names.
    `is_known` says whether any chat has a value: where none has, `status:200` is text.

    Raises `LimitExceeded` for more than `MAX_QUERY_CHARACTERS` or `MAX_CLAUSES`.
    """
    if len(query) > MAX_QUERY_CHARACTERS:
        raise LimitExceeded(
            f"The query has {len(query):,} characters; at most {MAX_QUERY_CHARACTERS:,} are "
            "allowed.",
            "q",
            MAX_QUERY_CHARACTERS,
        )
    # No engine, archive or page can take surrogates, and no query may have the characters in which
    # an index writes what is hidden. Nobody sees what is ignorable, yet between the letters of an
    # operator it would make that a text.
    query = without_ignorable(without_reserved(without_surrogates(query)))
    parser = _Parser(query, split, today, is_known)
    tree = parser.read()
    if tree is None and query.strip():
        # Only brackets or quotes with nothing inside. Whoever types them does not ask for every
        # chat.
        return Parsed(_text_of_punctuation(fold(query).strip()), (Note("taken_as_text"),))
    return Parsed(tree, tuple(dict.fromkeys(parser.notes)))


def _text_of_punctuation(folded: str) -> Text:
    """A text of punctuation alone. It is searched for unchanged."""
    return Text(folded, (folded,))


class _Parser:
    def __init__(
        self, query: str, split: Callable[[str], list[str]], today: date, is_known: IsKnown
    ) -> None:
        self.notes: list[Note] = []
        self._query = query
        self._split = split
        self._today = today
        self._is_known = is_known
        self._asks_history = False
        self._next = 0
        self._tokens = [self._checked(token) for token in tokens(query, self.notes.append)]
        self._decide_operators()
        self._check_limits()

    def _check_limits(self) -> None:
        clauses = sum(
            token.kind in ("phrase", "near", "(") or bool(token.field) for token in self._tokens
        )
        if clauses > MAX_CLAUSES:
            raise LimitExceeded(
                f"The query has {clauses} clauses (quoted strings, conditions, groups); at most "
                f"{MAX_CLAUSES} are allowed.",
                "q",
                MAX_CLAUSES,
            )

    def _checked(self, token: Token) -> Token:
        """A condition whose value it cannot have is text."""
        if not token.field:
            return token
        is_quoted = token.kind == "phrase"
        code = wrong_value(
            token.field, token.text, self._today, self._is_known, is_quoted=is_quoted
        )
        if code is None:
            if token.field in TIMES and is_reversed(token.text, self._today):
                self.notes.append(Note("reversed_dates", (f"{token.field}:{token.text}",)))
            return token
        as_typed = self._query[token.start : token.end]
        instead = None
        if code == "no_such_value":
            instead = self._replaced([(token, f"{token.field}:{quoted(token.text)}")])
        self.notes.append(Note(code, (as_typed,), instead))
        return token if is_quoted else replace(token, text=as_typed, field="")

    def _replaced(self, changes: Sequence[tuple[Token, str]]) -> str | None:
        """The query with other words for some of its tokens; None where it would be too long."""
        query, done = [], 0
        for token, text in changes:
            query += [self._query[done : token.start], text]
            done = token.end
        changed = "".join(query) + self._query[done:]
        return changed if len(changed) <= MAX_QUERY_CHARACTERS else None

    def _decide_operators(self) -> None:
        """Where every other word is in upper-case Latin too («FILE NOT FOUND»), or where nothing
        else is there, AND, OR and NOT are text."""
        typed = [t for t in self._tokens if t.kind in _OPERATORS and t.text != "-"]
        others = [t for t in self._tokens if t.kind not in (*_OPERATORS, "(", ")") or t.text == "-"]
        latin = [t for t in others if t.kind == "word" and not t.field and _LATIN.search(t.text)]
        if not typed or not latin:
            if not others:  # only operators
                self._take_as_text(typed)
            return
        names = " ".join(dict.fromkeys(token.text for token in typed))
        if all(map(_is_upper_case, others)):
            instead = self._replaced([(token, token.text.lower()) for token in latin])
            self.notes.append(Note("operators_as_text", (names,), instead))
            self._take_as_text(typed)
        else:
            instead = self._replaced([(token, token.text.lower()) for token in typed])
            self.notes.append(Note("operators_taken", (names,), instead))

    def _take_as_text(self, operators: list[Token]) -> None:
        chosen = {token.start for token in operators}
        self._tokens = [
            replace(token, kind="word") if token.start in chosen else token
            for token in self._tokens
        ]

    def read(self) -> Tree | None:
        """The whole query."""
        trees = []
        while self._next < len(self._tokens):
            tree = self._or()
            if tree is not None:
                trees.append(tree)
            if self._take(")"):
                self.notes.append(Note("stray_parenthesis"))
        if self._asks_history:
            trees.insert(0, IN_HISTORY)
        return _and(trees)

    # -- grammar -----------------------------------------------------------------------------

    def _or(self) -> Tree | None:
        parts = [self._and()]
        while self._take("or"):
            parts.append(self._and())
        trees = [part for part in parts if part is not None]
        if len(trees) < len(parts) and len(parts) > 1:
            self._dangling("OR")
        flat = [
            part for tree in trees for part in (tree.parts if isinstance(tree, Or) else (tree,))
        ]
        return None if not flat else flat[0] if len(flat) == 1 else Or(tuple(flat))

    def _and(self) -> Tree | None:
        parts: list[Tree] = []
        joined = False
        while self._peek() not in (None, "or", ")"):
            if self._take("and"):
                if joined or not parts:
                    self._dangling("AND")
                joined = True
                continue
            part = self._part()
            joined = False
            if part is not None:
                parts.append(part)
        if joined:
            self._dangling("AND")
        return _and(parts)

    def _part(self) -> Tree | None:
        excluded = False
        negated = False
        while self._take("not"):
            negated = True
            excluded = not excluded
        asked_history = self._asks_history
        part = self._simple()
        if part is None:
            if excluded and self._asks_history and not asked_history:
                self._asks_history = False  # `-in:history` asks for what is so anyway
            elif negated:
                self._dangling("NOT")
            return None
        if not excluded:
            return part
        return part.part if isinstance(part, Not) else Not(part)

    def _simple(self) -> Tree | None:
        token = self._tokens[self._next] if self._next < len(self._tokens) else None
        if token is None or token.kind in ("and", "or", ")"):
            return None
        self._next += 1
        if token.kind == "(":
            inner = self._or()
            if not self._take(")"):
                self.notes.append(Note("unclosed_parenthesis"))
            return inner
        if token.field:
            return self._field(token)
        if token.kind == "near":
            return self._near(token)
        if token.kind == "phrase":
            return Phrase(fold(token.text)) if token.text else None
        return self._text(token.text)

    def _field(self, token: Token) -> Tree | None:
        is_quoted = token.kind == "phrase"
        wrong = wrong_value(
            token.field, token.text, self._today, self._is_known, is_quoted=is_quoted
        )
        if wrong:  # it was quoted, else it would be a word
            name = Text(token.field, (Word(token.field),))
            return And((name, Phrase(fold(token.text)))) if token.text else name
        if token.field == IN_HISTORY.name:
            self._asks_history = True
            return None
        must_quote = is_quoted and needs_quotes(token.field, token.text, self._is_known)
        return FieldCondition(token.field, token.text, must_quote)

    def _near(self, token: Token) -> Tree | None:
        words = tuple(fold(token.text).split())
        if 2 <= len(words) <= MOST_NEAR and token.distance <= MAX_DISTANCE:
            return Near(words, token.distance)
        self.notes.append(Note("not_near", (self._query[token.start : token.end],)))
        return Phrase(fold(token.text)) if token.text else None

    def _text(self, typed: str) -> Tree | None:
        """What was typed without blanks, as the parts that a chat must have."""
        folded = without_unit_blanks(fold(typed).strip())
        parts = parts_of(folded, self._split)
        if not parts:
            return _text_of_punctuation(folded) if folded else None
        last = parts[-1]
        star = "*" if isinstance(last, Word) and last.prefix else ""
        return Text(without_punctuation(folded) + star, parts)

    # -- tokens ------------------------------------------------------------------------------

    def _peek(self) -> str | None:
        return self._tokens[self._next].kind if self._next < len(self._tokens) else None

    def _take(self, kind: str) -> bool:
        if self._peek() != kind:
            return False
        self._next += 1
        return True

    def _dangling(self, operator: str) -> None:
        self.notes.append(Note("operator_without_condition", (operator,)))


def _and(parts: list[Tree]) -> Tree | None:
    """All of the parts. A group inside is dissolved into its parts, except where a `from:` or a
    `said:` holds it together."""
    flat = [inner for part in parts for inner in (part.parts if _can_open(part) else (part,))]
    flat = _without_punctuation(flat)
    return None if not flat else flat[0] if len(flat) == 1 else And(tuple(flat))


def _can_open(part: Tree) -> TypeGuard[And]:
    return isinstance(part, And) and not any(map(is_about_messages, part.parts))


def _without_punctuation(parts: list[Tree]) -> list[Tree]:
    """The parts without those that are only punctuation. If all are, they stay."""
    with_text = [p for p in parts if not (isinstance(p, Text) and not strip_punctuation(p.whole))]
    return with_text or parts


def _is_upper_case(token: Token) -> bool:
    """Is this a word without letters other than A to Z?"""
    return (
        token.kind == "word"
        and not token.field
        and not _NOT_UPPER.search(token.text)
        and not any(character.isalpha() and character > "Z" for character in token.text)
    )
