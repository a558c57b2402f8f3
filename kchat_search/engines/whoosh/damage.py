"""What reading the index raises for bytes that no writer has written, and how its files are opened.

Whatever lies in the folder of an index is believed only as far as its checksums go. It never runs,
and it never makes the program wait or read elsewhere.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kchat_search import private_files

_NO_FILE = (errno.ELOOP, errno.ENXIO, errno.EISDIR)
"""What opening a link, a socket or a folder fails with."""


class Damaged(Exception):
    """A file of the index is not as it was written. The message says what is wrong with it."""


def open_file(path: Path) -> BinaryIO:
    """Open a file of the index, for reading.

    Raises `Damaged` if a link, a pipe, a device or a folder is in its place, and OSError where it
    can't be opened.
    """
    with _no_file_is_damage(path):
        return private_files.open_to_read(path)


def read_file(path: Path, limit: int) -> bytes:
    """At most `limit` bytes of a file of the index. Raises as `open_file` does."""
    with _no_file_is_damage(path):
        return private_files.read(path, limit)


@contextmanager
def _no_file_is_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NO_FILE:
            raise Damaged(f"{path.name} is no file of an index: {error.strerror}") from error
        raise


def check_folder(folder: Path) -> None:
    """Raises `Damaged` if a link or a file is where a folder of the index belongs, and OSError if
    nothing is."""
    try:
        private_files.check_folder(folder)
    except private_files.NotARealFile as error:
        raise Damaged(f"{folder.name} is no folder of an index: {error.strerror}") from error
