"""Masking: private numbers in a text, and the text without them. Pure.

What is private `private_texts` finds. Three forms are made of a text that has it:

- as it is shown: `138****8845`, `z***@x.com`;
- as it is indexed for everybody: `HIDDEN_DIGIT` for each hidden digit, three `HIDDEN_LETTER` for
  what an e-mail address has before its @, but for the first letter (its length tells too much);
- with whole numbers: each between `WHOLE_BEGINS` and `WHOLE_ENDS` in its one form, in characters
  that no query has. So who knows the whole of a number finds it, and a part of it finds nothing.

Invariant: the first two depend on what is seen alone. Two texts that differ in hidden digits only
have the same, and so has all that is made of them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import islice

from kchat_search.chats.digit_chains import Range
from kchat_search.chats.private_numbers import Private
from kchat_search.chats.private_texts import ANY_DIGIT, NUMERALS, find_in
from kchat_search.models.plan import HIDDEN_DIGIT, HIDDEN_LETTER, WHOLE_BEGINS, WHOLE_ENDS
from kchat_search.text.fold import Folded, fold, fold_with_map
from kchat_search.text.joined import Fragment, KnownNumber, joined, may_have_joint

STAR = "*"
_STARS = str.maketrans({HIDDEN_DIGIT: STAR, HIDDEN_LETTER: STAR})
_HIDDEN_LOCAL_PART = HIDDEN_LETTER * 3
_SYMBOLS = dict(zip("0123456789abcdef", map(chr, range(0xFDD4, 0xFDE4)), strict=True))
"""In which a whole number is written: characters that no text and no query has, so that no part of
a number is found by what somebody types."""


def hidden_form(folded: str, private: Sequence[Private]) -> str:
    """A folded text as it is indexed for everybody. `private`: what `find` has found in it."""
    pieces: list[str] = []
    done = 0
    for one in private:
        for start, end in one.hidden:
            pieces += (folded[done:start], _hidden(one))
            done = end
    return "".join(pieces) + folded[done:]


def whole_form(folded: str, private: Sequence[Private]) -> str:
    """A folded text with each private number as a whole, in its one form."""
    pieces: list[str] = []
    done = 0
    for one in private:
        pieces += (folded[done : one.start], whole(one.canonical))
        done = one.end
    return "".join(pieces) + folded[done:]


def whole(canonical: str) -> str:
    """A private number as `Hidden.whole` has it. All e-mail addresses are equally long: else the
    distance between two texts would tell how long one between them is."""
    if "@" in canonical:
        digest = blake2b(canonical.encode("utf-8", "surrogatepass"), digest_size=12)
        symbols = "e" + digest.hexdigest()
    else:
        symbols = canonical.replace("+", "a").replace("x", "b")
    return WHOLE_BEGINS + "".join(map(_SYMBOLS.__getitem__, symbols)) + WHOLE_ENDS


def shown(text: str) -> str:
    """A text as it is shown to whoever does not see private numbers: `138****8845`. The same text,
    where nothing in it is private."""
    if len(text) < _SHORTEST:
        return text
    return _shown_short(text) if len(text) <= _MOST_CACHED else _shown(text)


def _shown(text: str) -> str:
    masked = Masked.of(text) if may_show(text) else None
    return text if masked is None else masked.shown


@lru_cache(4_096)
def _shown_short(text: str) -> str:
    """Names and values of fields occur again and again."""
    return _shown(text)


_SHORTEST = len("a@b.cn")
_MOST_CACHED = 64
"""Characters."""
_LIKE_DIGITS = re.compile(rf"[{ANY_DIGIT}①-⑳⓪⑴-⒛🄀-🄊⁰-₉²³¹貳貮兩參叄陸肆壹㈠-㈩㊀-㊉]{{1,4}}")
_AT = ("@", "＠", "﹫")
_ESCAPED_AT = ("%40", "&#", "\\x40")
_FEWEST_DIGITS = 4
"""Characters that are digits, or become some. No number has fewer, and no escaped address."""


def may_show(text: str) -> bool:
    """Without this, nothing in a text is private, whatever it folds to. A look that costs less than
    to fold it."""
    if any(at in text for at in _AT):
        return True
    marks = sum(len(run.group()) for run in islice(_LIKE_DIGITS.finditer(text), _FEWEST_DIGITS))
    return marks >= _FEWEST_DIGITS or (
        marks >= len("40") and any(mark in text for mark in _ESCAPED_AT)
    )


@dataclass(frozen=True, slots=True)
class Masked:
    """A text in which something is private, in all its forms, with maps to the text as it is shown.

    The maps lead from a character of a folded form to its range in `shown`. From a character of a
    private number, `clear` and `whole` lead to all of the number: where a mark ends must tell
    nothing.
    """

    shown: str
    hidden: Folded
    """As it is indexed for everybody."""
    whole: Folded
    clear: Folded
    private: tuple[Private, ...]

    @classmethod
    def of(cls, visible: str) -> Masked | None:
        """None where nothing in the text is private."""
        return cls.of_folded(visible, fold_with_map(visible))

    @classmethod
    def of_folded(cls, visible: str, folded: Folded) -> Masked | None:
        """As `of`, of a text that is folded already."""
        private = find_in(visible, folded.text)
        return _Writer(visible, folded).written(private) if private else None

    def joined(self) -> tuple[Fragment, ...]:
        """The joined form of `hidden`."""
        visible = list(self.shown)
        for character, start in zip(self.hidden.text, self.hidden.starts or (), strict=True):
            if character in _LIKE_CHARACTERS:
                visible[start] = _LIKE_CHARACTERS[character]
        like = self.hidden.text.translate(_LIKE)
        as_seen = "".join(visible)
        return _joined(self.hidden.text, as_seen if fold(as_seen) == like else like, self.private)


def joined_hidden(visible: str, hidden: str, private: Sequence[Private]) -> tuple[Fragment, ...]:
    """The joined form of `hidden`, the hidden form of `visible`."""
    is_joined = (
        one.kind != "email" and one.end - one.start > len(one.canonical) for one in private
    )
    if not may_have_joint(hidden) and not any(is_joined):
        return ()
    if _LINES_OR_COMMA.search(visible):
        masked = Masked.of(visible)
        return () if masked is None else masked.joined()
    return _joined(hidden, hidden.translate(_LIKE), private)


_LINES_OR_COMMA = re.compile("[\\n\\r\\x0b\\x0c\\x1c-\\x1e\\x85\\u2028\\u2029]|，\\d")
"""What the joined form of a text tells apart, and its folded form does not."""


def _joined(hidden: str, visible: str, private: Sequence[Private]) -> tuple[Fragment, ...]:
    """The joined form of a hidden form. `visible`: what folds to it, with characters that are like
    the hidden ones. What goes from a private number depends on its kind alone: all that is no
    digit, and the country's code of a number of the mainland."""
    known = [_known(hidden, *each) for each in zip(private, _places(private), strict=True)]
    places = [found.start() for found in _HIDDEN.finditer(hidden)]
    fragments = joined(hidden.translate(_LIKE), visible, known)
    return tuple(_with_hidden(each, hidden, places) for each in fragments)


