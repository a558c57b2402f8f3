"""A small file of JSON behind its own checksum.

    the SHA-256 of the JSON, as 64 hexadecimal digits, and a line break
    the JSON

So a changed bit, a lost end and a half-written file are noticed before anything is parsed. Whoever
may write the file can make the checksum too. Therefore no content makes the parser take much memory
or time, and those who read it check what it says.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from kchat_search import private_files
from kchat_search.engines.whoosh.damage import Damaged, read_file

_SEAL = 64
"""Characters of the checksum."""
_MAX_CONTAINERS = 100_000
"""Lists and objects in one file: each of them takes thirty times its text."""


def seal(path: Path) -> bytes:
    """The checksum that a file says it has. It differs after every change of the file.

    Raises `Damaged`, and OSError where the file can't be opened.
    """
    return read_file(path, _SEAL)


def read(path: Path, max_bytes: int) -> tuple[bytes, Any]:
    """(the checksum, the content). Raises `Damaged`, and OSError where the file can't be opened."""
    data = read_file(path, max_bytes + 1)
    name = path.name
    if len(data) > max_bytes:
        raise Damaged(f"{name} has more than {max_bytes} bytes")
    checksum, _, text = data.partition(b"\n")
    if hashlib.sha256(text).hexdigest().encode() != checksum:
        raise Damaged(f"{name} has another checksum, or was written by an earlier version")
    if text.count(b"[") + text.count(b"{") > _MAX_CONTAINERS:
        raise Damaged(f"{name} has too many lists")
    try:
        return checksum, json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{name} is no JSON: {error}") from error


def write(path: Path, content: Any) -> None:
    """Replace a file in one step. It is on the disk on return, but for its name. Raises OSError."""
    text = json.dumps(content, separators=(",", ":")).encode()
    checksum = hashlib.sha256(text).hexdigest().encode()
    private_files.replace(path, checksum + b"\n" + text)
