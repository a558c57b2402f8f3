from __future__ import annotations

from functools import cache
from pathlib import Path

import jieba
import opencc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kchat_search.text import variants as variants_module
from kchat_search.text.fold import fold, fold_many
from kchat_search.text.segmentation import Segmenter
from kchat_search.text.variants import canonical, forms, variants

SPLIT = Segmenter().segment_han
CONFIGURATIONS = next(Path(opencc.__file__).parent.rglob("opencc/t2s.json")).parent
"""By its path: by its name, OpenCC takes a file of that name in the current folder first."""

SAME = [
    ("账号", "帳號"), ("账户", "帐户"), ("账单", "帳單"), ("转账", "轉帳"), ("结账", "結帳"),
    ("了解", "瞭解"), ("一目了然", "一目瞭然"), ("回复", "回覆"), ("答复", "答覆"),
    ("反复", "反覆"), ("重复", "重覆"), ("看着", "看著"), ("随着", "隨著"),
    ("着急", "著急"), ("你们", "妳們"),
    ("什么", "甚麼"), ("为什么", "為甚麼"), ("计划", "計畫"), ("规划", "規畫"), ("策划", "策畫"),
    ("部分", "部份"), ("身份", "身分"), ("身份证", "身分證"), ("充分", "充份"), ("家具", "傢俱"),
    ("家具", "傢具"), ("想象", "想像"), ("图像", "圖象"), ("凭借", "憑藉"), ("借口", "藉口"),
    ("坐标", "座標"), ("座位", "坐位"), ("仿佛", "彷彿"), ("项链", "項鍊"), ("拉链", "拉鍊"),
    ("卫生", "衞生"), ("叙述", "敍述"), ("屋檐", "屋簷"), ("麻痹", "痲痺"), ("咨询", "諮詢"),
    ("苏醒", "甦醒"), ("柜台", "櫃枱"), ("余额", "餘額"), ("只是", "祇是"), ("优惠券", "優惠劵"),
    ("记录", "紀錄"), ("著名", "着名"), ("显著", "顯着"), ("尽快", "儘快"), ("台湾", "臺灣"),
    ("昵称", "暱稱"), ("背包", "揹包"), ("它", "牠"), ("化妆", "化粧"), ("司机", "司機"),
]  # fmt: skip
"""The same word in two written forms."""

OTHER = [
    ("一份", "一分"), ("两份", "两分"), ("分钟", "份钟"), ("百分", "百份"), ("备份", "备分"),
    ("复印", "覆印"), ("复习", "覆习"), ("恢复", "恢覆"), ("复杂", "覆杂"), ("动画", "动划"),
    ("画面", "划面"), ("大象", "大像"), ("对象", "对像"), ("气象", "气像"), ("借钱", "藉钱"),
    ("工具", "工俱"), ("具体", "俱体"), ("俱乐部", "具乐部"), ("坐车", "座车"), ("丈夫", "丈伕"),
    ("台湾", "枱湾"), ("平台", "平枱"), ("江苏", "江甦"), ("帐篷", "账篷"), ("蚊帐", "蚊账"),
    ("链接", "炼接"), ("锻炼", "锻链"), ("背后", "揹后"), ("里面", "哩面"), ("订金", "定金"),
    ("其他", "其它"), ("他", "她"), ("你", "您"), ("程序", "进程"), ("支持", "支援"),
    ("文件", "档案"), ("不了", "不瞭"), ("好了", "好瞭"), ("身上", "伸上"), ("苏州", "甦州"),
]  # fmt: skip
"""Different words, or a word and what nobody writes for it."""


