"""Commits: a build from nothing, and the few documents of a tick. One process at a time, under the
indexer's lock and Whoosh's own.

A commit is a new segment, deletions in the old ones, and a new table of contents, which is written
last and replaced in one step: before it nothing has changed, after it everything has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from whoosh.codec.whoosh3 import W3Segment
from whoosh.index import TOC, FileIndex, LockError, clean_files, create_in, open_dir
from whoosh.util.filelock import try_for

from kchat_search.engines.whoosh.array_file import ArrayFileDamaged
from kchat_search.engines.whoosh.build import BuildResources, Chat, MakeDocuments, build
from kchat_search.engines.whoosh.codec import codec, index_folder, open_segment, segment_path
from kchat_search.engines.whoosh.generations import sync_directory, sync_file
from kchat_search.engines.whoosh.inversion import invert
from kchat_search.engines.whoosh.merge import MergeInput, merge
from kchat_search.engines.whoosh.schema import make_schema
from kchat_search.models.plan import IndexDocument

_LOCK_SECONDS = 30.0
"""Whoosh's own default is to fail at once if its lock is taken."""

MERGE_FACTOR = 20
"""A segment is left alone while it has so many times the documents of all smaller ones together: so
there are some log21(chats / 10) of them, 4 at a million. A search pays for every segment, a tenth
of its time and more; a chat pays by being copied some forty times in its life, 40 µs each."""
MAX_DELETED_SHARE = 0.25
"""And while fewer of its documents than this are deleted."""


def create(
    folder: Path,
    batches: Iterable[Sequence[Chat]],
    documents: MakeDocuments[Chat],
    resources: BuildResources,
) -> int:
    """Build an index of these chats in an empty folder; how many there are. See `build`."""
    index = create_in(str(folder), make_schema())
    with _locked(index):
        segment = _new_segment(index)
        count = build(_path(index, segment), batches, documents, resources)
        _commit(index, _with_new_segment([], segment, count))
    return count


def write(
    folder: Path, upserts: Iterable[IndexDocument], deletes: Collection[int], memory: int
) -> None:
    """Replace and remove documents: all of it is on the disk on return, or none of it. Then, as a
    commit of its own, segments that have become too many are merged, with so much memory."""
    documents = list({document.id: document for document in upserts}.values())
    index = open_dir(str(folder))
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
    """Which segments to merge into one now, by their (live, deleted) documents; none: []."""
    order = sorted(range(len(sizes)), key=lambda n: sizes[n])
    smaller = [sum(sizes[n][0] for n in order[:rank]) for rank in range(len(order))]
    for rank in reversed(range(len(order))):
        live, deleted = sizes[order[rank]]
        if rank and live < MERGE_FACTOR * smaller[rank]:
            return order[: rank + 1]
        if deleted > MAX_DELETED_SHARE * (live + deleted):
            return order[: rank + 1] if rank else [order[0]]
    return []


def _merge_segments(index: FileIndex, memory: int) -> None:
    segments = _segments(index)
    chosen = segments_to_merge([(s.doc_count(), s.deleted_count()) for s in segments])
    if not chosen:
        return
    old = [segments[n] for n in sorted(chosen)]
    segment = _new_segment(index)
    parts = [_merge_input(index, s) for s in old if s.doc_count()]
    count = 0
    if parts:
        with _removed_on_error(_path(index, segment)) as path:
            count = merge(path, parts, memory)
    _commit(index, _with_new_segment([s for s in segments if s not in old], segment, count))


def _merge_input(index: FileIndex, segment: W3Segment) -> MergeInput:
    file = open_segment(index.storage, segment)
    found = file.arrays.damage()
    if found is not None:  # its copy would have a checksum that is right
        raise ArrayFileDamaged(found)
    if not segment.has_deletions():
        return MergeInput(file)
    keep = np.ones(file.size, np.bool_)
    keep[list(segment.deleted_docs())] = False
    return MergeInput(file, keep)


def _delete(index: FileIndex, segments: Sequence[W3Segment], ids: Collection[int]) -> None:
    """Mark the documents of these chats as deleted, in the table of contents to come."""
    wanted = np.array(sorted(set(ids)), np.int64)
    for segment in segments:
        file = open_segment(index.storage, segment).arrays["id"]
        places = np.searchsorted(wanted, file)
        places[places == len(wanted)] = 0
        for number in np.flatnonzero(wanted[places] == file).tolist() if len(wanted) else ():
            segment.delete_document(number)


def _segments(index: FileIndex) -> list[W3Segment]:
    return list(TOC.read(index.storage, index.indexname).segments)


def _new_segment(index: FileIndex) -> W3Segment:
    return codec().new_segment(index.storage, index.indexname)


def _path(index: FileIndex, segment: W3Segment) -> Path:
    return segment_path(index.storage, segment)


def _with_new_segment(segments: Sequence[W3Segment], new: W3Segment, count: int) -> list[W3Segment]:
    """The segments that still have documents, and the new one if it has any."""
    new.set_doc_count(count)
    return [each for each in (*segments, new) if each.doc_count()]


def _commit(index: FileIndex, segments: list[W3Segment]) -> None:
    folder = index_folder(index.storage)
    generation = index.latest_generation() + 1
    for segment in segments:
        sync_file(_path(index, segment))  # costs nothing for those that are on the disk already
    toc = TOC(make_schema(), segments, generation)
    toc.write(index.storage, index.indexname)
    sync_file(folder / f"_{index.indexname}_{generation}.toc")
    sync_directory(folder)
    clean_files(index.storage, index.indexname, generation, segments)
    for unfinished in folder.glob(f"_{index.indexname}_*.toc.*"):  # of writes that were killed
        unfinished.unlink(missing_ok=True)


@contextmanager
def _locked(index: FileIndex) -> Iterator[None]:
    """Whoosh's lock, which dies with its process."""
    lock = index.lock("WRITELOCK")
    if not try_for(lock.acquire, timeout=_LOCK_SECONDS, delay=0.1):
        raise LockError
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _removed_on_error(path: Path) -> Iterator[Path]:
    """A segment that was not written to its end does not stay, whatever goes wrong. (One that the
    table of contents never came to name goes with the next commit.)"""
    try:
        yield path
    except BaseException:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise
