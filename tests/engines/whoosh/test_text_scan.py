"""Texts are scanned in portions, so that no single step takes long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kchat_search import processor_time
from kchat_search.engines.whoosh import text_scan
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.errors import RequestTooExpensive
from kchat_search.models.plan import AllOf, Contains, EngineAnswer, HasWord, Messages, Near, Plan
from tests.engines.documents import make

LONGEST = 4_000
"""Characters of the longest text."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[WhooshEngine]:
    made = WhooshEngine(tmp_path, processes=1)
    documents = [
        make(n, "退款 refund " * (n % 7), "x流程" * (n % 5), f"{n}") for n in range(1, 300)
    ]
    made.rebuild([[*documents, make(999, "退" * LONGEST, "款流程")]], "a")
    yield made
    made.close()


def ask(engine: WhooshEngine) -> list[EngineAnswer]:
    nodes = (
        Contains("款流程"),
        Contains("退款 refund 退款", Messages("visitor")),
        Near(("款", "fund", "退"), 6, Messages("visitor")),
        AllOf((Contains("款 ref"), HasWord("refund", prefix=True, messages=Messages("visitor")))),
    )
    words = ("退款", "refund")
    return [
        engine.search(Plan(node, words=words, phrases=("退款",), tails=("12",), limit=300))
        for node in nodes
    ]


@pytest.mark.parametrize("most", [1, 50, 1_000, 10_000])
def test_portions_make_no_difference(
    engine: WhooshEngine, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    before = ask(engine)
    assert [answer.total > 0 for answer in before] == [True] * 4
    monkeypatch.setattr(text_scan, "_BYTES_AT_ONCE", most)
    assert ask(engine) == before


def test_a_portion_has_a_bounded_size_or_one_text(
    engine: WhooshEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_scan, "_BYTES_AT_ONCE", 500)
    with engine._reading() as segments:
        file = segments[0].file
        docs = np.arange(file.size)
        portions = list(text_scan.in_portions(file, "text", docs))
        assert np.array_equal(np.concatenate(portions), docs)
        sizes = [len(text_scan.read_texts(file, "text", some)[0]) for some in portions]
    assert max(sizes) > LONGEST
    assert all(size <= 500 or len(some) == 1 for size, some in zip(sizes, portions, strict=True))


def test_a_search_ends_when_its_time_is_used_up(engine: WhooshEngine) -> None:
    with processor_time.limited(0.0), pytest.raises(RequestTooExpensive):
        ask(engine)
