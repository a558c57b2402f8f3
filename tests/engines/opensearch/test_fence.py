"""A former indexer, of an earlier term, whose requests arrive after those of the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from kchat_search.engines.opensearch import bulk, generations
from kchat_search.engines.opensearch.documents import sources
from kchat_search.engines.opensearch.engine import OpenSearchEngine
from kchat_search.engines.opensearch.fence import Into
from kchat_search.errors import EngineUnreachable, IndexDamaged, IndexerDeposed
from tests.contracts.engine.conftest import build
from tests.engines.documents import make
from tests.engines.opensearch.cluster import Prefixes
from tests.engines.opensearch.test_build import cluster_of

Write = Callable[[OpenSearchEngine], object]
Pair = tuple[OpenSearchEngine, OpenSearchEngine]


@pytest.fixture
def pair(prefixes: Prefixes, tmp_path: Path) -> Iterator[Pair]:
    """(a former indexer, the next one) over one index of the chats 1 and 2."""
    former, present = prefixes.open(tmp_path), prefixes.open(tmp_path)
    build(former, [[make(1, "退款"), make(2, "退款")]])
    yield former, present
    former.close()
    present.close()


def put(engine: OpenSearchEngine) -> None:
    engine.write([make(1, "退款", revision=1), make(3, "退款", revision=1)], [2])


def put_later(engine: OpenSearchEngine) -> None:
    engine.write([make(n, "到账", revision=2) for n in (1, 2, 3)], [4])


def rebuild(engine: OpenSearchEngine) -> None:
    build(engine, [[make(1, "退款", revision=1)], [make(4, "退款", revision=1)]], "former")


def rebuild_later(engine: OpenSearchEngine) -> None:
    build(engine, [[make(n, "到账", revision=2) for n in (1, 2, 3)]], "later")


def state(engine: OpenSearchEngine) -> object:
    """All that anybody sees of it."""
    return engine._generations.current(), dict(engine.id_revisions()), engine.describe()


@pytest.mark.parametrize("act", [put, rebuild])
@pytest.mark.parametrize("later", [put_later, rebuild_later])
def test_once_the_next_has_written_the_former_changes_nothing(
    pair: Pair, act: Write, later: Write
) -> None:
    former, present = pair
    put(former)
    later(present)
    before = state(present)
    for _ in range(2):
        with pytest.raises(IndexerDeposed, match="began later"):
            act(former)
    assert state(present) == before
    assert set(indexes(present)) == {present.describe().generation}
    put_later(present)
    assert present.damage() is None


def indexes(engine: OpenSearchEngine) -> Iterator[str]:
    yield from engine._connection.ask("GET", f"/{engine._generations.alias}-*")


@pytest.mark.slow
@pytest.mark.parametrize(("act", "later"), [(put, rebuild_later), (rebuild, put_later)])
def test_whichever_request_of_the_former_was_held_back_the_next_ones_chats_stay(
    prefixes: Prefixes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Write, later: Write
) -> None:
    """Each request of the former is tried: it arrives after the next one has written."""
    monkeypatch.setattr(generations, "_WAIT", "50ms")
    reader = prefixes.open(tmp_path)
    build(reader, [])
    for number in range(99):
        former, present = prefixes.open(tmp_path), prefixes.open(tmp_path)
        former.write([make(1, "退款"), make(2, "退款")], [3, 4])
        held = hold(former, number, partial(later, present))
        with suppress(IndexerDeposed, EngineUnreachable):
            act(former)
        if not held.done:
            assert number > 5
            break
        found = dict(reader.id_revisions())
        found.pop(4, None)  # of the former's build, swapped before the next one began to write
        assert found == {1: 2, 2: 2, 3: 2}, number
        assert reader.damage() is None, number
        former.close()
        present.close()
    reader.close()


@dataclass
class Held:
    """Hands requests on; before one of them, something else happens."""

    ask: Callable[..., Any]
    waits: int
    meanwhile: Callable[[], object]
    done: bool = False

    def __call__(self, *args: Any, **params: Any) -> Any:
        if not self.waits:
            self.meanwhile()
            self.done = True
        self.waits -= 1
        return self.ask(*args, **params)


def hold(engine: OpenSearchEngine, number: int, meanwhile: Callable[[], object]) -> Held:
    held = Held(engine._connection.ask, number, meanwhile)
    engine._connection.ask = held  # type: ignore[method-assign]
    return held


def test_what_was_past_the_alias_is_refused_by_each_document(pair: Pair) -> None:
    """As where a server was stopped between looking the alias up and writing."""
    former, present = pair
    into = former._fence.into(former.describe().generation or "")
    present.write([make(1, "到账", revision=2)], [2])
    past = Into(present._fence.write_alias(present.describe().generation or ""), into.version)
    (document,) = sources([make(2, "退款")], None)
    for late in (bulk.index(past, document), bulk.delete(past, 1)):
        with pytest.raises(IndexDamaged, match="version_conflict"):
            bulk.write(present._connection, [late])
    present.write([])
    assert dict(present.id_revisions()) == {1: 2}


def test_an_own_request_that_comes_twice_does_not_bring_back_what_it_said(pair: Pair) -> None:
    """A proxy kept it until it had been sent again, and more was written since."""
    _, present = pair
    sent: list[bytes] = []
    send = present._connection.send

    def kept(lines: bytes) -> list[Mapping[str, Any]]:
        sent.append(lines)
        return send(lines)

    present._connection.send = kept  # type: ignore[method-assign]
    present.write([make(1, "退款", revision=5)])
    present.write([make(1, "到账", revision=6)])
    (item,) = send(sent[0])
    assert item["status"] == 409
    present.write([make(2, "到账", revision=6)])
    assert dict(present.id_revisions()) == {1: 6, 2: 6}


def test_a_swap_that_is_sent_twice_is_one(pair: Pair) -> None:
    """A connection broke before its answer."""
    former, _ = pair
    ask = former._connection.ask

    def twice(method: str, path: str, *args: Any, **params: Any) -> Any:
        if path == "/_aliases":
            ask(method, path, *args, **params)
        return ask(method, path, *args, **params)

    former._connection.ask = twice  # type: ignore[method-assign]
    rebuild(former)
    assert dict(former.id_revisions()) == {1: 1, 4: 1}


def test_who_is_no_indexer_writes_nothing_where_there_was_one(pair: Pair) -> None:
    nobody = OpenSearchEngine(cluster_of(pair[0]))
    for act in (put, rebuild):
        with pytest.raises(IndexerDeposed):
            act(nobody)
    assert dict(pair[0].id_revisions()) == {1: 1, 2: 1}
    nobody.close()


@pytest.mark.parametrize("later", [-1, 1])
def test_a_prefix_of_digits_is_no_term(prefixes: Prefixes, tmp_path: Path, later: int) -> None:
    """Neither that of a later indexer nor that of a former one."""
    digits = str(int(sha256(str(tmp_path).encode()).hexdigest()[:7], 16) + 2)
    engine = OpenSearchEngine(
        replace(prefixes.cluster(tmp_path), prefix=digits), lambda: int(digits) - later
    )
    for act, chats in ((rebuild, {1: 1, 4: 1}), (put_later, {1: 2, 2: 2, 3: 2})):
        act(engine)
        assert dict(engine.id_revisions()) == chats
    engine._connection.ask("DELETE", f"/{digits}-*")
    engine.close()
