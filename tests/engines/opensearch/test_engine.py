"""What only this engine can meet: servers that are away or forget, indexes that others change."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kchat_search.engines.opensearch import bulk, snapshot
from kchat_search.engines.opensearch.connection import Cluster
from kchat_search.engines.opensearch.engine import OpenSearchEngine
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.errors import ChatsRefused, EngineUnreachable, IndexDamaged
from kchat_search.models.plan import (
    Alike,
    Contains,
    EngineAnswer,
    Everything,
    FieldIs,
    HasWord,
    Messages,
    Near,
    Node,
    NoneOf,
    Passage,
    Plan,
    Said,
    Sight,
)
from tests.contracts.engine.conftest import build
from tests.contracts.engine.test_sight import RESTRICTIONS, many, some_plans
from tests.engines.documents import make
from tests.engines.opensearch.cluster import Prefixes
from tests.postgres import free_port


def test_it_answers_as_whoosh_does(prefixes: Prefixes, tmp_path: Path) -> None:
    """The same chats, counts and facets, in the same order where no two have one score."""
    chats = many(random.Random(14), random.Random(1))
    whoosh = WhooshEngine(tmp_path / "whoosh", processes=1)
    ours = prefixes.open(tmp_path / "opensearch")
    for engine in (whoosh, ours):
        build(engine, [chats[:40], chats[40:]])
        engine.write([replace(chat, revision=7) for chat in chats[30:50]], [3, 17])
    for sight in (Sight(), Sight(masked=True), Sight(RESTRICTIONS[0])):
        for plan in some_plans():
            one, other = whoosh.seen(sight).search(plan), ours.seen(sight).search(plan)
            assert without_scores(one) == without_scores(other)
            theirs = {hit.id: hit.score for hit in one.hits}
            assert {hit.id: hit.score for hit in other.hits} == pytest.approx(theirs, rel=1e-5)
            in_order = [theirs[hit.id] for hit in other.hits]
            assert in_order == pytest.approx(sorted(in_order, reverse=True), rel=1e-5)
    whoosh.close()
    ours.close()


def without_scores(answer: EngineAnswer) -> EngineAnswer:
    """The answer without what float32 may change: scores, and the order of equal ones."""
    hits = tuple(sorted((replace(hit, score=0.0) for hit in answer.hits), key=lambda hit: hit.id))
    related = sorted(
        (replace(one, hit=replace(one.hit, score=0.0)) for one in answer.related),
        key=lambda one: one.hit.id,
    )
    return replace(answer, hits=hits, related=tuple(related))


def test_a_state_that_the_server_has_forgotten_is_opened_anew(engine: OpenSearchEngine) -> None:
    engine.write([make(1, "退款")])
    assert engine.count(Contains("退款")) == 1
    engine._connection.ask("DELETE", "/_search/point_in_time/_all")
    assert engine.count(Contains("退款")) == 1
    assert [hit.id for hit in engine.search(Plan(Everything())).hits] == [1]


def test_what_is_being_written_is_seen_by_nobody(
    engine: OpenSearchEngine, prefixes: Prefixes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by who reads already, and not by who begins to."""
    engine.write([make(1, "退款")])
    assert engine.count(Contains("退款")) == 1
    reader = prefixes.open(tmp_path)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine._generations, "commit", die)
    with pytest.raises(KeyboardInterrupt):
        engine.write([make(2, "退款")], [1])
    monkeypatch.undo()
    for each in (engine, reader):
        assert list(each.ids(Plan(Contains("退款"), sort="newest"))) == [1]
    engine.write([make(2, "退款")], [1])
    for each in (engine, reader):
        assert list(each.ids(Plan(Contains("退款"), sort="newest"))) == [2]
    reader.close()


