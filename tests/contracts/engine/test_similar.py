"""Words near a given one, for «did you mean». An oracle says which words are near."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import strategies as st

from kchat_search.ports import Engine
from kchat_search.text.pinyin import readings
from tests.contracts.engine.conftest import EngineUnderTest, build, examples
from tests.engines.documents import make


def index(engine: Engine, *words: str) -> None:
    """Write one chat for each word. Without a dictionary, each run of characters is one word."""
    engine.write([make(i, word) for i, word in enumerate(words, 1)])


@pytest.fixture(scope="module")
def known(engine_to_read: Engine) -> Engine:
    words = "退款", "支付宝", "西安", "银行", "iphone", "12345679", "é", "1", "款", "😀"
    index(engine_to_read, *words)
    return engine_to_read


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("退宽", ["退款"]),  # sounds alike
        ("腿款", ["退款"]),  # the tone differs
        ("tuikuan", ["退款"]),  # its pinyin
        ("xian", ["西安"]),  # one syllable or two
        ("是付宝", ["支付宝"]),  # one character
        ("支宝付", ["支付宝"]),  # two swapped
        ("付宝", ["支付宝"]),  # one left out
        ("支付宝宝", ["支付宝"]),  # one inserted
        ("zifubao", ["支付宝"]),  # «zh» typed as «z»
        ("银杭", ["银行"]),  # the second reading of 行
        ("iphnoe", ["iphone"]),
        ("iphon", ["iphone"]),
        ("iphonee", ["iphone"]),
        ("jphone", ["iphone"]),
        ("iphone", []),  # the word itself is not near
        ("退款", []),
        ("款", []),  # one character is near everything
        ("12345678", []),  # a number near another is another number
        ("ip", []),
        ("ipone4", []),
        ("", []),
        ("😀😀", []),
        ("𠮷𠮷", []),
        ("é", []),
        ("退" * 9, []),
        ("x" * 1000, []),
    ],
)
def test_what_is_near_a_word(known: Engine, word: str, near: list[str]) -> None:
    assert list(known.similar(word, 9)) == near


def test_what_sounds_alike_comes_first_then_what_more_chats_have(engine: Engine) -> None:
    index(engine, "退款机", "退款卷", "退款卷", "退宽鸡")
    assert engine.similar("退款鸡", 9) == ("退宽鸡", "退款机", "退款卷")
    assert engine.similar("退款鸡", 1) == ("退宽鸡",)


def test_half_of_a_word_of_two_is_near_only_where_nothing_is_nearer(engine: Engine) -> None:
    index(engine, "发给", "发到")
    assert engine.similar("发漂", 9) == ("发到", "发给")
    engine.write([make(9, "发票")])  # in another commit
    assert engine.similar("发漂", 9) == ("发票",)


def test_an_index_that_was_never_built_has_no_near_words(
    engine_under_test: EngineUnderTest, tmp_path: Path
) -> None:
    assert engine_under_test.open(tmp_path / "none").similar("退款", 9) == ()


_words = st.text("退推款宽票", min_size=1, max_size=5) | st.text("abc", min_size=1, max_size=5)


@pytest.mark.slow
@examples(60, st.lists(_words, min_size=1, max_size=12), st.lists(_words, min_size=1, max_size=8))
def test_near_words_are_those_of_the_oracle(
    engine_under_test: EngineUnderTest, known: list[str], asked: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = engine_under_test.open(Path(folder))
        build(engine, [])
        engine.write([make(i, word) for i, word in enumerate(known, 1)])
        for word in asked:
            near = {other for other in known if other != word and is_near(word, other)}
            nearer = {o for o in near if len(word) > 2 or sounds(word, o)}
            assert set(engine.similar(word, 99)) == (nearer or near), word
        engine.close()


def is_near(word: str, other: str) -> bool:
    """The oracle: do they sound alike, or differ by one character?"""
    latin = word.isascii()
    shortest, longest = (3, 20) if latin else (2, 8)
    if latin != other.isascii() or not all(shortest <= len(w) <= longest for w in (word, other)):
        return False
    return sounds(word, other) or other in one_apart(word, "abc" if latin else "退推款宽票")


def sounds(word: str, other: str) -> bool:
    if word.isascii() or len(word) != len(other):
        return False
    return all(set(readings(a)) & set(readings(b)) for a, b in zip(word, other, strict=True))


def one_apart(word: str, alphabet: str) -> set[str]:
    """Every string that differs from `word` by one character of the alphabet."""
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    return (
        {a + b[1:] for a, b in cuts if b}
        | {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
        | {a + c + b[1:] for a, b in cuts if b for c in alphabet}
        | {a + c + b for a, b in cuts for c in alphabet}
    )
