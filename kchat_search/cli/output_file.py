"""An export into a file, or to standard output.

Invariant: a file of that name is a whole export. The export is written to a temporary file in the
same folder, synced to the disk, and renamed at the end. If anything fails before, nothing has
changed. A device or a pipe can't be renamed, so there the export is written as it comes, and only
the exit code says whether it is whole.
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

_REPORT_EVERY = 100


@contextmanager
def opened(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Where to write an export: standard output for `-`, else a file that only this user can read.
    The file is at `path` after the block, and only then.

    Raises `BadRequest` where the file exists and may not be replaced (`force`), or where its folder
    does not exist; `OutputUnwritable` for a full disk and for whatever else the system refuses.
    """
    with _output_errors(path):
        target = Path(os.path.realpath(path))  # a symbolic link stays one
        if str(path) == "-":
            file = sys.stdout.buffer
            yield file
            file.flush()
        elif target.exists() and not target.is_file():
            with target.open("wb") as device:
                yield device
        else:
            _check(path, target, force=force)
            with _temporary_file(target) as (written, file):
                yield file
                file.flush()
                os.fsync(file.fileno())  # else a power cut may leave the name without the bytes
                _check(path, target, force=force)  # another process may have made it meanwhile
                written.replace(target)


@contextmanager
def _temporary_file(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A temporary file in the same folder, so that it can be renamed. It is removed after the block
    if it was not renamed."""
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
    """The same chats. Calls `progress` with how many have come."""
    progress("export", 0, total)
    for number, chat in enumerate(chats, start=1):
        yield chat
        if number % _REPORT_EVERY == 0 or number == total:
            progress("export", number, total)


def _check(path: Path, target: Path, *, force: bool) -> None:
    if target.exists() and not force:
        raise BadRequest(
            f"{path} exists already: choose another name, or replace it with --force.", "output"
        )
    if not target.parent.is_dir():
        raise BadRequest(f"There is no folder {path.parent} to put {path.name} into.", "output")


@contextmanager
def _output_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise  # the reader has closed the pipe: click ends quietly
        name = "Standard output" if str(path) == "-" else path
        raise OutputUnwritable(
            f"{name} can't be written ({error.strerror or error}). Make room or choose another "
            "place with --output, then export again."
        ) from error
