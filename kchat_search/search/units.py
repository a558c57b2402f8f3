"""Which characters of an unquoted text stay together: a number, and the unit or sign at it.

One rule, told in docs/searching.md. Nothing lies between a number and its unit, so a chat in which
both only occur somewhere is not what was asked for.

- A number of at most six digits stays with the Chinese unit behind it («5月», «3.5折», «24小时»),
  with 第 before it, and with what touches that in the same way: «5月1日» is one.
- A sign stays where it touches: `%` `‰` `°` behind a digit; `#` behind a digit or one or two
  letters (C#); `-` `#` `.` before a digit, and `.` before a letter, where a text begins (-20,
  .NET).
- One letter stays with what Chinese calls by it (T恤, U盘, 4S店).
- Typed with blanks between, they are the same: «5 月 1 日», «20 %» (`unit_words.unit_spans`).
- In kana and Hangul, a number stays with the one or two characters behind it («3번»).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kchat_search.search.tree import Forms, Part, Word
from kchat_search.search.unit_words import LETTERS_UNIT, UNIT
from kchat_search.text.joined import number_spans
from kchat_search.text.scripts import Run, RunKind, is_punctuation, runs
from kchat_search.text.variants import forms

_MOST_DIGITS = 6
_ONE_LETTER = re.compile(r"(?:.*\d)?[a-z]", re.DOTALL)
_SIGN_BEHIND = re.compile(r"(?:.*\d[%‰°#]|(?:.*[^a-z])?[a-z]{1,2}#)", re.DOTALL)


def parts_of(folded: str, split: Callable[[str], list[str]]) -> tuple[Part, ...]:
    """What a text without blanks asks for, in its order, nothing twice. `split` cuts Han text into
    words. Empty where there is only punctuation."""
    cutting = _Cutting(split)
    pieces = _pieces(folded)
    for number, (kind, text) in enumerate(pieces):
        following = pieces[number + 1][1] if number + 1 < len(pieces) else ""
        if kind is RunKind.HAN:
            cutting.take_han(text, before_digit=following[:1].isdigit())
        elif kind is RunKind.UNSPACED:
            cutting.take_unspaced(text)
        else:
            cutting.take_chunk(text, is_first=not number)
    cutting.close()
    return tuple(dict.fromkeys(cutting.parts))


def without_punctuation(folded: str, *, is_first: bool = True) -> str:
    """`folded` without the punctuation at its ends. Signs stay where they are part of a name or of
    a number. `is_first`: does a text begin here?"""
    start, end = 0, len(folded)
    if folded.startswith("(") and any(first == 0 for first, _ in number_spans(folded)):
        return without_punctuation("0" + folded[1:], is_first=False).replace("0", "(", 1)
    while start < end and is_punctuation(folded[start]):
        start += 1
    while end > start and is_punctuation(folded[end - 1]):
        end -= 1
    if end > start and _SIGN_BEHIND.fullmatch(folded[max(start, end - 3) : end + 1]):
        end += 1
    if is_first and start == 1 < end:
        sign_before, first = folded[0], folded[1]
        if (first.isdigit() and sign_before in "-#.") or (first.isalpha() and sign_before == "."):
            start = 0
    return folded[start:end]


def _pieces(folded: str) -> list[tuple[RunKind, str]]:
    """The runs of a text, with their kinds. Neighbours that are neither Han nor another unspaced
    script stay together («3.6.0»), with the kind OTHER."""
    pieces: list[tuple[RunKind, str]] = []
    chunk: list[Run] = []
    for run in [*runs(folded), Run(RunKind.HAN, "")]:
        if run.kind not in (RunKind.HAN, RunKind.UNSPACED):
            chunk.append(run)
            continue
        if chunk:
            pieces.append((RunKind.OTHER, "".join(each.text for each in chunk)))
            chunk = []
        if run.text:
            pieces.append((run.kind, run.text))
    return pieces


class _Cutting:
    """Cuts a text, piece by piece."""

    def __init__(self, split: Callable[[str], list[str]]) -> None:
        self.parts: list[Part] = []
        self._split = split
        self._open: Word | str = ""
        """A chunk to which a unit may still be added."""
        self._has_unit = False
        """Does `_open` end with a unit? Then a digit goes on with it."""
        self._before = ""
        """第 before a number."""

    def take_han(self, text: str, *, before_digit: bool) -> None:
        unit = self._unit(text)
        if unit:
            self._open = str(self._open) + unit
            self._has_unit = True
            text = text[len(unit) :]
        if not text and before_digit:
            return
        self.close()
        if before_digit and text.endswith("第"):
            text, self._before = text[:-1], "第"
        if text:
            words = forms(text, self._split)
            self.parts += [each[0] if len(each) == 1 else Forms(each) for each in words]

    def take_unspaced(self, text: str) -> None:
        # The Unicode blocks of unspaced scripts have punctuation, too («・»).
        part = without_punctuation(text, is_first=False)
        is_unit = len(text) <= 2 and part == text and not self._has_unit
        if is_unit and _ends_with_number(str(self._open)):
            self._open = str(self._open) + text
            self._has_unit = True
            return
        self.close()
        if part:
            self.parts.append(part)

    def take_chunk(self, chunk: str, *, is_first: bool) -> None:
        text = without_punctuation(chunk, is_first=is_first)
        begins, ends = chunk.startswith(text), chunk.endswith(text)
        if self._open and not (self._has_unit and text and begins and text[0].isdigit()):
            self.close()
        if not text:
            return
        if not self._open and all(run.kind is RunKind.LETTERS for run in runs(text)):
            star = chunk[chunk.index(text) + len(text) :].startswith("*")
            self._open = Word(text, prefix=star)
        else:
            self._open = str(self._open) + self._before + text
        self._before = ""
        self._has_unit = False
        if not ends:
            self.close()

    def close(self) -> None:
        """Nothing more belongs to the chunk before."""
        if self._open:
            self.parts.append(self._open)
        self._open = ""
        self._has_unit = False

    def _unit(self, han: str) -> str:
        """The unit with which this Han text begins, if the chunk before it takes one."""
        before = str(self._open)
        unit = None
        if not self._has_unit and _ends_with_number(before):
            unit = UNIT.match(han)
        elif _ONE_LETTER.fullmatch(before[-2:]):
            unit = LETTERS_UNIT.match(han)
        return unit.group() if unit else ""


def _ends_with_number(text: str) -> bool:
    """Does it end with a number that may have a unit? A longer one names something: an order, a
    telephone."""
    number = text[len(text.rstrip("0123456789- ")) :]
    digits = sum(map(str.isdigit, number))
    return number[-1:].isdigit() and digits <= _MOST_DIGITS
