"""The table of meanings is fitted on the archive: by `reindex`, and at night after growth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.engines.whoosh.generation_table import FILE
from kchat_search.meaning.refit import Refit, Talk
from kchat_search.meaning.table import SHIPPED, Table, shipped
from kchat_search.models.plan import IndexDocument, Passage
from kchat_search.sync import refit as module
from kchat_search.sync.refit import Refitter, talk_of
from kchat_search.sync.tables import Tables
from tests.world import World, chat

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fitted() -> Table:
    """A small one."""
    keys = shipped().keys[:50]
    vectors = np.random.default_rng(1).standard_normal((50, 256)).astype(np.float32)
    return Table.made(keys, np.ones(50, np.float32), vectors, fitted=True)


class Fits:
    """In the place of `meaning.refit.refit`."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.talks: list[list[Talk]] = []

    def __call__(self, talks: list[Talk], _: Table) -> Refit:
        self.talks.append(talks)
        return Refit(self.table, 1, 0.25, 0.5)


@pytest.fixture
def fits(fitted: Table, monkeypatch: pytest.MonkeyPatch) -> Fits:
    fake = Fits(fitted)
    monkeypatch.setattr(module, "refit", fake)
    return fake


@pytest.fixture
def world(world: World) -> World:
    """Synced, at two o'clock in the night, with a refitter that needs few chats."""
    world.sync()
    world.later(hours=14)
    enough = replace(world.service.refitter, least_chats=20)
    world.service = replace(world.service, refitter=enough)
    return world


def tick(world: World) -> bool:
    with world.service.indexing("test"):
        return world.service.refitter.tick()


def reindex(world: World) -> int:
    with world.service.indexing("test"):
        return world.service.reindex()


def test_reindex_fits_the_table_and_says_what_was_decided(
    world: World, fits: Fits, fitted: Table, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    before = world.found("退款")
    assert reindex(world) == 25
    state = world.service.engine.describe()
    assert (state.table, state.table_fitted) == (fitted.digest, True)
    assert "The table of meanings: fitted. Of 1 chats held back" in caplog.text
    assert "0.250 with the shipped table, 0.500 with one fitted" in caplog.text
    assert world.service.index_state()[1]
    assert not world.service.indexer.ensure_current()
    assert world.found("退款") == before
    assert len(fits.talks[0]) == 25
    world.check_whole()


def test_reindex_takes_the_shipped_table_where_that_is_better(world: World, fits: Fits) -> None:
    reindex(world)
    fits.table = shipped()
    reindex(world)
    assert world.service.engine.describe().table == shipped().digest


def test_few_chats_fit_nothing(world: World, fits: Fits) -> None:
    few = replace(world.service.refitter, least_chats=26)
    world.service = replace(world.service, refitter=few)
    assert reindex(world) == 25
    assert not tick(world)
    assert fits.talks == []
    assert world.service.engine.describe().table == shipped().digest


def test_a_build_for_another_reason_keeps_the_fitted_table(
    world: World, fits: Fits, fitted: Table
) -> None:
    reindex(world)
    world.service.indexer.rebuild()
    assert world.service.engine.describe().table == fitted.digest
    assert len(fits.talks) == 1


def test_a_table_that_comes_with_the_next_release_replaces_the_fitted_one(
    world: World, fits: Fits
) -> None:
    reindex(world)
    keys = shipped().keys[:9]
    newer = Table.made(keys, np.ones(9, np.float32), np.ones((9, 256), np.float32))
    indexer = replace(world.service.indexer, tables=Tables(lambda: newer))
    assert indexer.ensure_current()
    assert world.service.engine.describe().table == newer.digest
    assert len(fits.talks) == 1


def test_in_the_night_the_worker_fits_it_once_and_again_after_growth_by_a_fifth(
    world: World, fits: Fits, fitted: Table
) -> None:
    assert tick(world)
    assert world.service.engine.describe().table == fitted.digest
    assert not tick(world)
    assert not tick(world.later(days=1))
    for number in range(1_000, 1_004):
        world.kchat.put(chat(number))
    world.sync()
    assert not tick(world.later(days=1)), "29 chats are not a fifth more than 25"
    world.kchat.put(chat(1_004))
    world.sync()
    assert tick(world.later(days=1))
    assert len(fits.talks) == 2
    world.check_whole()


def test_the_same_decision_builds_nothing(world: World, fits: Fits) -> None:
    fits.table = shipped()
    generation = world.service.engine.describe().generation
    assert tick(world)
    assert world.service.engine.describe().generation == generation
    assert not tick(world.later(days=1))


def test_by_day_and_during_a_backfill_nothing_is_fitted(world: World, fits: Fits) -> None:
    assert not tick(world.later(hours=6))
    world.later(hours=18)
    cursor = world.service.archive.cursor("backfill")
    assert cursor is not None
    world.service.archive.set_cursor("backfill", cursor | {"done": False}, now=world.now)
    assert not tick(world)
    world.service.archive.set_cursor("backfill", cursor, now=world.now)
    assert tick(world)
    assert len(fits.talks) == 1


def test_what_is_killed_answers_on_and_is_tried_again_a_day_later(
    world: World, fits: Fits, fitted: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> Refit:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, "refit", killed)
        with pytest.raises(KeyboardInterrupt):
            tick(world)
    assert not tick(world), "not at once: it may be killed again and again"
    world.check_whole()
    assert tick(world.later(days=1))
    assert world.service.engine.describe().table == fitted.digest


def test_a_fitted_table_that_is_damaged_is_replaced_and_fitted_again(
    world: World, fits: Fits, fitted: Table
) -> None:
    reindex(world)
    generation = world.service.engine.describe().generation
    file = world.settings.index_dir / str(generation) / FILE
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    again = replace(world.service.indexer, engine=WhooshEngine(file.parent.parent))
    assert again.engine.describe().table_problem is not None
    assert again.ensure_current()
    assert again.engine.describe().table == shipped().digest
    again.engine.close()
    world.check_whole()
    assert tick(world.later(days=1))
    assert world.service.engine.describe().table == fitted.digest
    assert len(fits.talks) == 2


def test_without_a_table_nothing_is_fitted(make_world: Callable[..., World], fits: Fits) -> None:
    world = make_world(meaning=False)
    world.sync()
    enough = replace(world.service.refitter, least_chats=20)
    world.service = replace(world.service, refitter=enough)
    assert reindex(world) == 25
    assert not tick(world.later(hours=14))
    assert fits.talks == []
    assert world.service.engine.describe().table is None


def damaged(how: str, path: Path) -> None:
    content = SHIPPED.read_bytes()
    half = len(content) // 2
    if how == "cut off":
        path.write_bytes(content[:half])
    elif how == "a byte flipped":
        path.write_bytes(content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :])
    elif how == "empty":
        path.write_bytes(b"")