def _places(private: Sequence[Private]) -> Iterator[Range]:
    """Where in the hidden form these are."""
    shift = 0
    for one in private:
        start = one.start + shift
        shift += sum(len(_hidden(one)) - (last - first) for first, last in one.hidden)
        yield start, one.end + shift


def _with_hidden(fragment: Fragment, hidden: str, places: Sequence[int]) -> Fragment:
    """The fragment with hidden characters in the place of those that are like them. `places`: where
    in the hidden form they are."""
    characters = list(fragment.text)
    for place in places:
        at = bisect_left(fragment.starts, place)
        if at < len(characters) and fragment.starts[at] == place:
            characters[at] = hidden[place]
    return Fragment("".join(characters), fragment.starts, fragment.ends)


def _known(hidden: str, one: Private, place: Range) -> KnownNumber:
    """What goes from a private number at this place of the hidden form."""
    start, end = place
    if one.kind == "email" or end - start == len(one.canonical):
        return KnownNumber(start, end, {})
    written = hidden[start:end].translate(_LIKE_DIGIT)
    digits = [at for at, character in enumerate(written, start) if character.isdigit()]
    edits = {at: "" for at, character in enumerate(written, start) if not character.isdigit()}
    edits.pop(end - 1, None)  # the X of an identity card
    surplus = len(digits) - sum(map(str.isdigit, one.canonical))
    if one.kind == "landline" and surplus and hidden[digits[surplus]] != "0":
        edits |= dict.fromkeys(digits[:surplus], "") | {digits[surplus]: "0"}
    elif one.kind in ("landline", "mobile"):
        edits |= dict.fromkeys(digits[:surplus], "")
    return KnownNumber(start, end, edits)


