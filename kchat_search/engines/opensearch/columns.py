"""Bytes in a column, as a document has them and as a search shows them: base64, of which a search
leaves out the signs that fill it up."""

from __future__ import annotations

import base64

_FILLING = "="


def encoded(content: bytes) -> str:
    """Bytes as they are sent."""
    return base64.b64encode(content).decode()


def shown(column: str) -> str:
    """What was sent, as a search shows it."""
    return column.rstrip(_FILLING)


def decoded(column: str) -> bytes:
    """The bytes again, of either form."""
    plain = shown(column)
    return base64.b64decode(plain + _FILLING * (-len(plain) % 4))
