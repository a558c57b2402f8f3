"""The server is killed while chats are saved, and started again: what was acknowledged is there,
chats and cursor are in step, and the indexer that lost its lock knows it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import NoReturn

import pytest

from kchat_search.archive import SqlArchive, open_archive
from kchat_search.errors import ArchiveError, IndexerDeposed
from tests import postgres
from tests.contracts.archive.chats import at

from .damage import found, sent

pytestmark = pytest.mark.slow

_PER_PAGE = 5
_KILLS = 4


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    with postgres.running(durable=True) as there:
        yield there


def test_a_standby_can_be_read_and_says_that_it_can_t_be_written(server: postgres.Server) -> None:
    with closing(open_archive(server.url)) as archive:
        archive.save([sent(1, "退款")], now=at(0))
    server.kill()
    server.start(standby=True)
    with closing(open_archive(server.url)) as archive:
        assert archive.counts().chats == 1
        election = archive.election()
        assert election is not None
        with pytest.raises(ArchiveError, match="not a standby") as error:
            archive.save([sent(2, "退款")], now=at(1))
        assert not error.value.retry
        with pytest.raises(ArchiveError, match="not a standby"), election.held("sync", at(1)):
            pytest.fail("an indexer that can't write")


def page_of(archive: SqlArchive) -> int:
    return int((archive.cursor("list") or {"page": 0})["page"])


def save_pages(archive: SqlArchive, saved: list[int], enough: threading.Event) -> NoReturn:
    """Save page after page; `saved` has those that were acknowledged."""
    page = page_of(archive)
    while True:
        page += 1
        first = (page - 1) * _PER_PAGE + 1
        chats = [sent(i, "退款" * 50) for i in range(first, first + _PER_PAGE)]
        archive.save(chats, now=at(page), cursor=("list", {"page": page}))
        saved.append(page)
        if len(saved) == 3:
            enough.set()


def test_what_was_acknowledged_outlives_a_kill(server: postgres.Server) -> None:
    with (
        closing(open_archive(server.url, wait_seconds=5.0)) as archive,
        ThreadPoolExecutor(1) as pool,
    ):
        election = archive.election()
        assert election is not None
        for kill in range(_KILLS):
            saved: list[int] = []
            enough = threading.Event()
            with election.held("worker", at(kill), 30):
                saving = pool.submit(save_pages, archive, saved, enough)
                assert enough.wait(60)
                server.kill()
                with pytest.raises((ArchiveError, IndexerDeposed)) as error:
                    saving.result(60)
                assert error.value.retry
                with pytest.raises(ArchiveError, match="can't be reached"):
                    archive.counts()
                with pytest.raises(IndexerDeposed):
                    election.check()
                server.start()
                with pytest.raises(IndexerDeposed):
                    election.check()
            page = page_of(archive)
            assert page in (saved[-1], saved[-1] + 1), "the last one may have been committed"
            ids = [chat_id for chat_id, _ in archive.id_revisions()]
            assert ids == list(range(1, page * _PER_PAGE + 1))
            assert [entry.chat_id for entry in archive.changes(10_000)] == ids
            assert archive.counts().chats == archive.counts().pending == len(ids)
        assert found(archive) == ()
