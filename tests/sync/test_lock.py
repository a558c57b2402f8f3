"""The lock of the indexer on one machine, and what only files can be. What every election does is
in `contracts/election`."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kchat_search.errors import IndexUnwritable
from kchat_search.models.progress import RebuildProgress
from kchat_search.sync.lock import IndexerLock

NOW = datetime(2016, 3, 20, 4, tzinfo=UTC)


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


def test_who_held_it_last_may_be_anything(tmp_path: Path) -> None:
    lock = IndexerLock(tmp_path)
    for left in (b"[]", b'{"term": "x"}', b'{"term": 1%s}' % (b"0" * 99), b"\x00"):
        (tmp_path / "indexer.holder").write_bytes(left)
        with lock.held("sync", NOW):
            assert lock.term() == NOW.timestamp(), left


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
