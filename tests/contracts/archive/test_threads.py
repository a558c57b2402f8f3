"""Several threads at one archive."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from kchat_search.models.reports import ArchiveCounts
from kchat_search.ports import Archive

from .chats import at, fetched


def test_threads_write_and_read_at_once(archive: Archive) -> None:
    all_started = Barrier(6, timeout=30)

    def write(number: int) -> None:
        all_started.wait()
        for step in range(10):
            archive.save([fetched(number), fetched(100, f"{number} {step}")], now=at(step))

    def read(_number: int) -> None:
        all_started.wait()
        for _ in range(40):
            counts = archive.counts()
            assert counts.chats == counts.pending
            versions = archive.versions(100)
            assert [v.version for v in versions] == list(range(1, len(versions) + 1))

    with ThreadPoolExecutor(6) as pool:
        writers = [pool.submit(write, number) for number in range(3)]
        readers = [pool.submit(read, number) for number in range(3)]
        for future in (*writers, *readers):
            future.result(timeout=60)
    assert archive.counts() == ArchiveCounts(chats=4, gone=0, pending=4, rejected=0, versions=33)
