"""Which digits of a text are somebody's private number. Pure.

Found by shape, however they are written: in groups, full width, in circles, spelled in Chinese.

- mobile: 11 digits, 1[3-9]; with +86, 0086, 86 or 0 before them or not. In one piece or in 3-4-4
  anywhere; in other groups only where no other digits stand beside them.
- landline: 0, area code, 7 or 8 digits; after +86 without the 0. An extension is not part of it.
- foreign: + (or 00852, 00853, 00886), then what phonenumbers knows as a number; a mobile number of
  Taiwan (09…); one of Hong Kong or Macau after «852 » or «853-».
- identity: 18, the last may be X: province, birthday, check digit (GB 11643). Of 15 digits, as
  until 1999, only where the text calls it so: nothing in it can be checked.
- card: 13 to 19 digits that begin as a bank's do and end in the check digit of Luhn, unless the
  text calls them an order's.

Left alone: service numbers (400, 800, 95xxx), which companies publish; longer runs of digits that
only contain one of these; the number of a parcel («SF138…»); an identifier, which has letters on
both sides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Literal, NamedTuple

from stdnum import luhn
from stdnum.cn import ric

from kchat_search.chats import number_names

Kind = Literal["mobile", "landline", "foreign", "identity", "card", "email"]
Range = tuple[int, int]


class Private(NamedTuple):
    """A private number, or an e-mail address, in a text. Ranges are `[start, end)`."""

    kind: Kind
    start: int
    end: int
    hidden: tuple[Range, ...]
    """The places that are hidden: of a number one for each digit, of an e-mail address one."""
    canonical: str
    """Its one form, however it is written: «13800138845», «01087654321», «+85291234567»."""


_GROUPS = re.compile("[0-9]+")
_MARKS = "\u0300-\u036f\u20d0-\u20f0\ufe20-\ufe2f"
"""Characters that are drawn over the one before them: keycaps, circles, strokes."""
_BETWEEN = re.compile(rf"[ \u2800._·•~/|(){_MARKS}-]{{1,3}}")
"""What may stand between two groups of digits of one number."""
_DIVIDES_NOTHING = re.compile(f"[{_MARKS}]+")
_TIGHT = re.compile("[._·•~/|]")
"""What stands in versions, dates and sums too. So only the usual groups may have it between."""
_FEWEST_DIGITS = 8
_MOST_DIGITS = 24
"""From the beginning of a number on, more are not looked at. The longest has 19, and a prefix."""

_MOBILE_PREFIXES = ("", "86", "0086", "0", "860", "00860")
_MOBILE = re.compile("1[3-9]")
_LANDLINE = re.compile("(?P<country>(?:00)?86)?0?(?P<area>10|2[0-9]|[3-9][1-9][0-9]|701)[1-9]")
_FOREIGN_PREFIX = re.compile("00(?=852|853|886)")
_PROVINCE = re.compile("1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|91")
_ISSUERS = (
    (re.compile("4"), (13, 16)),
    (re.compile("5[0-8]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)"), (16,)),
    (re.compile("3[47]"), (15,)),
    (re.compile("3(?:0[0-59]|[689])"), (14, 16)),
    (re.compile("35(?:2[89]|[3-8])|6|81|9(?:00|40|5[58]|66|68|84|85|88)"), (16, 17, 18, 19)),
)
"""How the numbers of bank cards begin, and how long they are then (ISO 7812): Visa, Mastercard,
American Express, Diners, and those of UnionPay, also of before it."""
_CARD_GROUPS = frozenset(
    (
        *((total,) for total in range(13, 20)), (4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2),
        (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4), (6, 10), (6, 11), (6, 12), (6, 13), (4, 4, 8),
        (4, 12), (12, 4), (15, 4), (4, 15), (8, 11), (6, 4, 6), (6, 4, 9), (6, 9, 4), (6, 6, 4),
    )
)  # fmt: skip
"""By which bank cards are divided."""
_PLUS = re.compile(r"(?<![a-z0-9+])\(?\+ ?\(?$")
_PARCEL = re.compile("(?<![a-z])(?:sf|jd[a-z]{0,2}|yt|jt|zt|zto|sto|yto|ems|dpk)$")


def numbers(text: str, *, spelled: bool = False, named: bool = False) -> Iterator[Private]:
    """The private numbers of a folded text whose digits are all ASCII, in order; none overlaps
    another. With `spelled`, only those that digits can hardly be by chance. With `named`, a number
    is what it may be, whatever the text calls it."""
    groups = [group.span() for group in _GROUPS.finditer(text)]
    joints = [_joint(text, left[1], right[0]) for left, right in pairwise(groups)]
    passed = 0
    for number in _first_of_enough(groups, joints):
        if groups[number][0] < passed:
            continue
        digits = _Digits(text, groups, joints, number, named=named)
        found = digits.spelled() if spelled else digits.number()
        if found is not None:
            yield found
            passed = found.end


def _first_of_enough(groups: list[Range], joints: list[str | None]) -> Iterator[int]:
    """The groups with which a number may begin: with those behind them, they have enough digits.
    Most groups of a text are a price, a day or an hour, and end here."""
    begin = 0
    for last in range(len(groups)):
        if last < len(joints) and joints[last] is not None:
            continue
        left = sum(end - start for start, end in groups[begin : last + 1])
        for number in range(begin, last + 1):
            if left < _FEWEST_DIGITS:
                break
            yield number
            left -= groups[number][1] - groups[number][0]
        begin = last + 1


def _joint(text: str, left: int, right: int) -> str | None:
    """What stands between two groups of digits; None where they can't be of one number."""
    return text[left:right] if right - left <= 3 and _BETWEEN.fullmatch(text, left, right) else None


