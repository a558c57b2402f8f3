"""The file `.env`, read so that a process which may not know the secrets in it does not keep them.

Invariant: of a value that is hidden, this process makes no copy but the bytes that it reads, and
those are overwritten before anything else is made of the file.
"""

from __future__ import annotations

from collections.abc import Collection
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

from kchat_search.errors import SettingsError

_MOST_BYTES = 2**20
_BLANKS = b" \t"


def values(path: Path, hidden: Collection[str] = ()) -> dict[str, str | None]:
    """The values of the file by their names in capitals; none if there is no file. A name of
    `hidden` (in capitals) has the value "".

    Raises OSError, UnicodeDecodeError, and `SettingsError` for a file that is far too long.
    """
    if not (path.is_file() or path.is_fifo()):
        return {}
    data = bytearray(_MOST_BYTES + 1)
    size = 0
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(memoryview(data)[size:]):
            size += count
    if size > _MOST_BYTES:
        raise SettingsError(f"{path} is longer than a mebibyte: it must be some lines of settings")
    for name in hidden:
        _hide(data, name.encode(), size)
    text = str(memoryview(data)[:size], "utf-8-sig")
    return {name.upper(): value for name, value in dotenv_values(stream=StringIO(text)).items()}


def _hide(data: bytearray, name: bytes, size: int) -> None:
    """Overwrite each value that is set under this name, in whatever case it is written, also in
    lines that are comments."""
    at = 0
    while (at := data.find(b"_", at, size)) >= 0:  # every one of our names has a «_»
        start = at - name.index(b"_")
        end = start + len(name)
        if start >= 0 and data[start:end].upper() == name:
            _overwrite_value(data, end, size)
        at += 1


def _overwrite_value(data: bytearray, start: int, size: int) -> None:
    """Overwrite with blanks the value behind the name that ends at `start`, if there is one: what
    stands between quotes, which may have line ends in it, else the rest of the line."""
    start = _skip(data, start, size, _BLANKS + b"'\"")
    if data[start : start + 1] != b"=":
        return
    start = _skip(data, start + 1, size, _BLANKS)
    stop = -1
    if start < size and data[start] in b"'\"":
        stop = _closing_quote(data, start, size)
        start += stop >= 0
    if stop < 0:
        ends = (data.find(end, start, size) for end in (b"\n", b"\r"))
        stop = min((end for end in ends if end >= 0), default=size)
    data[start:stop] = b" " * (stop - start)


def _skip(data: bytearray, at: int, size: int, what: bytes) -> int:
    while at < size and data[at] in what:
        at += 1
    return at


def _closing_quote(data: bytearray, opening: int, size: int) -> int:
    """Where the quote at `opening` is closed; -1 if it is not. A quote after a backslash closes
    nothing."""
    quote = data[opening : opening + 1]
    at = data.find(quote, opening + 1, size)
    while at >= 0 and data[at - 1] == ord("\\"):
        at = data.find(quote, at + 1, size)
    return at
