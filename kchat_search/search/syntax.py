"""From query text to a tree. Every input is a query. What cannot be read as an operator is taken as
text, and a note says so.

    query := and (OR and)*          and := part (AND? part)*        part := (NOT | -)* simple
    simple := "phrase" | ( query ) | field:value | text
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TypeGuard
from zoneinfo import ZoneInfo

from kchat_search.errors import LimitExceeded
from kchat_search.models.search import MAX_CLAUSES, MAX_QUERY_CHARACTERS, Note, NoteCode
from kchat_search.search.dates import span
from kchat_search.search.tokens import Token, tokens
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
    quoted,
)
from kchat_search.text.fold import fold, without_surrogates
from kchat_search.text.scripts import Run, RunKind, runs, strip_punctuation
from kchat_search.text.typography import without_ignorable

_ID = re.compile(r"[0-9]{1,19}")
_UNSPACED = (RunKind.HAN, RunKind.UNSPACED)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A query as it was understood. A `tree` of None asks for every chat."""

    tree: Tree | None
    notes: tuple[Note, ...]


def parse(query: str, split: Callable[[str], list[str]], today: date, zone: ZoneInfo) -> Parsed:
    """Read a query. `split` cuts Han text into words. `today` and `zone` decide which days a date
    names.

    Raises `LimitExceeded` for more than `MAX_QUERY_CHARACTERS` or `MAX_CLAUSES`.
    """
    if len(query) > MAX_QUERY_CHARACTERS:
        raise LimitExceeded(
            f"The query has {len(query):,} characters; at most {MAX_QUERY_CHARACTERS:,} are "
            "allowed.",
            "q",
            MAX_QUERY_CHARACTERS,
        )
    # No engine, archive or page can take surrogates. Nobody sees what is ignorable, yet between the
    # letters of an operator it would make that a text.
    query = without_ignorable(without_surrogates(query))
    parser = _Parser(query, split, today, zone)
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
        self, query: str, split: Callable[[str], list[str]], today: date, zone: ZoneInfo
    ) -> None:
        self.notes: list[Note] = []
        self._split = split
        self._today = today
        self._zone = zone
        self._tokens = list(tokens(query, self.notes.append))
        self._next = 0
        if all(token.kind in ("and", "or", "not") for token in self._tokens):
            # There are only operators, so they are what is looked for.
            self._tokens = [Token("word", token.text) for token in self._tokens]
        clauses = sum(token.kind in ("phrase", "word", "(") for token in self._tokens)
        if clauses > MAX_CLAUSES:
            raise LimitExceeded(
                f"The query has {clauses} clauses (words, phrases, groups); at most {MAX_CLAUSES} "
                f"are allowed.",
                "q",
                MAX_CLAUSES,
            )

    def read(self) -> Tree | None:
        """The whole query."""
        trees = []
        while self._next < len(self._tokens):
            tree = self._or()
            if tree is not None:
                trees.append(tree)
            if self._take(")"):
                self.notes.append(Note("stray_parenthesis"))
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
        part = self._simple()
        if part is None:
            if negated:
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
        if token.kind == "phrase":
            return Phrase(fold(token.text)) if token.text else None
        return self._text(token.text)

    def _field(self, token: Token) -> Tree | None:
        code = _wrong_value(token.field, token.text, self._today, self._zone)
        if code is None:
            return FieldCondition(token.field, token.text)
        is_phrase = token.kind == "phrase"
        as_typed = f"{token.field}:{quoted(token.text) if is_phrase else token.text}"
        self.notes.append(Note(code, (as_typed,)))
        if not is_phrase:
            return self._text(as_typed)
        name = Text(token.field, (Word(token.field),))
        return And((name, Phrase(fold(token.text)))) if token.text else name

    def _text(self, typed: str) -> Tree | None:
        """What was typed without blanks, as the parts that a chat must have."""
        folded = fold(typed).strip()
        parts: list[str | Word] = []
        for piece in _pieces(folded):
            if piece[0].kind is RunKind.HAN:
                parts.extend(self._split(piece[0].text))
                continue
            chunk = "".join(run.text for run in piece)
            # The Unicode blocks of unspaced scripts have punctuation, too («・»).
            is_unspaced = piece[0].kind is RunKind.UNSPACED
            part = strip_punctuation(chunk) if is_unspaced else _word_or_literal(chunk)
            if part:
                parts.append(part)
        if not parts:
            return _text_of_punctuation(folded) if folded else None
        last = parts[-1]
        whole = strip_punctuation(folded) + ("*" if isinstance(last, Word) and last.prefix else "")
        return Text(whole, tuple(dict.fromkeys(parts)))

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
    """All of the parts. A group inside is dissolved into its parts, except where a `from:` holds it
    together."""
    flat = [inner for part in parts for inner in (part.parts if _can_open(part) else (part,))]
    flat = _without_punctuation(flat)
    return None if not flat else flat[0] if len(flat) == 1 else And(tuple(flat))


def _can_open(part: Tree) -> TypeGuard[And]:
    return isinstance(part, And) and not any(map(names_speakers, part.parts))


def _without_punctuation(parts: list[Tree]) -> list[Tree]:
    """The parts without those that are only punctuation. If all are, they stay."""
    with_text = [p for p in parts if not (isinstance(p, Text) and not strip_punctuation(p.whole))]
    return with_text or parts


def _pieces(folded: str) -> Iterator[list[Run]]:
    """The runs of a text. Neighbours that are neither Han nor another unspaced script stay together
    («3.6.0»)."""
    joined: list[Run] = []
    for run in runs(folded):
        if run.kind in _UNSPACED:
            if joined:
                yield joined
                joined = []
            yield [run]
        else:
            joined.append(run)
    if joined:
        yield joined


def _word_or_literal(chunk: str) -> str | Word | None:
    """What a chunk without Han asks for, without the punctuation around it.

    Only letters are a whole word, or with a star behind them its beginning. A chunk with a digit, a
    symbol or punctuation inside is a literal. None where there is only punctuation.
    """
    text = strip_punctuation(chunk)
    if not text:
        return None
    if all(run.kind is RunKind.LETTERS for run in runs(text)):
        return Word(text, prefix=chunk[chunk.index(text) + len(text) :].startswith("*"))
    return text


def _wrong_value(name: str, value: str, today: date, zone: ZoneInfo) -> NoteCode | None:
    """Why a field cannot have this value; None where it can."""
    folded = fold(value).strip()
    if not folded:
        return "no_value"
    if name == "id" and not _ID.fullmatch(folded):
        return "not_an_id"
    if name == "from" and folded not in ("visitor", "agent", "robot"):
        return "not_a_speaker"
    if name == "has" and folded != "upload":
        return "not_upload"
    if name == "is" and folded != "gone":
        return "not_gone"
    if name in ("date", "after", "before"):
        days = span(folded, today, zone)
        if days is None or (name != "date" and ".." in folded):
            return "not_a_date"
    return None
