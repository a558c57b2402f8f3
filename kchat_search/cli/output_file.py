"""An export into a file, or to standard output.

Invariants: a file of that name is a whole export; and an export that ends early, however it ends,
leaves nothing behind (`unnamed_file.py`). A device or a pipe has its name already, so there the
export is written as it comes, and only the exit code says whether it is whole.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kchat_search.cli.unnamed_file import unnamed_file
from kchat_search.errors import BadRequest, OutputUnwritable
from kchat_search.models.damage import DamagedRow
from kchat_search.models.reports import Progress
from kchat_search.search.export_walk import Exported

_REPORT_EVERY = 100


@contextmanager
def opened(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Where to write an export: standard output for `-`, else a file that only this user can read.
    The file is at `path` after the block, and only then.

    Raises `BadRequest` where the file exists and may not be replaced (`force`), or where its folder
    does not exist; `OutputUnwritable` for a full disk and for whatever else the system refuses.
    """
    with _output_errors(path):
        target = _target(path)
        if str(path) == "-":
            file = sys.stdout.buffer
            yield file
            file.flush()
        elif path.exists() and not path.is_file():  # not `target`: behind /dev/stdout is no path
            with path.open("wb") as device:
                yield device
        else:
            _check(path, target, force=force)
            with unnamed_file(target) as unnamed:
                yield unnamed.file
                try:
                    unnamed.publish(replace=force)
                except FileExistsError:  # another process has made it meanwhile
                    _check(path, target, force=force)
                    raise


def _target(path: Path) -> Path:
    """The path without symbolic links: this user's own link is followed, and stays one. Raises
    `BadRequest` for a link that somebody else has made."""
    system_or_me = (0, os.geteuid()) if hasattr(os, "geteuid") else ()
    if system_or_me and path.is_symlink() and path.lstat().st_uid not in system_or_me:
        raise BadRequest(
            f"{path} is a symbolic link that another user has made: choose another name.", "output"
        )
    return Path(os.path.realpath(path))


def counted(chats: Iterable[Exported], total: int, progress: Progress) -> Iterator[Exported]:
    """The same chats. Calls `progress` with how many have come."""
    progress("export", 0, total)
    for number, chat in enumerate(chats, start=1):
        yield chat
        if number % _REPORT_EVERY == 0 or number == total:
            progress("export", number, total)


def noted(chats: Iterable[Exported], damaged: list[DamagedRow]) -> Iterator[Exported]:
    """The same chats. Those that are damaged in the archive are added to `damaged`."""
    for chat in chats:
        if isinstance(chat, DamagedRow):
            damaged.append(chat)
        yield chat


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
