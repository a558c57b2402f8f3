"""Files and folders that only this user can read, and that are what they seem.

Conversations are private. Every file that this program writes is made here, and its mode is given
when it is made: 0600, and 0700 for folders. It does not depend on the umask, because a WSGI server
or a service manager may set any.

Invariants:

- Nothing is written through a symbolic link, or into anything but a regular file.
- A file that is replaced is written beside its place and renamed, so that another file that shares
  its content (a hard link) stays as it is.
- Reading never waits (for a named pipe) and takes a bounded number of bytes.
- Files with wider modes (of an earlier version, or a copy) are narrowed when they are opened. Only
  files of this user are. A folder is narrowed only if it holds nothing but this program's files.

On Windows the modes do nothing: there, files inherit the rights of their folder.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_OTHERS = 0o077

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_CLOSE = getattr(os, "O_CLOEXEC", 0)
_PATH_ONLY = getattr(os, "O_PATH", None)

log = logging.getLogger(__name__)
_said: set[str] = set()
"""Files that can't be narrowed, so that each is said once."""


class NotARealFile(OSError):
    """A symbolic link, a folder, a pipe or a device is where a file of this program belongs."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            errno.ELOOP,
            f"{path} is {what}, not a file of this program; nothing was written to it. Remove it",
        )


def make_folder(folder: Path) -> None:
    """Make the folder and the parents that are missing, for this user alone. Folders that are there
    stay as they are. Raises OSError."""
    missing = []
    at = folder
    while not at.exists():
        missing.append(at)
        at = at.parent
    for new in reversed(missing):
        with suppress(FileExistsError):  # another process was faster, or a link leads nowhere
            new.mkdir(FOLDER_MODE)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def make_new_folder(folder: Path) -> None:
    """Make a folder that must not be there yet. Raises FileExistsError, even for a link that leads
    nowhere."""
    folder.mkdir(FOLDER_MODE)


def create(path: Path) -> BinaryIO:
    """A new file, open for writing. Raises FileExistsError if anything is at `path`, even a link
    that leads nowhere."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY | _CLOSE
    return os.fdopen(os.open(path, flags, FILE_MODE), "wb")


def replace(path: Path, data: bytes) -> None:
    """Write a whole file: a reader sees the former content or the new one. It is on the disk when
    this returns, but for its name (see `fsync` of a folder).

    One process at a time may replace a file. Whatever is at `path`, a link too, is taken away and
    stays unchanged itself. Raises OSError.
    """
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)  # a process that was killed may have left it
    with create(beside) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def prepare(path: Path) -> None:
    """Make an empty file if there is none, so that a library (SQLite, a lock) opens a private one.
    Narrow the one that is there.

    Raises `NotARealFile` for whatever is no regular file, and OSError.
    """
    try:
        create(path).close()
    except FileExistsError:
        narrow(path)


def open_to_read(path: Path) -> BinaryIO:
    """A regular file, open for reading, without following a link and without waiting.

    Raises `NotARealFile`, and OSError where it can't be opened.
    """
    descriptor, _ = _opened(path)
    return os.fdopen(descriptor, "rb")


def read(path: Path, limit: int) -> bytes:
    """At most `limit` bytes of a regular file. Raises as `open_to_read` does. Cost: a third of
    `open_to_read` and reading, because no buffer is made."""
    descriptor, size = _opened(path)
    try:
        return os.read(descriptor, min(limit, size))
    finally:
        os.close(descriptor)


def check_folder(folder: Path) -> None:
    """Raises `NotARealFile` if a link, or anything but a folder, is at this path."""
    if not stat.S_ISDIR(os.lstat(folder).st_mode):
        raise NotARealFile(folder, "a symbolic link" if folder.is_symlink() else "no folder")


