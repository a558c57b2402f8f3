"""rjieba and jieba give the same words, so an index built with one can be used with the other."""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jieba import finalseg

from kchat_search.text import segmentation
from kchat_search.text.fold import fold
from kchat_search.text.scripts import indexable_runs
from kchat_search.text.segmentation import Segmenter

pytestmark = pytest.mark.slow

DATA = Path(__file__).parent.parent.parent.parent / "shared" / "data"
CHATS = sorted(DATA.glob("*.jsonl.gz"))

BLOCKS = [
    *(("\u2e80", "\u2fdf"), ("々", "々"), ("〇", "〇"), ("〡", "〩"), ("\u3400", "\u4dbf")),
    *(("\u4e00", "\u9fff"), ("\uf900", "\ufaff"), ("\U00020000", "\U000323af")),
]
ANY_HAN = st.one_of(
    [st.characters(min_codepoint=ord(first), max_codepoint=ord(last)) for first, last in BLOCKS]
)
COMMON_HAN = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FD5)
WORDS = st.sampled_from(
    ["的", "一", "退款", "流程", "中华人民共和国", "第二十", "二十品", "一一", "沉沉", "伏", "龥"]
)
PARTS = ANY_HAN | COMMON_HAN | WORDS
RUNS = st.one_of(
    st.lists(PARTS, min_size=1, max_size=30).map("".join),
    st.tuples(st.lists(PARTS, min_size=1, max_size=4).map("".join), st.integers(2, 80)).map(
        lambda repeated: repeated[0] * repeated[1]
    ),
)


@pytest.fixture(scope="module")
def fast() -> Segmenter:
    pytest.importorskip("rjieba")
    made = Segmenter()
    made.load()
    assert by_rjieba(made)
    return made


@pytest.fixture(scope="module")
def slow() -> Segmenter:
    made = Segmenter(use_rjieba=False)
    made.load()
    assert not by_rjieba(made)
    return made


def by_rjieba(segmenter: Segmenter) -> bool:
    segmenter.load()
    return isinstance(segmenter._cutter, segmentation._RjiebaCutter)


def frequencies(slow: Segmenter) -> dict[str, int]:
    """jieba's dictionary: the frequency of each word, and 0 for the mere beginnings of words."""
    tokenizer: Any = slow._cutter
    return dict(tokenizer.FREQ)


def different(fast: Segmenter, slow: Segmenter, runs: list[str]) -> list[str]:
    return [
        run
        for run in runs
        if fast.segment_han(run) != slow.segment_han(run)
        or fast.tokens([run]) != slow.tokens([run])
    ]


@pytest.mark.skipif(not CHATS, reason=f"there are no dialogues in {DATA}")
def test_real_dialogues_have_the_same_words(fast: Segmenter, slow: Segmenter) -> None:
    texts = []
    for path in CHATS:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            texts += [fold(each["msg"]) for line in lines for each in json.loads(line)["messages"]]
    assert [text for text in texts if fast.tokens([text]) != slow.tokens([text])] == []
    runs = {han for text in texts for han, _ in indexable_runs(text) if han}
    assert len(runs) > 50_000
    assert different(fast, slow, sorted(runs)) == []


@given(RUNS)
def test_any_han_has_the_same_words(fast: Segmenter, slow: Segmenter, han: str) -> None:
    assert fast.segment_han(han) == slow.segment_han(han)
    assert fast.tokens([han]) == slow.tokens([han])


