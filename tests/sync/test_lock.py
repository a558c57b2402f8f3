"""One indexer at a time, and a lock that says who it is."""

from __future__ import annotations

import os
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kchat_search.errors import IndexerBusy, IndexUnwritable
from kchat_search.models.holder import Holder
from kchat_search.models.progress import RebuildProgress
from kchat_search.sync.lock import IndexerLock

NOW = datetime(2016, 3, 20, 4, tzinfo=UTC)


def test_a_second_is_refused_and_told_who_is_the_first(tmp_path: Path) -> None:
    first, second = IndexerLock(tmp_path), IndexerLock(tmp_path)
    with first.held("sync", NOW):
        with pytest.raises(IndexerBusy, match="sync") as busy, second.held("reindex", NOW):
            pytest.fail("two indexers at once")
        assert str(os.getpid()) in busy.value.holder
        assert "2016-03-20 04:00:00 UTC" in busy.value.holder
        assert str(second.holder()) == busy.value.holder
        assert second.holder() == Holder("sync", os.getpid(), socket.gethostname(), NOW)
    assert second.holder() is None
    with second.held("reindex", NOW):
        assert first.holder() is not None


def test_an_error_gives_the_lock_back(tmp_path: Path) -> None:
    lock = IndexerLock(tmp_path)
    with pytest.raises(KeyError), lock.held("sync", NOW):
        raise KeyError
    assert lock.holder() is None


def percent(lock: IndexerLock) -> int | None:
    rebuild = lock.rebuild()
    assert rebuild is None or rebuild.began_at == NOW
    return None if rebuild is None else rebuild.percent


def test_others_are_told_how_far_a_rebuild_is_while_it_runs(tmp_path: Path) -> None:
    first, second = IndexerLock(tmp_path), IndexerLock(tmp_path)
    seen: list[object] = []

    def progress(step: str, done: int, total: int | None) -> None:
        seen.append((step, done, total, percent(second)))

    with first.held("worker", NOW):
        assert second.rebuild() is None
        with first.rebuilding(progress, lambda: NOW) as told:
            for done in (0, 500, 1000):
                told("index", done, 1000)
            told("merge", 1, 3)
        assert second.rebuild() is None
    assert seen == [
        ("index", 0, 1000, 0),
        ("index", 500, 1000, 45),
        ("index", 1000, 1000, 90),
        ("merge", 1, 3, 90),
    ]


def test_what_a_killed_rebuild_left_counts_for_nothing(tmp_path: Path) -> None:
    lock = IndexerLock(tmp_path)
    with lock.held("worker", NOW):
        (tmp_path / "indexer.rebuild").write_bytes(b"43")
        assert lock.rebuild() == RebuildProgress(43, None)
        (tmp_path / "indexer.rebuild").write_bytes(b"43 1464000000")
        assert lock.rebuild() == RebuildProgress(43, datetime.fromtimestamp(1464000000, UTC))
        (tmp_path / "indexer.rebuild").write_bytes(b"4\x00")
        assert lock.rebuild() is None
        (tmp_path / "indexer.rebuild").write_bytes(b"43")
    assert lock.rebuild() is None
    with lock.held("sync", NOW):
        assert lock.rebuild() is None


def test_asking_for_the_holder_makes_no_folder(tmp_path: Path) -> None:
    assert IndexerLock(tmp_path / "none").holder() is None
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cant_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    lock = IndexerLock(tmp_path / "file" / "index")
    with pytest.raises(IndexUnwritable, match="can't be written"), lock.held("sync", NOW):
        raise AssertionError
    assert lock.holder() is None


def test_who_only_asks_for_the_holder_hinders_nobody(tmp_path: Path) -> None:
    lock, asking = IndexerLock(tmp_path), threading.Event()

    def ask() -> None:
        while not asking.is_set():
            IndexerLock(tmp_path).holder()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(100):
            with lock.held("sync", NOW):
                pass
    finally:
        asking.set()
        for thread in threads:
            thread.join()
