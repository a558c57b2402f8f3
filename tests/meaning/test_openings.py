"""Which messages say what a visitor came for."""

import pytest

from kchat_search.meaning.openings import MOST, openings, says_something
from kchat_search.text.fold import fold


@pytest.mark.parametrize(
    "text",
    [
        "退款",
        "多久到账",
        "你好，退款多久到账？",
        "我的订单",
        "wifi",
        "5月1日",
        "a1",
        "亲，怎么退货",
        "在吗？发票呢",
    ],
)
def test_it_says_something(text: str) -> None:
    assert says_something(fold(text))


@pytest.mark.parametrize(
    "text",
    ["", "？", "退", "你好", "您好！", "在吗在吗？？", "Hi~", "HELLO", "亲亲", "有人吗", "转人工",
     "人工客服", "哈喽，在吗", "早上好，请问", "嗯嗯", "咨询个事", "问个问题", "有个问题想咨询一下",
     "我想问一下", "您好，想请教个问题", "有点事", "能问个事吗", "我又来了", "😀😀😀", "……",
     "\ufdd0\ufdd0\ufdd0\ufdd0", "你好 你好"],
)  # fmt: skip
def test_it_says_nothing(text: str) -> None:
    assert not says_something(fold(text))


def test_the_first_of_the_visitor_count() -> None:
    talk = [(True, "你好"), (False, "请问有什么可以帮您"), (True, "我要退款"), (True, "?")]
    assert openings(talk) == [2]
    assert openings([*talk, *[(True, f"第{n}件事") for n in range(9)]]) == [2, 4, 5]
    assert len(openings([(True, "退款")] * 9)) == MOST


def test_a_long_run_of_greetings_takes_linear_time() -> None:
    assert says_something("你好在" * 100_000 + "x")