KINDS: dict[str, Callable[[random.Random, list[str], list[str]], str]] = {
    "dictionary words": lambda r, words, _: "".join(r.choices(words, k=r.randint(1, 8))),
    "parts of words": lambda r, words, _: r.choice(words)[1:] + r.choice(words)[:2],
    "characters of the model": lambda r, _, model: "".join(r.choices(model, k=r.randint(2, 40))),
    # Several cuts of these have equal weights, so the last bit of a sum decides between them.
    "one character": lambda r, _, model: r.choice(model) * r.randint(2, 60),
    "a few characters": lambda r, _, model: "".join(r.choices(r.choices(model, k=3), k=16)),
    "a word repeated": lambda r, words, _: r.choice(words)[:4] * r.randint(2, 50),
    "any of the block": lambda r, *_: "".join(chr(r.randint(0x4E00, 0x9FD5)) for _ in range(12)),
    "any Han": lambda r, *_: "".join(
        chr(r.randint(*map(ord, r.choice(BLOCKS)))) for _ in range(r.randint(2, 20))
    ),
    "more than is cut at once": lambda r, words, _: "".join(r.choices(words, k=300)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_generated_runs_have_the_same_words(fast: Segmenter, slow: Segmenter, kind: str) -> None:
    han = re.compile("[\u4e00-\u9fd5]+")
    words = sorted(
        word for word, often in frequencies(slow).items() if often and han.fullmatch(word)
    )
    model = sorted(set().union(*finalseg.emit_P.values()))
    dice = random.Random(kind)
    several = 20 if kind == "more than is cut at once" else 2_000
    runs = [KINDS[kind](dice, words, model) for _ in range(several)]
    assert different(fast, slow, runs) == []


def test_jieba_and_rjieba_know_the_same_dictionary_words(fast: Segmenter, slow: Segmenter) -> None:
    assert isinstance(fast._cutter, segmentation._RjiebaCutter)
    knows = fast._cutter._in_dictionary
    assert [w for w, often in frequencies(slow).items() if knows(w) != (often > 0)] == []


@pytest.mark.parametrize(
    ("han", "why"),
    [
        ("伏" * 43, "the model is rounded"),
        ("沉" * 55, "the sum of the frequencies is another"),
        ("退款𠮷𠮷流程", "rare ideographs stand alone"),
    ],
)
def test_runs_that_rjieba_alone_segments_differently(
    fast: Segmenter, slow: Segmenter, han: str, why: str
) -> None:
    rjieba = pytest.importorskip("rjieba")
    assert fast.segment_han(han) == slow.segment_han(han)
    assert rjieba.cut(han) != slow.segment_han(han), f"no longer so: {why}"


def test_the_fingerprint_is_the_same_with_and_without_rjieba(
    fast: Segmenter, slow: Segmenter
) -> None:
    assert fast.fingerprint == slow.fingerprint
    assert "rjieba" not in fast.fingerprint


def test_jieba_loads_no_dictionary_where_rjieba_is_used(fast: Segmenter, tmp_path: Path) -> None:
    made = Segmenter()
    assert made.segment_han("伏伏伏伏𠮷怎么申请退款")[-3:] == ["怎么", "申请", "退款"]
    assert by_rjieba(made)
    assert list(tmp_path.iterdir()) == []


def test_with_a_user_dictionary_jieba_is_used(
    fast: Segmenter, slow: Segmenter, tmp_path: Path
) -> None:
    words = tmp_path / "words.txt"
    words.write_text("极速退款宝 100 n\n二十品\n", encoding="utf-8")
    taught = Segmenter(words)
    assert not by_rjieba(taught)
    assert taught.segment_han("开通极速退款宝") == ["开通", "极速退款宝"]
    assert (
        fast.segment_han("开通极速退款宝")
        == slow.segment_han("开通极速退款宝")
        != taught.segment_han("开通极速退款宝")
    )


def test_with_a_user_dictionary_without_words_rjieba_is_used(
    fast: Segmenter, tmp_path: Path
) -> None:
    (tmp_path / "words.txt").write_text("\ufeff\n \n", encoding="utf-8")
    assert by_rjieba(Segmenter(tmp_path / "words.txt"))


def test_without_rjieba_jieba_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rjieba", None)
    made = Segmenter()
    assert not by_rjieba(made)
    assert made.segment_han("怎么申请退款") == ["怎么", "申请", "退款"]


@pytest.mark.parametrize(("package", "other"), [("rjieba", "0.3.0"), ("jieba", "0.42.2")])
def test_rjieba_is_not_used_in_versions_that_were_not_compared(
    monkeypatch: pytest.MonkeyPatch,
    fast: Segmenter,
    package: str,
    other: str,
) -> None:
    monkeypatch.setattr(
        "kchat_search.text.segmentation.version",
        lambda name: other if name == package else version(name),
    )
    assert not by_rjieba(Segmenter())
