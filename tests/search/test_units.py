"""What stays together in an unquoted text: a number and its unit, a sign and what it touches."""

from __future__ import annotations

from datetime import date

import pytest

from kchat_search.search.syntax import parse
from kchat_search.search.tree import Forms, Part, Word
from kchat_search.search.units import parts_of, without_punctuation
from kchat_search.text.fold import fold
from kchat_search.text.segmentation import Segmenter

SPLIT = Segmenter().segment_han

TOGETHER = """
5月1日 10点 3月15日 20% 第3次 3.5折 ¥99 ¥99元 T恤 A4纸 3D 5G iPhone6 24小时 2019年4月25日10点30分
1,299元 第12集 8点半 3个人 5块钱 10万元 1号楼 3号线 7.5公斤 100ml 500毫升 30多天 5星级 9成新 10英寸
25℃ 20° 5‰ ±5% C# F# C++ 3# #1 -20度 -1 .5 .NET .com U盘 4S店 128G版 3D版 5개 3월15일 10時 2枚
1-2小时 8:00-22:00 5/8 3.6.0 a@b.com 18+ $5.99 第1页 20个工作日 3季 6岁 3GB
"""
APART: list[tuple[str, tuple[str, ...]]] = [
    ("3个手机", ("3个", "手机")),
    ("7天无理由", ("7天", "无", "理由")),
    ("第2件半价", ("第2件", "半价")),
    ("这是第3次投诉", ("这是", "第3次", "投诉")),
    ("订单123456退款", ("订单", "123456", "退款")),
    ("订单1234567件", ("订单", "1234567", "件")),
    ("12345678订单", ("12345678", "订单")),
    ("13811112222张", ("13811112222", "张")),
    ("138 1111 2222个", ("138 1111 2222", "个")),
    ("12分期", ("12", "分期")),
    ("5台湾", ("5", "台湾")),
    ("20度假", ("20", "度假")),
    ("300减50", ("300", "减", "50")),
    ("3个5块", ("3个5块",)),
    ("5月1日到6月1日", ("5月1日", "到", "6月1日")),
    ("5月、6月", ("5月", "6月")),
    ("退款20%", ("退款", "20%")),
    ("退款-20度", ("退款", "20度")),
    ("20%折扣", ("20%", "折扣")),
    ("-20", ("-20",)),
    ("--20", ("20",)),
    ("5％！", ("5%",)),
    ("(5个)", ("5个",)),
    ("iPhone6手机", ("iphone6", "手机")),
    ("用C#写", ("用", "c#", "写")),
    ("#退款#", ("退款",)),
    ("5번째주문", ("5", "번째주문")),
    ("1111・", ("1111",)),
]
WORDS: list[tuple[str, tuple[Part, ...]]] = [
    ("SIM卡", (Word("sim"), "卡")),
    ("iPhone手机", (Word("iphone"), "手机")),
    ("C罗", (Word("c"), "罗")),
    ("abc#", (Word("abc"),)),
    ("hello%", (Word("hello"),)),
    ("...hello", (Word("hello"),)),
    ("退款.net", ("退款", Word("net"))),
    ("x*", (Word("x", prefix=True),)),
]


def parts(typed: str) -> tuple[Part, ...]:
    """The parts, each word in the form in which it was typed."""
    found = parts_of(fold(typed), SPLIT)
    return tuple(part.texts[0] if isinstance(part, Forms) else part for part in found)


@pytest.mark.parametrize("typed", TOGETHER.split())
def test_a_number_and_what_touches_it_are_one(typed: str) -> None:
    assert parts(typed) == (fold(typed),)
    assert without_punctuation(fold(typed)) == fold(typed)


@pytest.mark.parametrize(("typed", "expected"), [*APART, *WORDS])
def test_what_is_no_unit_is_a_word_of_its_own(typed: str, expected: tuple[Part, ...]) -> None:
    assert parts(typed) == expected


BLANKS = [
    ("5 月 1 日", "5月1日"),
    ("5 月1 日", "5月1日"),
    ("2019 年 5 月 1 日", "2019年5月1日"),
    ("8 点 30 分", "8点30分"),
    ("5 月 1 日退款", "5月1日退款"),
    ("退款 5 月 1 日 到账", "退款 5月1日 到账"),
    ("第 3 次", "第3次"),
    ("第3 次", "第3次"),
    ("20 %", "20%"),
    ("２０　％", "20%"),
    ("折扣20 %", "折扣20%"),
    ("10 點", "10点"),
    ("1,299 元", "1,299元"),
    ("2.5 公斤", "2.5公斤"),
    ("¥ 20", "¥20"),
    ("100 ML", "100ml"),
    ("37 ℃", "37°c"),
    ("T 恤", "t恤"),
    ("iPhone 6 元", "iphone 6元"),
    ("5 月 OR 20 %", "5月 OR 20%"),
    ("退款 NOT 5 月 1 日", "退款 NOT 5月1日"),
    ("(5 月 1 日) 退款", "5月1日 退款"),
    # these stay as they are
    ("5月1日 10点", "5月1日 10点"),
    ("3 个 20 元", "3个 20元"),
    ("3 个手机", "3 个手机"),
    ("5678 张先生", "5678 张先生"),
    ("1 2 3 个", "1 2 3 个"),
    ("12345678 元", "12345678 元"),
    ("138 1111 2222 个", "138 1111 2222 个"),
    ("12 分期", "12 分期"),
    ("3.6.0 版 2", "3.6.0 版 2"),
    ("iPhone 6 手机", "iphone 6 手机"),
    ("20 apples", "20 apples"),
    ('"20 %"', '"20 %"'),
    ("3 AND 个", "3 AND 个"),
]


@pytest.mark.parametrize(("typed", "understood"), BLANKS)
def test_a_blank_between_a_number_and_its_unit_is_nothing(typed: str, understood: str) -> None:
    tree = parse(typed, SPLIT, date(2019, 6, 3)).tree
    assert str(tree) == understood
    assert parse(understood, SPLIT, date(2019, 6, 3)).tree == tree
