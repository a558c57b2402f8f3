"""A file that has no name until it is complete, so that a process which is killed leaves nothing.

Linux keeps such a file (O_TMPFILE) until its last descriptor is closed; `link` gives it a name.
Where the system or the file system can't do that, the file has a temporary name in the same folder
and is locked while its process lives. The next call tells by the lock which of them a killed
process has left, and removes those.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from kchat_search import private_files

try:
    import fcntl
except ImportError:  # Windows, where no file that is open can be removed: that is lock enough
    fcntl = None  # type: ignore[assignment]

_ENDING = ".kchat-part"
_DESCRIPTORS = "/proc/self/fd"
_UNSUPPORTED = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT, errno.ENOSYS)
"""What systems and file systems answer that have no O_TMPFILE."""
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class UnnamedFile:
    """A file in the folder of `target`, open for writing as `file`."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._temporary: Path | None = None
        self.file = self._without_name() or self._with_temporary_name()

    def publish(self, *, replace: bool) -> None:
        """Sync the file to the disk and give it its name.

        Raises FileExistsError if something has that name and may not be replaced, and OSError.
        """
        self.file.flush()
        os.fsync(self.file.fileno())  # else a power cut may leave the name without the bytes
        if not replace:
            self._link(self._target)
            return
        if self._temporary is None:
            named = self._temporary_path()
            self._link(named)
            self._temporary = named
        self._temporary.replace(self._target)
        self._temporary = None

    def close(self) -> None:
        """Close the file, and remove it if it was not published."""
        with suppress(OSError):  # a full disk, where the file is lost in any case
            self.file.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)

    def _without_name(self) -> BinaryIO | None:
        flag = getattr(os, "O_TMPFILE", None)
        if flag is None or not Path(_DESCRIPTORS).is_dir():
            return None
        try:
            number = os.open(
                self._target.parent, flag | os.O_WRONLY | os.O_CLOEXEC, private_files.FILE_MODE
            )
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                return None
            raise
        with suppress(OSError):  # some file systems have no locks
            _lock(number)
        return os.fdopen(number, "wb")

    def _with_temporary_name(self) -> BinaryIO:
        while True:
            path = self._temporary_path()
            file = private_files.create(path)
            with suppress(OSError):  # some file systems have no locks
                _lock(file.fileno())
            if path.exists():  # not removed before it was locked
                self._temporary = path
                return file
            file.close()

    def _temporary_path(self) -> Path:
        name = f".{self._target.name[:50]}.{secrets.token_hex(8)}{_ENDING}"
        return self._target.parent / name

    def _link(self, path: Path) -> None:
        """Give the file this name, if nothing has it."""
        if self._temporary is None:
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                # With a folder's descriptor, Python tells the system to follow this link.
                source = f"{_DESCRIPTORS}/{self.file.fileno()}"
                os.link(source, path.name, dst_dir_fd=folder, follow_symlinks=True)
            finally:
                os.close(folder)
            return
        try:
            os.link(self._temporary, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if os.path.lexists(path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
            self._temporary.replace(path)
            self._temporary = None


@contextmanager
def unnamed_file(target: Path) -> Iterator[UnnamedFile]:
    """A file in the folder of `target` that vanishes after the block if it was not published. Also
    removes what killed processes left in the folder. Raises OSError."""
    remove_left_files(target.parent)
    unnamed = UnnamedFile(target)
    try:
        yield unnamed
    finally:
        unnamed.close()


def remove_left_files(folder: Path) -> None:
    """Remove the temporary files of processes that are no more."""
    for path in folder.glob(f".*{_ENDING}"):
        with suppress(OSError):
            if os.name == "posix":
                with private_files.open_to_read(path) as file:
                    if os.fstat(file.fileno()).st_uid == os.geteuid():
                        _lock(file.fileno(), wait=False)
                        path.unlink()
            else:
                path.unlink()


def _lock(number: int, *, wait: bool = True) -> None:
    """Lock the open file with this number until it is closed. Raises OSError if it can't be locked,
    or another process has it and `wait` is false."""
    if fcntl is not None:
        fcntl.flock(number, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
