"""How near two texts are by meaning, and how near is near enough to be shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOOR = 0.32
"""What a query's and a chat's nearness must be, at least. Chosen on one half of the judged queries
so that at least half of what is shown is right, with the shipped table and with a fitted one:
`python -m benchmarks.relevance paraphrases --floors`, and with `--fitted` (see docs/benchmarks.md,
also for the other half)."""

BESIDE_HITS = 0.56
"""The same where some chat has the words. Whoever types a name mostly finds it, and a guess beside
it is mostly wrong: of the names of CrossWOZ, 62 % would have one with `FLOOR`, 2 % have one so. Of
the guesses beside visitors' own sentences in the demo, 89 % are right with it."""

OF_OPENINGS = np.array([1.0, 0.7, 0.7])
"""What the nearness of each of a chat's openings counts. Later ones often only answer the agent
(«没通知我»), and come near a query by chance. Measured with all of these queries and no floor,
nDCG@10: .28 where all count the same, .33 so, .34 with the first alone, which in some chats says
nothing."""
_HALF = 2
"""A vector of so many features counts half."""


def certainty(features: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """How much a cosine counts with a vector that is the sum of so many features: 0 to 1. The
    fewer there are, the more does chance decide. Measured likewise, nDCG@10: .36 with it."""
    many = features.astype(np.float64)
    return many / (many + _HALF)
