"""The joined form of folded text: without the separators that people put into numbers and words.

An unquoted text of a query is looked for in the exact text and in this form of it. A character that
goes, or gives way to another, is a joint. These are the joints:

- A blank between two of these: Han, kana, Hangul and the like; a digit; a letter; a sign of a unit
  beside its number («20 %»). Not between two letters, and between two digits only in a number.
- In a number, blanks, dashes and brackets:
  - a mobile number (1[3-9], 11 digits): in 3-4-4, or by itself in any groups of at least 3;
  - a fixed line: area code (0 and 2 or 3 digits, in brackets or not), then 7 or 8 digits in one or
    two groups. An extension stays apart;
  - +86, 0086 or 86 before one of these goes; before an area code without its 0, it becomes the 0;
  - a 400 or 800 number (3-3-4, 3-4-3, 4-3-3, 3-7), a mobile number of Taiwan (09xx-xxx-xxx);
  - any other number that begins with + and a country, in groups of 2 to 4 («(+852) 9123 4567»);
  - a bank card: groups of four, 16 to 19 digits. Groups that are all years, or all end in 0, are a
    list;
  - an identity card (6-8-4, 6-4-4-4), whose last character may be X.
- The commas of an amount: 1 to 3 digits, then groups of exactly three. A full-width comma divides a
  list more often, so it goes only behind 1 or 2 digits («1，299», not «101，102»).
- The dashes of an identifier: letters and digits with dashes between, at least one of each. Where
  it begins with a digit, a dash between two numbers, with units or without, stays («6-8kg»).

A line break is a joint only between two characters of scripts that are written without blanks:
there a word is wrapped. All else stays: «3.6.0», «1 2 3», «8:00-22:00», «2019-04-25», «5-10天».
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from kchat_search.text.fold import fold_with_map
from kchat_search.text.scripts import UNBROKEN


@dataclass(frozen=True, slots=True)
class Fragment:
    """The joined form of a stretch of folded text that has a joint in it.

    The range `starts[i]:ends[i]` of the folded text became the character `text[i]`. Both tuples
    have one number for each character of `text`.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def folded_range(self, start: int, end: int) -> tuple[int, int]:
        """The range of the folded text that became `text[start:end]`, which is not empty."""
        return self.starts[start], self.ends[end - 1]


class KnownNumber(NamedTuple):
    """A number that is known to stand in a text, so that it need not be found by its form."""

    start: int
    end: int
    edits: Mapping[int, str]
    """What goes from it, and what takes its place."""


_LETTER = rf"[^\W\d_{UNBROKEN}]"
_LETTER_OR_DIGIT = rf"[^\W_{UNBROKEN}]"
_SIGNS = "%‰°¥$€£₩#"
_GAP = "(?: ?- ?| )"
"""What may stand between two groups of a number."""
_FIRST = r"(?<![0-9])(?<![0-9][-., ])"
_LAST = r"(?![0-9])(?![-, ][0-9])"
_ABROAD = rf"(?:\(\+86\)|\+\(86\)|\(0086\)|\+ ?86|0086){_GAP}?"
_COUNTRY = rf"(?:{_ABROAD}|(?:\(86\)|86){_GAP}?)"
_AREA = "(?:10|2[0-9]|[3-9][1-9][0-9]|701)"
_LOCAL = f"(?:[1-9][0-9]{{2,3}}{_GAP}?[0-9]{{4}}|[1-9][0-9]{{3}}{_GAP}[0-9]{{3}})(?![0-9])"
_YEARS = f"(?:(?:19|20)[0-9]{{2}}{_GAP}){{3}}(?:19|20)"
_ROUND = f"(?:[0-9]{{3}}0{_GAP}){{3}}[0-9]{{3}}0(?![0-9])"

