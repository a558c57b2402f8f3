"""Generations: complete builds of the index. One of them answers.

    <index dir>/CURRENT             {"generation": "generation-000002", "fingerprint": "...",
                                     "build": "..."}, behind its checksum (see `sealed_json`)
    <index dir>/generation-000002/  a table of contents (see `contents`) and segments

`CURRENT` is written last and replaced in one step. So a build that was killed is a folder that
nothing names, and the next build removes it. When `CURRENT` names a generation, all of that
generation is already on the disk.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from kchat_search import private_files
from kchat_search.engines.whoosh import sealed_json
from kchat_search.engines.whoosh.damage import Damaged
from kchat_search.errors import IndexDamaged

_FOLDER = re.compile(r"generation-([0-9]{6,15})")
_OWN = re.compile(r"CURRENT(\.new)?|generation-[0-9]{6,15}|indexer\.\w+(\.new)?|jieba\..+|demo")
"""What is in the folder of an index, as index/README.md lists it."""
_MAX_CURRENT = 4096
"""Bytes of `CURRENT` that are read."""


class Current(NamedTuple):
    """What `CURRENT` says: which generation answers, and what it was built with."""

    name: str
    fingerprint: str
    build: str
    """An id that no other build has. `name` is not enough: if the folder of the index was removed,
    names begin anew."""


class Generations:
    """The folder of the index, with its generations."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: tuple[bytes, Current] | None = None
        """The checksum of `CURRENT` when it was read last, and what it said."""

    def current(self) -> Current | None:
        """The generation that answers; None if none was built yet.

        Raises `IndexDamaged` if `CURRENT` can't be understood, and OSError if it can't be opened.
        """
        path = self.root / "CURRENT"
        try:
            known = self._known
            if known is not None and known[0] == sealed_json.seal(path):
                return known[1]  # each search asks, and it changes once in a build
            seal, content = sealed_json.read(path, _MAX_CURRENT)
            current = Current(
                *(str(content[key]) for key in ("generation", "fingerprint", "build"))
            )
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (Damaged, LookupError, TypeError) as error:
            raise IndexDamaged(damaged(self.root, str(error))) from error
        if not _FOLDER.fullmatch(current.name):
            raise IndexDamaged(damaged(self.root, f"CURRENT names {current.name!r}"))
        self._known = seal, current
        return current

    def folder(self, name: str) -> Path:
        """The folder of a generation."""
        return self.root / name

    def begin(self) -> str:
        """Make an empty folder for a new generation, and remove what killed builds left; the name
        of the generation. An unreadable `CURRENT` is ignored, because a new build repairs it.
        """
        private_files.make_folder(self.root)
        try:
            current = self.current()
        except (IndexDamaged, OSError):
            current = None
        keep = current.name if current else None
        # Its number counts as taken even if its folder is gone, so that no name means two builds.
        numbers = [0, int(keep.rpartition("-")[2]) if keep else 0]
        for path in self.root.iterdir():
            match = _FOLDER.fullmatch(path.name)
            if match:
                numbers.append(int(match[1]))
                if path.name != keep:
                    _remove(path)
        name = f"generation-{max(numbers) + 1:06}"
        private_files.make_new_folder(self.folder(name))
        return name

    def sweep(self, keep: str) -> None:
        """Remove all generations but this one. Killed builds leave folders that may be large."""
        for path in self.root.iterdir():
            if path.name != keep and _FOLDER.fullmatch(path.name):
                with suppress(OSError):
                    _remove(path)

    def swap(self, new: Current) -> None:
        """Let this generation answer, and remove the one before. All of it must be on the disk."""
        before = None
        with suppress(IndexDamaged, OSError):  # it is replaced now
            before = self.current()
        content = {"generation": new.name, "fingerprint": new.fingerprint, "build": new.build}
        current = self.root / "CURRENT"
        if current.is_dir() and not current.is_symlink():
            _remove(current)  # no file could be renamed to it
        sealed_json.write(current, content)
        sync_directory(self.root)
        if before is not None and before.name != new.name:
            # Readers that still have it open keep their files (POSIX). Files that can't be removed
            # yet are removed by the next build.
            with suppress(OSError):
                _remove(self.folder(before.name))

    def size(self, name: str) -> int:
        """The size of a generation's files in bytes."""
        total = 0
        # A commit or a swap may remove a file, or the folder, after it was listed.
        with suppress(OSError):
            for path in self.folder(name).iterdir():
                with suppress(OSError):
                    total += path.lstat().st_size
        return total


def narrow_index(root: Path) -> None:
    """See that an index that is there already is private: its files, and its folder if it holds
    nothing else."""
    with suppress(OSError):
        for path in root.iterdir():
            if path.is_symlink() or not _OWN.fullmatch(path.name):
                continue
            if path.name == "demo":
                narrow_index(path)
            elif path.is_dir():
                files = [file for file in path.iterdir() if file.is_file()]
                private_files.narrow(*(file for file in files if not file.is_symlink()))
                private_files.narrow_folder(path, lambda _: True)
            elif path.is_file():
                private_files.narrow(path)
    private_files.narrow_folder(
        root, lambda name: bool(_OWN.fullmatch(name)), shared=("README.md",)
    )


def _remove(folder: Path) -> None:
    """Remove a generation. A link or a file in its place is removed, and what a link leads to
    stays."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink()
    else:
        shutil.rmtree(folder)


def new_build_id() -> str:
    """An id that no other build has."""
    return uuid4().hex


def sync_file(path: Path) -> None:
    """Make sure that a file is on the disk (fsync)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(folder: Path) -> None:
    """Make sure that the names in a folder are on the disk. Only POSIX systems can do it."""
    if os.name == "posix":
        sync_file(folder)


def damaged(where: Path, problem: str) -> str:
    """The message about a damaged index. `problem`: what is wrong with it."""
    return (
        f"The index in {where} can't be read ({problem}). Nothing is lost: it is derived from the "
        "archive. Rebuild it with `kchat-search reindex`."
    )


def taken(where: Path) -> str:
    """The message about an index that another process is writing."""
    return (
        f"Another process writes the index in {where}. Wait for it, or end it, and run again; "
        "nothing was lost."
    )


def unwritable(where: Path, error: OSError) -> str:
    """The message about an index that can't be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"The disk of the index in {where} has no room left. Free some space (an index is "
            "built beside the present one) and run again; nothing was lost."
        )
    return (
        f"The index in {where} can't be written ({error.strerror or error}). Check that the folder "
        "belongs to the user who runs this program and is not on a read-only disk."
    )
