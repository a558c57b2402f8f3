"""An engine with an empty index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kchat_search.engines.whoosh.engine import WhooshEngine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[WhooshEngine]:
    made = WhooshEngine(tmp_path)
    made.rebuild([], "x")
    yield made
    made.close()
