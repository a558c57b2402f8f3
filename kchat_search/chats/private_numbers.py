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
from typing import Literal, NamedTuple

from stdnum import luhn
from stdnum.cn import ric

from kchat_search.chats import number_names
from kchat_search.chats.digit_chains import Range, Window, chains

Kind = Literal["mobile", "landline", "foreign", "identity", "card", "email"]


class Private(NamedTuple):
    """A private number, or an e-mail address, in a text. Ranges are `[start, end)`."""

    kind: Kind
    start: int
    end: int
    hidden: tuple[Range, ...]
    """The places that are hidden: of a number one for each digit, of an e-mail address one."""
    canonical: str
    """Its one form, however it is written: «13800138845», «01087654321», «+85291234567»."""


_TIGHT = re.compile("[._·•~/|]")
"""What stands in versions, dates and sums too. So only the usual groups may have it between."""

_MOBILE = re.compile("(?:(?:00)?860?|0)?(?=1[3-9])")
"""What stands before a mobile number."""
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
_BEGINS = re.compile(
    "|".join(("0|1[3-9]|85|86", _PROVINCE.pattern, *(begins.pattern for begins, _ in _ISSUERS)))
)
"""How all of them begin but those with a plus: what a look at every group of digits costs."""
_CARD_GROUPS = frozenset(
    (
        *((total,) for total in range(13, 20)), (4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2),
        (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4), (6, 10), (6, 11), (6, 12), (6, 13), (4, 4, 8),
        (4, 12), (12, 4), (15, 4), (4, 15), (8, 11), (6, 4, 6), (6, 4, 9), (6, 9, 4), (6, 6, 4),
    )
)  # fmt: skip
"""By which bank cards are divided."""
_ZERO_POINT = re.compile(r"(?<![0-9])0\.$")
_PLUS = re.compile(r"(?<![a-z0-9+])\(?\+ ?\(?$")
_PARCEL = re.compile("(?<![a-z])(?:sf|jd[a-z]{0,2}|yt|jt|zt|zto|sto|yto|ems|dpk)$")


def numbers(text: str, *, spelled: bool = False, named: bool = False) -> Iterator[Private]:
    """The private numbers of a folded text whose digits are all ASCII, in order; none overlaps
    another. With `spelled`, only those that digits can hardly be by chance. With `named`, a number
    is what it may be, whatever the text calls it."""
    passed = 0
    for chain in chains(text):
        for begin in chain.begins():
            plus = None if begin else _plus_before(text, chain.places[0])
            if chain.places[begin] < passed or not (plus or _BEGINS.match(chain.digits, begin)):
                continue
            number = _Number(Window(chain, begin), plus, named=named)
            found = number.spelled() if spelled else number.any()
            if found is not None:
                yield found
                passed = found.end


def _plus_before(text: str, start: int) -> re.Match[str] | None:
    has_plus = "+" in text[max(0, start - 5) : start]
    return _PLUS.search(text, max(0, start - 5), start) if has_plus else None


