"""Finds what is private in a folded text: numbers, and e-mail addresses. Pure.

What folds to the same is found alike: full width, characters that nobody sees between the digits.
Digits of other scripts, in circles, spelled in Chinese, and escaped are read too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from kchat_search.chats.private_numbers import Private, numbers
from kchat_search.text.fold import Folded, fold_with_map
from kchat_search.text.scripts import UNBROKEN

NUMERALS = {
    ord(numeral): str(value)
    for value, numerals in enumerate(
        (
            "零〇○洞",
            "一壹幺",
            "二贰两",
            "三叁参",
            "四肆",
            "五伍",
            "六陆",
            "七柒拐",
            "八捌",
            "九玖勾",
        )
    )
    for numeral in numerals
}
_OTHER_DIGITS = "❶-❾➀-➈➊-➒⓵-⓽⓿🄋🄌〡-〩"
"""Digits that NFKC leaves as they are, and that are no decimals to Unicode."""
ANY_DIGIT = rf"\d{_OTHER_DIGITS}{''.join(map(chr, NUMERALS))}"
_ENOUGH_DIGITS = re.compile(rf"[{ANY_DIGIT}](?:[^\n{ANY_DIGIT}]{{0,4}}[{ANY_DIGIT}]){{7}}")
_LIST_NUMBER = re.compile("[⁰¹²³⁴-⁹₀-₉①-⒛⓪-⓿㈠-㈩㉈-㉟㊀-㊉㊱-㊿🄀-🄊]")
_ESCAPE = re.compile(
    r"%([0-9a-f]{2})|\\u([0-9a-f]{4})|\\x([0-9a-f]{2})|&#x([0-9a-f]{1,6});?|&#([0-9]{1,7});?"
)
_DECIMAL = 5
"""The group of `_ESCAPE` that is no hexadecimal number."""
_ESCAPES = ("%", "\\u", "\\x", "&#")
_ESCAPED_AT = re.compile(r"%(?:25)?40|\\u0040|\\x40|&#(?:0*64|x0*40)(?![0-9a-f])")
_SPELLED = "".join(map(chr, NUMERALS))
_SPELLED_NUMBER = re.compile(rf"(?:[0-9{_SPELLED}][ ._-]?){{11}}")

_LIKE_DIGITS = str.maketrans("oоli|", "00111")
_LOOKALIKE = re.compile(
    r"(?<![a-z0-9])(?=[0-9]*+(?:[ -]?[oоli|][0-9]*+){1,3}(?![a-z]))"
    r"[0-9oоli|](?:[ -]?[0-9oоli|]){10}(?![a-z0-9])"
)
"""Eleven digits, with letters in the place of some: «138OO138845»."""
_FORM_FIELD = re.compile(r"(?<=[a-z_]=)[+0-9][0-9]*+(?:\+[0-9]++){1,4}")
"""Groups of digits in the address of a form, where a blank is a plus: «tel=138+0013+8845»."""
_FORMS = (
    (_LOOKALIKE, lambda number: number.group().translate(_LIKE_DIGITS)),
    (_FORM_FIELD, lambda number: number.group().replace("+", " ")),
)
"""In which a number is written in other characters, as many as it has, and how it is read."""

_LOCAL = re.compile(rf"[^\W{UNBROKEN}]|[.+'&-]")
_LONGEST_LOCAL = 256
_LABEL = rf"[^\W_{UNBROKEN}](?:[^\W_{UNBROKEN}]|-){{0,62}}"
_DOMAIN = re.compile(
    rf"@(?:{_LABEL}[.。]){{1,8}}(?:xn--[a-z0-9-]{{2,59}}|[^\W\d_{UNBROKEN}]{{2,24}})"
    r"|@(?:[^\W_](?:[^\W_]|-){0,62}[.。]){1,4}(?:中国|公司|网络|网址|网站|在线|商城|集团|企业|香港|台湾)"
)
_FILE = re.compile(
    r"\.[^.]+(\.(?:png|jpe?g|gif|webp|bmp|heic|pdf|docx?|xlsx?|pptx?|txt|csv|zip|rar|7z|mp[34]|amr"
    r"|wav|avi|html?|eml))$"
)
"""What follows an address in the name of a file: «zhang@x.com.pdf»."""
_AS_TYPED = str.maketrans({" ": None, "。": "."})
_PICTURE = re.compile(r"@[1-9]x\.(?:png|jpe?g|gif|webp|svg|avif)")
_APART = re.compile(
    r" ?@ ?(?:[a-z0-9-]{1,63} ?\. ?){1,3}(?:com|cn|net|org|edu|gov|hk|tw|me|cc|vip|io)(?![a-z0-9])"
)
"""With blanks around, only a domain that nobody can take for a name («@ zhang.wei»)."""


_NO_DECIMALS = dict(zip("🄋🄌〡〢〣〤〥〦〧〨〩", (0, 0, *range(1, 10)), strict=True))
"""Digits that Unicode knows as numbers alone."""


class _Digits(dict[int, str]):
    """A table for `str.translate`: every digit that is one character, as ASCII."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        value = unicodedata.digit(character, _NO_DECIMALS.get(character))
        self[code] = character if value is None else str(value)
        return self[code]


_ASCII_DIGITS = _Digits()


def may_have(folded: str) -> bool:
    """Without this, nothing in a folded text is private. Nearly all texts end here."""
    if "@" in folded or (_has_escapes(folded) and _ESCAPED_AT.search(folded)):
        return True
    return _ENOUGH_DIGITS.search(folded) is not None


