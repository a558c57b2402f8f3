"""JSON as Kchat sends it: read, written, stripped of upload tokens, digested.

Reading is tolerant in values and strict in form: odd numbers become text, a stray byte becomes a
lone surrogate, but half a JSON is no JSON. Invariant: whatever `decode` returns, `compact` writes,
and `decode` reads that back as the same value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from hashlib import sha256

from kchat_search.errors import KchatBadAnswer

MAX_DEPTH = 100
"""Objects and lists within one another. Documented chats have four levels; Python's own readers
and writers give up somewhere below a thousand, depending on who calls them."""

EXCERPT = 120
"""Characters of a bad answer that an error shows."""

_TOKEN_KEYS = frozenset({"token", "oss_token"})
_TOKENS = r"token|oss[-_]token|security-token|x-(?:oss|amz)-security-token"
# Links to object stores are signed anew at each request: the same file, another address.
_SIGNATURES = (
    r"ossaccesskeyid|awsaccesskeyid|expires|signature"
    r"|x-(?:oss|amz)-(?:signature|credential|date|expires|signature-version|algorithm)"
)


class NotUnderstood(ValueError):
    """A value that is not what it would have to be; the text says which and why."""


def _parameters(names: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=[?&;#])(?:{names})=[^&#;]*(?:&(?:amp;)?|;)?", re.IGNORECASE)


_TOKEN_PARAMETERS = _parameters(_TOKENS)
_RENEWED_PARAMETERS = _parameters(f"{_TOKENS}|{_SIGNATURES}")
# Some PHP backends send an object within an object as its JSON in a text.
_TOKENS_IN_TEXT = re.compile(r'("(?:oss_)?token"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE)
_DANGLING = re.compile(r"(?:&amp;|[?&])+(?=#|$)")


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
            return _JSON.decode(text)
        except json.JSONDecodeError:
            raise
        except ValueError:  # a whole number of more digits than Python converts: half as fast
            return _JSON_OF_ANY_NUMBER.decode(text)
    except RecursionError as error:
        raise NotUnderstood("nested too deeply") from error


def load_json(body: bytes) -> object:
    """As `decode`, but raises `KchatBadAnswer` that shows how the body begins."""
    try:
        return decode(body)
    except ValueError as error:
        begin = excerpt(body.decode("utf-8", "replace"))
        raise KchatBadAnswer(f"Kchat's answer is no JSON ({error}); it begins: {begin}") from error


def _whole(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:
        return text


def _real(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text


_JSON = json.JSONDecoder(parse_float=_real, parse_constant=str)
_JSON_OF_ANY_NUMBER = json.JSONDecoder(parse_int=_whole, parse_float=_real, parse_constant=str)


def compact(value: object, *, sort_keys: bool = False) -> str:
    """`value` as JSON in ASCII without blanks; lone surrogates and NUL as escapes."""
    return json.dumps(value, separators=(",", ":"), sort_keys=sort_keys)


def excerpt(text: str) -> str:
    """How `text` begins, on one line, printable, at most `EXCERPT` characters."""
    line = "".join(c if c.isprintable() else " " for c in text[: EXCERPT * 8])
    line = " ".join(line.split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


def digest(value: object) -> str:
    """SHA-256 (hex) of the content of a sent chat.

    Neither the order of keys counts nor what Kchat renews at will: within an `upload`, the keys
    `token` and `oss_token`, and in its addresses the parameters that are tokens or signatures.
    Anything else does. Raises ValueError beyond `MAX_DEPTH`.
    """
    return sha256(compact(content(value), sort_keys=True).encode()).hexdigest()


def content(value: object) -> object:
    """A copy of a JSON value without what Kchat renews at will: what `digest` is of.
    Raises ValueError beyond `MAX_DEPTH`."""
    return _stripped(value, _unsigned, everywhere=False, inside=False, depth=0)


def without_tokens(sent: str | dict[str, object]) -> dict[str, object]:
    """A copy of a sent chat (raw JSON or object) that may be shown.

    The keys `token` and `oss_token` are gone at every depth; addresses (within an `upload`, or
    under a key that ends in «url») have lost their token parameters, but not their signature,
    without which a link to an object store is dead. Message texts stay letter for letter.
    Raises ValueError where `sent` is no JSON object or is nested beyond `MAX_DEPTH`.
    """
    value = decode_text(sent) if isinstance(sent, str) else sent
    shown = shown_value(value)
    if not isinstance(shown, dict):
        raise NotUnderstood("not a JSON object")
    return shown


def shown_value(value: object) -> object:
    """As `without_tokens`, for any JSON value."""
    return _stripped(value, shown_url, everywhere=True, inside=False, depth=0)


def shown_url(url: str) -> str:
    """An address without the parameters that are tokens; otherwise letter for letter."""
    return _without(url, _TOKEN_PARAMETERS)


def _unsigned(url: str) -> str:
    return _without(url, _RENEWED_PARAMETERS)


def _without(url: str, parameters: re.Pattern[str]) -> str:
    url = _TOKENS_IN_TEXT.sub(r'\1""', url)
    rest, removed = parameters.subn("", url)
    return _DANGLING.sub("", rest) if removed else url


def _stripped(
    value: object, address: Callable[[str], str], *, everywhere: bool, inside: bool, depth: int
) -> object:
    """`inside`: within an upload. `everywhere`: token keys go outside of uploads, too."""
    if depth > MAX_DEPTH:
        raise NotUnderstood(f"nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, str):
        return address(value) if inside else value
    if isinstance(value, list):
        return [
            _stripped(item, address, everywhere=everywhere, inside=inside, depth=depth + 1)
            for item in value
        ]
    if isinstance(value, dict):
        return {
            key: _stripped(
                item,
                address,
                everywhere=everywhere,
                inside=inside or key == "upload" or (everywhere and key.lower().endswith("url")),
                depth=depth + 1,
            )
            for key, item in value.items()
            if not ((inside or everywhere) and key.lower() in _TOKEN_KEYS)
        }
    return value
