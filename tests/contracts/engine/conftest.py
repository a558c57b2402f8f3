"""Every engine, one after the other, for the contract that all of them fulfil.

Tests in this folder speak of the port `Engine` alone. What only one engine does (its files, its
commits, its errors) is tested in `tests/engines/`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kchat_search.engines.whoosh import literals, writer
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.meaning.table import Table
from kchat_search.models.plan import IndexDocument
from kchat_search.models.reports import no_progress
from kchat_search.ports import Engine
from tests import opensearch
from tests.engines.opensearch.cluster import Prefixes
from tests.engines.whoosh.stock import merge_factors

T = TypeVar("T")


@dataclass(frozen=True)
class EngineUnderTest:
    """How the tests get an engine."""

    open: Callable[[Path], Engine]
    """Opens the engine whose index is in a folder. Two engines over one folder are like two
    processes over one index."""
    vary: Callable[[pytest.MonkeyPatch, st.DataObject], None]
    """Makes random choices that must not change any answer, such as when segments are merged. Tests
    have few chats; without this they would reach only a part of the engine's code."""
    examples: float = 1.0
    """Of the random examples of a test, so many are tried."""

    def some(self, items: Iterable[T], turn: int) -> Sequence[T]:
        """Of the items that a test tries in turns: all of them, or each fourth for an engine that
        takes long, so that four turns try all."""
        return list(items)[turn % 4 :: 4] if self.examples < 1 else list(items)


def _vary_whoosh(patch: pytest.MonkeyPatch, data: st.DataObject) -> None:
    # With so few chats the posting lists alone would decide. With 0 the texts are scanned early.
    scan_cost = data.draw(st.sampled_from((0, literals._SCAN_COST)))
    patch.setattr(literals, "_SCAN_COST", scan_cost)
    patch.setattr(writer, "MERGE_FACTOR", data.draw(merge_factors()))


def _as_it_is(patch: pytest.MonkeyPatch, data: st.DataObject) -> None:
    del patch, data


def _whoosh(run: Path) -> Iterator[EngineUnderTest]:
    del run
    yield EngineUnderTest(lambda folder: WhooshEngine(folder, processes=1), _vary_whoosh)


def _opensearch(run: Path) -> Iterator[EngineUnderTest]:
    prefixes = Prefixes(opensearch.shared(run), shards=2)
    yield EngineUnderTest(prefixes.open, _as_it_is, examples=0.1)
    prefixes.remove()


ENGINES = {"whoosh": _whoosh, "opensearch": _opensearch}
"""Every engine under test, by name: makes it ready, and clears up after the tests of a module. To
test another one, add it here."""


@pytest.fixture(scope="module", params=ENGINES)
def engine_under_test(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EngineUnderTest]:
    base = tmp_path_factory.getbasetemp()
    worker = "PYTEST_XDIST_WORKER" in os.environ
    yield from ENGINES[request.param](base.parent if worker else base)


def examples(
    most: int, *strategies: st.SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Callable[[EngineUnderTest], None]]:
    """A test over random examples: at most `most`, fewer for an engine that takes long for each.
    The test is called with the engine and an example of each strategy."""

    def decorated(test: Callable[..., None]) -> Callable[[EngineUnderTest], None]:
        def run(engine_under_test: EngineUnderTest) -> None:
            count = math.ceil(most * engine_under_test.examples)

            @settings(max_examples=count, deadline=None)
            @given(st.tuples(*strategies))
            def each(example: tuple[Any, ...]) -> None:
                test(engine_under_test, *example)

            each()

        run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
        return run

    return decorated


@pytest.fixture
def engine(engine_under_test: EngineUnderTest, tmp_path: Path) -> Iterator[Engine]:
    """An engine with an empty index."""
    engine = engine_under_test.open(tmp_path)
    build(engine, [])
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def engine_to_read(
    engine_under_test: EngineUnderTest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """An engine with an empty index, one for all tests of a module. What fills it is a fixture of
    the module too; tests only read it."""
    engine = engine_under_test.open(tmp_path_factory.mktemp("index"))
    build(engine, [])
    yield engine
    engine.close()


def as_they_are(batch: Sequence[T]) -> Sequence[T]:
    """The documents of a batch that consists of documents."""
    return batch


def build(
    engine: Engine,
    batches: Iterable[Sequence[IndexDocument]],
    fingerprint: str = "x",
    table: Table | None = None,
) -> int:
    """Rebuild the index from these documents; how many it has."""
    return engine.rebuild(batches, fingerprint, as_they_are, no_progress, table=table)
