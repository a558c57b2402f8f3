"""The figures of ranking, calculated by hand."""

from __future__ import annotations

import math

import pytest

from benchmarks.relevance import figures


@pytest.mark.parametrize(
    ("shown", "right", "mrr", "ndcg", "recall"),
    [
        ([7], {7}, 1.0, 1.0, 1.0),
        ([1, 7], {7}, 0.5, 1 / math.log2(3), 1.0),
        ([7, 1, 8], {7, 8}, 1.0, (1 + 0.5) / (1 + 1 / math.log2(3)), 1.0),
        ([7, 1], {7, 8, 9, 10}, 1.0, 1 / (1 + 1 / math.log2(3) + 0.5 + 1 / math.log2(5)), 0.25),
        ([*range(10), 70], {70}, 0.0, 0.0, 1.0),  # the eleventh
        ([], {7}, 0.0, 0.0, 0.0),
    ],
)
def test_the_figures_are_what_their_definitions_say(
    shown: list[int], right: set[int], mrr: float, ndcg: float, recall: float
) -> None:
    found = figures([("q", right)], lambda _: shown)
    assert found == pytest.approx({"MRR@10": mrr, "nDCG@10": ndcg, "recall@20": recall})


def test_the_figures_are_means_over_all_queries() -> None:
    shown = {"a": [1], "b": [2, 1]}
    found = figures([("a", {1}), ("b", {1})], lambda q: shown[q])
    assert found["MRR@10"] == 0.75
