"""The addresses of the web in what somebody wrote, and where each really leads.

Pure. Invariants: only http and https are links; a link leads to the host that is named with it; the
text stays as it is, so that marks lie where they lay. The time grows with the text and no faster.

An address ends before a blank, before punctuation that belongs to the sentence, and before every
character that is not ASCII: people write on in Chinese without a blank, and browsers copy addresses
in ASCII. Only the host may have other letters (IDNA, UTS 46, as browsers read it).
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple
from urllib.parse import urlsplit

import idna

from kchat_search.serialization.safe_text import safe_link

_BEGIN = re.compile(r"(?<![A-Za-z0-9])https?://", re.IGNORECASE)
_USER = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%-]{0,200}+@")
_HOST = re.compile(r"[\w.\-\u00b7\u200c\u200d\u30fb]+")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_PORT = re.compile(r":([0-9]{1,5})(?![0-9])")
_REST = re.compile(r"[/?#][A-Za-z0-9._~!$&'()*+,;=:@%/?#\[\]-]*")
_ASCII_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?")
_IPV4 = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LONGEST_HOST = 253
_LONGEST_LABEL = 63
_LONGEST = 4_000
"""Characters of an address. A longer one is no link."""
_LAST_PORT = 65_535
_OF_THE_SENTENCE = frozenset(".,:;!?'*")
_OPENING = {")": "(", "]": "["}
_HIDDEN_DIGITS = "**"
"""A masked number in an address: it leads nowhere any more."""
_MOST = 1_000
"""Links in one message, at most. What follows them stays text."""
_MOST_ENCODED = 100
"""Hosts in one message that are not ASCII and are read: one takes 0.2 ms, and more."""


class TextLink(NamedTuple):
    """An address in a text."""

    start: int
    end: int
    """`[start, end)` in code points."""
    href: str
    host: str
    """Where it leads: in ASCII (punycode), in small letters, without the port."""
    plain: bool
    """Does the text say the host as it is, and nothing else? Then it need not be said again."""


def links(text: str) -> list[TextLink]:
    """The addresses in a text, in order, at most 1,000 of them."""
    return _Reader(text).links() if "://" in text else []


def ascii_host(host: str) -> str | None:
    """A host as it is asked for: in ASCII, in small letters. None where it is none, or where
    browsers may read it in another way."""
    if len(host) > _LONGEST_HOST:
        return None
    host = host.lower() if host.isascii() else _encoded(host)
    if not _ASCII_HOST.fullmatch(host):
        return None
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        numbers = host.split(".") if _IPV4.fullmatch(host) else ["256"]
        return host if all(int(number) < 256 for number in numbers) else None
    return host


def whole_link(url: str | None) -> tuple[str, str] | None:
    """(an address that is all of a text, its host), where it may be a link: http or https, with a
    host that every browser reads in the same way. None for any other."""
    link = safe_link(url)
    if link is None or "\\" in link:
        return None
    parts = urlsplit(link)
    try:
        _ = parts.port
    except ValueError:
        return None
    host = ascii_host(parts.hostname or "")
    return None if host is None else (link, host)


class _Reader:
    """Reads one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._encoded = 0

    def links(self) -> list[TextLink]:
        found: list[TextLink] = []
        place = 0
        for begin in _BEGIN.finditer(self._text):
            if begin.start() < place:  # an address in an address
                continue
            place, link = self._read(begin.start(), begin.end())
            if link is not None:
                found.append(link)
                if len(found) == _MOST:
                    break
        return found

    def _read(self, start: int, begin: int) -> tuple[int, TextLink | None]:
        """(where to go on, the link that begins at `start`). Its host, or the name of a user,
        begins at `begin`."""
        text = self._text
        user = _USER.match(text, begin)
        at = user.end() if user else begin
        host_end = end = _host_end(text, at)
        port = _PORT.match(text, end)
        if port is not None and int(port[1]) <= _LAST_PORT:
            end = port.end()
        rest = _REST.match(text, end)
        if rest is not None:
            if rest.end() - start > _LONGEST:
                return rest.end(), None
            end = _without_the_sentence(text, rest.start(), rest.end())
        elif _goes_on(text[end : end + 1]):
            return end, None
        written = text[at:host_end]
        host = self._host(written)
        if host is None or _HIDDEN_DIGITS in text[start:end]:
            return end, None
        href = text[start:end] if written.isascii() else text[start:at] + host + text[host_end:end]
        plain = written == host and user is None and end - host_end < len("/?")
        return end, TextLink(start, end, href, host, plain)

    def _host(self, written: str) -> str | None:
        if not written.isascii():
            self._encoded += 1
            if self._encoded > _MOST_ENCODED:
                return None
        return ascii_host(written)


def _host_end(text: str, start: int) -> int:
    """Where a host ends that begins here. What people write on behind it without a blank is no part
    of it: no last part of a host begins in ASCII and goes on in Chinese."""
    found = _HOST.match(text, start)
    if found is None:
        return start
    end = start + len(found[0].rstrip("._-"))
    last = text.rfind(".", start, end) + 1 or start
    glued = _NOT_ASCII.search(text, last + 1, end) if text[last].isascii() else None
    return glued.start() if glued and unicodedata.category(glued[0]) == "Lo" else end


def _goes_on(char: str) -> bool:
    """Does a browser read on, where this stands behind what looked like a host? Then that may be
    the name of a user, or a part of another host."""
    return char in ("@", "%", "\\") or unicodedata.category(char or " ")[0] == "M"


def _without_the_sentence(text: str, start: int, end: int) -> int:
    """Where the address ends, without the punctuation of the sentence behind it. A closing bracket
    is a part of it where the address has one that opens."""
    surplus = {
        closing: text.count(closing, start, end) - text.count(opening, start, end)
        for closing, opening in _OPENING.items()
    }
    while end > start:
        char = text[end - 1]
        if surplus.get(char, 0) > 0:
            surplus[char] -= 1
        elif char not in _OF_THE_SENTENCE:
            break
        end -= 1
    return end


def _encoded(host: str) -> str:
    if max(map(len, host.split("."))) > _LONGEST_LABEL:  # else it takes milliseconds to say so
        return ""
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return ""