def both_ways(one: str, other: str) -> bool:
    one, other = fold(one), fold(other)
    return one == other or (other in variants(one) and one in variants(other))


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_word_in_another_writing_is_a_variant_both_ways(one: str, other: str) -> None:
    assert both_ways(one, other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_another_word_is_no_variant(one: str, other: str) -> None:
    assert fold(other) not in variants(fold(one))
    assert fold(one) not in variants(fold(other))


def test_the_tables_are_folded_and_each_form_belongs_to_one_word() -> None:
    rows = list(variants_module._table().values())
    every = [form for row in rows for form in row]
    assert fold_many(every) == every
    assert len(set(every)) == len(every)
    assert all(len(form) == len(row[0]) for row in rows for form in row)
    assert all(canonical(form) == row[0] for row in rows for form in row)


@cache
def dictionary() -> dict[str, int]:
    """The words of jieba's dictionary, folded, with their frequencies."""
    words: dict[str, int] = {}
    with jieba.Tokenizer().get_dict_file() as lines:
        for line in lines:
            word, frequency, *_ = line.decode().split()
            words[word] = int(frequency)
    return words


def test_a_form_of_any_word_has_the_word_among_its_forms() -> None:
    for word in fold_many(list(dictionary())):
        for form in variants(word):
            assert word in variants(form), (word, form)
            assert len(word) == len(form)


def share_not_found(configuration: str, *, with_variants: bool) -> float:
    """Of jieba's dictionary, by frequency: the words whose simplified form does not find what
    OpenCC writes for them. Words that Taiwan has other words for are left out (s2twp)."""
    words = dictionary()
    simplified = fold_many(list(words))
    written = fold_many(_converted(configuration, words))
    same = fold_many(_converted("s2tw", words)) if configuration == "s2twp" else written
    missed = 0
    for frequency, query, text, word in zip(words.values(), simplified, written, same, strict=True):
        if text != word:
            continue
        asked = (query, *variants(query)) if with_variants else (query,)
        missed += 0 if any(form in text for form in asked) else frequency
    return missed / sum(words.values())


def _converted(configuration: str, words: dict[str, int]) -> list[str]:
    converter = opencc.OpenCC(str(CONFIGURATIONS / f"{configuration}.json"))
    converted: str = converter.convert("\n".join(words))
    return converted.split("\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("configuration", "before"),
    [("s2t", 0.0006), ("s2tw", 0.0050), ("s2hk", 0.0012), ("s2twp", 0.0050)],
)
def test_of_jiebas_words_in_another_writing_few_are_not_found(
    configuration: str, before: float
) -> None:
    assert share_not_found(configuration, with_variants=False) == pytest.approx(before, abs=1e-4)
    assert share_not_found(configuration, with_variants=True) < 0.0001


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("瞭解一下价格", [("瞭解", "了解"), ("一下",), ("价格",)]),
        ("了解一下价格", [("了解", "瞭解"), ("一下",), ("价格",)]),
        ("妳们甚么时候回覆", [("妳们", "你们"), ("甚么", "什么"), ("时候",), ("回覆", "回复")]),
        ("一直看著", [("一直",), ("看著", "看着")]),
        ("著名的", [("著名", "着名"), ("的",)]),
        ("说明了解决办法", [("说明",), ("了",), ("解决办法",)]),
        ("乘坐位置", [("乘坐",), ("位置",)]),
        ("买一份", [("买",), ("一份",)]),
        ("", []),
    ],
)
def test_words_are_cut_in_the_form_that_jieba_knows(run: str, words: list[tuple[str, ...]]) -> None:
    assert forms(run, SPLIT) == words


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_query_asks_for_the_same_in_either_writing(one: str, other: str) -> None:
    one, other = fold(f"想问{one}吗"), fold(f"想问{other}吗")
    assert [set(word) for word in forms(one, SPLIT)] == [set(word) for word in forms(other, SPLIT)]


@given(st.text("瞭了解看著着名甚什么妳你们回覆复盖帐账号份分坐座位置乘", max_size=12))
def test_the_words_of_a_run_are_the_run_as_it_was_typed(run: str) -> None:
    words = forms(run, SPLIT)
    assert "".join(word[0] for word in words) == run
    for word in words:
        assert len(set(word)) == len(word) <= 17
        assert all(len(form) == len(word[0]) for form in word)
