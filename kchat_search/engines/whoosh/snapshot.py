"""One state of the index, opened: a commit of a generation, with its segments."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kchat_search.engines.whoosh import contents
from kchat_search.engines.whoosh.contents import SegmentEntry
from kchat_search.engines.whoosh.generation_table import GenerationTable
from kchat_search.engines.whoosh.generations import Current
from kchat_search.engines.whoosh.segment import PostingCache, Segment


class Snapshot(NamedTuple):
    """It never changes; a newer one replaces it."""

    current: Current
    seal: bytes
    """Of its table of contents; it differs after each commit."""
    segments: dict[str, Segment]
    """By name."""
    table: GenerationTable

    def check_lengths(self) -> None:
        """Raises `ArrayFileDamaged` if a file was cut off since it was opened. Cost: some
        microseconds."""
        for segment in self.segments.values():
            segment.file.arrays.check_length()


def opened(folder: Path, current: Current, before: Snapshot | None) -> Snapshot:
    """Open the newest commit of the present generation, which is in `folder`.

    `before`: an earlier state. If nothing has changed, it is returned. Segments that did not change
    stay open. Raises `Damaged`, OSError.
    """
    if before is not None and before.current != current:
        before = None
    if before is not None and before.seal == contents.seal(folder):
        before.check_lengths()
        return before
    seal, table = contents.read(folder, current.build)
    known = before.segments if before else {}
    meanings = before.table if before else GenerationTable(folder, table.table)
    segments = {
        entry.name: _segment(folder, entry, known.get(entry.name), meanings)
        for entry in table.segments
    }
    return Snapshot(current, seal, segments, meanings)


def chat_in_two_documents(segments: Iterable[Segment]) -> int | None:
    """The id of a chat that is in the index twice; None if none is. Cost: some 50 ns a chat."""
    ids = np.concatenate([np.empty(0, np.int64), *(s.ids[s.live] for s in segments)])
    ids.sort()
    twice = np.flatnonzero(ids[1:] == ids[:-1])
    return int(ids[twice[0]]) if len(twice) else None


def _segment(
    folder: Path, entry: SegmentEntry, before: Segment | None, table: GenerationTable
) -> Segment:
    """Open a segment of a commit. `before`: the same segment in an earlier commit, perhaps with
    fewer deletions. Raises `Damaged`, OSError."""
    if before is None or before.file.arrays.digest != entry.directory:
        return Segment(PostingCache(contents.open_segment(folder, entry), table), entry.deleted)
    if np.array_equal(before.deleted, entry.deleted):
        return before
    return Segment(before.cache, entry.deleted)
