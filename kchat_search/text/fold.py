"""Fold: map text to the form in which two strings are compared.

NFKC, case, traditional to simplified character by character, runs of white space to one blank;
lone surrogates become U+FFFD first. Folding is idempotent, and folds piece by piece: text is cut
where Unicode normalisation can't reach across (UAX #15, «stable code points»), so each folded
character knows the original characters that it came from.

No folded text contains a line break; so a line break may separate folded messages, and nothing
that is looked for can match across it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version

import numpy as np
import opencc
from numpy.typing import NDArray

_COMPLEX = "\uffff"  # a noncharacter; stands for «not one character to one character»
_LONG_COMPLEX = _COMPLEX * 32  # combining marks are complex; no language has so many in a row
_REPLACEMENT = "\ufffd"
_SURROGATES = re.compile("[\ud800-\udfff]")
_BLANKS = re.compile(" {2,}")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text and the way back. `starts[i]:ends[i]` is what `text[i]` was in the original;
    both are None where the map is the identity."""

    text: str
    starts: tuple[int, ...] | None = None
    ends: tuple[int, ...] | None = None

    def original_range(self, start: int, end: int) -> tuple[int, int]:
        """The range of the original, in code points, behind `text[start:end]` (not empty)."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def fold(text: str) -> str:
    """The folded form of `text`, in time that grows with its length alone."""
    plain = text.translate(_SINGLE_CHARACTERS)
    if _COMPLEX not in plain and "  " not in plain:
        return plain
    # Without a map there is no need of pieces: five times faster on text with line breaks.
    return _fold_piece(_order_long_marks(text) if _LONG_COMPLEX in plain else text)


def fold_many(texts: Sequence[str]) -> list[str]:
    """`fold` of each. Cost: 10 µs and a few ns a character; one by one, 100 ns a character."""
    return [
        fold(text) if piece is None else piece for text, piece in _fold_single_characters(texts)
    ]


def fold_many_with_map(texts: Sequence[str]) -> list[Folded]:
    """`fold_with_map` of each, at the cost of `fold_many`."""
    return [
        fold_with_map(text) if piece is None else Folded(piece)
        for text, piece in _fold_single_characters(texts)
    ]


def fold_with_map(text: str) -> Folded:
    """The folded form of `text`, and where each of its characters came from."""
    plain = text.translate(_SINGLE_CHARACTERS)
    if _COMPLEX not in plain and "  " not in plain:
        return Folded(plain)
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    done = 0
    while done < len(text):
        start, end = _next_complex_stretch(text, plain, done)
        out.append(plain[done:start])
        starts.extend(range(done, start))
        ends.extend(range(done + 1, start + 1))
        piece = _fold_stretch(text[start:end])
        out.append(piece)
        starts.extend([start] * len(piece))
        ends.extend([end] * len(piece))
        done = end
    return _join_blanks("".join(out), starts, ends)


def without_surrogates(text: str) -> str:
    """Lone surrogates, which JSON may carry and UTF-8 refuses, as U+FFFD each."""
    if text.isascii():
        return text
    try:
        text.encode()  # a ninth of the time that the search for them takes
    except UnicodeEncodeError:
        return _SURROGATES.sub(_REPLACEMENT, text)
    return text


def fingerprint() -> str:
    """Names what folding depends on: with other tables, texts folded before must be folded anew."""
    return f"unicode {unicodedata.unidata_version} opencc {version('opencc')}"


def _fold_single_characters(texts: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Each text with its folded form, where that is a matter of single characters; else None."""
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    table = _single_character_array()
    folded = table[points]
    unknown = points[folded == _UNKNOWN]
    if len(unknown):
        for code in set(unknown.tolist()):
            table[code] = ord(_SINGLE_CHARACTERS[code])
        folded = table[points]
    plain = folded.tobytes().decode("utf-32-le")
    end = 0
    for text in texts:
        start, end = end, end + len(text)
        piece = plain[start:end]
        yield text, None if _COMPLEX in piece or "  " in piece else piece


def _next_complex_stretch(text: str, plain: str, position: int) -> tuple[int, int]:
    """The next stretch from `position` on that does not fold one character to one."""
    start = plain.find(_COMPLEX, position)
    if start < 0:
        return len(text), len(text)
    end = start + 1
    while end < len(text) and _joins_left(text[end]):
        end += 1
    if start > position and _joins_left(text[start]):
        start -= 1
    return start, end


def _join_blanks(text: str, starts: list[int], ends: list[int]) -> Folded:
    """Runs of blanks to one that stands for all of them."""
    out: list[str] = []
    new_starts: list[int] = []
    new_ends: list[int] = []
    done = 0
    for run in _BLANKS.finditer(text):
        kept = run.start() + 1
        out.append(text[done:kept])
        new_starts.extend(starts[done:kept])
        new_ends.extend(ends[done:kept])
        new_ends[-1] = ends[run.end() - 1]
        done = run.end()
    out.append(text[done:])
    return Folded("".join(out), (*new_starts, *starts[done:]), (*new_ends, *ends[done:]))


