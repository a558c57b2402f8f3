"""The server is killed (-9) while chats are saved or an indexer is elected, and started again: what
was acknowledged is there, chats and cursor are in step, and the indexer that lost its lock knows
it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import NoReturn

import pytest
from sqlalchemy import make_url

from kchat_search.archive import SqlArchive, election, open_archive
from kchat_search.errors import ArchiveError, IndexerDeposed
from tests import postgres
from tests.conftest import KILLED
from tests.contracts.archive.chats import at
from tests.proxy import Moment, Proxy, Trap, proxy

from .damage import found, sent

pytestmark = pytest.mark.slow

_PER_PAGE = 5
_KILLS = 4
_COMMIT = b"COMMIT\x00"


@pytest.fixture
def server(record_property: Callable[[str, object], None]) -> Iterator[postgres.Server]:
    with postgres.running(durable=True) as there:
        yield there
        record_property(KILLED, there.killed)


@contextmanager
def behind_a_proxy(server: postgres.Server) -> Iterator[tuple[SqlArchive, Proxy]]:
    address = make_url(server.url)
    with proxy(address.port or 0) as between:
        url = address.set(port=between.port).render_as_string(hide_password=False)
        with closing(open_archive(url, wait_seconds=5.0)) as archive:
            yield archive, between


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


def test_a_standby_takes_the_place_of_the_server_and_nothing_is_lost(
    server: postgres.Server,
) -> None:
    """The address names both, and asks for the one that can be written."""
    with server.followed() as standby:
        first, second = make_url(server.url), make_url(standby.url)
        hosts = [f"127.0.0.1:{each.port}" for each in (first, second)]
        both = first.set(
            host="", port=None, query={"host": hosts, "target_session_attrs": "read-write"}
        ).render_as_string(hide_password=False)
        with closing(open_archive(both, wait_seconds=5.0)) as archive:
            election = archive.election()
            assert election is not None
            with election.held("worker", at(0)):
                term = election.term()
                archive.save([sent(1, "退款")], now=at(0))
                server.kill()
                with pytest.raises(ArchiveError, match=f"%3A{second.port} can't be reached"):
                    archive.counts()
                standby.promote()
                assert archive.counts().chats == 1
                with pytest.raises(IndexerDeposed):
                    election.check()
            with election.held("worker", at(1)):
                assert election.term() > term
                archive.save([sent(2, "退货")], now=at(1))
                assert archive.counts().chats == 2


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


def test_a_save_is_whole_or_nothing_at_whichever_exchange_the_server_is_killed(
    server: postgres.Server,
) -> None:
    """Before each kind of exchange, and after it, when its answer is lost."""
    with behind_a_proxy(server) as (archive, between), ThreadPoolExecutor(1) as pool:
        moments: tuple[Moment, ...] = ("asked", "answered")
        for what in (b"pg_advisory_xact_lock", b"COPY", _COMMIT):
            for moment in moments:
                page = page_of(archive)
                first = page * _PER_PAGE + 1
                chats = [sent(i, "退款") for i in range(first, first + _PER_PAGE)]
                trap = Trap([between], what, lambda _: server.kill(), moment=moment)
                cursor = ("list", {"page": page + 1})
                saving = pool.submit(archive.save, chats, now=at(1), cursor=cursor)
                with pytest.raises(ArchiveError) as error:
                    saving.result(60)
                assert error.value.retry
                trap.wait()
                server.start()
                done = (what, moment) == (_COMMIT, "answered")
                assert page_of(archive) == page + done
                assert archive.counts().chats == (page + done) * _PER_PAGE
                archive.save(chats, now=at(2), cursor=cursor)
        assert archive.counts().pending == page_of(archive) * _PER_PAGE
        assert found(archive) == ()
    assert server.killed == 6


def test_an_election_goes_on_at_whichever_exchange_the_server_is_killed(
    server: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One indexer is deposed each time, and the one that waits is the next, in a later term."""
    monkeypatch.setattr(election, "_PAUSE_SECONDS", 0.1)

    def kill_and_start(_: Proxy) -> None:
        server.kill()
        server.start()

    with (
        behind_a_proxy(server) as (archive, between),
        closing(open_archive(server.url)) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        first, second = archive.election(), other.election()
        assert first is not None
        assert second is not None

        def held_once() -> int:
            with first.held("worker", at(5), -1):
                archive.save([sent(1, "退款")], now=at(6))
                return first.term()

        moments: tuple[Moment, ...] = ("asked", "answered")
        for what in (b"pg_advisory_lock", _COMMIT):
            for moment in moments:
                with second.held("worker", at(1)):
                    before = second.term()
                trap = Trap([between], what, kill_and_start, moment=moment)
                assert pool.submit(held_once).result(60) > before
                trap.wait()
        with second.held("worker", at(1)):
            before = second.term()
            waiting = pool.submit(held_once)
            server.kill()
            server.start()
            assert waiting.result(60) > before
            with pytest.raises(IndexerDeposed):
                second.check()
            with pytest.raises(IndexerDeposed):
                other.save([sent(2, "退款")], now=at(7))
        assert [chat_id for chat_id, _ in archive.id_revisions()] == [1]
    assert server.killed == 5
