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
from kchat_search.models.search import Note
from kchat_search.search.tree import BETWEEN
from kchat_search.text.fold import fold
from kchat_search.text.scripts import RunKind, runs

_CURLY = "“”„‟"
_CLOSING = {'"': '"', "＂": "＂"} | dict.fromkeys(_CURLY, _CURLY)
"""By opening quote, the quotes that close it. Input methods mix up the curly quotes, so any of them
closes any other."""

_WORD_OPERATORS = ("AND", "OR", "NOT")
_DIVIDER = re.compile(rf"(?<=[^{BETWEEN}])[{BETWEEN}]+(?=[^{BETWEEN}])")
"""Chinese punctuation between two things. Nobody types a blank beside it, so it divides «iPhone，
iPad» as a blank would. ASCII punctuation does not divide, because it occurs inside addresses,
versions and paths."""
_MINUS = r"[-－]+(?=[^\s)）])(?![-－])"
_BEFORE_CONDITION = re.compile(
    rf"[{BETWEEN}]+(?={_MINUS}|(?i:{'|'.join(OPERATORS)})[:：]\S"
    rf"|(?:{'|'.join(_WORD_OPERATORS)})(?:[\s{BETWEEN}(（]|\Z)|[\"＂{_CURLY}(（])"
)
"""Chinese punctuation before an operator, a field, a quote or a bracket. It divides as a blank
does. So «退款，-发票» excludes «发票». Taken as text, it would ask for what it should exclude."""
_ENDS_VALUE = re.compile("[，。、；！？｡､]")
_EXCLUDES = re.compile(_MINUS)
"""One or more minus signs right before something. Dashes by themselves are text."""
_FIELD = re.compile(r"([^:：]{1,20})[:：]")
_UNKNOWN = re.compile(r"([A-Za-z_]{2,20})[:：](?!//)\S")


@dataclass(frozen=True, slots=True)
class Token:
    """One thing that was typed."""

    kind: str
    """One of: phrase ( ) not and or word."""
    text: str = ""
    field: str = ""
    """The name of the field that a word or phrase is the value of; empty for a text."""


def tokens(query: str, note: Callable[[Note], None]) -> Iterator[Token]:
    """Cut a query into tokens. `note` is called once for each thing that is not taken as typed."""
    position = 0
    excluded = False  # the token before was NOT or a minus
    while position < len(query):
        character = query[position]
        plain = _ascii(character)
        punctuation = _BEFORE_CONDITION.match(query, position)
        if character.isspace() or punctuation:
            position = punctuation.end() if punctuation else position + 1
            continue
        was_excluded, excluded = excluded, False
        if plain in "()":
            yield Token(plain)
            position += 1
        elif character in _CLOSING:
            text, position = _phrase(query, position, note)
            if text is None:
                excluded = was_excluded  # a stray quote is ignored
            else:
                yield Token("phrase", text)
        elif plain == "-" and (minus := _EXCLUDES.match(query, position)):
            # All of them at once: to look at the rest again from each would take quadratic time.
            for _ in range(minus.end() - position):
                yield Token("not", "-")
            excluded = True
            position = minus.end()
        else:
            token, position = _word(query, position, note, excluded=was_excluded)
            excluded = token.kind == "not"
            yield from _divided(token)


def _word(
    query: str, start: int, note: Callable[[Note], None], *, excluded: bool
) -> tuple[Token, int]:
    """(the word that begins at `start`, where it ends).

    A word that is `excluded` ends at Chinese punctuation. What follows the punctuation is not
    excluded, whatever script it is in.
    """
    end = _word_end(query, start, excluded=excluded)
    word = query[start:end]
    operator = fold(word).upper()
    if operator in _WORD_OPERATORS and unicodedata.normalize("NFKC", word) == operator:
        return Token(operator.lower(), operator), end
    name, colon, value = _partition(word)
    if not colon:
        unknown = _UNKNOWN.match(word)
        if unknown:
            note(Note("unknown_field", (unknown[1],)))
        return Token("word", word), end
    if not value and end < len(query) and query[end] in _CLOSING:
        text, after = _phrase(query, end, note)
        if text is not None:
            return Token("phrase", text, name), after
    # «agent:李雷，退款»: no id, name, day or status has such a comma, but the name of a file may.
    stop = None if name == "file" else _ENDS_VALUE.search(value, 1)
    if stop:
        return Token("word", value[: stop.start()], name), end - len(value) + stop.start()
    return Token("word", value, name), end


def _word_end(query: str, start: int, *, excluded: bool) -> int:
    end = start
    while end < len(query):
        character = query[end]
        if character.isspace() or _ascii(character) in "()" or character in _CLOSING:
            break
        # Only the first of several marks side by side is looked at. So a thousand take no time.
        first_mark = end > start and character in BETWEEN and query[end - 1] not in BETWEEN
        if first_mark and (
            _BEFORE_CONDITION.match(query, end) or query[start:end] in _WORD_OPERATORS
        ):
            break
        end += 1
    divider = _DIVIDER.search(query, start + 1, end) if excluded else None
    if divider and not _partition(query[start:end])[1]:
        return divider.start()
    return end


def _phrase(query: str, start: int, note: Callable[[Note], None]) -> tuple[str | None, int]:
    """(the quoted string that begins at `start`, where it ends), or (None, start + 1) where nothing
    closes the quote."""
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
    note(Note("stray_quote"))
    return None, start + 1


def _divided(token: Token) -> Iterator[Token]:
    """A word, cut at Chinese punctuation that stands between letters, digits or symbols.

    Between Han characters the word is not cut here. There the parser divides it, and keeps the
    whole for the ranking.
    """
    done = 0
    if token.kind == "word" and not token.field:
        for mark in _DIVIDER.finditer(token.text):
            beside = token.text[mark.start() - 1] + token.text[mark.end()]
            if all(run.kind not in (RunKind.HAN, RunKind.UNSPACED) for run in runs(fold(beside))):
                yield Token("word", token.text[done : mark.end()])
                done = mark.end()
    yield dataclasses.replace(token, text=token.text[done:])


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
