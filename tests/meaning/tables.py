"""Tables for tests: random vectors for a few characters."""

from __future__ import annotations

import numpy as np

from kchat_search.meaning.codes import SIZE
from kchat_search.meaning.table import Table


def random_table(characters: str, seed: int = 0, *, fitted: bool = False) -> Table:
    """A table that knows these characters alone, each with a random vector."""
    random = np.random.default_rng(seed)
    keys = np.array(sorted(map(ord, set(characters))), np.uint64)
    vectors = random.normal(size=(len(keys), SIZE)).astype(np.float32)
    return Table.made(keys, np.ones(len(keys), np.float32), vectors, fitted=fitted)
