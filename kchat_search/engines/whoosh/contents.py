"""The table of contents: which segments one commit has, and which of their documents are deleted.

    contents.json   {"schema": 8, "build": "...", "commit": 7, "table": null, "segments": [
                        {"name": "segment-...", "size": 500, "deleted": [3, 17],
                         "bytes": 81920, "directory": "the SHA-256 of the file's directory"}]}

It is data in JSON behind a checksum, replaced in one step as the last act of a commit. It holds for
each segment what its file must be: so many bytes, and a directory (see `array_file`) with that
SHA-256. The directory has the checksums of all arrays. So one checksum leads to the next, down to
every byte, and a file that was swapped for another good one is noticed when it is opened.

What it can't show: that the whole folder is that of yesterday. The archive knows better, and
«verify» compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh import sealed_json
from kchat_search.engines.whoosh.array_file import ArrayFileDamaged
from kchat_search.engines.whoosh.damage import Damaged, check_folder
from kchat_search.engines.whoosh.postings import EMPTY
from kchat_search.engines.whoosh.schema import VERSION
from kchat_search.engines.whoosh.segment_file import EXTENSION, SegmentFile

FILE = "contents.json"
_SEGMENT = re.compile("segment-[0-9a-f]{32}")
_DIGEST = re.compile("[0-9a-f]{64}")
_MAX_BYTES = 64 << 20
"""Of the file: room for the deletions of thirty million chats."""
_MAX_SEGMENTS = 10_000


class SegmentEntry(NamedTuple):
    """What the table of contents says of one segment."""

    name: str
    size: int
    """How many documents it has, deleted ones included."""
    deleted: NDArray[np.int64]
    """The numbers of the deleted documents, ascending."""
    bytes: int
    """The size of its file."""
    directory: str
    """The SHA-256 of the directory of its file, in hexadecimal digits."""

    @property
    def live(self) -> int:
        """How many documents are not deleted."""
        return self.size - len(self.deleted)


class Contents(NamedTuple):
    """The table of contents of one commit."""

    build: str
    """The id of the build that made this generation."""
    commit: int
    """Counts the commits of a generation, from 1."""
    table: str | None
    """The digest of the generation's table of meanings; None where it has none."""
    segments: tuple[SegmentEntry, ...]


def read(folder: Path, build: str) -> tuple[bytes, Contents]:
    """(its checksum, the table of contents in the folder of a generation).

    Raises `Damaged` if it is not as it was written or belongs to another build, and OSError where
    it can't be opened.
    """
    check_folder(folder)
    seal, content = sealed_json.read(folder / FILE, _MAX_BYTES)
    try:
        contents = _contents(content)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise Damaged(f"{FILE} is not a table of contents: {error}") from error
    if contents.build != build:
        raise Damaged(f"{FILE} is of another build of the index")
    return seal, contents


def seal(folder: Path) -> bytes:
    """What differs after each commit. Raises OSError."""
    return sealed_json.seal(folder / FILE)


def write(folder: Path, contents: Contents) -> None:
    """Replace the table of contents in one step. Raises OSError."""
    segments = [
        entry._asdict() | {"deleted": entry.deleted.tolist()} for entry in contents.segments
    ]
    sealed_json.write(
        folder / FILE, {"schema": VERSION} | contents._asdict() | {"segments": segments}
    )


def new_segment_name() -> str:
    """A name that no other segment has."""
    return f"segment-{uuid4().hex}"


def segment_path(folder: Path, name: str) -> Path:
    """Where the file of a segment is. `build` puts other files beside it whose names begin so."""
    return folder / f"{name}{EXTENSION}"


def is_of_segments(file: str) -> bool:
    """Is it the name of a file that belongs to a segment, finished or not?"""
    return _SEGMENT.fullmatch(file.partition(".")[0]) is not None


def entry_of(folder: Path, name: str) -> SegmentEntry:
    """The entry of a segment that was just written. Raises `Damaged`, OSError."""
    file = SegmentFile(segment_path(folder, name))
    return SegmentEntry(name, file.size, EMPTY, file.arrays.size, file.arrays.digest)


def open_segment(folder: Path, entry: SegmentEntry) -> SegmentFile:
    """Open the file of a segment. Raises `Damaged` if it is not the file of this entry, and OSError
    where it can't be opened."""
    file = SegmentFile(segment_path(folder, entry.name))
    arrays = file.arrays
    if (arrays.size, arrays.digest, file.size) != (entry.bytes, entry.directory, entry.size):
        raise ArrayFileDamaged(f"{arrays.path.name} is not the file that {FILE} names")
    return file


def _contents(content: Any) -> Contents:
    """Raises what a wrong form raises."""
    if content["schema"] != VERSION:
        raise ValueError(f"it has schema {content['schema']}; this program reads {VERSION}")
    entries: Sequence[Any] = content["segments"]
    if len(entries) > _MAX_SEGMENTS:
        raise ValueError(f"it has {len(entries)} segments")
    segments = tuple(map(_entry, entries))
    if len({segment.name for segment in segments}) != len(segments):
        raise ValueError("a segment comes twice")
    table = None if content["table"] is None else str(content["table"])
    if table is not None and not _DIGEST.fullmatch(table):
        raise ValueError(f"it names the table {table[:80]!r}")
    return Contents(str(content["build"]), _whole(content["commit"]), table, segments)


def _entry(entry: Any) -> SegmentEntry:
    name, directory = str(entry["name"]), str(entry["directory"])
    if not _SEGMENT.fullmatch(name) or not _DIGEST.fullmatch(directory):
        raise ValueError(f"it names {name[:80]!r}")
    size = _whole(entry["size"])
    return SegmentEntry(
        name, size, _deleted(entry["deleted"], size), _whole(entry["bytes"]), directory
    )


def _deleted(numbers: Any, size: int) -> NDArray[np.int64]:
    if numbers == []:
        return EMPTY
    deleted = np.array(numbers)
    if deleted.dtype != np.int64 or deleted.ndim != 1:
        raise TypeError("a deletion is no number")
    if deleted[0] < 0 or deleted[-1] >= size or (np.diff(deleted) <= 0).any():
        raise ValueError(f"a segment of {size} documents can't have these deletions")
    return deleted


def _whole(number: Any) -> int:
    if type(number) is not int or not 0 <= number < 1 << 62:
        raise ValueError(f"{str(number)[:80]} is no count")
    return number
