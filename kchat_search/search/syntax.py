"""Query text to tree. Every input is some query: what can't be read as an operator is text, and a
note says so.

    query := and (OR and)*          and := part (AND? part)*        part := (NOT | -)* simple
    simple := "phrase" | ( query ) | field:value | text

Full-width and Chinese punctuation stands for its ASCII twin: “ ” ： （ ） －. Operators are in
capitals, so that «or» and «not» in English sentences stay words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from kchat_search.errors import LimitExceeded
from kchat_search.search.dates import span
from kchat_search.search.tree import And, Field, Not, Or, Phrase, Text, Tree, Word
from kchat_search.text.fold import fold
from kchat_search.text.scripts import Kind, Run, runs

MAX_CHARACTERS = 1_000
MAX_CLAUSES = 64

FIELDS = (
    "agent", "visitor", "user", "id", "from", "status", "rating", "started", "type", "has",
    "file", "date", "after", "before",
)  # fmt: skip

_CURLY = "“”„‟"
_CLOSING = {'"': '"', "＂": "＂"} | dict.fromkeys(_CURLY, _CURLY)
"""By opening quote, what closes it. Input methods mix the curly ones up, so any closes any."""

_OPERATORS = ("AND", "OR", "NOT")
_UNKNOWN = re.compile(r"([A-Za-z_]{2,20})[:：](?!//)\S")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A query as it was understood. `tree` None asks for everything."""

    tree: Tree | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    """One of: phrase ( ) not and or word."""
    text: str = ""
    field: str = ""
    """Of a word or phrase: the name of the field that it is the value of."""


def parse(query: str, split: Callable[[str], list[str]], today: date, zone: ZoneInfo) -> Parsed:
    """Read a query. `split` cuts Han text into words; `today` and `zone` decide what a date is.

    Raises `LimitExceeded` for more than 1,000 characters or 64 clauses.
    """
    if len(query) > MAX_CHARACTERS:
        raise LimitExceeded(
            f"The query has {len(query):,} characters; at most {MAX_CHARACTERS:,} are allowed. "
            f"搜索内容超过 {MAX_CHARACTERS:,} 个字符。",
            "q",
            MAX_CHARACTERS,
        )
    parser = _Parser(query, split, today, zone)
    tree = parser.read()
    return Parsed(tree, tuple(dict.fromkeys(parser.notes)))


class _Parser:
    def __init__(
        self, query: str, split: Callable[[str], list[str]], today: date, zone: ZoneInfo
    ) -> None:
        self.notes: list[str] = []
        self._split = split
        self._today = today
        self._zone = zone
        self._tokens = list(self._tokenize(query))
        self._next = 0
        clauses = sum(token.kind in ("phrase", "word", "(") for token in self._tokens)
        if clauses > MAX_CLAUSES:
            raise LimitExceeded(
                f"The query has {clauses} clauses (words, phrases, groups); at most {MAX_CLAUSES} "
                f"are allowed. 搜索条件超过 {MAX_CLAUSES} 个。",
                "q",
                MAX_CLAUSES,
            )

    def read(self) -> Tree | None:
        """The whole query."""
        if all(token.kind in ("and", "or", "not") for token in self._tokens):
            # Nothing but operators: then they are what is looked for.
            self._tokens = [_Token("word", token.text) for token in self._tokens]
        trees = []
        while self._next < len(self._tokens):
            tree = self._or()
            if tree is not None:
                trees.append(tree)
            if self._take(")"):
                self._note("多余的括号已忽略", "a stray ) was ignored")
        return _and(trees)

    # -- grammar -----------------------------------------------------------------------------

    def _or(self) -> Tree | None:
        parts = [self._and()]
        while self._take("or"):
            parts.append(self._and())
        found = [part for part in parts if part is not None]
        if len(found) < len(parts) and len(parts) > 1:
            self._dangling("OR")
        flat = [p for part in found for p in (part.parts if isinstance(part, Or) else (part,))]
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
        return _and(_without_punctuation(parts))

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
        return Not(part) if excluded else part

    def _simple(self) -> Tree | None:
        token = self._tokens[self._next] if self._next < len(self._tokens) else None
        if token is None or token.kind in ("and", "or", ")"):
            return None
        self._next += 1
        if token.kind == "(":
            inner = self._or()
            if not self._take(")"):
                self._note("括号没有闭合", "a ( was not closed")
            return inner
        if token.field:
            return self._field(token)
        if token.kind == "phrase":
            return Phrase(fold(token.text)) if token.text else None
        return self._text(token.text)

    def _field(self, token: _Token) -> Tree | None:
        reason = _wrong_value(token.field, token.text, self._today, self._zone)
        if reason is None:
            return Field(token.field, token.text)
        shown = f"{token.field}:{token.text}"
        self._note(f"「{shown}」按文字查找", f"{shown} was taken as text: {reason}")
        return self._text(shown)

    def _text(self, typed: str) -> Tree | None:
        """What was typed without blanks, as the parts that must be found."""
        folded = fold(typed).strip()
        parts: list[str | Word] = []
        for piece in _pieces(folded):
            if piece[0].kind is Kind.HAN:
                parts.extend(self._split(piece[0].text))
            elif piece[0].kind is Kind.UNSPACED:
                parts.append(piece[0].text)
            else:
                part = _alphabetic("".join(run.text for run in piece))
                if part:
                    parts.append(part)
        whole = _stripped(folded)
        if isinstance(parts[-1] if parts else "", Word) and folded.endswith("*"):
            whole += "*"
        if not parts:
            # Punctuation and nothing else: looked for as it stands.
            return Text(folded, (folded,)) if folded else None
        return Text(whole, tuple(dict.fromkeys(parts)))

    # -- tokens ------------------------------------------------------------------------------

    def _tokenize(self, query: str) -> Iterator[_Token]:
        position = 0
        while position < len(query):
            character = query[position]
            plain = _ascii(character)
            if character.isspace():
                position += 1
            elif plain in "()":
                yield _Token(plain)
                position += 1
            elif character in _CLOSING:
                text, position = self._phrase(query, position)
                if text is not None:
                    yield _Token("phrase", text)
            elif plain == "-" and position + 1 < len(query) and not query[position + 1].isspace():
                yield _Token("not", "-")
                position += 1
            else:
                token, position = self._word(query, position)
                yield token

    def _word(self, query: str, start: int) -> tuple[_Token, int]:
        end = start
        while end < len(query):
            character = query[end]
            if character.isspace() or _ascii(character) in "()" or character in _CLOSING:
                break
            end += 1
        word = query[start:end]
        operator = fold(word).upper()
        if operator in _OPERATORS and unicodedata.normalize("NFKC", word) == operator:
            return _Token(operator.lower(), operator), end
        name, colon, value = _partition(word)
        if not colon:
            unknown = _UNKNOWN.match(word)
            if unknown:
                self._note(f"没有 {unknown[1]} 这个条件,按文字查找", f"no field {unknown[1]}: text")
            return _Token("word", word), end
        if not value and end < len(query) and query[end] in _CLOSING:
            text, after = self._phrase(query, end)
            if text is not None:
                return _Token("word", text, name), after
        return _Token("word", value, name), end

    def _phrase(self, query: str, start: int) -> tuple[str | None, int]:
        """The quoted string that begins at `start`, and where it ends; (None, start + 1) where
        the quote is a stray one."""
        closing = _CLOSING[query[start]]
        out: list[str] = []
        position = start + 1
        while position < len(query):
            character, following = query[position], query[position + 1 : position + 2]
            if character in closing:
                return "".join(out), position + 1
            escaped = character == "\\" and following and following in closing
            # The last quote there is closes, though a backslash stands before it («C:\\"»).
            if escaped and any(c in closing for c in query[position + 2 :]):
                out.append(following)
                position += 2
                continue
            out.append(character)
            position += 1
        self._note("多余的引号按文字处理", "a stray quote was ignored")
        return None, start + 1

    # -- small things ------------------------------------------------------------------------

    def _peek(self) -> str | None:
        return self._tokens[self._next].kind if self._next < len(self._tokens) else None

    def _take(self, kind: str) -> bool:
        if self._peek() != kind:
            return False
        self._next += 1
        return True

    def _note(self, chinese: str, english: str) -> None:
        self.notes.append(f"{chinese} · {english}")

    def _dangling(self, operator: str) -> None:
        self._note(f"{operator} 缺少条件,已忽略", f"{operator} without a condition was ignored")


