"""Fold: map text to the form in which two strings are compared.

The steps are: drop the characters that are nothing to a reader (Unicode's default-ignorable ones);
replace each lone surrogate, and U+FDD0 to U+FDEF, which Unicode keeps for programs, by U+FFFD;
NFKC; case folding; traditional to simplified Chinese, character by character; one form each of
apostrophes, quotes, dashes and tildes; each run of white space to one blank.

Folding is idempotent. Text can be folded piece by piece: it is cut only where Unicode normalisation
cannot reach across the cut (UAX #15, «stable code points»). So each folded character knows the
original characters that it came from.

Invariant: folded text has no line break. Folded messages may therefore be joined with line breaks,
and no literal can match across one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import opencc
from numpy.typing import NDArray

from kchat_search.text.typography import (
    DECOMPOSED,
    DECOMPOSED_MARKS,
    IGNORABLE,
    MARKS,
    without_ignorable,
)

_COMPLEX = "\uffff"  # a noncharacter: it marks a character that does not fold to one character
_LONG_COMPLEX = _COMPLEX * 32  # combining marks are complex; no language has so many in a row
_CHECK_EVERY = 4_096
"""Stretches of complex characters. So many take some milliseconds."""
_REPLACEMENT = "\ufffd"
_STEPS = 3
"""Rises whenever the steps of folding change."""
_SURROGATES = re.compile("[\ud800-\udfff]")
RESERVED = range(0xFDD0, 0xFDF0)
"""Code points that Unicode keeps for use inside a program. No folded text has them, so an index may
use them to stand for what no text says."""
_WITHOUT_RESERVED = dict.fromkeys(RESERVED, _REPLACEMENT)
_BLANKS = re.compile(" {2,}")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text with a map back to the original.

    The range `starts[i]:ends[i]` of the original, in code points, became the character `text[i]`.
    A dropped character is in the range of the character before it, at the beginning in the range
    of the first one.
    Both tuples have one number for each character of `text`. Both are None where every
    character has the same index as in the original.
    """

    text: str
    starts: tuple[int, ...] | None = None
    ends: tuple[int, ...] | None = None

    def original_range(self, start: int, end: int) -> tuple[int, int]:
        """The range of the original, in code points, that became `text[start:end]`. That range of
        the folded text must not be empty."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def fold(text: str) -> str:
    """The folded form of `text`. The time grows only in proportion to the length."""
    plain = text.translate(_SINGLE_CHARACTERS)
    if _COMPLEX not in plain and "  " not in plain:
        return plain
    # Without a map, all is folded at once: five times faster on text with line breaks.
    text = without_ignorable(text)
    return _fold_piece(_order_long_marks(text) if _LONG_COMPLEX in plain else text)


def fold_many(texts: Sequence[str]) -> list[str]:
    """`fold` of each text, in order.

    Measured: 10 µs a call plus a few ns a character. `fold` text by text takes 100 ns a character.
    """
    return [
        fold(text) if piece is None else piece for text, piece in _fold_single_characters(texts)
    ]


def _nothing() -> None:
    pass


def fold_many_with_map(texts: Sequence[str], check: Callable[[], None] = _nothing) -> list[Folded]:
    """`fold_with_map` of each text, in order. It takes as long as `fold_many`."""
    return [
        fold_with_map(text, check) if piece is None else Folded(piece)
        for text, piece in _fold_single_characters(texts)
    ]


def fold_with_map(text: str, check: Callable[[], None] = _nothing) -> Folded:
    """The folded form of `text`, and which original characters each folded character came from.
    `check` is called now and then, and may raise what ends a work that takes too long."""
    plain = text.translate(_SINGLE_CHARACTERS)
    if _COMPLEX not in plain and "  " not in plain:
        return Folded(plain)
    if IGNORABLE.search(text):
        return _fold_with_gaps(text, check)
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    done = 0
    stretches = 0
    while done < len(text):
        stretches += 1
        if not stretches % _CHECK_EVERY:
            check()
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


def _fold_with_gaps(text: str, check: Callable[[], None]) -> Folded:
    """`fold_with_map` of a text with ignorable characters. They go first of all, because their
    neighbours may then join (NFKC, blanks)."""
    kept = [index for index, character in enumerate(text) if not IGNORABLE.match(character)]
    folded = fold_with_map("".join(text[index] for index in kept), check)
    count = len(folded.text)
    starts = range(count) if folded.starts is None else folded.starts
    ends = range(1, count + 1) if folded.ends is None else folded.ends
    # The character `i` that was kept begins at `borders[i]` and ends at `borders[i + 1]`.
    borders = [0, *kept[1:], len(text)]
    return Folded(folded.text, tuple(borders[i] for i in starts), tuple(borders[i] for i in ends))


def without_surrogates(text: str) -> str:
    """`text` with U+FFFD in place of each lone surrogate. JSON may carry lone surrogates; UTF-8
    refuses them."""
    if text.isascii():
        return text
    try:
        text.encode()  # takes a ninth of the time of a regular expression
    except UnicodeEncodeError:
        return _SURROGATES.sub(_REPLACEMENT, text)
    return text


def without_reserved(text: str) -> str:
    """`text` with U+FFFD in place of each of `RESERVED`, as `fold` does it."""
    return text if text.isascii() else text.translate(_WITHOUT_RESERVED)


def fingerprint() -> str:
    """The versions of the steps of folding and of their tables. Where they differ, texts must be
    folded again."""
    return f"fold {_STEPS} unicode {unicodedata.unidata_version} opencc {version('opencc')}"


def _fold_single_characters(texts: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Each text with its folded form, or with None where folding it needs more than the table of
    single characters."""
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
    """The range (start, end) of the next stretch of `text` from `position` on in which folding does
    not map one character to one character. Both ends are `len(text)` where there is no such
    stretch."""
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
    """Replace each run of blanks by one blank, whose range covers the whole run."""
    out: list[str] = []
    new_starts: list[int] = []
    new_ends: list[int] = []
    done = 0
    for run in _BLANKS.finditer(text):
        end = run.start() + 1
        out.append(text[done:end])
        new_starts.extend(starts[done:end])
        new_ends.extend(ends[done:end])
        new_ends[-1] = ends[run.end() - 1]
        done = run.end()
    out.append(text[done:])
    return Folded("".join(out), (*new_starts, *starts[done:]), (*new_ends, *ends[done:]))


