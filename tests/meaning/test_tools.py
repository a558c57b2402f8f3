"""The maintainers' texts from which the table is made. No model is needed here."""

from __future__ import annotations

import random
import re

import pytest

from tools.meaning import sentences, texts


def test_every_composed_sentence_is_filled() -> None:
    made = texts.composed_sentences()
    assert len(set(made)) > texts.COMPOSED
    assert not [text for text in made if "{" in text or "}" in text]


def test_every_phrasing_is_filled() -> None:
    made = texts.service_sentences(random.Random(1))
    assert not [text for text in made if re.search(r"[{}\[\]|]", text)]


@pytest.mark.parametrize("line", sentences.PAIRS.strip().splitlines())
def test_nothing_stands_twice_in_a_line(line: str) -> None:
    for part in line.split(":"):
        assert len(part.split()) == len(set(part.split()))
