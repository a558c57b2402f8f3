"""JSON as Kchat sends it: decoded and encoded.

Decoding is tolerant of values and strict about form. Unusual numbers become text, and an invalid
byte becomes a lone surrogate. Incomplete JSON is an error.

Invariant: `encode` writes whatever `decode` returns, and `decode` reads that back as the same
value.
"""

from __future__ import annotations

import json
import math
import re
import sys

from kchat_search.errors import KchatBadAnswer

MAX_DEPTH = 100
"""How many objects and lists may be nested. Documented chats have four levels.
Python's own decoder and encoder fail somewhere below a thousand, depending on who calls them."""

MAX_EXCERPT = 120
"""Characters of a bad answer that an error message shows."""

MAX_DIGITS = 640
"""Digits of a whole number; a longer one becomes text. No field of Kchat's needs more than 19. The
time to convert a number grows with the square of its digits: a chat of 16 MB of numbers of 4,300
digits, Python's own limit, takes 1.6 s of processor to read and write, and 0.3 s with this one,
which is the lowest that Python allows."""

# For the whole process, because an archived chat is read as JSON in other rooms too.
sys.set_int_max_str_digits(MAX_DIGITS)


class NotUnderstood(ValueError):
    """A value is not what it must be. The text says which value and why."""


def decode(body: bytes | bytearray) -> object:
    """The JSON value in `body`, which is UTF-8 with or without a byte order mark.

    These become text: whole numbers of more than `MAX_DIGITS` digits, numbers too large for a
    double, NaN and Infinity. Bytes that are not UTF-8 become lone surrogates, so that one bad byte
    does not hide a whole page of chats.

    PHP may write its notices before or behind the answer, as HTML or as text. They are left out
    where the rest is one complete JSON value.

    Raises ValueError for anything that is not exactly one complete JSON value, and for JSON that is
    nested too deeply for Python.
    """
    try:
        text = body.decode("utf-8-sig", "surrogatepass")
    except UnicodeDecodeError:
        text = body.decode("utf-8-sig", "surrogateescape")
    try:
        return decode_text(text)
    except json.JSONDecodeError:
        without = _without_notices(text)
        if without is None:
            raise
        return decode_text(without)


def decode_text(text: str) -> object:
    """`decode` for text."""
    try:
        try:
            return _DECODER.decode(text)
        except json.JSONDecodeError:
            raise
        except ValueError:  # an integer of too many digits; this is half as fast
            return _HUGE_NUMBER_DECODER.decode(text)
    except RecursionError as error:
        raise NotUnderstood("nested too deeply") from error


_NOTICE = re.compile(
    r"(?:<b>)?(?:PHP )?(?:User )?(?:Notice|Warning|Deprecated|Strict Standards)(?:</b>)?: "
)
_BREAKS = ("", "<br />", "<br/>", "<br>")


def _without_notices(text: str) -> str | None:
    """The text without the lines of PHP's notices around it. None where it has no such line, or
    where something else stands before the JSON."""
    lines = text.lstrip("\ufeff").split("\n")
    begin, end = 0, len(lines)
    while begin < end and _is_notice(lines[begin]):
        begin += 1
    while begin < end and _is_notice(lines[end - 1]):
        end -= 1
    rest = "\n".join(lines[begin:end]).lstrip("\ufeff")
    return rest if end - begin < len(lines) and rest.lstrip()[:1] in ("{", "[") else None


def _is_notice(line: str) -> bool:
    return _NOTICE.match(line) is not None or line.strip() in _BREAKS


def decode_answer(body: bytes) -> object:
    """`decode`, but raises `KchatBadAnswer`, whose text shows the beginning of the body."""
    try:
        return decode(body)
    except ValueError as error:
        begin = excerpt(body.decode("utf-8", "replace"))
        raise KchatBadAnswer(f"Kchat's answer is no JSON ({error}); it begins: {begin}") from error


def _parse_int(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:
        return text


def _parse_float(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text


_DECODER = json.JSONDecoder(parse_float=_parse_float, parse_constant=str)
_HUGE_NUMBER_DECODER = json.JSONDecoder(
    parse_int=_parse_int, parse_float=_parse_float, parse_constant=str
)


def encode(value: object, *, sort_keys: bool = False) -> str:
    """`value` as JSON in ASCII without blanks. Lone surrogates and NUL are written as escapes."""
    return json.dumps(value, separators=(",", ":"), sort_keys=sort_keys)


def excerpt(text: str) -> str:
    """The beginning of `text` on one line, printable, at most `MAX_EXCERPT` characters."""
    line = "".join(c if c.isprintable() else " " for c in text[: MAX_EXCERPT * 8])
    line = " ".join(line.split())
    return line if len(line) <= MAX_EXCERPT else line[: MAX_EXCERPT - 1] + "…"
