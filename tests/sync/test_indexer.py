"""From the change queue to the engine. An entry leaves the queue after the engine has committed."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.engines.whoosh.generations import Current
from kchat_search.errors import ChatsRefused, IndexDamaged, IndexerDeposed, IndexUnwritable
from kchat_search.meaning.table import SHIPPED, Table, shipped
from kchat_search.models.plan import IndexDocument
from kchat_search.models.search import SearchRequest
from kchat_search.sync import decide
from kchat_search.sync.indexer import Indexer
from kchat_search.sync.tables import Tables
from tests.engines.documents import make
from tests.world import World, chat, message


class Full(WhooshEngine):
    """An engine whose disk is full after a few writes."""

    def __init__(self, folder: Path, writes: int) -> None:
        super().__init__(folder)
        self.writes = writes

    def write(self, upserts: Sequence[IndexDocument], deletes: Collection[int] = ()) -> None:
        self.writes -= 1
        if self.writes < 0:
            raise OSError(28, "No space left on device")
        super().write(upserts, deletes)


class Busy(WhooshEngine):
    """An engine that does something else during a rebuild: `before_swap` is called just before
    the swap, `meanwhile` just after it."""

    def __init__(
        self,
        folder: Path,
        meanwhile: Callable[[], object] = lambda: None,
        before_swap: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(folder)
        self.meanwhile = meanwhile
        swap = self._generations.swap

        def swap_then(new: Current) -> None:
            before_swap()
            swap(new)

        self._generations.swap = swap_then  # type: ignore[method-assign]

    def rebuild(self, *args: Any, **kwargs: Any) -> int:
        count = super().rebuild(*args, **kwargs)
        self.meanwhile()
        return count


class Claimed(WhooshEngine):
    """An engine whose index a later indexer writes."""

    def write(self, *_: Any, **__: Any) -> None:
        raise IndexerDeposed("a later one writes")

    def rebuild(self, *_: Any, **__: Any) -> int:
        raise IndexerDeposed("a later one writes")


class Picky(WhooshEngine):
    """An engine that does not take some chats."""

    refused: Collection[int] = ()

    def write(self, upserts: Sequence[IndexDocument], deletes: Collection[int] = ()) -> None:
        super().write([each for each in upserts if each.id not in self.refused], deletes)
        self._refuse({each.id for each in upserts})

    def rebuild(self, *args: Any, **kwargs: Any) -> int:
        count = super().rebuild(*args, **kwargs)
        for chat_id in self.refused:
            super().write([], [chat_id])
        self._refuse(set(self.refused), count - len(self.refused))
        return count

    def _refuse(self, ids: set[int], written: int = 0) -> None:
        if refused := ids.intersection(self.refused):
            raise ChatsRefused(dict.fromkeys(refused, "too large"), written)


def with_engine(world: World, engine: WhooshEngine) -> Indexer:
    service = world.service
    return Indexer(
        archive=service.archive,
        engine=engine,
        segmenter=service.segmenter,
        chat_reader=service.chat_reader,
        zone=world.settings.zone,
        tables=service.indexer.tables,
    )


def test_what_could_not_be_indexed_stays_in_the_queue(world: World) -> None:
    world.sync()
    ids = list(world.archived())
    world.service.archive.queue(ids)
    engine = Full(world.settings.index_dir, writes=0)
    with pytest.raises(OSError, match="No space"):
        with_engine(world, engine).index_pending()
    assert world.service.archive.counts().pending == len(ids)
    assert with_engine(world, Full(world.settings.index_dir, writes=9)).index_pending() == len(ids)
    engine.close()
    world.check_whole()


def test_chats_that_the_engine_refuses_wait_and_all_others_are_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kchat_search.sync.indexer._CHATS_PER_COMMIT", 4)
    world.sync()
    ids = set(world.archived())
    engine = Picky(world.settings.index_dir)
    indexer = with_engine(world, engine)
    engine.write([], ids)
    engine.refused = [103, 101]
    world.service.archive.queue(ids)
    with pytest.raises(ChatsRefused, match=r"chat 101 \(too large\), nor 1 others") as refused:
        indexer.index_pending()
    assert refused.value.chats.keys() == {101, 103}
    for _ in range(2):
        assert {entry.chat_id for entry in world.service.archive.changes(99)} == {101, 103}
        assert dict(engine.id_revisions()).keys() == ids - {101, 103}
        assert indexer.rebuild() == len(ids) - 2
    engine.refused = [103]
    with pytest.raises(ChatsRefused, match="chat 103"):
        indexer.index_pending()
    engine.refused = []
    assert indexer.index_pending() == 1
    engine.close()
    world.check_whole()


def test_where_another_indexer_writes_the_index_the_lock_decides_which_of_them_is_deposed(
    world: World,
) -> None:
    """If this process still holds the lock of its archive, the other one has another archive, and
    a person must part them: to wait for the lock again would depose the other one for ever."""
    world.sync()
    world.service.archive.queue([101])
    engine = Claimed(world.settings.index_dir)
    held = with_engine(world, engine)
    checks: list[int] = []

    def lost() -> None:
        checks.append(1)
        if len(checks) % 2 == 0:
            raise IndexerDeposed("the connection")

    for write in (Indexer.index_pending, Indexer.rebuild):
        with pytest.raises(IndexUnwritable, match="KCHAT_OPENSEARCH_PREFIX"):
            write(held)
        with pytest.raises(IndexerDeposed, match="connection"):
            write(replace(held, check=lost))
    assert world.service.archive.counts().pending == 1
    engine.close()


def test_what_changes_during_a_rebuild_is_indexed_after_it(world: World) -> None:
    world.sync()
    archive = world.service.archive
    engine = Busy(world.settings.index_dir, meanwhile=lambda: archive.queue([101]))
    archive.queue([102, 103])
    assert with_engine(world, engine).rebuild() == 25
    assert [change.chat_id for change in archive.changes(9)] == [101]
    engine.close()


@pytest.mark.slow
def test_changed_words_make_a_new_generation_while_the_old_one_answers(
    make_world: Callable[..., World], tmp_path: Path
) -> None:
    words = tmp_path / "words.txt"
    words.write_text("火星 100 n\n", encoding="utf-8")
    world = make_world(user_dict=words)
    world.sync()
    before = world.service.index_state()[0]
    hits = world.found("申请退款")
    assert hits
    words.write_text("申请退款 100 n\n退款进度 100 n\n", encoding="utf-8")
    during: list[set[int]] = []
    engine = Busy(
        world.settings.index_dir, before_swap=lambda: during.append(world.found("申请退款"))
    )
    world.service.follow_words()
    assert world.service.segmenter.segment_han("申请退款") == ["申请退款"]
    assert not world.service.index_state()[1], "a new generation is due"
    assert with_engine(world, engine).ensure_current()
    engine.close()
    after, is_current = world.service.index_state()
    assert during == [hits], "the old one answered until the swap"
    assert is_current
    assert after.generation != before.generation
    assert world.found("申请退款") == hits
    world.check_whole()


@pytest.mark.slow
def test_a_tick_follows_the_words(make_world: Callable[..., World], tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("", encoding="utf-8")
    world = make_world(user_dict=words)
    world.sync()
    before = world.service.engine.describe().generation
    words.write_text("申请退款 100 n\n", encoding="utf-8")
    with world.service.indexing("test"):
        world.service.tick()
        assert world.service.engine.describe().generation != before
        before = world.service.engine.describe().generation
        words.write_bytes(b"\xff\xfe not in UTF-8 \xff")
        world.later(hours=2).service.tick()
    assert world.service.engine.describe().generation == before, "the words before stay"
    assert world.service.segmenter.segment_han("申请退款") == ["申请退款"]
    world.check_whole()


def test_a_chat_that_the_archive_lacks_leaves_the_index(world: World) -> None:
    world.sync()
    world.service.engine.write([make(999, "多余")])
    assert world.service.verify(strings=5).surplus == (999,)
    assert world.service.indexer.heal() == 1
    world.check_whole()
    world.service.engine.write([make(999, "多余")])
    world.service.archive.queue([999])  # a chat that was queued and is no longer archived
    world.service.indexer.index_pending()
    world.check_whole()


def test_indexing_twice_is_indexing_once(world: World) -> None:
    world.kchat.put(chat(130, "重复 保修"))
    world.sync()
    for _ in range(3):
        world.service.archive.queue([130])
        world.service.indexer.index_pending()
    assert world.found("保修") == {130}
    assert world.service.engine.describe().documents == 26
    world.check_whole()


def test_an_index_that_was_removed_is_missed_and_built_anew(world: World) -> None:
    world.sync()
    assert world.service.status().coverage.complete
    shutil.rmtree(world.settings.index_dir)
    page = world.search("退款")
    assert page.total == 0
    assert not page.coverage.complete
    assert page.coverage.pending == 25
    with world.service.indexing("test"):
        world.service.tick()
    assert world.service.status().coverage.complete
    world.check_whole()


def test_damage_that_shows_only_in_writing_is_built_over(world: World) -> None:
    class Torn(WhooshEngine):
        def write(self, upserts: Sequence[IndexDocument], deletes: Collection[int] = ()) -> None:
            del upserts, deletes
            raise IndexDamaged("a postings block is torn")

    world.sync()
    world.service.archive.queue([101])
    engine = Torn(world.settings.index_dir)
    assert with_engine(world, engine).index_pending() == 25
    engine.close()
    world.check_whole()


@pytest.mark.parametrize(("said", "month"), [("0500-06-01 00:00:00", "0500-06"), (None, None)])
def test_months_sort_in_any_century(world: World, said: str | None, month: str | None) -> None:
    world.kchat.put(chat(130, "很久以前", created_at=said))
    world.sync()
    assert [v.value for v in world.search("很久以前").facets["created_month"]] == [month]


def test_where_much_waits_the_index_is_built_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decide, "REBUILD_FROM", 10)
    assert world.sync().indexed == 25
    built = world.service.engine.describe().generation
    world.check_whole()
    for chat_id in range(101, 105):
        world.kchat.put(chat(chat_id, "改了"))
    assert world.later(days=1).sync(reconcile=True).indexed == 4
    assert world.service.engine.describe().generation == built  # too few to build anew
    for chat_id in range(101, 113):
        world.kchat.put(chat(chat_id, "又改了"))
    assert world.later(days=1).sync(reconcile=True).indexed == 12
    assert world.service.engine.describe().generation != built
    world.check_whole()


def former(world: World, q: str) -> tuple[set[int], set[int]]:
    """(what is found now, what is found with what was said before)."""
    return world.found(q), world.found(q, history=True)


def test_what_was_said_before_is_found_when_it_is_asked_for(world: World) -> None:
    secret = message(11, 1, "访客7", "琥珀色长颈鹿是密钥")
    file = {"id": 9, "name": "质检报告-3号.pdf", "url": "https://example.com/9"}
    sent = message(12, 1, "访客7", "") | {"type": "chat.upload", "upload_id": 9, "upload": file}
    world.kchat.put(chat(1, messages=[secret, sent], status="open", end_at=None))
    world.kchat.put(chat(2, "你好"))
    world.sync()
    assert former(world, "琥珀色长颈鹿") == ({1}, {1})
    recalled = secret | {"msg": "消息已撤回", "recalled": 1}
    world.kchat.put(chat(1, messages=[recalled], status="open", end_at=None))
    world.later(minutes=10).sync()
    for q in ("琥珀色长颈鹿", "质检报告", "from:visitor 琥珀色长颈鹿"):
        assert former(world, q) == (set(), {1}), q
        assert world.found(f"in:history {q}") == {1}
    assert former(world, "已撤回") == ({1}, {1})
    assert former(world, "from:agent 琥珀色长颈鹿") == (set(), set())
    world.check_index()
    with world.service.indexing("test"):
        world.service.indexer.rebuild()
    assert former(world, "琥珀色长颈鹿") == (set(), {1})
    world.kchat.put(chat(1, messages=[secret], status="open", end_at=None))
    world.later(minutes=10).sync()
    assert former(world, "琥珀色长颈鹿") == ({1}, {1})


def test_a_damaged_version_is_left_out_and_named(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for text in ("一零一", "二零二", "三零三"):
        world.kchat.put(chat(1, text, status="open", end_at=None))
        world.later(minutes=10).sync()
    file = world.settings.archive_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE versions SET raw = raw || ' ' WHERE version = 2")
    with world.service.indexing("test"):
        world.service.indexer.rebuild()
    assert former(world, "一零一") == (set(), {1})
    assert former(world, "二零二") == (set(), set())
    assert "Not looked into" in caplog.text


def test_a_name_that_becomes_known_changes_who_took_part(world: World) -> None:
    said = message(1, 1, "小林", "您好") | {"role": "agent", "user_id": 77}
    world.kchat.put(chat(1, messages=[said]))
    world.sync()
    assert world.found(participant="77") == set()
    assert world.found(participant="小林") == {1}
    archive = world.service.archive
    archive.save_agents({"77": "林涛"}, now=world.now)
    world.later(minutes=10).sync()
    assert world.found(participant="77") == {1}
    assert world.found(participant="小林") == set()
    assert world.found("agent:林涛") == {1}
    assert world.found("assigned:77") == set()


def test_the_index_is_built_with_the_table_that_comes_with_the_package(world: World) -> None:
    world.sync()
    state = world.service.engine.describe()
    assert state.table == shipped().digest
    assert state.fingerprint is not None
    assert state.fingerprint.endswith(f"meaning {shipped().digest}")


def test_a_damaged_table_hides_the_meaning_and_nothing_else(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.sync()
    damaged = tmp_path / "shipped.table"
    damaged.write_bytes(SHIPPED.read_bytes()[:-1])
    found = {q: world.service.search(SearchRequest(q=q)).total for q in ("", "退款")}
    indexer = replace(world.service.indexer, tables=Tables(lambda: Table.read(damaged)))
    assert indexer.ensure_current()
    assert "is not as it was written" in caplog.text
    assert world.service.engine.describe().table is None
    assert {q: world.service.search(SearchRequest(q=q)).total for q in found} == found
    assert not indexer.ensure_current()
    assert world.service.indexer.ensure_current(), "the table is whole again"
    assert world.service.engine.describe().table == shipped().digest
