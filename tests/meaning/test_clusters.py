"""Vectors that lie together are one cluster, and others are in none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kchat_search.meaning.clusters import NONE, Clusters, clusters

SIZE = 32


def around(centres: int, each: int, spread: float, seed: int = 3) -> NDArray[np.float32]:
    """Unit vectors around `centres` directions that have nothing in common, `each` around one."""
    chance = np.random.default_rng(seed)
    middles = np.eye(SIZE)[:centres]
    vectors = np.repeat(middles, each, axis=0)
    vectors = vectors + spread * chance.normal(size=vectors.shape) / SIZE**0.5
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit.astype(np.float32)


def found(vectors: NDArray[np.float32], least: int = 1) -> Clusters:
    return clusters(len(vectors), lambda which: vectors[which], least)


@pytest.mark.parametrize("each", [40, 900])
def test_what_lies_together_is_one_cluster_however_many_centres_there_were(each: int) -> None:
    labels = found(around(8, each, 0.5)).labels
    assert sorted(set(labels.tolist())) == list(range(8))
    by_truth = labels.reshape(8, each)
    assert all(len(set(row)) == 1 for row in by_truth.tolist())


def test_the_same_vectors_give_the_same_clusters() -> None:
    vectors = around(6, 400, 0.9)
    one, other = found(vectors), found(vectors.copy())
    assert (one.labels == other.labels).all()
    assert (one.nearness == other.nearness).all()


def test_the_largest_comes_first_and_small_ones_are_none() -> None:
    vectors = around(3, 30, 0.3)
    kept = np.concatenate([vectors[:10], vectors[30:60], vectors[60:63]])
    labels = found(kept, least=5).labels.tolist()
    assert labels == [1] * 10 + [0] * 30 + [NONE] * 3


def test_what_is_near_nothing_is_in_no_cluster() -> None:
    vectors = around(2, 50, 0.3)
    far = np.zeros((1, SIZE), np.float32)
    far[0, -1] = 1
    assert found(np.concatenate([vectors, far, np.zeros_like(far)]), least=5).labels[
        -2:
    ].tolist() == [
        NONE,
        NONE,
    ]


def test_what_all_have_in_common_hides_no_difference() -> None:
    """As where everybody looks for a restaurant, an hotel or a sight, in nearly the same words."""
    middles = np.zeros((3, SIZE))
    middles[:, 0] = 0.9
    middles[range(3), range(1, 4)] = (1 - 0.9**2) ** 0.5
    vectors = np.repeat(middles, 60, axis=0) + around(1, 180, 0.2) * 0.05
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    labels = found(unit, least=5).labels.reshape(3, 60)
    assert [len(set(row)) for row in labels.tolist()] == [1, 1, 1]
    assert len(set(labels[:, 0].tolist())) == 3


def test_where_all_ask_the_same_there_is_one_cluster() -> None:
    assert (found(np.repeat(around(1, 1, 0), 40, axis=0)).labels == 0).all()
    assert (found(around(1, 40, 0.05)).labels == 0).all()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_vectors_are_no_error(count: int) -> None:
    assert len(found(around(1, count, 0.1), least=5).labels) == count
    assert (found(np.zeros((count, SIZE), np.float32)).labels == NONE).all()