_IDENTITY_CARD = (
    rf"{_FIRST}[1-9][0-9]{{5}}{_GAP}?(?:19|20)[0-9]{{2}}{_GAP}?(?:0[1-9]|1[0-2])"
    rf"(?:0[1-9]|[12][0-9]|3[01]){_GAP}?[0-9]{{3}}[0-9x](?!{_LETTER_OR_DIGIT})"
)
_BANK_CARD = (
    rf"{_FIRST}(?!{_YEARS}|{_ROUND})[0-9]{{4}}(?:{_GAP}[0-9]{{4}}){{3}}"
    rf"(?:{_GAP}[0-9]{{1,3}})?{_LAST}"
)
_MOBILE = (
    rf"(?<![0-9])(?P<mobile>{_COUNTRY})?(?:\(1[3-9][0-9]\)|1[3-9][0-9])"
    rf"{_GAP}?[0-9]{{4}}{_GAP}?[0-9]{{4}}(?![0-9])"
)
_MOBILE_IN_OTHER_GROUPS = (
    rf"{_FIRST}(?P<grouped>{_COUNTRY})?(?=1[3-9](?:{_GAP}?[0-9]){{9}}{_LAST})"
    rf"[0-9]{{3,8}}(?:{_GAP}[0-9]{{3,8}}){{1,2}}{_LAST}"
)
_FIXED_LINE = (
    rf"(?<![0-9])(?<![0-9]-)(?P<fixed>{_COUNTRY})?(?:\(0{_AREA}\)|0{_AREA}){_GAP}?{_LOCAL}"
    rf"|(?<![0-9])(?P<trunk>{_ABROAD})(?:\({_AREA}\)|{_AREA}){_GAP}?{_LOCAL}"
)
_400 = (
    rf"{_FIRST}(?P<service>{_COUNTRY})?(?:[48]00{_GAP}?[0-9]{{3}}{_GAP}?[0-9]{{4}}|[48]00{_GAP}?[0-9]{{4}}{_GAP}?[0-9]{{3}}"
    rf"|[48]00[0-9]{_GAP}[0-9]{{3}}{_GAP}[0-9]{{3}})(?![0-9])(?! [0-9])"
)
_TAIWAN_MOBILE = rf"{_FIRST}09[0-9]{{2}}{_GAP}[0-9]{{3}}{_GAP}?[0-9]{{3}}(?![0-9])"
_FOREIGN = (
    rf"(?<![0-9+])(?=\(?\+(?:{_GAP}?[0-9()]){{10,17}}(?![0-9]))(?:\(\+(?:[17]|[2-9][0-9]{{1,2}})\)"
    rf"|\+(?:[17]|[2-9][0-9]{{1,2}})(?:{_GAP}?\([0-9]{{1,4}}\)|{_GAP}[0-9]{{2,4}}))"
    rf"(?:{_GAP}?[0-9]{{2,4}}){{1,4}}(?![0-9])"
)
_PLUS = re.compile(r"(?<![a-z0-9+])\+(?=[1-9][0-9]{9,14}(?![0-9]))")
"""What goes from a number in groups that begins so. In one piece, it says the same."""
_AMOUNT = (
    r"(?<![0-9])(?<![0-9][.,，])(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[1-9][0-9]?(?:，[0-9]{3})+)"
    r"(?![0-9])(?![,，][0-9])"
)
_NUMBERS = re.compile(
    f"(?=[(+0-9])(?:{_IDENTITY_CARD}|{_BANK_CARD}|{_MOBILE}|{_MOBILE_IN_OTHER_GROUPS}|{_400}"
    f"|{_FIXED_LINE}|{_TAIWAN_MOBILE}|{_FOREIGN}|{_AMOUNT})"
)
_GROUPS = re.compile(r"[0-9)](?:[ ,，]| ?- ?)[(0-9]|\)[0-9]|86")
"""What every number with a joint has."""
_SEPARATORS = re.compile("[-+() ,，]")
_IDENTIFIERS = re.compile(rf"(?<!{_LETTER_OR_DIGIT}){_LETTER_OR_DIGIT}++(?:-{_LETTER_OR_DIGIT}++)+")
_DASH = re.compile(rf"-(?<={_LETTER_OR_DIGIT}-){_LETTER_OR_DIGIT}")
"""What every identifier has. A look for the dash takes a tenth of the time."""
_MEASURE = re.compile(rf"\d{{1,5}}{_LETTER}{{0,4}}")
"""A number, with a unit or without. With a dash between, two of them are a range."""
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:t\d+)?")
_BLANKS = re.compile(
    rf" (?:(?<=[{UNBROKEN}] )(?=[{UNBROKEN}\d{_SIGNS}]|{_LETTER})"
    rf"|(?:(?<={_LETTER} )|(?<=[\d{_SIGNS}] ))(?=[{UNBROKEN}])"
    rf"|(?<=\d )(?=[{_SIGNS}]|{_LETTER})"
    rf"|(?:(?<={_LETTER} )|(?<=[{_SIGNS}] ))(?=\d))"
    rf"|\n(?<=[{UNBROKEN}]\n)(?=[{UNBROKEN}])"
)
"""Each begins with what it is looked for by, so that most of a text is passed over."""
_PUNCTUATION = r"""[,，;:!?()"]"""
_ENDS = re.compile(
    r"""[ \n。、,，;:!?()"]"""
    rf"(?:(?<=[ \n。、])|(?<=[{UNBROKEN}]{_PUNCTUATION})|(?=[{UNBROKEN}]))"
)
"""What no unquoted text has inside: a blank that stays, and punctuation beside Han."""
_GROUPED_BY_COMMA = re.compile(",(?<=[0-9],)[0-9]{3}")
_LINE_BREAKS = re.compile("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


def joined(folded: str, visible: str, known: Sequence[KnownNumber] = ()) -> tuple[Fragment, ...]:
    """The joined form of each stretch of a text that has a joint in it, in order. `folded` is
    `fold(visible)`; `visible` tells line breaks from blanks, and full-width commas from others.
    Within the `known` numbers nothing goes but what they say.

    Every unquoted text that would stand over a joint lies within one fragment. What stands over
    none is found in the exact text. Most texts have no joint, so they have no fragment.
    """
    if not may_have_joint(folded) and not any(number.edits for number in known):
        return ()
    typed = _as_typed(folded, visible)
    edits = _edits(typed)
    for number in known:
        for position in range(number.start, number.end):
            edits.pop(position, None)
        edits |= number.edits
    if not edits and not _BLANKS.search(typed):
        return ()
    return tuple(_Joining(folded, typed, edits).fragments())


def joined_query(chunk: str) -> str:
    """The joined form of an unquoted chunk of a query, folded: «138-1111-2224» gives
    «13811112224». Most chunks stay as they are.

    Where it differs from `chunk`, a text fulfils the query if it has `chunk` literally, or this
    form literally or in a fragment. So nothing that stands there letter for letter is missed.
    """
    text = _Joining(chunk, chunk, _edits(chunk)).text if may_have_joint(chunk) else chunk
    return _PLUS.sub("", text) if "+" in text else text


def number_spans(query: str) -> list[tuple[int, int]]:
    """Where in a query, as it was typed, a number stands in groups: «138 1111 2222»,
    «(+86)138-1111-2222», «1，299». The ranges (start, end) are in order and do not overlap.

    Outside of quotes, each of them is one word, with its blanks, brackets and commas.
    """
    folded = fold_with_map(query)
    if not may_have_joint(folded.text):
        return []
    typed = _as_typed(folded.text, query)
    return [
        folded.original_range(*match.span())
        for match in _NUMBERS.finditer(typed)
        if any(True for _ in _number_edits(match))
    ]


def may_have_joint(folded: str) -> bool:
    """Without this, a folded text has no joint. Most texts end here, for 0.2 µs."""
    return (
        " " in folded
        or "-" in folded
        or "(0" in folded
        or "(+" in folded
        or "86" in folded
        or ("," in folded and _GROUPED_BY_COMMA.search(folded) is not None)
    )


def _as_typed(folded: str, visible: str) -> str:
    """`folded` with line breaks where `visible` has them, and with its full-width commas."""
    broken = _LINE_BREAKS.search(visible) is not None
    if not broken and ("，" not in visible or not _GROUPED_BY_COMMA.search(folded)):
        return folded
    with_map = fold_with_map(visible)
    out = list(folded)
    for index, character in enumerate(folded):
        if character in " ,":
            start, end = with_map.original_range(index, index + 1)
            if character == ",":
                out[index] = "，" if "，" in visible[start:end] else ","
            elif _LINE_BREAKS.search(visible, start, end):
                out[index] = "\n"
    return "".join(out)


def _number_edits(number: re.Match[str]) -> Iterator[tuple[int, str]]:
    """What goes from a match of `_NUMBERS`: (position, replacement) of each character."""
    start = number.start()
    for name in ("mobile", "grouped", "fixed", "service", "trunk"):
        if number[name]:
            yield start, "0" if name == "trunk" else ""
            yield from ((position, "") for position in range(start + 1, number.end(name)))
            start = number.end(name)
    for separator in _SEPARATORS.finditer(number.string, start, number.end()):
        yield separator.start(), ""


def _identifier_edits(identifier: re.Match[str]) -> Iterator[tuple[int, str]]:
    """The dashes that go from a match of `_IDENTIFIERS`: (position, "") of each."""
    text = identifier.group()
    has_letter = any(map(str.isalpha, text))
    if not has_letter or not any(map(str.isdigit, text)) or _DAY.fullmatch(text):
        return
    groups = text.split("-")
    no_range = text[0].isalpha() or _UUID.fullmatch(text)
    position = identifier.start()
    for left, right in pairwise(groups):
        position += len(left)
        is_range = _MEASURE.fullmatch(left) and _MEASURE.fullmatch(right)
        if no_range or not is_range:
            yield position, ""
        position += 1


def _edits(typed: str) -> dict[int, str]:
    """What goes from numbers and identifiers: the replacement of each such character."""
    edits: dict[int, str] = {}
    if _GROUPS.search(typed):
        for number in _NUMBERS.finditer(typed):
            edits.update(_number_edits(number))
    if _DASH.search(typed):
        for identifier in _IDENTIFIERS.finditer(typed):
            edits.update(_identifier_edits(identifier))
    return edits


class _Joining:
    """Joins a folded text. `typed` is the same with line breaks and full-width commas, `edits` what
    goes beside blanks."""

    def __init__(self, folded: str, typed: str, edits: dict[int, str]) -> None:
        self.text = folded
        self._typed = typed
        self._starts = list(range(len(folded)))
        self._ends = list(range(1, len(folded) + 1))
        self._joints: list[int] = []
        """Indexes of `text`, rising: something went between this character and the one before it,
        or one of the two is a replacement."""
        self._apply(edits)
        self._apply({blank.start(): "" for blank in _BLANKS.finditer(self._typed)})

    def _apply(self, edits: dict[int, str]) -> None:
        if not edits:
            return
        positions = sorted(edits)
        joints = {joint - bisect_left(positions, joint) for joint in self._joints}
        text, typed, starts, ends = [], [], [], []
        done = 0
        for position in [*positions, len(self.text)]:
            text.append(self.text[done:position])
            typed.append(self._typed[done:position])
            starts += self._starts[done:position]
            ends += self._ends[done:position]
            done = position + 1
            joints.add(len(starts))
            replacement = edits.get(position)
            if replacement:
                text.append(replacement)
                typed.append(replacement)
                starts.append(self._starts[position])
                ends.append(self._ends[position])
                joints.add(len(starts))
        self.text, self._typed = "".join(text), "".join(typed)
        self._starts, self._ends, self._joints = starts, ends, sorted(joints)

    def fragments(self) -> Iterator[Fragment]:
        """The stretches with a joint inside, in order."""
        start = 0
        for end, following in self._stretches():
            joint = bisect_right(self._joints, start)
            if joint < len(self._joints) and self._joints[joint] < end:
                yield Fragment(
                    self.text[start:end],
                    tuple(self._starts[start:end]),
                    tuple(self._ends[start:end]),
                )
            start = following

    def _stretches(self) -> Iterator[tuple[int, int]]:
        """(where a stretch ends, where the next one begins)."""
        for mark in _ENDS.finditer(self._typed):
            yield mark.span()
        yield len(self.text), len(self.text)
