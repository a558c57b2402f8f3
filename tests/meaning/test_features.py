"""The features of a text: characters, pairs of neighbours, runs."""

from __future__ import annotations

import random
import unicodedata

import pytest

from kchat_search.meaning.features import MOST_CHARACTERS, PAIR, bags, run_key

ALPHABET = "退款到账钱日の한〇々ก็aZé9٣ \u3000,。，!😀\ufdd0\ufdd1\ufffd\U00020000-_"


def kind(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Lo", "Lm", "Mn", "Mc", "Nl"):
        return "letter"
    return "run" if category[0] in "LN" else ""


def oracle(text: str) -> list[int]:
    """A text's features, read character by character."""
    found, run = [], ""
    text = text[:MOST_CHARACTERS] + " "
    for here, following in zip(text, text[1:] + " ", strict=True):
        if kind(here) == "run":
            run += here
            continue
        if run:
            found.append(run_key(run))
        run = ""
        if kind(here) == "letter":
            found.append(ord(here))
            if kind(following) == "letter":
                found.append(ord(here) << 21 | ord(following) | PAIR)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_bags_of_many_texts_are_the_bags_of_each(seed: int) -> None:
    rng = random.Random(seed)
    texts = ["".join(rng.choices(ALPHABET, k=rng.randrange(12))) for _ in range(50)]
    texts.append("".join(rng.choices(ALPHABET, k=MOST_CHARACTERS + 9)))
    found = bags(texts)
    start = 0
    for text, count in zip(texts, found.counts.tolist(), strict=True):
        keys = found.keys[start : start + count].tolist()
        assert sorted(keys) == sorted(oracle(text))
        start += count
    assert start == len(found.keys)


def test_no_texts_have_no_features() -> None:
    assert (len(bags([]).keys), len(bags([]).counts)) == (0, 0)
    assert bags(["", " ", "\ufdd0\ufdd1"]).counts.tolist() == [0, 0, 0]


def test_a_lone_surrogate_is_no_feature() -> None:
    assert bags(["\ud800退"]).keys.tolist() == [ord("退")]
