"""From query text to tokens: words, quoted strings, operators, brackets.

Full-width and Chinese punctuation means the same as its ASCII twin: “ ” ： （ ） －. Operators are
in capitals, so «or» and «not» in English sentences stay words.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kchat_search.fields import OPERATORS
from kchat_search.models.search import MAX_QUERY_CHARACTERS, Note
from kchat_search.search.tree import BETWEEN, without_dividers
from kchat_search.text.fold import fold
from kchat_search.text.scripts import RunKind, runs

_CURLY = "“”„‟"
_CLOSING = {'"': '"', "＂": "＂"} | dict.fromkeys(_CURLY, _CURLY)
"""By opening quote, the quotes that close it. Input methods mix up the curly quotes, so any of them
closes any other."""

_WORD_OPERATORS = ("AND", "OR", "NOT")
_DIVIDER = re.compile(rf"(?<=[^{BETWEEN}])(?!(?<=\d)[。｡]\d)[{BETWEEN}]+(?=[^{BETWEEN}])")
"""Chinese punctuation between two things. Nobody types a blank beside it, so it divides «iPhone，
iPad» as a blank would. ASCII punctuation does not divide, because it occurs inside addresses,
versions and paths."""
_DECIMAL = re.compile(r"(?<=\d)[。｡](?=\d)")
"""What Chinese input methods make of the point in «3.6» and «2019.4.25»."""
_MINUS = r"[-－]+(?=[^\s)）])(?![-－\d])"
"""One or more minus signs right before something. Dashes by themselves are text, and so is a minus
before a digit."""
_NEGATIVE = re.compile(r"[-－](?=\d)")
_BEFORE_CONDITION = re.compile(
    rf"[{BETWEEN}]+(?={_MINUS}|(?i:{'|'.join(OPERATORS)})[:：]\S"
    rf"|(?:{'|'.join(_WORD_OPERATORS)})(?:[\s{BETWEEN}(（]|\Z)|[\"＂{_CURLY}(（])"
)
"""Chinese punctuation before an operator, a field, a quote or a bracket. It divides as a blank
does. So «退款，-发票» excludes «发票». Taken as text, it would ask for what it should exclude."""
_ENDS_VALUE = re.compile(r"[，、；！？､]|(?<!\d)[。｡]|[。｡](?!\d)")
_EXCLUDES = re.compile(_MINUS)
_FIELD = re.compile(r"([^:：]{1,20})[:：]")
_UNKNOWN = re.compile(r"([A-Za-z_]{2,20})[:：](?!//)\S")
_DATES = ("date", "said", "after", "before")
_DATE_IN_WORDS = re.compile(
    r"(?:this|last|past|previous)\s(?:week|month|quarter|year|[0-9]{1,4}\s(?:day|week|month|year)s?)\b",
    re.IGNORECASE,
)
"""A date of several words."""
_DISTANCE = re.compile(rf"[~～〜]([0-9０-９]{{1,9}})(?=[\s)）{BETWEEN}]|\Z)")


@dataclass(frozen=True, slots=True)
class Token:
    """One thing that was typed."""

    kind: str
    """One of: phrase near ( ) not and or word."""
    text: str = ""
    field: str = ""
    """The name of the field that a word or phrase is the value of; empty for a text."""
    start: int = 0
    end: int = 0
    """Where it stands in the query. Several minus signs side by side stand at one place."""
    distance: int = 0
    """Of a phrase whose words only stand near each other."""


def tokens(query: str, note: Callable[[Note], None]) -> Iterator[Token]:
    """Cut a query into tokens. `note` is called once for each thing that is not taken as typed."""
    return _Cutting(query, note).tokens()


class _Cutting:
    def __init__(self, query: str, note: Callable[[Note], None]) -> None:
        self._query = query
        self._note = note
        self._shape = without_dividers(query)
        """The query, as long, where what looks like a divider is one."""

    def tokens(self) -> Iterator[Token]:
        shape = self._shape
        position = 0
        excluded = False  # the token before was NOT or a minus
        while position < len(shape):
            character = shape[position]
            plain = _ascii(character)
            punctuation = _BEFORE_CONDITION.match(shape, position)
            if character.isspace() or punctuation:
                position = punctuation.end() if punctuation else position + 1
                continue
            was_excluded, excluded = excluded, False
            start = position
            if plain in "()":
                yield Token(plain, start=start, end=start + 1)
                position += 1
            elif character in _CLOSING:
                text, position = self._phrase(position)
                if text is None:
                    excluded = was_excluded  # a stray quote is ignored
                else:
                    token, position = self._quoted(text, start, position)
                    yield token
            elif plain == "-" and (minus := _EXCLUDES.match(shape, position)):
                # All of them at once: to look at the rest again from each takes quadratic time.
                position = minus.end()
                for _ in range(position - start):
                    yield Token("not", "-", start=start, end=position)
                excluded = True
            else:
                token = self._word(position, excluded=was_excluded)
                position = token.end
                excluded = token.kind == "not"
                yield from self._divided(token)

    def _quoted(self, text: str, start: int, end: int) -> tuple[Token, int]:
        """A quoted string, with what stands behind it: `~8`."""
        # A blank beside the quotes is a slip of the hand, or comes with what was pasted.
        text = text.strip() or text
        distance = _DISTANCE.match(self._shape, end)
        if not distance:
            return Token("phrase", text, start=start, end=end), end
        end = distance.end()
        return Token("near", text, start=start, end=end, distance=int(distance[1])), end

    def _word(self, start: int, *, excluded: bool) -> Token:
        """The word that begins at `start`.

        A word that is `excluded` ends at Chinese punctuation. What follows the punctuation is not
        excluded, whatever script it is in.
        """
        query = self._query
        end = self._word_end(start, excluded=excluded)
        word = query[start:end]
        operator = fold(word).upper()
        if operator in _WORD_OPERATORS and unicodedata.normalize("NFKC", word) == operator:
            return Token(operator.lower(), operator, start=start, end=end)
        name, colon, value = _partition(word)
        if not colon:
            self._note_word(word, start)
            return Token("word", _DECIMAL.sub(".", word), start=start, end=end)
        if not value and end < len(query) and query[end] in _CLOSING:
            text, after = self._phrase(end)
            if text is not None:
                return Token("phrase", text, name, start, after)
        begin = end - len(value)
        in_words = _DATE_IN_WORDS.match(query, begin) if name in _DATES else None
        # «agent:李雷，退款»: no id, name, day or status has such a comma. The name of a file may.
        stop = None if name == "file" else _ENDS_VALUE.search(value, 1)
        if in_words:
            end = in_words.end()
        elif stop:
            end = begin + stop.start()
        return Token("word", _DECIMAL.sub(".", query[begin:end]), name, start, end)

    def _note_word(self, word: str, start: int) -> None:
        unknown = _UNKNOWN.match(word)
        if unknown:
            self._note(Note("unknown_field", (unknown[1],)))
        if _NEGATIVE.match(word):
            excluding = f"{self._query[:start]}NOT {self._query[start + 1 :]}"
            fits = len(excluding) <= MAX_QUERY_CHARACTERS
            self._note(Note("minus_as_text", (word,), excluding if fits else None))

    def _word_end(self, start: int, *, excluded: bool) -> int:
        shape = self._shape
        end = start
        while end < len(shape):
            character = shape[end]
            if character.isspace() or _ascii(character) in "()" or character in _CLOSING:
                break
            # Only the first of several marks side by side is looked at. So a thousand take no time.
            first_mark = end > start and character in BETWEEN and shape[end - 1] not in BETWEEN
            if first_mark and (
                _BEFORE_CONDITION.match(shape, end) or shape[start:end] in _WORD_OPERATORS
            ):
                break
            end += 1
        divider = _DIVIDER.search(shape, start + 1, end) if excluded else None
        if divider and not _partition(shape[start:end])[1]:
            return divider.start()
        return end

    def _phrase(self, start: int) -> tuple[str | None, int]:
        """(the quoted string that begins at `start`, where it ends), or (None, start + 1) where
        nothing closes the quote."""
        query = self._query
        closing = _CLOSING[query[start]]
        characters: list[str] = []
        position = start + 1
        while position < len(query):
            character, following = query[position], query[position + 1 : position + 2]
            if character in closing:
                return "".join(characters), position + 1
            escaped = character == "\\" and following and following in closing
            # The last quote of the query closes, even after a backslash («C:\\"»).
            if escaped and any(c in closing for c in query[position + 2 :]):
                characters.append(following)
                position += 2
                continue
            characters.append(character)
            position += 1
        self._note(Note("stray_quote"))
        return None, start + 1

    def _divided(self, token: Token) -> Iterator[Token]:
        """A word, cut at Chinese punctuation that stands between letters, digits or symbols.

        Between Han characters the word is not cut here. There the parser divides it, and keeps the
        whole for the ranking.
        """
        done = token.start
        if token.kind == "word" and not token.field:
            for mark in _DIVIDER.finditer(self._shape, token.start + 1, token.end):
                beside = self._shape[mark.start() - 1] + self._shape[mark.end()]
                if all(
                    run.kind not in (RunKind.HAN, RunKind.UNSPACED) for run in runs(fold(beside))
                ):
                    yield self._part(token, done, mark.end())
                    done = mark.end()
        yield self._part(token, done, token.end) if done > token.start else token

    def _part(self, token: Token, start: int, end: int) -> Token:
        text = _DECIMAL.sub(".", self._query[start:end])
        return dataclasses.replace(token, text=text, start=start, end=end)


def _ascii(character: str) -> str:
    """The ASCII twin of a full-width parenthesis or minus; other characters as they are."""
    return {"（": "(", "）": ")", "－": "-"}.get(character, character)


def _partition(word: str) -> tuple[str, bool, str]:
    """(field, True, value) where a word begins with the name of a field and a colon; else ("",
    False, "")."""
    match = _FIELD.match(word)
    name = fold(match[1]) if match else ""
    if match and name in OPERATORS:
        return name, True, word[match.end() :]
    return "", False, ""