def find(folded: str) -> tuple[Private, ...]:
    """The private numbers and e-mail addresses of a folded text, in order. None overlaps another.

    Of two that overlap, the one that begins first counts, and of these the longer: a mobile number
    before the @ of an address is a part of it. The time grows with the length and no faster.
    """
    return _find(folded, None) if may_have(folded) else ()


def find_typed(folded: str) -> tuple[Private, ...]:
    """`find` in what somebody looks for. It need not say what a number is, as a text must: 15
    digits may be an identity card's."""
    if not may_have(folded):
        return ()
    return _apart([*_find(folded, None), *numbers(folded.translate(_ASCII_DIGITS), named=True)])


def _find(folded: str, numbered: str | None) -> tuple[Private, ...]:
    """`numbered`: see `_without_list_numbers`."""
    digits = folded if folded.isascii() else folded.translate(_ASCII_DIGITS)
    found = [*_addresses(digits), *numbers(digits)]
    if digits != folded:
        found += numbers(folded)
    if numbered is not None:
        found += numbers(numbered)
    if _has_escapes(digits):
        found += _escaped(digits)
    if _SPELLED_NUMBER.search(digits):
        found += _otherwise(digits, digits.translate(NUMERALS))
    for form, read in _FORMS:
        if form.search(digits):
            found += _otherwise(digits, form.sub(read, digits))
    return _apart(found)


def _apart(found: Sequence[Private]) -> tuple[Private, ...]:
    """Of what overlaps, see `find`."""
    if len(found) < 2:
        return tuple(found)
    apart: list[Private] = []
    for each in sorted(found, key=lambda one: (one.start, -one.end)):
        if not apart or each.start >= apart[-1].end:
            apart.append(each)
    return tuple(apart)


def find_in(visible: str, folded: str) -> tuple[Private, ...]:
    """`find` in a text, which folds to `folded`."""
    if not may_have(folded):
        return ()
    numbered = None
    if _LIST_NUMBER.search(visible):
        numbered = _without_list_numbers(visible, fold_with_map(visible))
    return _find(folded, numbered)


def _without_list_numbers(visible: str, folded: Folded) -> str | None:
    """The folded text without the digits of ①, ⑵, ⒊ and the like; None where there are none. «①
    13800138845②» folds to a run of 13 digits, but people see a number of eleven."""
    if not _LIST_NUMBER.search(visible):
        return None
    starts = range(len(folded.text)) if folded.starts is None else folded.starts
    places = zip(folded.text, starts, strict=True)
    return "".join("\ufffd" if _LIST_NUMBER.match(visible, at) else c for c, at in places)


def _otherwise(text: str, read: str) -> Iterator[Private]:
    """The numbers of a text that is read as another one, as long, where it differs from it."""
    for one in numbers(read, spelled=True):
        if text[one.start : one.end] != read[one.start : one.end]:
            yield one


def _addresses(text: str) -> Iterator[Private]:
    """The e-mail addresses of a folded text."""
    passed = 0
    at = text.find("@")
    while at >= 0:
        end = at - 1 if at > passed and text[at - 1] == " " else at
        domain = _DOMAIN.match(text, at) if end == at else None
        domain = domain or _APART.match(text, end)
        if domain and not _PICTURE.match(text, at):
            start = end
            while start > max(passed, end - _LONGEST_LOCAL) and _LOCAL.match(text[start - 1]):
                start -= 1
            while start < end and not text[start].isalnum():
                start += 1
            if start < end:
                file = _FILE.search(domain.group())
                passed = domain.end() - (len(file[1]) if file else 0)
                canonical = (text[start:end] + text[domain.start() : passed]).translate(_AS_TYPED)
                yield Private("email", start, passed, ((start + 1, end),), canonical)
        at = text.find("@", at + 1)


def _escaped(text: str) -> Iterator[Private]:
    """What is private in a text whose escapes are read, those of addresses (%40) and of JSON
    (\\u0040); twice, where they are escaped themselves."""
    starts, ends = list(range(len(text))), list(range(1, len(text) + 1))
    for _ in range(2):
        decoded: list[str] = []
        new_starts: list[int] = []
        new_ends: list[int] = []
        done = 0
        for escape in _ESCAPE.finditer(text):
            first, last = escape.span()
            decoded += (text[done:first], _ascii_of(escape))
            new_starts += (*starts[done:first], starts[first])
            new_ends += (*ends[done:first], ends[last - 1])
            done = last
        if not done:
            return
        text = "".join(decoded) + text[done:]
        starts, ends = new_starts + starts[done:], new_ends + ends[done:]
        for one in (*_addresses(text), *numbers(text)):
            yield one._replace(
                start=starts[one.start],
                end=ends[one.end - 1],
                hidden=tuple((starts[a], ends[b - 1]) for a, b in one.hidden if a < b)
                or ((ends[one.start], ends[one.start]),),
            )


def _has_escapes(folded: str) -> bool:
    return any(mark in folded for mark in _ESCAPES)


def _ascii_of(escape: re.Match[str]) -> str:
    """The character of one escape; a part of any other is nothing that a number has."""
    code = int(escape[escape.lastindex or 0], 10 if escape.lastindex == _DECIMAL else 16)
    character = chr(code) if code < 128 else "\ufffd"
    return character.lower() if character.isprintable() else "\ufffd"
