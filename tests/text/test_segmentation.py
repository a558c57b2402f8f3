from __future__ import annotations

import marshal
import os
import pickle
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jieba
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kchat_search.text.fold import fingerprint, fold
from kchat_search.text.scripts import RunKind, runs
from kchat_search.text.segmentation import MAX_TOKEN_LENGTH, Segmenter, index_token
from tests.text.difficult_texts import texts

HAN = st.text(
    st.sampled_from("退款流程的中华人民共和国怎么申请了吗々〇𠮷㐀⺀")
    | st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF),
    min_size=1,
    max_size=40,
)


@pytest.fixture(scope="module", params=["jieba", "rjieba"])
def segmenter(request: pytest.FixtureRequest) -> Segmenter:
    """A segmenter with jieba alone, and one with rjieba if that is installed."""
    fast = request.param == "rjieba"
    if fast:
        pytest.importorskip("rjieba")
    made = Segmenter(use_rjieba=fast)
    made.load()
    return made


def with_words(folder: Path, text: str | bytes) -> Segmenter:
    path = folder / "words.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return Segmenter(path)


@pytest.mark.parametrize(
    ("han", "expected"),
    [
        ("退款流程", ["退款", "流程"]),
        ("怎么申请退款", ["怎么", "申请", "退款"]),
        ("快递还没到怎么办", ["快递", "还", "没到", "怎么办"]),
        ("的", ["的"]),
    ],
)
def test_han_is_segmented_into_the_words_that_people_see(
    segmenter: Segmenter, han: str, expected: list[str]
) -> None:
    assert segmenter.segment_han(han) == expected


@given(HAN)
def test_the_words_of_a_han_run_join_to_the_run_again(segmenter: Segmenter, han: str) -> None:
    words = segmenter.segment_han(han)
    assert "".join(words) == han
    assert all(words)


@given(texts(40))
def test_every_character_of_the_text_is_in_some_token(segmenter: Segmenter, text: str) -> None:
    folded = fold(text)
    words = segmenter.tokens([folded])
    for run in runs(folded):
        if run.kind is RunKind.HAN:
            assert all(any(character in word for word in words) for character in run.text)
        elif run.kind is not RunKind.OTHER:
            assert run.text in words


@given(HAN)
def test_the_words_of_a_query_are_among_the_tokens_of_the_same_text(
    segmenter: Segmenter, han: str
) -> None:
    assert set(segmenter.segment_han(han)) <= set(segmenter.tokens([han]))


def test_tokens_are_repeated_as_often_as_they_occur(segmenter: Segmenter) -> None:
    words = segmenter.tokens(["退款 iphone6 的的", "退款, iphone"])
    assert sorted(words) == sorted(["退款", "退款", "iphone", "iphone", "6", "的", "的"])


def test_the_tokens_of_a_long_word_include_the_words_inside_it(segmenter: Segmenter) -> None:
    assert {"中华人民共和国", "中华", "人民", "共和国"} <= set(segmenter.tokens(["中华人民共和国"]))


def test_no_token_reaches_from_one_message_into_the_next(segmenter: Segmenter) -> None:
    assert "退款" not in segmenter.tokens(["退", "款"])


@pytest.mark.slow
def test_a_user_word_changes_the_segmentation_and_the_fingerprint(
    tmp_path: Path, segmenter: Segmenter
) -> None:
    assert "极速退款宝" not in segmenter.segment_han("开通极速退款宝")
    taught = with_words(tmp_path, "极速退款宝 100 n\n\n  \n拼多多\n")
    assert "极速退款宝" in taught.segment_han("开通极速退款宝")
    assert taught.fingerprint != segmenter.fingerprint
    assert "极速退款宝" not in segmenter.segment_han("开通极速退款宝"), "dictionaries are shared"


@pytest.mark.slow
def test_user_words_are_folded_like_the_text_in_which_they_are_sought(tmp_path: Path) -> None:
    written = "\ufeff极速宝\r\n極速貸款寶 100 n\r\n火星退款　１００\n\u2003月球發票\n"
    taught = with_words(tmp_path, written)
    for word in ("極速寶", "极速贷款宝", "火星退款", "月球發票"):
        assert fold(word) in taught.segment_han(fold(f"開通{word}嗎"))


@pytest.mark.parametrize("wrong", ["退款".encode("gb18030"), b"\xff\xfe\x00", b"\xed\xa0\x80"])
def test_a_dictionary_that_is_not_utf_8_is_refused(tmp_path: Path, wrong: bytes) -> None:
    with pytest.raises(ValueError, match="utf-8"):
        with_words(tmp_path, wrong)


@pytest.mark.parametrize("digits", ["9" * 19, "9" * 5000, "９" * 5000])
def test_a_frequency_that_is_too_large_is_refused_when_the_dictionary_is_read(
    tmp_path: Path, digits: str
) -> None:
    with pytest.raises(ValueError, match="frequency"):
        with_words(tmp_path, f"退款宝 5 n\n退款宝 {digits} n\n")


@pytest.mark.slow
def test_invalid_lines_of_a_dictionary_do_no_harm(tmp_path: Path) -> None:
    odd = f"\x00\n 5 n\n5\n* +\n极速宝 1.5\n极速宝 5 n x y\n极速宝 {'9' * 18}\n"
    assert with_words(tmp_path, odd).segment_han("申请极速宝") == [
        "申请",
        "极速宝",
    ]