def test_a_check_in_the_middle_of_a_commit_finds_nothing_wrong(
    prefixes: Prefixes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chats are seen already, and how many there are is said in the next moment."""
    monkeypatch.setattr(snapshot, "_PAUSE", 0.0)
    engine, reader = prefixes.open(tmp_path, shards=1), prefixes.open(tmp_path, shards=1)
    build(engine, [[make(1, "退款")]])
    count, found = engine._generations.count, []

    def checked(index: str) -> int:
        found.append(reader.damage())
        return count(index)

    monkeypatch.setattr(engine._generations, "count", checked)
    engine.write([make(2, "退款")])
    assert found == [None]
    reader._snapshots.outdated()
    assert reader.damage() is None
    engine.close()
    reader.close()


def test_a_search_goes_by_what_the_servers_said_so_long_and_by_what_its_own_process_wrote(
    engine: OpenSearchEngine, prefixes: Prefixes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(snapshot, "monotonic", clock)
    reader = prefixes.open(tmp_path, refresh=5.0)
    engine.write([make(1, "退款")])
    assert reader.count(Contains("退款")) == 1
    engine.write([make(2, "退款")])
    clock.now += 4.9
    assert reader.count(Contains("退款")) == 1
    clock.now += 0.1
    assert reader.count(Contains("退款")) == 2
    reader.write([make(3, "退款")])
    assert (reader.count(Contains("退款")), engine.count(Contains("退款"))) == (3, 3)
    build(reader, [[make(4, "退款")]])
    assert reader.count(Contains("退款")) == 1
    reader.close()


class Clock:
    """A clock that moves only when told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_a_server_said_before_a_write_is_not_gone_by_after_it(
    prefixes: Prefixes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search asks, and while the answer is on its way, this process writes."""
    ours = prefixes.open(tmp_path, refresh=60.0)
    build(ours, [[make(1, "退款")]])
    assert ours.count(Contains("退款")) == 1
    ours._snapshots.outdated()
    current = ours._generations.current

    def late(**options: bool) -> object:
        monkeypatch.undo()
        found = current(**options)
        ours.write([make(2, "退款")])
        return found

    monkeypatch.setattr(ours._generations, "current", late)
    ours.count(Contains("退款"))
    assert ours.count(Contains("退款")) == 2
    ours.close()


@pytest.mark.slow
def test_what_is_beyond_the_limits_of_a_server_is_found_too(engine: OpenSearchEngine) -> None:
    """By default a document may have 10,000 nested ones, a term 32,766 bytes, a query 65,536
    terms."""
    sender = "#\n\x1f" + "q" * 40_000
    long = make(
        2, f"退款{'物流' * 100_000}到账 123", agent="a" * 40_000, participants=("b" * 50_000,)
    )
    said = Passage("x y", "agent", sender, 5)
    engine.write([make(1, *map(str, range(10_050))), long, make(3, "a" * 40_000, passages=(said,))])
    asked: dict[Node, int] = {
        Contains("10049"): 1,
        Contains("流到账 123"): 1,
        Near(("退款", "到账"), 200_000): 1,
        Near(("退款", "到账"), 199_999): 0,
        FieldIs("agent_id", ("a" * 40_000,)): 1,
        FieldIs("participant", ("b" * 50_000, "b" * 50_001)): 1,
        FieldIs("agent_id", ("a" * 40_001,)): 0,
        FieldIs("id", tuple(map(str, range(3, 70_000)))): 1,
        Said(Messages(senders=(sender,), start=5, end=6)): 1,
        HasWord("a" * 500, prefix=True): 1,
        HasWord("a" * 500): 0,
    }
    for node, found in asked.items():
        assert engine.count(node) == found, str(node)[:99]
    assert [len(v) for v in engine.values("participant", "b", 9, bool)] == [1_065]
    assert engine.damage() is None


def remove_a_chat(engine: OpenSearchEngine, index: str) -> None:
    engine._connection.ask("DELETE", f"/{index}/_doc/1")


def change_a_chat(engine: OpenSearchEngine, index: str) -> None:
    made = engine._connection.ask("GET", f"/{index}/_doc/1")["_source"]
    engine._connection.ask("PUT", f"/{index}/_doc/1", made | {"words": "退货"})


def test_a_chat_that_is_too_large_for_the_servers_stops_no_other(
    engine: OpenSearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_LARGEST", 50_000)
    chats = [make(1, "退款"), make(2, "退款 " + "长" * 20_000), make(3, "退款")]
    with pytest.raises(ChatsRefused, match="chat 2 ") as refused:
        engine.write(chats)
    assert (list(refused.value.chats), refused.value.written) == ([2], 2)
    assert sorted(engine.ids(Plan(Contains("退款")))) == [1, 3]
    with pytest.raises(ChatsRefused, match="chat 2 ") as refused:
        build(engine, [chats], "new")
    assert (list(refused.value.chats), refused.value.written) == ([2], 2)
    assert engine.describe().fingerprint == "new"
    assert sorted(engine.ids(Plan(Contains("退款")))) == [1, 3]


@pytest.mark.parametrize("change", [remove_a_chat, change_a_chat])
def test_a_chat_that_somebody_else_changed_is_damage(
    engine: OpenSearchEngine, change: Callable[[OpenSearchEngine, str], None]
) -> None:
    engine.write([make(1, "退款"), make(2, "退款")])
    assert engine.damage() is None
    index = engine.describe().generation
    assert index
    change(engine, index)
    engine._connection.ask("POST", f"/{index}/_refresh")
    engine._connection.ask("DELETE", "/_search/point_in_time/_all")
    assert "kchat-search reindex" in (engine.damage() or "")


def test_an_index_that_is_not_of_our_form_is_damage_and_a_rebuild_mends_it(
    engine: OpenSearchEngine, prefixes: Prefixes, tmp_path: Path
) -> None:
    index = engine.describe().generation
    assert index
    engine._connection.ask("DELETE", f"/{index}")
    engine._connection.ask("PUT", f"/{index}", {"aliases": {engine._generations.alias: {}}})
    engine._connection.ask("PUT", f"/{index}/_doc/1", {"x": 1})
    with pytest.raises(IndexDamaged, match="reindex"):
        engine.search(Plan(Everything()))
    other = prefixes.open(tmp_path)
    assert build(other, [[make(1, "退款")]]) == 1
    assert engine.count(Contains("退款")) == 1
    other.close()


def test_where_nobody_answers_every_method_says_so() -> None:
    engine = OpenSearchEngine(Cluster((f"http://127.0.0.1:{free_port()}",)))
    for call in (
        lambda: engine.search(Plan(Everything())),
        lambda: engine.write([make(1, "退款")]),
        lambda: build(engine, [[make(1, "退款")]]),
        engine.describe,
        engine.id_revisions,
        engine.damage,
    ):
        with pytest.raises(EngineUnreachable, match="KCHAT_OPENSEARCH_HOSTS"):
            call()
    engine.close()


def test_the_frequencies_that_are_kept_are_bounded(
    engine: OpenSearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is forgotten is asked for again, also in the middle of one question."""
    monkeypatch.setattr(snapshot, "_MOST_WORDS", 3)
    monkeypatch.setattr(snapshot, "_SEARCHES_AT_ONCE", 2)
    monkeypatch.setattr(snapshot, "_MOST_SIGHTS", 1)
    words = tuple(f"w{letter}" for letter in "abcdefghi")
    engine.write([make(1, " ".join(words)), make(2, "wa wb"), make(3, "wi x")])
    for _ in range(2):
        for sight in (Sight(), Sight(NoneOf(FieldIs("id", ("3",)))), Sight(masked=True)):
            reader = engine.seen(sight)
            assert reader.search(Plan(Everything(), words=words[:4])).total
            found = [one.hit.id for one in reader.alike(Alike(1, words, 5))]
            assert found == ([2] if sight.restriction != Everything() else [2, 3])
            assert reader.search(Plan(Everything(), words=words)).hits[0].id == 1
