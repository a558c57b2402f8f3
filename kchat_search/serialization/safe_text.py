"""Text and links that somebody else wrote, made safe to send: no character that a page or a
spreadsheet misreads, no link with a scheme other than http and https.

Invariant: each unsafe character is replaced by one character, so that ranges in code points hold.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff]")
_PICTURES = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}


def printable(text: str) -> str:
    """The text with control characters shown as symbols (NUL as ␀). Characters that override the
    writing direction, and so make letters read backwards, count as control characters."""
    return _CONTROL.sub(
        lambda match: chr(_PICTURES.get(ord(match.group()), ord(_REPLACEMENT))), text
    )


def safe_link(url: str | None) -> str | None:
    """The address, if its scheme is http or https; None for any other, such as `javascript:`."""
    if not url or _CONTROL.search(url):
        return None
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        return None
    return url.strip()