class _Digits:
    """The digits from the beginning of a group on, as far as they may be of one number."""

    def __init__(
        self,
        text: str,
        groups: list[Range],
        joints: list[str | None],
        first: int,
        *,
        named: bool = False,
    ) -> None:
        self._text = text
        self._named = named
        self._groups, self._joints, self._first = groups, joints, first
        start = groups[first][0]
        has_plus = "+" in text[max(0, start - 5) : start]
        self._plus = _PLUS.search(text, max(0, start - 5), start) if has_plus else None
        self.digits = ""
        self._places: list[int] = []
        """Of each of the digits, in the text."""
        self.ends: dict[int, int] = {}
        """By how many of the digits end with a group: the number of the group. Keycaps divide
        nothing."""
        for number in range(first, len(groups)):
            if number > first and joints[number - 1] is None:
                break
            start, end = groups[number]
            if len(self.digits) + end - start > _MOST_DIGITS:
                break
            if number > first and _DIVIDES_NOTHING.fullmatch(joints[number - 1] or ""):
                del self.ends[len(self.digits)]
            self.digits += text[start:end]
            self._places += range(start, end)
            self.ends[len(self.digits)] = number

    def number(self) -> Private | None:
        """The private number with which these digits begin."""
        if len(self.digits) < _FEWEST_DIGITS:
            return None
        if self._plus and not self.digits.startswith("86"):
            return self._foreign("")
        return self.spelled() or self._landline() or self._foreign_without_plus()

    def spelled(self) -> Private | None:
        """The same, where it is one of those that digits can hardly be by chance."""
        return self._identity() or self._card() or self._mobile()

    # -- kinds -------------------------------------------------------------------------------

    def _mobile(self) -> Private | None:
        for prefix in _MOBILE_PREFIXES:
            begin, end = len(prefix), len(prefix) + 11
            if (
                end in self.ends
                and self.digits.startswith(prefix)
                and _MOBILE.match(self.digits, begin)
                and not (prefix == "0" and begin in self.ends)
                and self._is_grouped_as_mobile(begin, end)
                and not self._is_identifier(end)
            ):
                return self._made("mobile", end, begin + 3, end - 4, self.digits[begin:end])
        return None

    def _is_grouped_as_mobile(self, begin: int, end: int) -> bool:
        sizes = self._sizes(begin, end)
        if sizes in ((11,), (3, 4, 4)):
            return not self._is_decimal
        if set(sizes) == {1}:
            return not self._has_neighbour(end)
        in_groups = min(sizes) >= 3 or (sizes[0] == 3 and min(sizes) >= 2) or sizes == (1, 3, 3, 4)
        return (
            in_groups
            and not self._is_tight(begin, end)
            and not self._has_neighbour(end, before=not begin)
        )

    def _landline(self) -> Private | None:
        form = _LANDLINE.match(self.digits)
        if form is None:
            return None
        country = form["country"]
        begin = form.end("area")
        divided = begin in self.ends or self._plus
        if country == "86" and not self._plus and 2 not in self.ends:
            return None  # «861087654321» may be anything
        if not country and (self.digits[0] != "0" or self._follows_dash):
            return None
        for length in (8, 7):
            end = begin + length
            usual = 1 + len(form["area"]) + length >= 11
            if end not in self.ends or not (divided or usual) or self._is_identifier(end):
                continue
            if self._sizes(begin, end) in ((8,), (7,), (4, 4), (3, 4), (4, 3)) or not divided:
                canonical = "0" + form["area"] + self.digits[begin:end]
                return self._made("landline", end, begin, end - 4, canonical)
        return None

    def _identity(self) -> Private | None:
        if not _PROVINCE.match(self.digits):
            return None
        if 18 in self.ends and _is_identity(self.digits[:18]):
            return self._made("identity", 18, 4, 14, self.digits[:18])
        if 17 in self.ends:
            after = self._place(16)[1]
            last = _X.match(self._text, after)
            if last and _is_identity(self.digits[:17] + "x"):
                hidden = tuple(map(self._place, range(4, 14)))
                return Private(
                    "identity", self._place(0)[0], last.end(), hidden, self.digits[:17] + "x"
                )
        if 15 in self.ends and self._may_be_identity and _is_day("19" + self.digits[6:12]):
            return self._made("identity", 15, 4, 11, self.digits[:15])
        return None

    def _card(self) -> Private | None:
        lengths = _lengths_of_cards(self.digits)
        for end in range(19, 12, -1):
            if (
                end in lengths
                and end in self.ends
                and self._sizes(0, end) in _CARD_GROUPS
                and luhn.is_valid(self.digits[:end])
                and not self._is_identifier(end)
                and not self._is_order(end)
            ):
                return self._made("card", end, 0, end - 4, self.digits[:end])
        return None

    def _foreign_without_plus(self) -> Private | None:
        if _FOREIGN_PREFIX.match(self.digits):
            return self._foreign("00")
        if self.digits.startswith("09") and self._is_alone(0, 10, ((10,), (4, 3, 3), (4, 6))):
            return self._made("foreign", 10, 2, 6, "+886" + self.digits[1:10])
        if self.digits[:3] in ("852", "853") and self._is_alone(3, 11, ((8,), (4, 4))):
            return self._foreign("", end=11) if 3 in self.ends else None
        return None

    def _foreign(self, prefix: str, end: int | None = None) -> Private | None:
        ends = (end,) if end else sorted(self.ends, reverse=True)
        # In groups, also one of a range that is not given out yet.
        for known in (True, False) if len(self.ends) > 1 else (True,):
            for last in ends:
                if not 7 <= last - len(prefix) <= 17:
                    continue
                found = _international(self.digits[len(prefix) : last], known=known)
                if found is not None:
                    code, canonical = found
                    return self._made("foreign", last, len(prefix) + code, last - 4, canonical)
        return None

    # -- what is beside, what is between -----------------------------------------------------

    def _made(self, kind: Kind, end: int, hide: int, show: int, canonical: str) -> Private:
        """The first `end` digits, those of `[hide, show)` hidden."""
        start, stop = self._place(0)[0], self._place(end - 1)[1]
        if self._plus:
            start = self._plus.start()
        elif self._text[start - 1 : start] == "(" and ")" in self._text[start:stop]:
            start -= 1
        return Private(kind, start, stop, tuple(map(self._place, range(hide, show))), canonical)

    def _place(self, digit: int) -> Range:
        return self._places[digit], self._places[digit] + 1

    def _sizes(self, begin: int, end: int) -> tuple[int, ...]:
        """Of the groups between these digits."""
        borders = [begin, *(each for each in self.ends if begin < each <= end)]
        return tuple(right - left for left, right in pairwise(borders))

    def _is_alone(self, begin: int, end: int, sizes: tuple[tuple[int, ...], ...]) -> bool:
        """Do these digits end with a group, in one of these divisions, with no others beside?"""
        return (
            end in self.ends
            and self._sizes(begin, end) in sizes
            and not self._has_neighbour(end)
            and not self._is_identifier(end)
        )

    def _is_tight(self, begin: int, end: int) -> bool:
        inside = (number for count, number in self.ends.items() if begin < count < end)
        return any(_TIGHT.search(self._joints[number] or "") for number in inside)

    def _has_neighbour(self, end: int, *, before: bool = True) -> bool:
        """Do other digits stand beside?"""
        last = self.ends[end]
        follows = last < len(self._joints) and self._joints[last] is not None
        return follows or (before and bool(self._before))

    @property
    def _before(self) -> str:
        """What stands between these digits and others before them; "" where there are none."""
        return (self._joints[self._first - 1] or "") if self._first else ""

    @property
    def _follows_dash(self) -> bool:
        return self._before == "-"

    @property
    def _is_decimal(self) -> bool:
        """Do they stand behind «0.»?"""
        if self._before != "." or not self._first:
            return False
        start, end = self._groups[self._first - 1]
        return self._text[start:end] == "0"

    def _is_identifier(self, end: int) -> bool:
        """Do letters show that the first `end` digits are no number of this kind?"""
        start, stop = self._place(0)[0], self._place(end - 1)[1]
        before, after = self._text[max(0, start - 6) : start], self._text[stop : stop + 1]
        if not _is_latin(before[-1:]):
            return False
        return _is_latin(after) or _PARCEL.search(before) is not None

    @property
    def _may_be_identity(self) -> bool:
        """May 15 digits be those of an identity card?"""
        return self._named or number_names.is_identity(self._text, self._places[0])

    def _is_order(self, end: int) -> bool:
        """Does the text call the first `end` digits the number of an order?"""
        if self._named:
            return False
        return number_names.is_order(self._text, self._places[0], self._places[end - 1] + 1)


_X = re.compile("[ -]?[x×хχ✕✖*](?![a-z0-9])")


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalpha()


def _is_identity(number: str) -> bool:
    """Is it the number of an identity card, by its birthday and its check digit?"""
    return _is_day(number[6:14]) and ric.calc_check_digit(number) == number[17].upper()


def _is_day(written: str) -> bool:
    year, month, day = int(written[:4]), int(written[4:6]), int(written[6:8])
    if not 1880 <= year <= 2100:
        return False
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _lengths_of_cards(digits: str) -> set[int]:
    """How long a bank card's number may be that begins so."""
    return {length for begins, lengths in _ISSUERS if begins.match(digits) for length in lengths}


def _international(digits: str, *, known: bool) -> tuple[int, str] | None:
    """(how many of these digits are the country's code, the number as E.164 writes it); None where
    it is no number. With `known`, it must be of a range that is given out; else its length will
    do."""
    import phonenumbers  # noqa: PLC0415  # takes 0.1 s; most archives never need it

    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return None
    is_one = phonenumbers.is_valid_number if known else phonenumbers.is_possible_number
    if not is_one(number):
        return None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return len(str(number.country_code)), written
