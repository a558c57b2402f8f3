"""Text of strangers as it may leave this program: no character that a page or a spreadsheet would
misread, no link that is not of the web.

Invariant: what is replaced is replaced one for one, so that ranges in code points stay true.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff]")
_PICTURES = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}


def printable(text: str) -> str:
    """The text with control characters made visible (NUL as ␀), fit for a page. An override of the
    direction of writing, which makes letters read backwards, is one of them."""
    return _CONTROL.sub(
        lambda found: chr(_PICTURES.get(ord(found.group()), ord(_REPLACEMENT))), text
    )


def safe_link(url: str | None) -> str | None:
    """The address, if it is one of the web; None for any other scheme (`javascript:` and kin)."""
    if not url or _CONTROL.search(url):
        return None
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        return None
    return url.strip()
