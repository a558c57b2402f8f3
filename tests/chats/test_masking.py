"""What is private in a text, how it is shown, and what nobody can tell from it."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.cn import ric

from kchat_search.chats.masking import Masked, hidden_form, may_show, shown, whole_form
from kchat_search.chats.private_texts import find
from kchat_search.models.plan import HIDDEN_DIGIT, HIDDEN_LETTER, WHOLE_BEGINS, WHOLE_ENDS
from kchat_search.text.fold import RESERVED, fold

SHOWN = {
    # mobile numbers, in all groups and with all prefixes
    "13800138845": "138****8845",
    "电话13800138845，谢谢": "电话138****8845，谢谢",
    "我是13800138845李雷": "我是138****8845李雷",
    "138 0013 8845": "138 **** 8845",
    "138-0013-8845": "138-****-8845",
    "138.0013.8845": "138.****.8845",
    "138/0013/8845": "138/****/8845",
    "138_0013_8845": "138_****_8845",
    "138·0013·8845": "138·****·8845",
    "138 - 0013 - 8845": "138 - **** - 8845",
    "138—0013—8845": "138—****—8845",
    "(138)0013-8845": "(138)****-8845",
    "（138）0013 8845": "（138）**** 8845",
    "1380013 8845": "138**** 8845",
    "138 00138845": "138 ****8845",
    "13800 138845": "138** **8845",
    "1380 0138 845": "138* ***8 845",
    "138-001-38845": "138-***-*8845",
    "138 00 13 88 45": "138 ** ** 88 45",
    "1 3 8 0 0 1 3 8 8 4 5": "1 3 8 * * * * 8 8 4 5",
    "1-3-8-0-0-1-3-8-8-4-5": "1-3-8-*-*-*-*-8-8-4-5",
    "1-380-013-8845": "1-38*-***-8845",
    "138\n0013\n8845": "138\n****\n8845",
    "13800138845\n13900139000": "138****8845\n139****9000",
    "13800138845、13900139000": "138****8845、139****9000",
    "13800138845/13900139000": "138****8845/139****9000",
    "13800138845 13900139000": "138****8845 139****9000",
    "+8613800138845": "+86138****8845",
    "+86 138 0013 8845": "+86 138 **** 8845",
    "+86-138-0013-8845": "+86-138-****-8845",
    "(+86)13800138845": "(+86)138****8845",
    "（＋８６）13800138845": "（＋８６）138****8845",
    "+(86) 138 0013 8845": "+(86) 138 **** 8845",
    "008613800138845": "0086138****8845",
    "0086-13800138845": "0086-138****8845",
    "8613800138845": "86138****8845",
    "86-138 0013 8845": "86-138 **** 8845",
    "013800138845": "0138****8845",
    "+86(0)13800138845": "+86(0)138****8845",
    "tel:13800138845": "tel:138****8845",
    "Tel13800138845": "Tel138****8845",
    "13800138845转3": "138****8845转3",
    "1.13800138845 2.13900139000": "1.138****8845 2.139****9000",
    "①13800138845②13900139000": "①138****8845②139****9000",
    "⒈13800138845⒉13900139000": "⒈138****8845⒉139****9000",
    "❶13800138845❷": "❶138****8845❷",
    "我的号码是13800138845²": "我的号码是138****8845²",
    "微信同号 13800138845": "微信同号 138****8845",
    "19912345678": "199****5678",
    "订单2019042513800和电话13800138845": "订单2019042513800和电话138****8845",
    "138****8845 13800138845": "138****8845 138****8845",
    # in other characters
    "１３８００１３８８４５": "１３８****８８４５",
    "１３８－００１３－８８４５": "１３８－****－８８４５",
    "1\u200b3\u200b8\u200b0\u200b0\u200b1\u200b3\u200b8\u200b8\u200b4\u200b5": (
        "1\u200b3\u200b8\u200b****8\u200b8\u200b4\u200b5"
    ),
    "138\u00ad0013\u20608845": "138\u00ad****8845",
    "①③⑧⓪⓪①③⑧⑧④⑤": "①③⑧****⑧⑧④⑤",
    "❶❸❽⓿⓿❶❸❽❽❹❺": "❶❸❽****❽❽❹❺",
    "𝟏𝟑𝟖𝟎𝟎𝟏𝟑𝟖𝟖𝟒𝟓": "𝟏𝟑𝟖****𝟖𝟖𝟒𝟓",
    "¹³⁸⁰⁰¹³⁸⁸⁴⁵": "¹³⁸****⁸⁸⁴⁵",
    "١٣٨٠٠١٣٨٨٤٥": "١٣٨****٨٨٤٥",
    "1️⃣3️⃣8️⃣0️⃣0️⃣1️⃣3️⃣8️⃣8️⃣4️⃣5️⃣": "1️⃣3️⃣8️⃣*⃣*⃣*⃣*⃣8️⃣8️⃣4️⃣5️⃣",
    "一三八零零一三八八四五": "一三八****八八四五",
    "幺三八〇〇幺三八八四五": "幺三八****八八四五",
    "壹叁捌零零壹叁捌捌肆伍": "壹叁捌****捌捌肆伍",
    "壹參捌零零壹參捌捌肆伍": "壹參捌****捌捌肆伍",
    "一三八 零零一三 八八四五": "一三八 **** 八八四五",
    "1三8零零一3八八四5": "1三8****八八四5",
    "幺三八洞洞幺三八八四五": "幺三八****八八四五",
    "一一零一零五一九四九一二三一零零二X": "一一零一**********零零二X",
    "六二二二零二一三八零零一三八八四五六九": "***************四五六九",
    "〡〣〨〇〇〡〣〨〨〤〥": "〡〣〨****〨〨〤〥",
    "➀➂➇🄋🄋➀➂➇➇➃➄": "➀➂➇****➇➇➃➄",
    "1\u03363\u03368\u03360\u03360\u03361\u03363\u03368\u03368\u03364\u03365\u0336": (
        "1\u03363\u03368\u0336*\u0336*\u0336*\u0336*\u03368\u03368\u03364\u03365\u0336"
    ),
    "电话138OO138845": "电话138****8845",
    "138-оО13-8845": "138-****-8845",
    "l38O0138845": "l38****8845",
    # fixed lines
    "010-87654321": "010-****4321",
    "01087654321": "010****4321",
    "010 8765 4321": "010 **** 4321",
    "(010)87654321": "(010)****4321",
    "（0571）8765-4321": "（0571）****-4321",
    "0571-87654321": "0571-****4321",
    "057187654321": "0571****4321",
    "0312-8765432": "0312-***5432",
    "0312 876 5432": "0312 *** 5432",
    "03128765432": "0312***5432",
    "021-62345678-803": "021-****5678-803",
    "021-62345678转803": "021-****5678转803",
    "+86 10 8765 4321": "+86 10 **** 4321",
    "+86-010-87654321": "+86-010-****4321",
    "+86(0)571 87654321": "+86(0)571 ****4321",
    "0086-571-87654321": "0086-571-****4321",
    "86-21-62345678": "86-21-****5678",
    "座机020－87654321": "座机020－****4321",
    # numbers from abroad
    "+852 9123 4567": "+852 **** 4567",
    "+85291234567": "+852****4567",
    "852-91234567": "852-****4567",
    "00852 9123 4567": "00852 **** 4567",
    "+853 6612 3456": "+853 **** 3456",
    "+886 912 345 678": "+886 *** **5 678",
    "0912-345-678": "09**-**5-678",
    "0912345678": "09****5678",
    "+1 (212) 555-1234": "+1 (***) ***-1234",
    "+12125551234": "+1******1234",
    "+44 20 7946 0018": "+44 ** **** 0018",
    "+81 90-1234-5678": "+81 **-****-5678",
    # identity cards
    "11010519491231002X": "1101**********002X",
    "身份证11010519491231002x。": "身份证1101**********002x。",
    "11010519491231002Ｘ": "1101**********002Ｘ",
    "11010519491231002×": "1101**********002×",
    "320106198504174528": "3201**********4528",
    "３２０１０６１９８５０４１７４５２８": "３２０１**********４５２８",
    "110105 19491231 002X": "1101** ******** 002X",
    "11010519491231002Х": "1101**********002Х",
    "110105-1949-1231-002X": "1101**-****-****-002X",
    "1101 0519 4912 3100 2X": "1101 **** **** **00 2X",
    "11010519491231002 X": "1101**********002 X",
    "3 2 0 1 0 6 1 9 8 5 0 4 1 7 4 5 2 8": "3 2 0 1 * * * * * * * * * * 4 5 2 8",
    "810000199003075131": "8100**********5131",
    "身份证号：110105491231002": "身份证号：1101*******1002",
    # bank cards
    "6222021380013884569": "***************4569",
    "6222 0213 8001 3884 569": "**** **** **** ***4 569",
    "6222-0213-8001-3884-569": "****-****-****-***4-569",
    "622202 1380013884569": "****** *********4569",
    "卡号6217001234567893": "卡号************7893",
    "622848040256489009": "**************9009",
    "9558800200001323779": "***************3779",
    "4111111111111111": "************1111",
    "４１１１　１１１１　１１１１　１１１１": "****　****　****　１１１１",
    "5500 0000 0000 0004": "**** **** **** 0004",
    "2221000000000009": "************0009",
    "378282246310005": "***********0005",
    "3782 822463 10005": "**** ******* 0005".replace("******* 0005", "****** *0005"),
    "3528000000000007": "************0007",
    "30569309025904": "**********5904",
    "订单付款卡号6222021380013884569": "订单付款卡号***************4569",
    "订单退款请打到6222021380013884569": "订单退款请打到***************4569",
    "运单到付，银行卡 6222 0213 8001 3884 569": "运单到付，银行卡 **** **** **** ***4 569",
    "订单查一下6222021380013884569这张卡": "订单查一下***************4569这张卡",
    "交易卡号：6222021380013884569": "交易卡号：***************4569",
    "物流费转账6222021380013884569": "物流费转账***************4569",
    "order paid by card 4111111111111111": "order paid by card ************1111",
    # e-mail
    "zhang@x.com": "z***@x.com",
    "我的邮箱是zhang.san@example.com.cn，": "我的邮箱是z***@example.com.cn，",
    "Zhang@X.COM": "Z***@X.COM",
    "Ｚｈａｎｇ＠ｘ．ｃｏｍ": "Ｚ***＠ｘ．ｃｏｍ",
    "z@x.com": "z***@x.com",
    "a.b+shop@qq.com": "a***@qq.com",
    "o'brien@x.com": "o***@x.com",
    "_zhang_@x.com": "_z***@x.com",
    "13800138845@qq.com": "1***@qq.com",
    "12345@qq.com": "1***@qq.com",
    "mailto:zhang@x.com?subject=hi": "mailto:z***@x.com?subject=hi",
    "<zhang@x.com>": "<z***@x.com>",
    "zhang @ qq.com": "z*** @ qq.com",
    "zhang@ qq . com": "z***@ qq . com",
    "zh\u200bang@x.com": "z***@x.com",
    "zhang@x.com,li@y.org": "z***@x.com,l***@y.org",
    "müller@köln.de": "m***@köln.de",
    "zhang@例子.中国 zhang@x.xn--fiqs8s": "z***@例子.中国 z***@x.xn--fiqs8s",
    "zhang@qq。com": "z***@qq。com",
    "图zhang@x.com.png": "图z***@x.com.png",
    # in addresses of the web
    "https://a.b/u/13800138845?x=1": "https://a.b/u/138****8845?x=1",
    "https://a.b/?tel=+8613800138845&n=2": "https://a.b/?tel=+86138****8845&n=2",
    "https://a.b/?tel=%2B8613800138845": "https://a.b/?tel=%2B86138****8845",
    "https://a.b/?t=%2013800138845": "https://a.b/?t=%20138****8845",
    "https://a.b/?t=%E7%94%B513800138845": "https://a.b/?t=%E7%94%B5138****8845",
    "https://a.b/?t=%31%33%38%30%30%31%33%38%38%34%35": "https://a.b/?t=%31%33%38****%38%38%34%35",
    "https://a.b/?m=zhang%40x.com": "https://a.b/?m=z***%40x.com",
    "https://a.b/?u=m%3Dzhang%2540x.com": "https://a.b/?u=m%3Dz***%2540x.com",
    "https://a.b/?t=138%200013%208845": "https://a.b/?t=138%20****%208845",
    r'{"t": "\u0031\u0033\u0038\u0030\u0030\u0031\u0033\u0038\u0038\u0034\u0035"': (
        r'{"t": "\u0031\u0033\u0038****\u0038\u0038\u0034\u0035"'
    ),
    r"zhang\u0040x.com": r"z***\u0040x.com",
    "https://a.b/?tel=+86+138+0013+8845": "https://a.b/?tel=+86+138+****+8845",
    "&#49&#51&#56&#48&#48&#49&#51&#56&#56&#52&#53": "&#49&#51&#56****&#56&#56&#52&#53",
    r"\x31\x33\x38\x30\x30\x31\x33\x38\x38\x34\x35": r"\x31\x33\x38****\x38\x38\x34\x35",
    "zhang&#64;x.com": "z***&#64;x.com",
    "满100减50%13800138845": "满100减50%138****8845",
}
LEFT_ALONE = (
    # orders, parcels, payments
    "订单号2019042512345678", "订单 20190425138001388451", "单号13800138845001",
    "订单号：6222021380013884569", "订单查一下6222021380013884569", "支付流水号6222021380013884569",
    "我的订单编号是：6222021380013884569，用银行卡付的", "快递 6222021380013884569",
    "运单号【6222021380013884569】", "银行卡付款的订单号6222021380013884569",
    "my order is 6222021380013884569", "SF1380013884512", "运单SF13800138845", "JD13800138845",
    "YT1380013884512", "773012345678901", "4200000913202004138001388451", "DD20190425001",
    "流水号 100000138001388450001", "A2380013884", "WX4200001234567", "20191109123456",
    # amounts, sums, lists of numbers
    "1,380,013,884.50", "¥13800.00", "100 200 300 400", "13 14 15 16 17 18", "5000 6000 7000 8000",
    "尺码 150 155 160 165 170", "138001.38845", "0.13800138845", "3,888,888,888,888",
    # days and times
    "2019-04-25 13:00:18", "2019-04-25 2019-05-01", "2019.04.25-2019.05.01", "20190425",
    "2019042513001845", "1556168445", "1556168445123", "13:00-18:00 13:30-18:45",
    "2019年4月25日13时", "15-20天 2019-04",
    # versions, addresses of machines, places
    "3.6.0.13800", "v1.38.0013.8845", "192.168.100.200", "10.0.0.1:8080", "2001:db8::1380:138",
    "31.2304,121.4737", "fe80::1380:0138:8845",
    # QQ and WeChat
    "QQ 1234567890", "QQ：380013884", "微信号 zhangsan_1990", "wxid_8f3k2j1h0013",
    "加V：abc138001388", "x13800138845y",
    # service numbers of companies
    "400-820-8820", "4008208820", "800-810-1234", "95588", "10086", "12306", "+86 400 820 8820",
    "1010-0011",
    # near misses
    "1380013884", "138001388451", "12800138845", "110105194912310021", "11010519491331002X",
    "990105194912310028", "6222021380013884568", "1111222233334444", "8888888888888888",
    "110105491231002", "2380013884 5", "010-12", "0571-876543", "138****8845", "z***@x.com",
    "12345678901234567890", "1380013884513800138845",
    # no e-mail
    "@zhang", "hi @zhang.wei", "zhang@localhost", "logo@2x.png", "a@b", "react@16.8.0", "你好@全体",
    "zhang at qq dot com", "user@192.168.0.1", "-@x.com", "@x.com", "微博@李雷.韩梅梅",
    "https://a.b/?id=20190425138001388&k=9f13800138845ab", "%40", "100%40元",
    "", "退款", "12345678",
)  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SHOWN.items(), ids=range(len(SHOWN)))
def test_a_private_number_is_shown_masked(text: str, expected: str) -> None:
    assert shown(text) == expected
    assert shown(expected) == expected, "what is masked is not masked again"


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_is_no_private_number_stays(text: str) -> None:
    assert shown(text) == text
    assert find(fold(text)) == ()


@pytest.mark.parametrize("text", [*SHOWN, *LEFT_ALONE], ids=range(len(SHOWN) + len(LEFT_ALONE)))
def test_all_forms_agree(text: str) -> None:
    masked = Masked.of(text)
    if masked is None:
        return
    assert may_show(text)
    assert masked.clear.text == fold(text)
    assert masked.hidden.text == hidden_form(fold(text), masked.private)
    assert masked.whole.text == whole_form(fold(text), masked.private)
    stars = str.maketrans({HIDDEN_DIGIT: "*", HIDDEN_LETTER: "*"})
    assert fold(masked.shown) == masked.hidden.text.translate(stars)
    for form in (masked.hidden, masked.whole, masked.clear):
        assert form.starts is not None
        assert form.ends is not None
        assert len(form.text) == len(form.starts) == len(form.ends)
        assert sorted(form.starts) == [*form.starts]
        assert max(form.ends) <= len(masked.shown)
    for character, start, end in zip(
        masked.hidden.text, masked.hidden.starts or (), masked.hidden.ends or (), strict=True
    ):
        assert character.translate(stars) in fold(masked.shown[start:end])


def test_the_table_is_long_enough() -> None:
    assert len(SHOWN) + len(LEFT_ALONE) >= 240


@pytest.mark.parametrize(
    ("forms", "canonical"),
    [
        (["13800138845", "+86 138-0013-8845", "0086 13800138845", "１３８ ００１３ ８８４５"],
         "13800138845"),
        (["010-87654321", "(010) 8765 4321", "+86 10 87654321"], "01087654321"),
        (["+852 9123 4567", "00852-91234567", "852 91234567"], "+85291234567"),
        (["0912 345 678", "+886 912 345 678"], "+886912345678"),
        (["11010519491231002X", "110105 19491231 002x"], "11010519491231002x"),
        (["4111111111111111", "4111-1111-1111-1111"], "4111111111111111"),
        (["Zhang@X.com", "zhang @ x.com", "ｚhang＠x.com", "zhang%40x.com"], "zhang@x.com"),
    ],
)  # fmt: skip
def test_a_number_has_one_form_however_it_is_written(forms: list[str], canonical: str) -> None:
    assert {one.canonical for form in forms for one in find(fold(form))} == {canonical}
    assert len({whole_form(fold(form), find(fold(form))) for form in forms}) == 1


def test_no_part_of_a_whole_number_can_be_typed() -> None:
    folded = fold("电话13800138845或zhang@x.com，11010519491231002X好")
    whole = whole_form(folded, find(folded))
    inside = whole.split("电话")[1].replace("或", "").replace(",", "").replace("好", "")
    assert inside
    assert all(ord(character) in RESERVED for character in inside)
    assert inside.count(WHOLE_BEGINS) == inside.count(WHOLE_ENDS) == 3
    assert not set(map(chr, RESERVED)) & set(fold("".join(map(chr, RESERVED))))


def test_the_length_of_an_address_is_not_told() -> None:
    for name in ("z", "zh", "zhang.san.feng+shop"):
        folded = f"写信到{name}@x.com吧"
        assert hidden_form(folded, find(folded)) == f"写信到z{HIDDEN_LETTER * 3}@x.com吧"


# -- what is hidden tells nothing ------------------------------------------------------------------


def mobile(seed: random.Random) -> str:
    return f"138{seed.randrange(10_000):04}8845"


def identity(seed: random.Random) -> str:
    """One of several identity cards that look alike."""
    while True:
        day = f"{seed.randrange(1930, 2010)}{seed.randrange(1, 13):02}{seed.randrange(1, 29):02}"
        number = f"3201{seed.randrange(1, 80):02}{day}452"
        if ric.calc_check_digit(f"{number}8") == "8":
            return f"{number}8"


def card(seed: random.Random) -> str:
    while True:
        number = f"62{seed.randrange(10**13):013}4569"
        if luhn.is_valid(number):
            return number


def landline(seed: random.Random) -> str:
    return f"0571{seed.randrange(2, 9)}{seed.randrange(1_000):03}4321"


def address(seed: random.Random) -> str:
    letters = "".join(seed.choices("abcdefghijklmnopqrstuvwxyz0123456789.", k=seed.randrange(9)))
    return f"z{letters}a@x.com"


KINDS = (mobile, identity, card, landline, address)
FULL_WIDTH = {ord("0") + n: chr(ord("０") + n) for n in range(10)}
CIRCLED = {ord("0"): "⓪"} | {ord("0") + n: chr(ord("①") + n - 1) for n in range(1, 10)}
WAYS: dict[str, Callable[[str], str]] = {
    "as it is": lambda number: number,
    "full width": lambda number: number.translate(FULL_WIDTH),
    "circled": lambda number: number.translate(CIRCLED),
    "spread": "\u200b".join,
    "in an address": lambda number: f"https://a.b/?x={number.replace('@', '%40')}&y=1",
}
AROUND = st.text(st.sampled_from("电话是，。 \n<b>&12a-:/“退款"), max_size=12)


@settings(deadline=None)  # the tables of folding are made by whoever folds first
@given(
    before=AROUND,
    after=AROUND,
    kind=st.sampled_from(KINDS),
    way=st.sampled_from(sorted(WAYS)),
    seed=st.integers(0, 2**32),
)
@example(before="a1", after="", kind=mobile, way="as it is", seed=1)
def test_texts_that_differ_in_what_is_hidden_are_shown_alike(
    before: str, after: str, kind: Callable[[random.Random], str], way: str, seed: int
) -> None:
    one, other = (kind(random.Random(seed + n)) for n in range(2))
    masks = []
    for number in (one, other):
        text = f"{before}{'' if before[-1:] not in '12a-' else '：'}{WAYS[way](number)}。{after}"
        masked = Masked.of(text)
        assert masked is not None, text
        assert number not in fold(masked.shown).replace("%40", "@")
        assert number not in masked.hidden.text
        masks.append(masked)
    first, second = masks
    assert first.shown == second.shown
    assert first.hidden == second.hidden
    assert len(first.whole.text) == len(second.whole.text)


@settings(deadline=None)
@given(
    st.text(st.characters(codec="utf-8"), max_size=80),
    st.text("0123456789 -+@.x%()一三①", max_size=60),
)
def test_any_text_is_masked_once_and_keeps_what_is_not_private(one: str, other: str) -> None:
    for text in (one, other, one + other, other + one):
        masked = Masked.of(text)
        if masked is None:
            assert shown(text) == text
            continue
        assert shown(text) == masked.shown
        places = [(each.start, each.end) for each in masked.private]
        assert places == sorted(places)
        assert all(a[1] <= b[0] for a, b in pairwise(places))
        assert masked.clear.text == fold(text)
