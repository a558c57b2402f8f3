"""The Whoosh engine: `ports.Engine` over files in a folder.

Any number of processes read while one writes. A reader looks before each search whether there is
a newer commit or generation; what it has open stays readable though the files are gone.
"""

from __future__ import annotations

import pickle
import struct
import threading
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from whoosh.index import FileIndex, open_dir
from whoosh.index import IndexError as WhooshIndexError
from whoosh.reading import CorruptIndexError

from kchat_search.engines.whoosh import writer
from kchat_search.engines.whoosh.answer import answer
from kchat_search.engines.whoosh.evaluate import matching
from kchat_search.engines.whoosh.generations import (
    Current,
    Generations,
    damaged,
    unwritable,
)
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.errors import IndexDamaged, IndexUnwritable
from kchat_search.models.query import EngineAnswer, IndexDocument, Node, Plan
from kchat_search.models.reports import EngineState

_UNREADABLE = (
    OSError, EOFError, struct.error, zlib.error, pickle.UnpicklingError, WhooshIndexError,
    UnicodeDecodeError, CorruptIndexError,
)  # fmt: skip
"""What Whoosh raises over files that are not what they were."""

_NOT_OPENED = (
    *_UNREADABLE, LookupError, TypeError, ValueError, AttributeError, ImportError, MemoryError,
    OverflowError,
)  # fmt: skip
"""The same while it opens them: an empty or garbled table of contents is unpickled all the same,
and that fails in any of these ways."""

_TRIES = 3


class _Open(NamedTuple):
    """What is open: a commit of a generation."""

    current: Current
    whoosh: FileIndex
    commit: int
    segments: dict[tuple[str, int], Segment]


class WhooshEngine:
    """See `ports.Engine`."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the index's home; it need not exist before the first build."""
        self._generations = Generations(folder)
        self._lock = threading.Lock()
        self._open: _Open | None = None

    def __repr__(self) -> str:
        return f"WhooshEngine({str(self._generations.root)!r})"

    def search(self, plan: Plan) -> EngineAnswer:
        """See `ports.Engine.search`."""
        with self._reading() as segments:
            return answer(segments, plan)

    def count(self, match: Node) -> int:
        """See `ports.Engine.count`."""
        with self._reading() as segments:
            return sum(len(matching(segment, match, segment.live)) for segment in segments)

    def id_versions(self) -> dict[int, int]:
        """See `ports.Engine.id_versions`."""
        with self._reading() as segments:
            found: dict[int, int] = {}
            for segment in segments:
                ids, versions = segment.ids[segment.live], segment.versions[segment.live]
                found.update(zip(ids.tolist(), versions.tolist(), strict=True))
            return found

    def describe(self) -> EngineState:
        """See `ports.Engine.describe`."""
        with self._reading() as segments:
            current = self._open.current if self._open else None
            return EngineState(
                engine="whoosh",
                generation=current.name if current else None,
                fingerprint=current.fingerprint if current else None,
                documents=sum(len(segment.live) for segment in segments),
                size_bytes=self._generations.size(current.name) if current else 0,
                segments=len(segments),
            )

    def write(self, upserts: Sequence[IndexDocument], deletes: Collection[int] = ()) -> None:
        """See `ports.Engine.write`. Raises `IndexDamaged` where nothing was built yet."""
        current = self._generations.current()
        if current is None:
            raise IndexDamaged(damaged(self._generations.root, "no generation was built"))
        folder = self._generations.folder(current.name)
        with self._unreadable(_NOT_OPENED):
            index = open_dir(str(folder))
        with self._unwritable():
            writer.write(index, folder, upserts, deletes)

    def rebuild(self, documents: Iterable[IndexDocument], fingerprint: str) -> int:
        """See `ports.Engine.rebuild`."""
        with self._unwritable():
            name = self._generations.begin()
            count = writer.create(self._generations.folder(name), documents)
            self._generations.swap(name, fingerprint)
        return count

    def close(self) -> None:
        """See `ports.Engine.close`."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._open is not None:
            for segment in self._open.segments.values():
                segment.close()
            self._open = None

    @contextmanager
    def _reading(self) -> Iterator[list[Segment]]:
        """The segments of the newest commit, for one thread at a time."""
        with self._lock, self._unreadable():
            with self._unreadable(_NOT_OPENED):
                self._refresh()
            yield list(self._open.segments.values()) if self._open else []

    @contextmanager
    def _unwritable(self) -> Iterator[None]:
        """Around the writing, which reads too: what it replaces, what it merges."""
        try:
            yield
        except (FileNotFoundError, CorruptIndexError, EOFError, struct.error, zlib.error) as error:
            reason = f"{type(error).__name__}: {error}"
            raise IndexDamaged(damaged(self._generations.root, reason)) from error
        except OSError as error:
            raise IndexUnwritable(unwritable(self._generations.root, error)) from error

    @contextmanager
    def _unreadable(self, raised: tuple[type[Exception], ...] = _UNREADABLE) -> Iterator[None]:
        try:
            yield
        except raised as error:
            self._open = None  # its files may be half read; begin anew next time
            reason = f"{type(error).__name__}: {error}"
            raise IndexDamaged(damaged(self._generations.root, reason)) from error

    def _refresh(self) -> None:
        """Open the newest commit, unless it is open. Segments that did not change are kept."""
        for attempt in range(_TRIES):
            current = self._generations.current()
            if current is None:
                self._close()
                return
            try:
                self._refresh_to(current)
            except _NOT_OPENED:
                # The writer may have removed a file between our look and our opening it; if
                # there is no newer commit to go to, the files are really damaged.
                if attempt == _TRIES - 1:
                    raise
            else:
                return

    def _refresh_to(self, current: Current) -> None:
        known: dict[tuple[str, int], Segment] = {}
        index = None
        if self._open is not None and self._open.current == current:
            index = self._open.whoosh
            if index.latest_generation() == self._open.commit:
                return
            known = self._open.segments
        else:
            self._close()
        index = index or open_dir(str(self._generations.folder(current.name)))
        commit = int(
            index.latest_generation()
        )  # before reading: a newer one is then seen next time
        reader = index.reader()
        opened: dict[tuple[str, int], Segment] = {}
        before = {name: segment for (name, _), segment in known.items()}
        for leaf, _ in reader.leaf_readers():
            if not leaf.doc_count_all():
                continue
            info = leaf.segment()
            key = (str(info.segment_id()), int(info.deleted_count()))
            if key in known:
                opened[key] = known[key]
                leaf.close()
            else:
                opened[key] = Segment(leaf, before.get(key[0]))
        for key, segment in known.items():
            if key not in opened:
                segment.close()
        self._open = _Open(current, index, commit, opened)
