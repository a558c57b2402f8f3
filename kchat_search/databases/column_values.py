"""Convert between Python's values and what a column holds.

Names say the direction: `moment_in` goes into a column, `moment_out` comes out of it.

Invariants: a moment comes out as it went in, to the microsecond. A text that goes into a column
has only characters that every database can store.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import overload

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def moment_in(moment: datetime) -> int:
    """Microseconds since 1970 UTC. Raises TypeError for a time without a zone."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


@overload
def moment_out(stored: int) -> datetime: ...
@overload
def moment_out(stored: None) -> None: ...
def moment_out(stored: int | None) -> datetime | None:
    """The aware time of a number of microseconds since 1970 UTC."""
    return None if stored is None else _EPOCH + timedelta(microseconds=stored)


def storable(text: str) -> str:
    """The text, with U+FFFD in place of characters that some database refuses: lone surrogates
    (SQLite and PostgreSQL store UTF-8) and NUL (PostgreSQL). Raw JSON does not need this: it is
    ASCII with escapes."""
    return _UNSTORABLE.sub("\ufffd", text)
