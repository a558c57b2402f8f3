"""What ranks: the parts of a query that give scores (`engines.ranking` says which).

All statistics come as parameters: those of what somebody sees alone. So neither the shards nor what
they do not see have a part in a score. A score of the server is a float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kchat_search.engines.opensearch import scripts
from kchat_search.engines.opensearch.mapping import Json
from kchat_search.engines.opensearch.queries import literal, some
from kchat_search.engines.opensearch.snapshot import Statistics
from kchat_search.engines.ranking import K1, B, average_length, idfs, looked_up, phrase_bonus
from kchat_search.models.plan import Plan

_SEEN_BY_ALL = ("passages.text", "passages.joined", "passages.masked_joined")


class Scoring(NamedTuple):
    """What gives scores to the hits of a plan."""

    idf: Mapping[str, float]
    parts: list[Json]

    @classmethod
    def of(cls, plan: Plan, statistics: Statistics) -> Scoring:
        """`statistics` have the frequencies of `looked_up`."""
        dfs = {word: statistics.dfs[word] for word in looked_up(plan)}
        idf = idfs(plan, dfs, statistics.documents)
        average = average_length(statistics.words, statistics.documents)
        there = {word: weight for word, weight in idf.items() if dfs[word]}
        bonus = phrase_bonus(idf)
        parts = list(bm25(there, average))
        parts += [
            {"constant_score": {"filter": literal("passages.text", phrase), "boost": bonus}}
            for phrase in plan.phrases
        ]
        for tail in plan.tails:  # twice, so that a phrase does not outweigh it
            candidates = some(literal(name, tail) for name in _SEEN_BY_ALL)
            parts.append(scripts.tail(candidates, tail, 2 * bonus))
        return cls(idf, parts)

    def over(self, filters: Json) -> Json:
        """The query that finds what `filters` does, with these scores."""
        bool_: Json = {"filter": [filters]}
        if self.parts:
            bool_["should"] = self.parts
        return {"bool": bool_}


def bm25(weights: Mapping[str, float], average: float) -> Iterator[Json]:
    """The part of each word: its BM25 times its weight. `average`: words of a document."""
    for word, weight in weights.items():
        if weight > 0:
            yield scripts.word("words", word, weight * (K1 + 1), K1 * B / average, K1 * (1 - B))
