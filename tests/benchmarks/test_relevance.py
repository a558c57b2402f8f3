"""The figures of ranking, calculated by hand."""

from __future__ import annotations

import math

import pytest

from benchmarks.relevance import Page, at_floor, figures, parts, shown, unlike


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


PAGES = {
    "a": Page([1, 2], [3], [4, 5, 6], [0.9, 0.6, 0.5]),
    "b": Page([], [], [7], [0.5]),
    "none": Page([], [], [8], [0.6]),
}
JUDGED = [("a", {1, 4, 6}), ("b", {9})]


def test_each_part_of_a_page_is_judged_alone() -> None:
    found = parts(JUDGED, PAGES)
    assert found["ours"]["MRR@10"] == 0.5  # the first of «a», none of «b»
    assert found["ours, exact alone"]["right of 5"] == 0.5
    assert found["ours, related by words"]["right of 5"] == 0.0
    meaning = found["ours, related by meaning"]
    assert (meaning["answered"], meaning["right of 5"]) == (1.0, 0.5)


def test_by_meaning_only_what_the_other_parts_lack_is_right() -> None:
    """Of «a», chat 1 is exact already. Where nothing is lacking, the query is not counted."""
    assert parts(JUDGED, PAGES)["ours, related by meaning"]["recall@20"] == 0.5
    assert parts([("a", {1, 2, 3}), ("b", {7})], PAGES)["ours, related by meaning"]["MRR@10"] == 1


def test_only_the_first_five_are_shown() -> None:
    pages = {"q": Page([], list(range(20)), [], [])}
    assert shown([("q", {4, 5, 6})], pages, "words")["right of 5"] == 0.2


@pytest.mark.parametrize(
    ("least", "answered", "right", "nothing", "of_all"),
    [
        (0.5, 1.0, 2 / 4, 1.0, 2 / 5),
        (0.6, 0.5, 1 / 2, 1.0, 1 / 3),  # the floor itself is shown
        (0.7, 0.5, 1.0, 0.0, 1.0),
    ],
)
def test_a_higher_floor_shows_less(
    least: float, answered: float, right: float, nothing: float, of_all: float
) -> None:
    found = at_floor([*JUDGED, ("none", set())], PAGES, least)
    assert found == pytest.approx(
        {
            "answered": answered,
            "right of 5": right,
            "answered, nothing right": nothing,
            "right of all shown": of_all,
        }
    )


def test_answers_are_unlike_where_any_part_has_other_chats_or_another_order() -> None:
    """How near a chat by meaning is may differ in its last digits."""
    other = PAGES | {"a": Page([2, 1], [3], [4, 5, 6], [0.9, 0.6, 0.5])}
    other["b"] = PAGES["b"]._replace(cosines=[0.4999])
    assert unlike(["a", "b"], PAGES, other) == 0.5
    other["none"] = Page([], [], [9], [0.6])
    assert unlike(["a", "b", "none"], PAGES, other) == pytest.approx(2 / 3)