def _fold_piece(piece: str) -> str:
    """Fold a piece that normalisation cannot reach out of.

    NFKC is applied twice, because case folding can undo it (Unicode, D146: toNFKC_Casefold).
    """
    text = DECOMPOSED.sub(_decomposed_mark, without_surrogates(piece))
    text = unicodedata.normalize("NFKC", text).casefold()
    text = unicodedata.normalize("NFKC", text).translate(_last_table())
    return _SPACES.sub(" ", text)


def _decomposed_mark(mark: re.Match[str]) -> str:
    return DECOMPOSED_MARKS[ord(mark.group())]


def _fold_stretch(piece: str) -> str:
    if len(piece) < 4:
        return _fold_short(piece)
    return _fold_piece(_order_long_marks(piece) if len(piece) > len(_LONG_COMPLEX) else piece)


@lru_cache(maxsize=8192)
def _fold_short(piece: str) -> str:
    """`_fold_piece` with a cache: line breaks, «…» and the like occur again and again."""
    return _fold_piece(piece)


def _order_long_marks(text: str) -> str:
    """Decompose long runs of combining marks and put them in canonical order (UAX #15).

    Python orders them by insertion, in quadratic time. One hostile message may have 40,000 marks,
    which take 4 s. Marks that are in order already take almost no time.
    """
    return _long_marks_pattern().sub(_sort_marks, text)


def _sort_marks(marks: re.Match[str]) -> str:
    decomposed = "".join(unicodedata.normalize("NFKD", mark) for mark in marks.group())
    return "".join(sorted(decomposed, key=unicodedata.combining))


def _joins_left(character: str) -> bool:
    """Can normalisation join this character with the character before it?"""
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
    """Matches runs of combining marks that are at least as long as `_LONG_COMPLEX`."""
    marks = (chr(code) for code in range(0x300, 0x110000) if _only_marks(chr(code)))
    return re.compile(f"[{''.join(marks)}]{{{len(_LONG_COMPLEX)},}}")


def _only_marks(character: str) -> bool:
    if not unicodedata.combining(character) and not unicodedata.decomposition(character):
        return False
    return all(map(unicodedata.combining, unicodedata.normalize("NFKD", character)))


@cache
def _composing_seconds() -> frozenset[str]:
    """Every starter that can compose with a character before it: Hangul vowels and finals, and the
    second halves of canonical pairs (UAX #15)."""
    seconds = {chr(c) for c in range(0x1161, 0x1176)} | {chr(c) for c in range(0x11A8, 0x11C3)}
    for code in range(0x30000):  # characters beyond U+2FFFF have no decompositions
        decomposition = unicodedata.decomposition(chr(code))
        if decomposition and not decomposition.startswith("<"):
            parts = decomposition.split()
            if len(parts) == 2:
                seconds.add(chr(int(parts[1], 16)))
    return frozenset(seconds)


@cache
def _simplified_table() -> dict[int, str]:
    """Traditional to simplified Chinese, character by character, from OpenCC's t2s.

    Each character is converted on a line of its own, so that OpenCC's phrases cannot apply. A
    character must fold the same whatever its neighbours are. A few characters have more than one
    simplified form (乾: 干 or 乾). For those we take OpenCC's first choice.
    """
    blocks = ((0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
    characters = [chr(code) for first, last in blocks for code in range(first, last + 1)]
    # By its path: by its name, OpenCC takes the file of that name in the current folder first.
    table_file = next(Path(opencc.__file__).parent.rglob("opencc/t2s.json"))
    converted = opencc.OpenCC(str(table_file)).convert("\n".join(characters)).split("\n")
    table = {
        ord(a): b
        for a, b in zip(characters, converted, strict=True)
        if a != b and len(b) == 1 and unicodedata.is_normalized("NFKC", b)
    }
    # OpenCC's table has chains (A to B, B to C). Follow them, so that folding is idempotent.
    for code, target in table.items():
        seen = {chr(code)}
        while ord(target) in table and target not in seen:
            seen.add(target)
            target = table[ord(target)]  # noqa: PLW2901  # walking on is the point
        table[code] = target
    return table


@cache
def _last_table() -> dict[int, str]:
    return _simplified_table() | MARKS | _WITHOUT_RESERVED


class _SingleCharacterTable(dict[int, str]):
    """A table for `str.translate`: what a single character folds to.

    The value is one character where no neighbour can change it, else `_COMPLEX`. Values are
    computed when a character is first met.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        folded = _fold_piece(character)
        complex_ = (
            len(folded) != 1
            or _joins_left(character)
            or (folded == " " and character != " ")
            or character == _COMPLEX
            or IGNORABLE.match(character) is not None
        )
        self[code] = _COMPLEX if complex_ else folded
        return self[code]


_SINGLE_CHARACTERS = _SingleCharacterTable()

_UNKNOWN = 0xFFFF_FFFF


@cache
def _single_character_array() -> NDArray[np.uint32]:
    """`_SINGLE_CHARACTERS` as an array by code point (4 MB). Values are filled in when a character
    is first met."""
    return np.full(0x110000, _UNKNOWN, np.uint32)
