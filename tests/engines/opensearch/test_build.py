"""A build in several processes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from kchat_search.engines.opensearch import generations
from kchat_search.engines.opensearch.connection import Cluster
from kchat_search.engines.opensearch.engine import OpenSearchEngine
from kchat_search.errors import EngineUnreachable, IndexUnwritable
from kchat_search.models.plan import Contains
from kchat_search.models.reports import no_progress
from tests.contracts.engine.conftest import build
from tests.engines import builders
from tests.engines.documents import make
from tests.engines.opensearch.cluster import Prefixes
from tests.meaning.tables import random_table

SHARDS = 2


@pytest.mark.slow
def test_several_processes_build_what_one_builds_and_a_killed_one_changes_nothing(
    prefixes: Prefixes, tmp_path: Path
) -> None:
    engine = prefixes.open(tmp_path)
    several = OpenSearchEngine(cluster_of(engine, processes=2), engine._fence.term)
    build(engine, [[make(1, "退款")]], "old")
    batches = [range(n, n + 7) for n in range(1, 70, 7)]
    with pytest.raises(IndexUnwritable, match="ended from outside"):
        several.rebuild(batches, "new", builders.die)
    with pytest.raises(LookupError, match="no chat thirteen"):
        several.rebuild(batches, "new", builders.refuse)
    assert (engine.describe().fingerprint, engine.count(Contains("退款"))) == ("old", 1)
    steps: list[tuple[str, int]] = []
    count = several.rebuild(
        batches,
        "new",
        builders.chats,
        lambda step, done, _: steps.append((step, done)),
        table=random_table("退款订单"),
    )
    assert [done for step, done in steps if step == "index"] == list(range(7, 71, 7))
    assert count == engine.describe().documents == 70
    found = dict(engine.id_revisions())
    engine.rebuild(batches, "one", builders.chats, no_progress, low_memory=True)
    assert found == dict(engine.id_revisions())
    assert engine.damage() is None
    several.close()
    engine.close()


def test_a_build_leaves_few_segments_and_is_whole_where_that_fails(
    engine: OpenSearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generations, "WORTH_MERGING", 0)
    monkeypatch.setattr(generations, "_PAUSE", 0)
    ours = engine._generations
    for number in range(1, 9):
        engine.write([make(number, "退款")])
    current = ours.current()
    assert current
    assert engine.describe().segments > SHARDS
    ours.merge(current.index, lambda: None)
    ours.commit(current)
    assert engine.describe().segments == SHARDS
    assert (engine.count(Contains("退款")), engine.damage()) == (8, None)
    ask = engine._connection.ask

    def away(method: str, path: str, *rest: object, **more: object) -> object:
        if "_forcemerge" in path:
            raise EngineUnreachable("away")
        return ask(method, path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(engine._connection, "ask", away)
    assert build(engine, [[make(1, "退款")]]) == 1


def cluster_of(engine: OpenSearchEngine, **other: object) -> Cluster:
    return dataclasses.replace(engine._connection.cluster, **other)  # type: ignore[arg-type]