def _fold_piece(piece: str) -> str:
    """Fold a stretch that normalisation can't reach out of. NFKC is asked twice, since folding
    the case can undo it (Unicode, D146: toNFKC_Casefold)."""
    text = unicodedata.normalize("NFKC", without_surrogates(piece)).casefold()
    text = unicodedata.normalize("NFKC", text).translate(_simplified_table())
    return _SPACES.sub(" ", text)


def _fold_stretch(piece: str) -> str:
    if len(piece) < 4:
        return _fold_short(piece)
    return _fold_piece(_order_long_marks(piece) if len(piece) > len(_LONG_COMPLEX) else piece)


@lru_cache(maxsize=8192)
def _fold_short(piece: str) -> str:
    """`_fold_piece`, remembered: line breaks, «…» and the like come again and again."""
    return _fold_piece(piece)


def _order_long_marks(text: str) -> str:
    """Long runs of combining marks decomposed and in canonical order (UAX #15).

    Python orders them by insertion, in quadratic time: 40,000 marks, which one hostile message
    may well have, take 4 s. Given in order already, they take no time.
    """
    return _long_marks_pattern().sub(_sort_marks, text)


def _sort_marks(marks: re.Match[str]) -> str:
    decomposed = "".join(unicodedata.normalize("NFKD", mark) for mark in marks.group())
    return "".join(sorted(decomposed, key=unicodedata.combining))


def _joins_left(character: str) -> bool:
    """May normalisation join this character with what stands before it?"""
    if character < "\u0300":
        return False
    return _joins_left_cached(character)


@cache
def _joins_left_cached(character: str) -> bool:
    if "\ud800" <= character <= "\udfff":
        return False
    first = unicodedata.normalize("NFKD", character)[:1]
    return unicodedata.combining(first) != 0 or first in _composing_seconds()


@cache
def _long_marks_pattern() -> re.Pattern[str]:
    """At least so many characters in a row that are nothing but combining marks."""
    marks = (chr(code) for code in range(0x300, 0x110000) if _only_marks(chr(code)))
    return re.compile(f"[{''.join(marks)}]{{{len(_LONG_COMPLEX)},}}")


def _only_marks(character: str) -> bool:
    if not unicodedata.combining(character) and not unicodedata.decomposition(character):
        return False
    return all(map(unicodedata.combining, unicodedata.normalize("NFKD", character)))


@cache
def _composing_seconds() -> frozenset[str]:
    """Every starter that composes with a character before it: Hangul vowels and finals, and the
    second halves of canonical pairs (UAX #15)."""
    found = {chr(c) for c in range(0x1161, 0x1176)} | {chr(c) for c in range(0x11A8, 0x11C3)}
    for code in range(0x30000):  # no character behind the third plane is made of others
        decomposition = unicodedata.decomposition(chr(code))
        if decomposition and not decomposition.startswith("<"):
            parts = decomposition.split()
            if len(parts) == 2:
                found.add(chr(int(parts[1], 16)))
    return frozenset(found)


@cache
def _simplified_table() -> dict[int, str]:
    """Traditional to simplified, character by character, as OpenCC's t2s has it.

    Every character is converted on a line of its own, so OpenCC's phrases can't take part: a
    character must fold the same whatever stands beside it. OpenCC says of a few characters that
    one can't tell (乾: 干 or 乾); its own first choice is ours.
    """
    blocks = ((0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
    characters = [chr(code) for first, last in blocks for code in range(first, last + 1)]
    converted = opencc.OpenCC("t2s").convert("\n".join(characters)).split("\n")
    table = {
        ord(a): b
        for a, b in zip(characters, converted, strict=True)
        if a != b and len(b) == 1 and unicodedata.is_normalized("NFKC", b)
    }
    # OpenCC's table has chains (A to B, B to C): follow them; folding twice is folding once.
    for code, target in table.items():
        seen = {chr(code)}
        while ord(target) in table and target not in seen:
            seen.add(target)
            target = table[ord(target)]  # noqa: PLW2901  # walking on is the point
        table[code] = target
    return table


class _SingleCharacterTable(dict[int, str]):
    """For `str.translate`: what one character folds to, if that is one character and no
    neighbour has a say; else the mark of a complex one. Filled as characters are met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        folded = _fold_piece(character)
        complex_ = (
            len(folded) != 1
            or _joins_left(character)
            or (folded == " " and character != " ")
            or character == _COMPLEX
        )
        self[code] = _COMPLEX if complex_ else folded
        return self[code]


_SINGLE_CHARACTERS = _SingleCharacterTable()

_UNKNOWN = 0xFFFF_FFFF


@cache
def _single_character_array() -> NDArray[np.uint32]:
    """`_SINGLE_CHARACTERS` by code point, filled as characters are met; 4 MB."""
    return np.full(0x110000, _UNKNOWN, np.uint32)
