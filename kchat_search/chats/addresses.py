"""Addresses of the web as they may be shown: without upload tokens.

Kchat's uploads, agents' links and cards carry addresses, and any of them may have a token in it.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

TOKENS = r"token|oss[-_]token|security-token|x-(?:oss|amz)-security-token"
"""The parameters that are upload tokens, as a part of a pattern."""


def parameter_pattern(names: str) -> re.Pattern[str]:
    """Matches each parameter of an address whose name is one of these, with the separator after
    it. `names` is a part of a pattern."""
    return re.compile(rf"(?<=[?&;#])(?:{names})=[^&#;]*(?:&(?:amp;)?|;)?", re.IGNORECASE)


_TOKEN_PARAMETERS = parameter_pattern(TOKENS)
# Some PHP backends send a nested object as a text that contains its JSON.
_TOKENS_IN_TEXT = re.compile(r'("(?:oss_)?token"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE)
_WEB = re.compile(r"(?:https?:)?//[^\s/]", re.IGNORECASE)
_REMOVED_BY_BROWSERS = str.maketrans("", "", "\t\r\n")


def url_without_tokens(url: str) -> str:
    """An address without the parameters that are tokens, otherwise letter for letter."""
    return without_parameters(url, _TOKEN_PARAMETERS)


def readable_address(link: str) -> str | None:
    """Where a link leads, as people write it: an address of the web without its tokens, an e-mail
    address, a telephone number. None for any other link, above all for one that is a program."""
    link = link.translate(_REMOVED_BY_BROWSERS).strip()
    if _WEB.match(link):
        return url_without_tokens(link)
    scheme, colon, rest = link.partition(":")
    if not colon or scheme.lower() not in ("mailto", "tel"):
        return None
    return unquote(rest.partition("?")[0]).strip() or None


def is_same_address(text: str, address: str) -> bool:
    """Does this text show this address already, but for its scheme and a slash at its end?"""
    return _bare(text) == _bare(address)


def _bare(address: str) -> str:
    address = address.strip().casefold()
    for scheme in ("https:", "http:", "mailto:", "tel:"):
        address = address.removeprefix(scheme)
    return address.removeprefix("//").removesuffix("/")


def without_parameters(url: str, parameters: re.Pattern[str]) -> str:
    """An address without these parameters and without the texts of tokens in JSON."""
    url = _TOKENS_IN_TEXT.sub(r'\1""', url)
    rest, removed = parameters.subn("", url)
    return _without_dangling_separators(rest) if removed else url


def _without_dangling_separators(url: str) -> str:
    """An address without the `?`, `&` and `&amp;` that stand before a `#` or at its end.

    No regular expression: one would look at a run of separators from each of its characters, which
    takes 13 s for 20,000 of them and holds the interpreter."""
    *parts, last = url.split("#")
    break_at_end = "\n" if last.endswith("\n") else ""
    parts.append(last.removesuffix("\n"))
    return "#".join(map(_without_separators_at_end, parts)) + break_at_end


def _without_separators_at_end(text: str) -> str:
    end = len(text)
    while True:
        if text.endswith(("?", "&"), 0, end):
            end -= 1
        elif text.endswith("&amp;", 0, end):
            end -= len("&amp;")
        else:
            return text[:end]
