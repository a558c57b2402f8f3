"""How large the body of a request may be.

The server of `serve` refuses a large one before it comes. Under
another server, this is the first that sees the request; some servers have stored the body by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.exceptions import LengthRequired, RequestEntityTooLarge

MAX_BODY_BYTES = 32 * 1024
"""The longest form saves a search: it has the address of the search in it. Each of 1,000 Han
characters takes nine bytes there, and fifteen in the form."""


def check(environ: Mapping[str, Any]) -> None:
    """Raises `RequestEntityTooLarge` or, where the length is not said, `LengthRequired`. `environ`
    is that of WSGI (PEP 3333)."""
    length = str(environ.get("CONTENT_LENGTH") or "")
    if not length:
        if environ.get("HTTP_TRANSFER_ENCODING"):
            raise LengthRequired
        return
    digits = length.isascii() and length.isdigit() and len(length) <= len(str(MAX_BODY_BYTES))
    if not digits or int(length) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