def narrow(*paths: Path) -> None:
    """Take the rights of others away from those of these files that exist.

    A file that is this user's is narrowed, which the log says. What belongs to another user is only
    said, once. Raises `NotARealFile` for what is no regular file.
    """
    for path in paths:
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        _check_regular(path, status)
        _narrow(path, status, FILE_MODE)


def narrow_folder(folder: Path, own: Callable[[str], bool], shared: Iterable[str] = ()) -> None:
    """Take the rights of others away from a folder, if `own` is true of every name in it.

    So a folder that holds other things too, such as /tmp, a home folder or somebody's /srv/data,
    keeps its mode; the files of this program in it are private all the same. The current folder and
    the home folder are never narrowed, even where they are empty. `shared` are names that may be
    there but are not this program's. Links and folders of other users stay as they are.
    """
    with suppress(OSError):
        status = folder.stat()
        if not stat.S_ISDIR(status.st_mode) or not status.st_mode & _OTHERS or _is_a_place(status):
            return
        if status.st_mode & (stat.S_ISVTX | stat.S_ISGID) or status.st_uid != _user():
            return  # made so on purpose, or not ours
        if all(own(path.name) or path.name in shared for path in folder.iterdir()):
            _narrow(folder.resolve(), status, FOLDER_MODE)


def readable_by_others(path: Path) -> bool:
    """Whether another user of this machine may read the file. False if there is none, and on
    Windows."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False


def _opened(path: Path) -> tuple[int, int]:
    """(the descriptor of a regular file, its size in bytes)."""
    descriptor = os.open(path, os.O_RDONLY | _NO_FOLLOW | _NO_WAIT | _BINARY | _CLOSE)
    try:
        status = os.fstat(descriptor)
        _check_regular(path, status)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status.st_size


def _check_regular(path: Path, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kinds = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe"}
    raise NotARealFile(path, kinds.get(stat.S_IFMT(status.st_mode), "a device"))


def _narrow(path: Path, status: os.stat_result, mode: int) -> None:
    """`mode`: what is left of the mode. `status`: of the path itself."""
    before = stat.S_IMODE(status.st_mode)
    if os.name != "posix" or not before & _OTHERS:
        return
    if status.st_uid != _user():
        _say_once(path, f"it belongs to user {status.st_uid}")
        return
    try:
        _change_mode(path, status, before & mode)
    except OSError as error:
        _say_once(path, error.strerror or str(error))
        return
    if os.lstat(path).st_mode & _OTHERS:
        _say_once(path, "its file system keeps no modes")
        return
    log.warning(
        "%s could be read by others (mode %o); now it is for this user alone (%o).",
        path, before, before & mode,
    )  # fmt: skip


def _say_once(path: Path, reason: str) -> None:
    if str(path) not in _said:
        _said.add(str(path))
        log.warning("%s can be read by other users and can't be narrowed: %s.", path, reason)


def _change_mode(path: Path, status: os.stat_result, mode: int) -> None:
    """Change the mode of the very file that `status` describes."""
    if _PATH_ONLY is None:
        path.chmod(mode, follow_symlinks=os.chmod not in os.supports_follow_symlinks)
        return
    # Not an ordinary descriptor: when that is closed, SQLite loses its locks on the file
    # (https://sqlite.org/howtocorrupt.html, 2.2). One of O_PATH only stands for the file.
    descriptor = os.open(path, _PATH_ONLY | _NO_FOLLOW | _CLOSE)
    try:
        if not os.path.samestat(os.fstat(descriptor), status):
            raise OSError(errno.EAGAIN, "another file has taken its place")
        Path(f"/proc/self/fd/{descriptor}").chmod(mode)
    finally:
        os.close(descriptor)


def _is_a_place(status: os.stat_result) -> bool:
    """Is it a folder where people are, not one that is for this program: current, home, root?"""
    for place in (Path.cwd, Path.home, lambda: Path("/")):
        with suppress(OSError, RuntimeError):
            if os.path.samestat(place().stat(), status):
                return True
    return False


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else -1
