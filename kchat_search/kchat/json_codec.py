"""JSON as Kchat sends it: read, written, stripped of upload tokens, digested.

Reading is tolerant in values and strict in form: odd numbers become text, a stray byte becomes a
lone surrogate, but half a JSON is no JSON. Invariant: whatever `decode` returns, `encode` writes,
and `decode` reads that back as the same value.
"""

from __future__ import annotations

import json
import math

from kchat_search.errors import KchatBadAnswer

MAX_DEPTH = 100
"""Objects and lists within one another. Documented chats have four levels; Python's own readers
and writers give up somewhere below a thousand, depending on who calls them."""

MAX_EXCERPT = 120
"""Characters of a bad answer that an error shows."""


class NotUnderstood(ValueError):
    """A value that is not what it would have to be; the text says which and why."""


def decode(body: bytes) -> object:
    """The JSON value in `body` (UTF-8, with or without a byte order mark).

    Whole numbers of more digits than Python converts (4,300), numbers beyond a double, NaN and
    Infinity become text. Bytes that are no UTF-8 become lone surrogates, so that one bad byte
    does not hide a page of chats. Raises ValueError for anything that is not one whole JSON value.
    """
    try:
        text = body.decode("utf-8-sig", "surrogatepass")
    except UnicodeDecodeError:
        text = body.decode("utf-8-sig", "surrogateescape")
    return decode_text(text)


def decode_text(text: str) -> object:
    """As `decode`, of text."""
    try:
        try:
            return _DECODER.decode(text)
        except json.JSONDecodeError:
            raise
        except ValueError:  # a whole number of more digits than Python converts: half as fast
            return _HUGE_NUMBER_DECODER.decode(text)
    except RecursionError as error:
        raise NotUnderstood("nested too deeply") from error


def decode_answer(body: bytes) -> object:
    """As `decode`, but raises `KchatBadAnswer` that shows how the body begins."""
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
    """`value` as JSON in ASCII without blanks; lone surrogates and NUL as escapes."""
    return json.dumps(value, separators=(",", ":"), sort_keys=sort_keys)


def excerpt(text: str) -> str:
    """How `text` begins, on one line, printable, at most `MAX_EXCERPT` characters."""
    line = "".join(c if c.isprintable() else " " for c in text[: MAX_EXCERPT * 8])
    line = " ".join(line.split())
    return line if len(line) <= MAX_EXCERPT else line[: MAX_EXCERPT - 1] + "…"
