"""A file of named arrays. It is written once, from front to back, and read through a memory map.

    magic, version                          16 bytes
    the arrays, each at a multiple of 8
    the directory: JSON {"meta": {...}, "arrays": {name: [type, length, offset, crc32]}}
    its offset, length and crc32, the magic again

The directory comes last, so a file that was not written to its end has no directory. Opening a file
checks both magics, the version, the directory, and that every array lies inside the file. So a file
that is cut off, or of another kind, is noticed at once. To check the arrays themselves, every byte
must be read: `ArrayFile.damage` does that.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from kchat_search import private_files
from kchat_search.engines.whoosh.damage import Damaged, open_file

MAGIC = b"KCHATSEG"
VERSION = 1
_HEAD = struct.Struct("<8sQ")
_TAIL = struct.Struct("<QQI4x8s")
"""Offset, length and crc32 of the directory; the magic."""
_MAX_DIRECTORY = 1 << 20
"""Bytes of the directory; those of segments have some 10,000."""
_ALIGN = 8
"""Every array begins at a multiple of so many bytes."""
_AT_ONCE = 1 << 22
"""How many numbers `copy_from` copies at a time."""
_BYTES_AT_ONCE = 1 << 20
"""How many bytes `check` reads at a time."""
_DTYPES = frozenset({"u1", "u2", "u4", "u8", "i8"})

Array = NDArray[Any]


class ArrayFileDamaged(Damaged):
    """The file is not as it was written. The message says what is wrong with it."""


class ArrayFileWriter:
    """Writes the file. Use it as a context manager. The file is complete only after `finish`."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = private_files.create(path)
        self._file.write(_HEAD.pack(MAGIC, VERSION))
        self._entries: dict[str, list[Any]] = {}
        self._open: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def begin(self, name: str, kind: str) -> None:
        """Start an array of a numpy type such as «u4» (little-endian). `append` its values next."""
        self._file.write(b"\0" * (-self._file.tell() % _ALIGN))
        self._entries[name] = [kind, 0, self._file.tell(), 0]
        self._open = name

    def append(self, values: Array) -> None:
        """Append values to the array that was begun last. They must fit its type."""
        assert self._open is not None
        entry = self._entries[self._open]
        data = np.ascontiguousarray(values, dtype="<" + entry[0]).data.cast("B")
        self._file.write(data)
        entry[1] += len(values)
        entry[3] = zlib.crc32(data, entry[3])

    def add(self, name: str, array: Array, kind: str | None = None) -> None:
        """Write a whole array. Without `kind`, it gets the smallest unsigned type that holds it."""
        self.begin(name, kind or smallest_dtype(array))
        self.append(array)

    def copy_from(self, file: ArrayFile) -> None:
        """Copy all arrays of another file. Only few of its pages are in memory at a time."""
        for name, array in file.items():
            self.begin(name, file.kind(name))
            for first in range(0, len(array), _AT_ONCE):
                self.append(array[first : first + _AT_ONCE])
                file.release()

    def finish(self, meta: Mapping[str, Any]) -> None:
        """Write the directory and close the file. `meta`: what else a reader must know, as JSON."""
        offset = self._file.tell()
        directory = json.dumps({"meta": meta, "arrays": self._entries}).encode()
        self._file.write(directory)
        self._file.write(_TAIL.pack(offset, len(directory), zlib.crc32(directory), MAGIC))
        self._file.close()


def smallest_dtype(array: Array) -> str:
    """The smallest unsigned type that holds these numbers. None of them may be negative."""
    most = int(array.max()) if len(array) else 0
    return f"u{np.dtype(np.min_scalar_type(most)).itemsize}"


class Checked(NamedTuple):
    """What `ArrayFile.check` found."""

    offset: int
    """Behind the last byte that was read; the size of the file when all arrays were read."""
    crc: int
    """The checksum to go on with."""
    read: int
    """How many bytes were read."""
    damage: str | None = None
    """What is wrong, or None."""


def _by_offset(entry: tuple[str, list[Any]]) -> int:
    return int(entry[1][2])