class _Number:
    """The private number with which digits begin."""

    def __init__(self, window: Window, plus: re.Match[str] | None, *, named: bool) -> None:
        self._window = window
        self._digits = window.digits
        self._plus = plus
        self._named = named

    def any(self) -> Private | None:
        """It; None where they begin with none."""
        if not self._window.are_enough:
            return None
        if self._plus and not self._digits.startswith("86"):
            return self._foreign("")
        return self.spelled() or self._landline() or self._foreign_without_plus()

    def spelled(self) -> Private | None:
        """The same, where it is one of those that digits can hardly be by chance."""
        return self._identity() or self._card() or self._mobile()

    # -- kinds -------------------------------------------------------------------------------

    def _mobile(self) -> Private | None:
        prefix = _MOBILE.match(self._digits)
        if prefix is None:
            return None
        begin, end = prefix.end(), prefix.end() + 11
        if (
            self._window.ends_at(end)
            and not (prefix.group() == "0" and self._window.ends_at(begin))
            and self._is_grouped_as_mobile(begin, end)
            and not self._is_identifier(end)
        ):
            return self._made("mobile", end, begin + 3, end - 4, self._digits[begin:end])
        return None

    def _is_grouped_as_mobile(self, begin: int, end: int) -> bool:
        sizes = self._window.sizes(begin, end)
        if sizes in ((11,), (3, 4, 4)):
            return not self._is_decimal
        if set(sizes) == {1}:
            return not self._has_neighbour(end)
        in_groups = min(sizes) >= 3 or (sizes[0] == 3 and min(sizes) >= 2) or sizes == (1, 3, 3, 4)
        return (
            in_groups
            and not _TIGHT.search(self._window.between(begin, end))
            and not self._has_neighbour(end, before=not begin)
        )

    def _landline(self) -> Private | None:
        form = _LANDLINE.match(self._digits)
        if form is None:
            return None
        country = form["country"]
        begin = form.end("area")
        divided = self._window.ends_at(begin) or self._plus
        if country == "86" and not self._plus and not self._window.ends_at(2):
            return None  # «861087654321» may be anything
        if not country and (self._digits[0] != "0" or self._window.before == "-"):
            return None
        for length in (8, 7):
            end = begin + length
            usual = 1 + len(form["area"]) + length >= 11
            if not self._window.ends_at(end) or not (divided or usual) or self._is_identifier(end):
                continue
            if (
                self._window.sizes(begin, end) in ((8,), (7,), (4, 4), (3, 4), (4, 3))
                or not divided
            ):
                canonical = "0" + form["area"] + self._digits[begin:end]
                return self._made("landline", end, begin, end - 4, canonical)
        return None

    def _identity(self) -> Private | None:
        if not _PROVINCE.match(self._digits):
            return None
        if self._window.ends_at(18) and _is_identity(self._digits[:18]):
            return self._made("identity", 18, 4, 14, self._digits[:18])
        if self._window.ends_at(17):
            after = self._window.place(16)[1]
            last = _X.match(self._window.text, after)
            if last and _is_identity(self._digits[:17] + "x"):
                hidden = tuple(map(self._window.place, range(4, 14)))
                return Private(
                    "identity",
                    self._window.place(0)[0],
                    last.end(),
                    hidden,
                    self._digits[:17] + "x",
                )
        if (
            self._window.ends_at(15)
            and self._may_be_identity
            and _is_day("19" + self._digits[6:12])
        ):
            return self._made("identity", 15, 4, 11, self._digits[:15])
        return None

    def _card(self) -> Private | None:
        for end in sorted(_lengths_of_cards(self._digits), reverse=True):
            if (
                self._window.ends_at(end)
                and self._window.sizes(0, end) in _CARD_GROUPS
                and luhn.is_valid(self._digits[:end])
                and not self._is_identifier(end)
                and not self._is_order(end)
            ):
                return self._made("card", end, 0, end - 4, self._digits[:end])
        return None

    def _foreign_without_plus(self) -> Private | None:
        if _FOREIGN_PREFIX.match(self._digits):
            return self._foreign("00")
        if self._digits.startswith("09") and self._is_alone(0, 10, ((10,), (4, 3, 3), (4, 6))):
            return self._made("foreign", 10, 2, 6, "+886" + self._digits[1:10])
        if self._digits[:3] in ("852", "853") and self._is_alone(3, 11, ((8,), (4, 4))):
            return self._foreign("", end=11) if self._window.ends_at(3) else None
        return None

    def _foreign(self, prefix: str, end: int | None = None) -> Private | None:
        all_ends = self._window.ends()
        ends = (end,) if end else all_ends[::-1]
        # In groups, also one of a range that is not given out yet.
        for known in (True, False) if len(all_ends) > 1 else (True,):
            for last in ends:
                if not 7 <= last - len(prefix) <= 17:
                    continue
                found = _international(self._digits[len(prefix) : last], known=known)
                if found is not None:
                    code, canonical = found
                    return self._made("foreign", last, len(prefix) + code, last - 4, canonical)
        return None

    # -- what is beside, what is between -----------------------------------------------------

    def _made(self, kind: Kind, end: int, hide: int, show: int, canonical: str) -> Private:
        """The first `end` digits, those of `[hide, show)` hidden."""
        start, stop = self._window.place(0)[0], self._window.place(end - 1)[1]
        if self._plus:
            start = self._plus.start()
        elif self._window.text[start - 1 : start] == "(" and ")" in self._window.text[start:stop]:
            start -= 1
        return Private(
            kind, start, stop, tuple(map(self._window.place, range(hide, show))), canonical
        )

    def _is_alone(self, begin: int, end: int, sizes: tuple[tuple[int, ...], ...]) -> bool:
        """Do these digits end with a group, in one of these divisions, with no others beside?"""
        return (
            self._window.ends_at(end)
            and self._window.sizes(begin, end) in sizes
            and not self._has_neighbour(end)
            and not self._is_identifier(end)
        )

    def _has_neighbour(self, end: int, *, before: bool = True) -> bool:
        """Do other digits stand beside?"""
        return self._window.has_more(end) or (before and bool(self._window.before))

    @property
    def _is_decimal(self) -> bool:
        """Do they stand behind «0.»?"""
        start = self._window.place(0)[0]
        return _ZERO_POINT.search(self._window.text, max(0, start - 2), start) is not None

    def _is_identifier(self, end: int) -> bool:
        """Do letters show that the first `end` digits are no number of this kind?"""
        start, stop = self._window.place(0)[0], self._window.place(end - 1)[1]
        before, after = (
            self._window.text[max(0, start - 6) : start],
            self._window.text[stop : stop + 1],
        )
        if not _is_latin(before[-1:]):
            return False
        return _is_latin(after) or _PARCEL.search(before) is not None

    @property
    def _may_be_identity(self) -> bool:
        """May 15 digits be those of an identity card?"""
        return self._named or number_names.is_identity(self._window.text, self._window.place(0)[0])

    def _is_order(self, end: int) -> bool:
        """Does the text call the first `end` digits the number of an order?"""
        if self._named:
            return False
        return number_names.is_order(
            self._window.text, self._window.place(0)[0], self._window.place(end - 1)[1]
        )


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
