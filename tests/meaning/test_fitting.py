"""The ridge regression against the same, solved with whole matrices."""

from __future__ import annotations

import random

import numpy as np
import pytest
from numpy.typing import NDArray

from kchat_search.meaning import fitting
from kchat_search.meaning.features import bags

LETTERS = "退款到账钱什么时候发货快递"


@pytest.fixture
def texts() -> list[str]:
    rng = random.Random(3)
    return ["".join(rng.choices(LETTERS, k=rng.randrange(9))) for _ in range(90)]


def dense(texts: list[str], words: fitting.Vocabulary) -> NDArray[np.float64]:
    matrix = np.zeros((len(texts), len(words.keys)))
    for row, text in zip(matrix, texts, strict=True):
        for key in bags([text]).keys:
            row[words.keys == key] += words.idf[words.keys == key]
    lengths = np.sqrt((matrix**2).sum(axis=1, keepdims=True))
    scaled: NDArray[np.float64] = matrix / np.maximum(lengths, 1e-9)
    return scaled


def test_the_vocabulary_counts_texts_not_occurrences() -> None:
    words = fitting.vocabulary(["钱钱", "钱到", "到账", ""], 2)
    assert dict(zip(words.keys.tolist(), words.frequencies.tolist(), strict=True)) == {
        ord("钱"): 2,
        ord("到"): 2,
    }
    assert np.allclose(words.idf, np.log(5 / 2.5))


@pytest.mark.parametrize("at_once", [7, 2_048])
def test_conjugate_gradients_find_what_whole_matrices_do(
    texts: list[str], monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(fitting, "TEXTS_AT_ONCE", at_once)
    words = fitting.vocabulary(texts, 2)
    targets = np.random.default_rng(1).standard_normal((len(texts), 5)).astype(np.float32)
    matrix = dense(texts, words)
    wanted = np.linalg.solve(matrix.T @ matrix + 0.3 * np.eye(matrix.shape[1]), matrix.T @ targets)
    found = fitting.ridge(texts, lambda start, end: targets[start:end], words, 0.3, steps=200)
    assert np.abs(found - wanted).max() < 0.02 * np.abs(wanted).max()


def test_what_ends_the_work_is_asked_for_each_block(texts: list[str]) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    words = fitting.vocabulary(texts, 2)
    with pytest.raises(KeyboardInterrupt):
        fitting.ridge(
            texts, lambda start, end: np.zeros((end - start, 2), np.float32), words, 1, check=stop
        )