_LIKE_CHARACTERS = {HIDDEN_DIGIT: "1", HIDDEN_LETTER: "a"}
_HIDDEN = re.compile(f"[{HIDDEN_DIGIT}{HIDDEN_LETTER}]")
_LIKE = str.maketrans(_LIKE_CHARACTERS)
"""What a hidden character is like, to all that looks at digits and letters."""
_LIKE_DIGIT = NUMERALS | {ord(HIDDEN_DIGIT): "1"}


class _Form:
    """A folded form of a text, as it is put together: its characters, with their ranges."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, text: str, starts: Sequence[int], ends: Sequence[int]) -> None:
        self._pieces.append(text)
        self._starts += starts
        self._ends += ends

    def add_all_at(self, text: str, start: int, end: int) -> None:
        """Each character of this text is all of a range."""
        self.add(text, [start] * len(text), [end] * len(text))

    def folded(self) -> Folded:
        return Folded("".join(self._pieces), tuple(self._starts), tuple(self._ends))


class _Writer:
    """Writes the forms of a text in which something is private."""

    def __init__(self, visible: str, folded: Folded) -> None:
        self._visible = visible
        self._text = folded.text
        count = len(folded.text)
        self._starts = range(count) if folded.starts is None else folded.starts
        self._ends = range(1, count + 1) if folded.ends is None else folded.ends
        self._shown: list[str] = []
        self._length = 0
        self._hidden, self._whole, self._clear = _Form(), _Form(), _Form()

    def written(self, private: tuple[Private, ...]) -> Masked:
        """All forms."""
        done = copied = 0
        for one in private:
            self._copy(done, one.start, copied)
            self._write(one)
            done, copied = one.end, self._ends[one.end - 1]
        self._copy(done, len(self._text), copied)
        return Masked(
            shown="".join(self._shown),
            hidden=self._hidden.folded(),
            whole=self._whole.folded(),
            clear=self._clear.folded(),
            private=private,
        )

    def _show(self, text: str) -> Range:
        """The range of the shown text that this is now."""
        self._shown.append(text)
        self._length += len(text)
        return self._length - len(text), self._length

    def _copy(self, first: int, last: int, copied: int) -> None:
        """Write what stands between two private numbers: the folded characters `[first, last)`, and
        the text from `copied` on."""
        end = self._starts[last] if last < len(self._text) else len(self._visible)
        # What folds to several characters, some of them of a number, is not shown as it stands.
        inner_first, inner_last = first, last
        while inner_first < last and self._starts[inner_first] < copied:
            inner_first += 1
        while inner_last > inner_first and self._ends[inner_last - 1] > end:
            inner_last -= 1
        self._write_torn(first, inner_first)
        if copied < end:
            shift = self._length - copied
            self._show(self._visible[copied:end])
            starts = [start + shift for start in self._starts[inner_first:inner_last]]
            ends = [stop + shift for stop in self._ends[inner_first:inner_last]]
            self._add_to_all(self._text[inner_first:inner_last], starts, ends)
        self._write_torn(inner_last, last)

    def _write_torn(self, first: int, last: int) -> None:
        for place in range(first, last):
            start, end = self._show(self._text[place])
            self._add_to_all(self._text[place], [start], [end])

    def _add_to_all(self, text: str, starts: Sequence[int], ends: Sequence[int]) -> None:
        for form in (self._hidden, self._whole, self._clear):
            form.add(text, starts, ends)

    def _write(self, one: Private) -> None:
        begin = self._length
        done = one.start
        for start, end in one.hidden:
            self._write_seen(done, start)
            hidden = _hidden(one)
            first, last = self._show(hidden.translate(_STARS))
            self._hidden.add(hidden, range(first, last), range(first + 1, last + 1))
            done = end
        self._write_seen(done, one.end)
        for form, text in (
            (self._whole, whole(one.canonical)),
            (self._clear, self._text[one.start : one.end]),
        ):
            form.add_all_at(text, begin, self._length)

    def _write_seen(self, first: int, last: int) -> None:
        """Characters of a private number that everybody sees: as they stand in the text, where they
        stand there alone."""
        for place in range(first, last):
            start, end = self._starts[place], self._ends[place]
            beside = (
                *self._starts[max(0, place - 1) : place],
                *self._starts[place + 1 : place + 2],
            )
            text = self._text[place] if start in beside else self._visible[start:end]
            self._hidden.add_all_at(self._text[place], *self._show(text))


def _hidden(one: Private) -> str:
    return _HIDDEN_LOCAL_PART if one.kind == "email" else HIDDEN_DIGIT