def _and(parts: list[Tree]) -> Tree | None:
    flat = [p for part in parts for p in (part.parts if isinstance(part, And) else (part,))]
    return None if not flat else flat[0] if len(flat) == 1 else And(tuple(flat))


def _without_punctuation(parts: list[Tree]) -> list[Tree]:
    """Punctuation by itself counts only where nothing else is asked for."""
    kept = [p for p in parts if not (isinstance(p, Text) and not _stripped(p.whole))]
    return kept or parts


def _pieces(folded: str) -> Iterator[list[Run]]:
    """Runs; those that are neither Han nor another unspaced script stay together («3.6.0»)."""
    joined: list[Run] = []
    for run in runs(folded):
        if run.kind in (Kind.HAN, Kind.UNSPACED):
            if joined:
                yield joined
                joined = []
            yield [run]
        else:
            joined.append(run)
    if joined:
        yield joined


def _alphabetic(chunk: str) -> str | Word | None:
    """Letters alone are a word, with a star its beginning; anything with a digit, a symbol or
    punctuation inside is looked for as it stands; punctuation around it is not."""
    text = _stripped(chunk)
    if not text:
        return None
    if all(run.kind is Kind.LETTERS for run in runs(text)):
        return Word(text, prefix=chunk[chunk.index(text) + len(text) :].startswith("*"))
    return text


def _stripped(text: str) -> str:
    """`text` without punctuation and blanks at its ends."""
    start, end = 0, len(text)
    while start < end and unicodedata.category(text[start])[0] in "PZ":
        start += 1
    while end > start and unicodedata.category(text[end - 1])[0] in "PZ":
        end -= 1
    return text[start:end]


def _ascii(character: str) -> str:
    """The ASCII twin of full-width parentheses and minus."""
    return {"（": "(", "）": ")", "－": "-"}.get(character, character)


def _partition(word: str) -> tuple[str, bool, str]:
    """(field, True, value) where a word begins with the name of a field and a colon."""
    match = re.match(r"([^:：]{1,20})[:：]", word)
    name = fold(match[1]) if match else ""
    if match and name in FIELDS:
        return name, True, word[match.end() :]
    return "", False, ""


def _wrong_value(name: str, value: str, today: date, zone: ZoneInfo) -> str | None:
    """Why this can't be the value of this field; None where it can."""
    folded = fold(value).strip()
    if not folded:
        return "it has no value"
    if name == "id" and not re.fullmatch(r"[0-9]{1,19}", folded):
        return "an id is a number"
    if name == "from" and folded not in ("visitor", "agent", "robot"):
        return "from is visitor, agent or robot"
    if name == "has" and folded != "upload":
        return "has knows only upload"
    if name in ("date", "after", "before"):
        found = span(folded, today, zone)
        if found is None or (name != "date" and ".." in folded):
            return "it is no date; one is 2015-04 or 2015-04-01..2015-04-30 or 7d"
    return None
