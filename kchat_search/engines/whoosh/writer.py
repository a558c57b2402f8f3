"""Commits: a first build, and the few documents of a tick. One process at a time writes, under the
indexer's lock and one of each generation.

A commit is a new segment, deletions in the old segments, and a new table of contents. The table of
contents is written last and replaced in one step. Before that step nothing has changed; after it
everything has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock

from kchat_search import private_files
from kchat_search.engines.whoosh import contents
from kchat_search.engines.whoosh.array_file import ArrayFileDamaged
from kchat_search.engines.whoosh.build import BuildResources, Chat, MakeDocuments, build
from kchat_search.engines.whoosh.contents import (
    Contents,
    SegmentEntry,
    entry_of,
    new_segment_name,
    open_segment,
    segment_path,
)
from kchat_search.engines.whoosh.damage import Damaged, check_folder
from kchat_search.engines.whoosh.generation_table import GenerationTable
from kchat_search.engines.whoosh.generations import sync_directory, sync_file
from kchat_search.engines.whoosh.inversion import invert
from kchat_search.engines.whoosh.merge import MergeInput, merge
from kchat_search.meaning.table import Table
from kchat_search.models.plan import IndexDocument

_LOCK_SECONDS = 30.0
"""How long to wait for the lock of a generation."""

_INVERTED_MEMORY = 256 << 20
"""Bytes for writing the chats of one commit; they are few."""

MERGE_FACTOR = 20
"""A segment is not merged while it has at least so many times the documents of all smaller segments
together. So there are about log21(chats / 10) segments, 4 for a million chats. Each segment costs a
search a tenth of its time or more. Each chat is copied some forty times in its life, 40 µs each."""
MAX_DELETED_SHARE = 0.25
"""A segment is merged when more than this share of its documents is deleted."""


def create(
    folder: Path,
    build_id: str,
    batches: Iterable[Sequence[Chat]],
    documents: MakeDocuments[Chat],
    resources: BuildResources,
) -> int:
    """Build an index of these chats in an empty folder; how many chats there are.

    `build_id`: an id that no other build has. A table of meanings is in the folder already, if the
    build has one. The other arguments and the errors are those of
    `build.build`; raises `filelock.Timeout` too.
    """
    with _locked(folder):
        name = new_segment_name()
        count = build(segment_path(folder, name), batches, documents, resources)
        segments = [entry_of(folder, name)] if count else []
        table = None if resources.table is None else Table.read(resources.table).digest
        _commit(folder, Contents(build_id, 1, table, tuple(segments)))
    return count


def write(
    folder: Path,
    build_id: str,
    upserts: Iterable[IndexDocument],
    deletes: Collection[int],
    memory: int,
) -> None:
    """Replace and remove documents in one commit: all of it is on the disk, or nothing has changed.

    If there are then too many segments, a second commit merges some, with `memory` bytes. If only
    that fails, the first commit stays. Raises `filelock.Timeout`, `Damaged`, OSError.
    """
    documents = list({document.id: document for document in upserts}.values())
    with _locked(folder):
        _, before = contents.read(folder, build_id)
        doomed = [*(document.id for document in documents), *deletes]
        segments = [_without(folder, segment, doomed) for segment in before.segments]
        if documents:
            table = GenerationTable(folder, before.table).needed()
            segments.append(_new_segment(folder, [MergeInput(invert(documents, table))]))
        after = _next(before, segments)
        _commit(folder, after)
        _merge_segments(folder, after, memory)


def segments_to_merge(sizes: Sequence[tuple[int, int]]) -> list[int]:
    """Which segments should be merged into one now, by their places in `sizes`; [] for none.

    `sizes`: for each segment, how many documents are (live, deleted).
    """
    ascending = sorted(range(len(sizes)), key=lambda n: sizes[n])
    smaller = [sum(sizes[n][0] for n in ascending[:rank]) for rank in range(len(ascending))]
    for rank in reversed(range(len(ascending))):
        live, deleted = sizes[ascending[rank]]
        if rank and live < MERGE_FACTOR * smaller[rank]:
            return ascending[: rank + 1]
        if deleted > MAX_DELETED_SHARE * (live + deleted):
            return ascending[: rank + 1] if rank else [ascending[0]]
    return []


def _merge_segments(folder: Path, before: Contents, memory: int) -> None:
    segments = before.segments
    chosen = segments_to_merge([(segment.live, len(segment.deleted)) for segment in segments])
    if not chosen:
        return
    old = [segments[n] for n in sorted(chosen)]
    left = [segment for n, segment in enumerate(segments) if n not in chosen]
    inputs = [_merge_input(folder, segment) for segment in old if segment.live]
    if inputs:
        left.append(_new_segment(folder, inputs, memory))
    _commit(folder, _next(before, left))


def _merge_input(folder: Path, segment: SegmentEntry) -> MergeInput:
    file = open_segment(folder, segment)
    damage = file.arrays.damage() or file.unsound()
    if damage is not None:  # the copy would have a correct checksum and hide the damage
        raise ArrayFileDamaged(damage)
    if not len(segment.deleted):
        return MergeInput(file)
    keep = np.ones(file.size, np.bool_)
    keep[segment.deleted] = False
    return MergeInput(file, keep)


def _without(folder: Path, segment: SegmentEntry, ids: Collection[int]) -> SegmentEntry:
    """The entry of a segment without the documents of these chats."""
    doomed = np.array(sorted(set(ids)), np.int64)
    if not len(doomed):
        return segment
    segment_ids = open_segment(folder, segment).arrays["id"]
    places = np.searchsorted(doomed, segment_ids)
    places[places == len(doomed)] = 0
    gone = np.flatnonzero(doomed[places] == segment_ids)
    return segment._replace(deleted=np.union1d(segment.deleted, gone))


def _new_segment(
    folder: Path, inputs: Sequence[MergeInput], memory: int = _INVERTED_MEMORY
) -> SegmentEntry:
    """Write a segment of these inputs; its entry."""
    name = new_segment_name()
    with _removed_on_error(segment_path(folder, name)) as path:
        merge(path, inputs, memory)
        return entry_of(folder, name)


def _next(before: Contents, segments: Iterable[SegmentEntry]) -> Contents:
    """The next table of contents: those segments that still have documents."""
    left = tuple(segment for segment in segments if segment.live)
    return before._replace(commit=before.commit + 1, segments=left)


def _commit(folder: Path, after: Contents) -> None:
    """Write the table of contents, and remove the files of segments that it does not name."""
    named = {segment_path(folder, segment.name) for segment in after.segments}
    for path in named:
        sync_file(path)  # costs nothing if it is on the disk already
    contents.write(folder, after)
    sync_directory(folder)
    for path in folder.iterdir():
        if contents.is_of_segments(path.name) and path not in named:
            with suppress(OSError):  # another process still has it open (Windows)
                path.unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds the lock of a generation, which ends with its process. Raises `filelock.Timeout` if
    another has it."""
    check_folder(folder)
    file = folder / "write.lock"
    try:
        private_files.prepare(file)
    except private_files.NotARealFile as error:
        raise Damaged(f"{file.name} is no lock: {error.strerror}") from error
    lock = FileLock(
        file,
        timeout=_LOCK_SECONDS,
        mode=private_files.FILE_MODE,
        poll_interval=0.1,
        is_singleton=False,
    )
    with lock:
        yield


@contextmanager
def _removed_on_error(path: Path) -> Iterator[Path]:
    """Removes the file of a segment if it was not written to its end, whatever went wrong. (A
    complete file that no table of contents names is removed by the next commit.)"""
    try:
        yield path
    except BaseException:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise
