"""An export into a file, or to standard output.

Invariant: a file of the wanted name is a whole export. It is written beside its place under another
name, put on the disk, and renamed at the end; whatever goes wrong before leaves the place as it
was. To a device or a pipe, which can't be renamed, it is written as it comes, and then only the
exit code tells.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kchat_search.errors import BadRequest, OutputUnwritable
from kchat_search.models.reports import Progress
from kchat_search.models.search import ChatView
from kchat_search.search.export_walk import AbsentChat

_TELL_EVERY = 100


@contextmanager
def opened(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Where to write: standard output for `-`; else a file, for this user alone, which is at `path`
    after the block, and only then.

    Raises `BadRequest` where there is such a file already and it is not to be replaced (`force`),
    or no folder to put it into; `OutputUnwritable` for a full disk, and for what else the system
    refuses.
    """
    with _told(path):
        target = Path(os.path.realpath(path))  # a link stays a link
        if str(path) == "-":
            file = sys.stdout.buffer
            yield file
            file.flush()
        elif target.exists() and not target.is_file():
            with target.open("wb") as device:
                yield device
        else:
            _check(path, target, force=force)
            with _beside(target) as (written, file):
                yield file
                file.flush()
                os.fsync(file.fileno())  # or a lost current may leave the name without the bytes
                _check(path, target, force=force)  # somebody may have been faster
                written.replace(target)


@contextmanager
def _beside(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A file in the same folder, so that it can be renamed; gone after the block if it was not."""
    number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:50]}.")
    written = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            yield written, file
    finally:
        written.unlink(missing_ok=True)


def counted(
    chats: Iterable[ChatView | AbsentChat], total: int, progress: Progress
) -> Iterator[ChatView | AbsentChat]:
    """The same chats, and how far they have come."""
    progress("export", 0, total)
    for number, each in enumerate(chats, start=1):
        yield each
        if number % _TELL_EVERY == 0 or number == total:
            progress("export", number, total)


def _check(path: Path, target: Path, *, force: bool) -> None:
    if target.exists() and not force:
        raise BadRequest(
            f"{path} exists already: choose another name, or replace it with --force.", "output"
        )
    if not target.parent.is_dir():
        raise BadRequest(f"There is no folder {path.parent} to put {path.name} into.", "output")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise  # who reads has enough: click ends quietly
        name = "Standard output" if str(path) == "-" else path
        raise OutputUnwritable(
            f"{name} can't be written ({error.strerror or error}). Make room or choose another "
            "place with --output, then export again."
        ) from error