@pytest.mark.parametrize("how", ["missing", "empty", "cut off", "a byte flipped"])
def test_a_damaged_table_hides_what_is_meant_until_it_is_whole(
    how: str, make_world: Callable[..., World], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "shipped.table"
    damaged(how, file)
    tables = Tables(lambda: Table.read(file))
    world = with_tables(make_world(), tables)
    world.sync()
    for _ in range(2):
        world.service.tick()
    assert reindex(world) == 25
    assert world.found("退款")
    assert world.service.index_state()[1]
    assert world.service.engine.describe().table is None
    assert [r for r in caplog.messages if str(file) in r] == [tables.problem()]
    world.check_whole()
    file.write_bytes(SHIPPED.read_bytes())
    assert tables.problem() is None
    world.service.tick()
    assert world.service.engine.describe().table == shipped().digest
    world.check_whole()


def with_tables(world: World, tables: Tables) -> World:
    service = world.service
    indexer = replace(service.indexer, tables=tables)
    world.service = replace(
        service,
        indexer=indexer,
        syncer=replace(service.syncer, indexer=indexer),
        refitter=replace(service.refitter, indexer=indexer),
    )
    return world


def test_chats_are_taken_evenly_and_those_that_are_damaged_are_left_out(
    world: World, fits: Fits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_TALKS", 5)
    steps: list[tuple[Any, ...]] = []
    refitter: Refitter = world.service.refitter
    refitter.reindex(lambda *step: steps.append(step))
    assert len(fits.talks[0]) == 5
    assert ("fit", 5, 5) in steps


def test_of_a_chat_only_what_everybody_sees_is_learned() -> None:
    made = IndexDocument(
        id=1,
        revision=1,
        created=None,
        month=None,
        fields={},
        passages=(
            Passage("你好", "visitor"),
            Passage("电话138\ufdd0\ufdd0\ufdd0\ufdd08845", "visitor"),
            Passage("", "visitor"),  # recalled
            Passage("发票.pdf", "visitor"),
            Passage("您好", "agent"),
            Passage("谢谢", "visitor"),
            Passage("欢迎", "robot"),
            Passage("访客李雷", None),
        ),
        files=("发票.pdf",),
        words=(),
        openings=(1,),
    )
    assert talk_of(made) == Talk(
        ("电话138\ufdd0\ufdd0\ufdd0\ufdd08845",), ("你好", "谢谢"), ("您好",)
    )
