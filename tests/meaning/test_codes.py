"""Vectors in few bytes."""

import numpy as np
import pytest
from numpy.typing import NDArray

from kchat_search.meaning.codes import BYTES, SIZE, WORDS, decode, encode, signs


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    made = np.random.default_rng(5).normal(size=(500, SIZE)).astype(np.float32)
    made[0] = np.eye(SIZE, dtype=np.float32)[7]  # all in one component, beyond the last step
    unit: NDArray[np.float32] = made / np.linalg.norm(made, axis=1, keepdims=True)
    return unit


def test_cosines_change_little(vectors: NDArray[np.float32]) -> None:
    decoded = decode(encode(vectors[1:]))
    assert np.linalg.norm(decoded, axis=1) == pytest.approx(1, abs=1e-5)
    change = decoded @ vectors[1:].T - vectors[1:] @ vectors[1:].T
    assert np.abs(change).max() < 0.03
    assert np.abs(change).mean() < 0.004


def test_what_was_decoded_has_the_same_codes_but_for_its_length(
    vectors: NDArray[np.float32],
) -> None:
    codes = encode(vectors)
    assert codes.signs.shape == (500, WORDS)
    assert codes.magnitudes.shape == (500, BYTES)
    assert (signs(decode(codes)) == codes.signs).all()
    assert decode(codes)[0].argmax() == 7


def test_signs_differ_where_components_do(vectors: NDArray[np.float32]) -> None:
    differing = np.bitwise_count(signs(vectors[:1]) ^ signs(vectors)).sum(axis=1)
    assert (differing == ((vectors[0] < 0) != (vectors < 0)).sum(axis=1)).all()


def test_what_says_nothing_is_near_nothing(vectors: NDArray[np.float32]) -> None:
    """A text of which the table knows no feature has a vector of zeros."""
    some = vectors[:3].copy()
    some[1] = 0
    decoded = decode(encode(some))
    assert not decoded[1].any()
    assert np.linalg.norm(decoded, axis=1) == pytest.approx([1, 0, 1], abs=1e-5)


def test_a_vector_has_the_same_codes_in_any_company(vectors: NDArray[np.float32]) -> None:
    every, alone = encode(vectors), [encode(vectors[n : n + 1]) for n in range(50)]
    for number, codes in enumerate(alone):
        assert (codes.signs[0] == every.signs[number]).all()
        assert (codes.magnitudes[0] == every.magnitudes[number]).all()
        assert (decode(codes)[0] == decode(every)[number]).all()
