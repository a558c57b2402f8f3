"""The network to the server passes nothing on, or is cut: every call ends, and says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from time import monotonic

import pytest
from sqlalchemy import make_url

from kchat_search.archive import SqlArchive, election, open_archive
from kchat_search.databases import bounded_waits, connections
from kchat_search.errors import ArchiveError, IndexerDeposed
from tests.archive_on_postgres import EmptyOnPostgres
from tests.contracts.archive.chats import at
from tests.proxy import Proxy, Trap, proxy

from .damage import found, sent

pytestmark = pytest.mark.slow

_SECONDS = 60.0
_COMMIT = b"COMMIT\x00"
_RATE = 1_000


class Clock:
    """The clock by which waits end: a thousand times as fast as long as nothing passes. So a busy
    machine ends no other wait."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._fast_since: float | None = None

    def __call__(self) -> float:
        now = monotonic()
        since = now if self._fast_since is None else self._fast_since
        return now + self._ahead + (now - since) * _RATE

    def hurry(self) -> None:
        self._fast_since = monotonic()

    def go_on(self) -> None:
        self._ahead = self() - monotonic()
        self._fast_since = None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(bounded_waits, "monotonic", clock)
    monkeypatch.setitem(connections._CLIENT, "connect_timeout", 2)  # the least that there is
    return clock


@contextmanager
def behind_a_proxy(there: EmptyOnPostgres) -> Iterator[tuple[SqlArchive, Proxy]]:
    address = make_url(there.emptied())
    with proxy(address.port or 0) as between:
        url = address.set(port=between.port).render_as_string(hide_password=False)
        with closing(open_archive(url)) as archive:
            yield archive, between


@pytest.mark.parametrize("trouble", [Proxy.stall, Proxy.cut])
@pytest.mark.parametrize("what", [b"pg_advisory_xact_lock", b"COPY", _COMMIT])
def test_a_save_ends_and_is_whole_or_nothing(
    archive_on_postgres: EmptyOnPostgres,
    clock: Clock,
    what: bytes,
    trouble: Callable[[Proxy], None],
) -> None:
    """Whichever exchange of it is the one that no answer comes to."""
    with (
        behind_a_proxy(archive_on_postgres) as (archive, between),
        ThreadPoolExecutor(1) as pool,
    ):
        archive.save([sent(1, "退款")], now=at(1), cursor=("list", {"page": 1}))

        def make_trouble(at: Proxy) -> None:
            trouble(at)
            clock.hurry()

        trap = Trap([between], what, make_trouble)
        chats = [sent(i, "退款") for i in range(2, 60)]
        saving = pool.submit(archive.save, chats, now=at(2), cursor=("list", {"page": 2}))
        with pytest.raises(ArchiveError) as error:
            saving.result(_SECONDS)
        assert error.value.retry
        trap.wait()
        with pytest.raises(ArchiveError, match="can't be reached"):
            pool.submit(archive.counts).result(_SECONDS)
        between.cut()
        clock.go_on()
        between.mend()
        page = int((archive.cursor("list") or {})["page"])
        assert archive.counts().chats == {1: 1, 2: 59}[page]
        archive.save(chats, now=at(3), cursor=("list", {"page": 2}))
        assert archive.counts().chats == 59
        assert found(archive) == ()


def test_an_indexer_that_hears_nothing_is_deposed_and_another_takes_over(
    archive_on_postgres: EmptyOnPostgres, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(election, "_PAUSE_SECONDS", 0.1)
    with (
        behind_a_proxy(archive_on_postgres) as (archive, between),
        closing(open_archive(archive_on_postgres.url)) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        first, second = archive.election(), other.election()
        assert first is not None
        assert second is not None
        with first.held("worker", at(1)):
            between.stall()
            clock.hurry()
            with pytest.raises(IndexerDeposed):
                pool.submit(first.check).result(_SECONDS)
            clock.go_on()

            def take_over() -> None:
                with second.held("worker", at(2), -1):
                    other.save([sent(1, "退款")], now=at(3))

            taking = pool.submit(take_over)
            between.cut()
            taking.result(_SECONDS)
            between.mend()
            with pytest.raises(IndexerDeposed):
                archive.save([sent(2, "退款")], now=at(4))
        assert [chat_id for chat_id, _ in archive.id_revisions()] == [1]
        # Who waits for the lock without an end waits for the network, too.
        between.stall()
        waiting = pool.submit(held_once, first)
        between.cut()
        between.mend()
        waiting.result(_SECONDS)


def held_once(of: election.DatabaseElection) -> None:
    with of.held("worker", at(5), -1):
        of.check()
