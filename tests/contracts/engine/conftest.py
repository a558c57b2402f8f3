"""Every engine, one after the other, for the contract that all of them fulfil.

Tests in this folder speak of the port `Engine` alone. What only one engine does (its files, its
commits, its errors) is tested in `tests/engines/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import strategies as st

from kchat_search.engines.whoosh import literals, writer
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.meaning.table import Table
from kchat_search.models.plan import IndexDocument
from kchat_search.models.reports import no_progress
from kchat_search.ports import Engine
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


def _vary_whoosh(patch: pytest.MonkeyPatch, data: st.DataObject) -> None:
    # With so few chats the posting lists alone would decide. With 0 the texts are scanned early.
    scan_cost = data.draw(st.sampled_from((0, literals._SCAN_COST)))
    patch.setattr(literals, "_SCAN_COST", scan_cost)
    patch.setattr(writer, "MERGE_FACTOR", data.draw(merge_factors()))


ENGINES = {
    "whoosh": EngineUnderTest(lambda folder: WhooshEngine(folder, processes=1), _vary_whoosh),
}
"""Every engine under test, by name. To test another one, add it here."""


@pytest.fixture(scope="session", params=ENGINES)
def engine_under_test(request: pytest.FixtureRequest) -> EngineUnderTest:
    return ENGINES[request.param]


@pytest.fixture
def engine(engine_under_test: EngineUnderTest, tmp_path: Path) -> Iterator[Engine]:
    """An engine with an empty index."""
    engine = engine_under_test.open(tmp_path)
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
