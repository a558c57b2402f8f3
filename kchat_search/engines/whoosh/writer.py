"""Commits: a first build, and the few documents of a tick. One process at a time writes, under the
indexer's lock and Whoosh's own.

A commit is a new segment, deletions in the old segments, and a new table of contents. The table of
contents is written last and replaced in one step. Before that step nothing has changed; after it
everything has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from whoosh.codec.whoosh3 import W3Segment
from whoosh.index import TOC, FileIndex, LockError, clean_files
from whoosh.util.filelock import try_for

from kchat_search.engines.whoosh.array_file import ArrayFileDamaged
from kchat_search.engines.whoosh.build import BuildResources, Chat, MakeDocuments, build
from kchat_search.engines.whoosh.codec import (
    codec,
    index_folder,
    open_index,
    open_segment,
    private_storage,
    segment_path,
)
from kchat_search.engines.whoosh.generations import sync_directory, sync_file
from kchat_search.engines.whoosh.inversion import invert
from kchat_search.engines.whoosh.merge import MergeInput, merge
from kchat_search.engines.whoosh.schema import make_schema
from kchat_search.models.plan import IndexDocument

_LOCK_SECONDS = 30.0
"""How long to wait for Whoosh's lock. Its own default is to fail at once if the lock is taken."""

MERGE_FACTOR = 20
"""A segment is not merged while it has at least so many times the documents of all smaller segments
together. So there are about log21(chats / 10) segments, 4 for a million chats. Each segment costs a
search a tenth of its time or more. Each chat is copied some forty times in its life, 40 µs each."""
MAX_DELETED_SHARE = 0.25
"""A segment is merged when more than this share of its documents is deleted."""


def create(
    folder: Path,
    batches: Iterable[Sequence[Chat]],
    documents: MakeDocuments[Chat],
    resources: BuildResources,
) -> int:
    """Build an index of these chats in an empty folder; how many chats there are.

    Arguments and errors are those of `build.build`; raises LockError too.
    """
    index = FileIndex.create(private_storage(folder), make_schema())
    with _locked(index):
        segment = _new_segment(index)
        count = build(_path(index, segment), batches, documents, resources)
        _commit(index, _with_new_segment([], segment, count))
    return count


def write(
    folder: Path, upserts: Iterable[IndexDocument], deletes: Collection[int], memory: int
) -> None:
    """Replace and remove documents in one commit: all of it is on the disk, or nothing has changed.

    If there are then too many segments, a second commit merges some, with `memory` bytes. If only
    that fails, the first commit stays. Raises LockError, `ArrayFileDamaged`, `PostingsDamaged`,
    `TextDamaged`, OSError.
    """
    documents = list({document.id: document for document in upserts}.values())
    index = open_index(folder)
    with _locked(index):
        segments = _segments(index)
        _delete(index, segments, [*(d.id for d in documents), *deletes])
        segment = _new_segment(index)
        if documents:
            with _removed_on_error(_path(index, segment)) as path:
                merge(path, [MergeInput(invert(documents))])
        _commit(index, _with_new_segment(segments, segment, len(documents)))
        _merge_segments(index, memory)


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


def _merge_segments(index: FileIndex, memory: int) -> None:
    segments = _segments(index)
    chosen = segments_to_merge([(s.doc_count(), s.deleted_count()) for s in segments])
    if not chosen:
        return
    old = [segments[n] for n in sorted(chosen)]
    new = _new_segment(index)
    inputs = [_merge_input(index, segment) for segment in old if segment.doc_count()]
    count = 0
    if inputs:
        with _removed_on_error(_path(index, new)) as path:
            count = merge(path, inputs, memory)
    _commit(index, _with_new_segment([s for s in segments if s not in old], new, count))


def _merge_input(index: FileIndex, segment: W3Segment) -> MergeInput:
    file = open_segment(index.storage, segment)
    damage = file.arrays.damage()
    if damage is not None:  # the copy would have a correct checksum and hide the damage
        raise ArrayFileDamaged(damage)
    if not segment.has_deletions():
        return MergeInput(file)
    keep = np.ones(file.size, np.bool_)
    keep[list(segment.deleted_docs())] = False
    return MergeInput(file, keep)


def _delete(index: FileIndex, segments: Sequence[W3Segment], ids: Collection[int]) -> None:
    """Mark the documents of these chats as deleted, for the next table of contents."""
    doomed = np.array(sorted(set(ids)), np.int64)
    if not len(doomed):
        return
    for segment in segments:
        segment_ids = open_segment(index.storage, segment).arrays["id"]
        places = np.searchsorted(doomed, segment_ids)
        places[places == len(doomed)] = 0
        for number in np.flatnonzero(doomed[places] == segment_ids).tolist():
            segment.delete_document(number)


def _segments(index: FileIndex) -> list[W3Segment]:
    return list(TOC.read(index.storage, index.indexname).segments)


def _new_segment(index: FileIndex) -> W3Segment:
    return codec().new_segment(index.storage, index.indexname)


def _path(index: FileIndex, segment: W3Segment) -> Path:
    return segment_path(index.storage, segment)


def _with_new_segment(segments: Sequence[W3Segment], new: W3Segment, count: int) -> list[W3Segment]:
    """The segments that still have documents, and the new one if it has some. `count`: its
    documents."""
    new.set_doc_count(count)
    return [segment for segment in (*segments, new) if segment.doc_count()]


def _commit(index: FileIndex, segments: list[W3Segment]) -> None:
    """Write a table of contents with these segments, and remove the files of others."""
    folder = index_folder(index.storage)
    generation = index.latest_generation() + 1
    for segment in segments:
        sync_file(_path(index, segment))  # costs nothing if it is on the disk already
    toc = TOC(make_schema(), segments, generation)
    toc.write(index.storage, index.indexname)
    sync_file(folder / f"_{index.indexname}_{generation}.toc")
    sync_directory(folder)
    clean_files(index.storage, index.indexname, generation, segments)
    for unfinished in folder.glob(f"_{index.indexname}_*.toc.*"):  # left by killed writes
        unfinished.unlink(missing_ok=True)


@contextmanager
def _locked(index: FileIndex) -> Iterator[None]:
    """Holds Whoosh's lock, which ends with its process. Raises LockError if another has it."""
    lock = index.lock("WRITELOCK")
    if not try_for(lock.acquire, timeout=_LOCK_SECONDS, delay=0.1):
        raise LockError
    try:
        yield
    finally:
        lock.release()


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