def test_the_fingerprint_depends_on_the_dictionary_and_on_folding(
    tmp_path: Path, segmenter: Segmenter
) -> None:
    first = with_words(tmp_path, "极速宝\n").fingerprint
    assert first == with_words(tmp_path, "极速宝\n").fingerprint
    assert first != with_words(tmp_path, "极速贷\n").fingerprint
    assert fingerprint() in segmenter.fingerprint


@pytest.mark.slow
def test_the_words_are_jiebas_own_and_no_file_but_the_packages_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Anybody can put a file into the temporary folder, and jieba would load it unchecked.
    (tmp_path / "jieba.cache").write_bytes(marshal.dumps(({"退款流": 10**9}, 10**9)))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    made = Segmenter(use_rjieba=False)
    assert made.segment_han("退款流程") == ["退款", "流程"]
    cutter = made._loaded_cutter()
    assert isinstance(cutter, jieba.Tokenizer)
    with jieba.get_module_res("dict.txt") as dictionary:
        assert (cutter.FREQ, cutter.total) == cutter.gen_pfdict(dictionary)
    assert [path.name for path in tmp_path.iterdir()] == ["jieba.cache"]


@pytest.mark.parametrize("length", [MAX_TOKEN_LENGTH, MAX_TOKEN_LENGTH + 1, 100_000])
def test_a_long_run_of_letters_is_indexed_shortened_and_never_taken_for_a_shorter_word(
    segmenter: Segmenter, length: int
) -> None:
    (word,) = segmenter.tokens(["a" * length])
    assert word == index_token("a" * length)
    assert len(word) <= MAX_TOKEN_LENGTH + 1
    assert (word == "a" * MAX_TOKEN_LENGTH) == (length == MAX_TOKEN_LENGTH)


@pytest.mark.parametrize("han", ["退" * 50_000, "退款流程" * 12_500])
def test_a_long_run_of_han_is_segmented_to_its_end(segmenter: Segmenter, han: str) -> None:
    assert "".join(segmenter.segment_han(han)) == han


@pytest.mark.slow
@pytest.mark.parametrize("fast", [False, True])
def test_many_threads_share_one_segmenter_from_the_first_word_on(fast: bool) -> None:
    fresh = Segmenter(use_rjieba=fast)
    start = threading.Barrier(8)

    def split(_: int) -> list[str]:
        start.wait(timeout=30)
        return fresh.segment_han("怎么申请退款")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(split, range(8))) == [["怎么", "申请", "退款"]] * 8


# -- the user's words while the program runs ---------------------------------------------------

CHANGED = 1_000_000_000


def write(path: Path, text: str | bytes, changed: int) -> None:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    os.utime(path, (changed, changed))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("later", "outdated"), [(0, False), (1, False), (2, True), (9_999, True), (-60, True)]
)
def test_a_changed_file_is_read_again_when_it_has_been_left_alone(
    tmp_path: Path, later: int, outdated: bool
) -> None:
    """The file is read even after the system's clock was set back."""
    made = with_words(tmp_path, "火星 100 n")
    before = made.fingerprint
    write(tmp_path / "words.txt", "退款流程 100 n", CHANGED)
    now = float(CHANGED + later)
    assert made.user_dictionary_changed(now) == made.reload_user_dictionary(now) == outdated
    assert (made.segment_han("退款流程") == ["退款流程"]) == outdated
    assert (made.fingerprint != before) == outdated
    assert not made.reload_user_dictionary(now), "once"


@pytest.mark.slow
def test_the_words_of_the_file_reach_other_processes_and_disappear_with_it(tmp_path: Path) -> None:
    made = with_words(tmp_path, "")
    plain = made.fingerprint
    write(tmp_path / "words.txt", "退款流程 100 n", CHANGED)
    assert made.reload_user_dictionary(CHANGED + 9.0)
    assert pickle.loads(pickle.dumps(made)).segment_han("退款流程") == ["退款流程"]  # noqa: S301  # ours
    write(tmp_path / "words.txt", "", CHANGED + 20)
    assert made.reload_user_dictionary(CHANGED + 60.0)
    assert (made.segment_han("退款流程"), made.fingerprint) == (["退款", "流程"], plain)
    assert made.tokens(["退款流程"]) == ["退款", "流程"]


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"\xff\xfe\xff", "退款 99999999999999999999 n"])
def test_a_file_that_cannot_be_used_is_reported_once_and_the_words_stay(
    tmp_path: Path, content: str | bytes
) -> None:
    made = with_words(tmp_path, "退款流程 100 n")
    before = made.fingerprint
    write(tmp_path / "words.txt", content, CHANGED)
    with pytest.raises(ValueError, match=r"utf-8|18 digits"):
        made.reload_user_dictionary(CHANGED + 9.0)
    assert not made.reload_user_dictionary(CHANGED + 9.0)
    assert (made.segment_han("退款流程"), made.fingerprint) == (["退款流程"], before)
    (tmp_path / "words.txt").unlink()
    assert not made.user_dictionary_changed(CHANGED + 9.0)


def test_a_segmenter_without_a_file_never_reloads(segmenter: Segmenter) -> None:
    assert not segmenter.user_dictionary_changed(9e9)
    assert not segmenter.reload_user_dictionary(9e9)