class ArrayFile(Mapping[str, Array]):
    """An open file, as a mapping from a name to its array. The arrays are views of the memory map
    and keep it alive; there is nothing to close."""

    def __init__(self, path: Path) -> None:
        """Raises `ArrayFileDamaged`, and OSError where the file can't be opened."""
        self.path = path
        with open_file(path) as file:
            self.size = file.seek(0, 2)
            if self.size < _HEAD.size + _TAIL.size:
                raise ArrayFileDamaged(f"{path.name} has only {self.size} bytes")
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        text = self._directory()
        self.digest = hashlib.sha256(text).hexdigest()
        """The SHA-256 of the directory, which has the checksums of all arrays."""
        try:
            directory = json.loads(text)
            self.meta: Mapping[str, Any] = directory["meta"]
            self._entries: Mapping[str, list[Any]] = directory["arrays"]
            self._views = {name: self._view(name, *entry) for name, entry in self._entries.items()}
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise ArrayFileDamaged(f"the directory of {path.name} is none: {error}") from error

    def __getitem__(self, name: str) -> Array:
        return self._views[name]

    def __iter__(self) -> Any:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def offset(self, name: str) -> int:
        """Where an array begins in the file, in bytes."""
        return int(self._entries[name][2])

    def kind(self, name: str) -> str:
        """The type of an array, such as «u4»."""
        return str(self._entries[name][0])

    def release(self) -> None:
        """Give mapped pages back to the system; it reads them again when they are needed. If a
        large file is read through once, its pages would else pile up as this process's memory."""
        if hasattr(self.map, "madvise"):
            self.map.madvise(mmap.MADV_DONTNEED)

    def damage(self) -> str | None:
        """Read every byte: what is wrong, or None. Cost: the whole file is read."""
        for name, (_, _, _, checksum) in self._entries.items():
            if zlib.crc32(self._views[name].data.cast("B")) != checksum:
                return f"array {name!r} of {self.path.name} has another checksum"
        return None

    def check_length(self) -> None:
        """Raises `ArrayFileDamaged` if the file was cut off after it was opened. To read a page
        that is no longer there would end the process (SIGBUS)."""
        if self.map.size() != self.size:
            raise ArrayFileDamaged(f"{self.path.name} was cut off while it was open")

    def check(self, offset: int, crc: int, max_bytes: int) -> Checked:
        """Read at most `max_bytes` bytes of the arrays from `offset` on. `crc`: the checksum of
        those bytes before `offset` that belong to the same array."""
        read = 0
        for name, (_, _, begin, checksum) in sorted(self._entries.items(), key=_by_offset):
            end = begin + self._views[name].nbytes
            if end <= offset or end == begin:
                continue
            if offset <= begin:
                offset, crc = begin, 0
            stop = min(end, offset + max_bytes - read)
            for first in range(offset, stop, _BYTES_AT_ONCE):
                crc = zlib.crc32(self.map[first : min(stop, first + _BYTES_AT_ONCE)], crc)
            read += stop - offset
            offset = stop
            if stop < end:
                return Checked(offset, crc, read)
            if crc != checksum:
                damage = f"array {name!r} of {self.path.name} has another checksum"
                return Checked(end, 0, read, damage)
        return Checked(self.size, 0, read)

    def _directory(self) -> bytes:
        offset, length, checksum, magic = _TAIL.unpack(self.map[-_TAIL.size :])
        head, version = _HEAD.unpack(self.map[: _HEAD.size])
        if (head, magic) != (MAGIC, MAGIC):
            raise ArrayFileDamaged(
                f"{self.path.name} was cut off, or is no segment of this program"
            )
        if version != VERSION:
            raise ArrayFileDamaged(
                f"{self.path.name} has version {version}; this program reads version {VERSION}"
            )
        if offset + length + _TAIL.size != self.size or length > _MAX_DIRECTORY:
            raise ArrayFileDamaged(
                f"{self.path.name} has {self.size} bytes, which is not its length"
            )
        text = self.map[offset : offset + length]
        if zlib.crc32(text) != checksum:
            raise ArrayFileDamaged(f"the directory of {self.path.name} has another checksum")
        return text

    def _view(self, name: str, kind: str, length: int, offset: int, checksum: int) -> Array:
        numbers = all(type(number) is int for number in (length, offset, checksum))
        if kind not in _DTYPES or not numbers or length < 0:
            raise ArrayFileDamaged(
                f"array {name!r} of {self.path.name} can't be what the directory says"
            )
        if offset < _HEAD.size or offset % _ALIGN:
            raise ArrayFileDamaged(f"array {name!r} of {self.path.name} begins at {offset}")
        dtype = np.dtype("<" + kind)
        if offset + length * dtype.itemsize > self.size - _TAIL.size:
            raise ArrayFileDamaged(f"array {name!r} of {self.path.name} reaches beyond its end")
        return np.frombuffer(self.map, dtype, length, offset)
