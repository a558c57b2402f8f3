"""The joined form of texts and queries: a table of joints, an oracle in other words, and numbers of
real and made-up messages."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corpus import messages
from kchat_search.text.fold import fold
from kchat_search.text.joined import Fragment, joined, joined_query, number_spans
from tests.text.difficult_texts import texts


def pieces(text: str) -> list[str]:
    return [fragment.text for fragment in joined(fold(text), text)]


JOINED = [
    # words
    ("退 款", "退款"),
    ("退　款", "退款"),
    ("退   款", "退款"),
    ("退\t款", "退款"),
    ("退\n款", "退款"),
    ("退\r\n 款", "退款"),
    ("退\u2028款", "退款"),
    ("姓　名：王小明", "姓名"),
    ("我要申请退\n货，谢谢", "我要申请退货"),
    ("환불 요청합니다", "환불요청합니다"),
    ("キャンセル したい", "キャンセルしたい"),
    ("ขอ คืนเงิน", "ขอคืนเงิน"),
    ("我的 T 恤", "我的t恤"),
    ("T 恤", "t恤"),
    ("A 4 纸", "a4纸"),
    ("C 语言", "c语言"),
    ("iPhone 6", "iphone6"),
    ("我的iPhone 6 坏了", "我的iphone6坏了"),
    ("iPhone 6 Plus", "iphone6plus"),
    ("Windows 10 系统", "windows10系统"),
    ("2019 年 4 月 25 日", "2019年4月25日"),
    ("第 3 次", "第3次"),
    ("１０　点", "10点"),
    ("第１ 次", "第1次"),
    ("20 %", "20%"),
    ("打 8 折，省 20 % 的", "打8折", "省20%的"),
    ("¥ 20", "¥20"),
    ("￥ 99 元", "¥99元"),
    ("36 ℃", "36°c"),
    ("4月25日 8:00", "4月25日8:00"),
    ("1 2 3 页", "3页"),
    ("iOS 12.1", "ios12.1"),
    ("v 3.6.0", "v3.6.0"),
    # mobile numbers
    ("我电话138 1111 2222", "我电话13811112222"),
    ("138-1111-2222", "13811112222"),
    ("138–1111–2222", "13811112222"),
    ("138－1111－2222", "13811112222"),
    ("138 - 1111 - 2222", "13811112222"),
    ("１３８ １１１１ ２２２２", "13811112222"),
    ("138 1111-2222", "13811112222"),
    ("1381111 2222", "13811112222"),
    ("138 11112222", "13811112222"),
    ("1381 111 2222", "13811112222"),
    ("1381 1112 222", "13811112222"),
    ("13811 112222", "13811112222"),
    ("(138)1111-2222", "13811112222"),
    ("(+86)138-1111-2222", "13811112222"),
    ("（+86）138 1111 2222", "13811112222"),
    ("电话(+86)13811112222", "电话13811112222"),
    ("+86 138 1111 2222", "13811112222"),
    ("+86-138-1111-2222", "13811112222"),
    ("+(86) 138 1111 2222", "13811112222"),
    ("＋８６ 138 1111 2222", "13811112222"),
    ("0086 138 1111 2222", "13811112222"),
    ("0086-138-11112222", "13811112222"),
    ("(0086)138-1111-2222", "13811112222"),
    ("86 138 1111 2222", "13811112222"),
    ("86-138-1111-2222", "13811112222"),
    ("手机+8613811112222", "手机13811112222"),
    ("138 1111 2222转8", "13811112222转8"),
    ("138 1111 2222、139 1111 2222", "13811112222", "13911112222"),
    ("138 1111 2222 139 1111 2222", "13811112222", "13911112222"),
    ("138 1111 2222 3 号楼", "13811112222", "3号楼"),
    ("电话：138 1111 2222\n3号楼", "13811112222"),
    ("tel-138-1111-2222", "tel13811112222"),
    ("138-1111-2222abc", "13811112222abc"),
    # other telephone numbers
    ("010-8888 6666", "01088886666"),
    ("010-88886666", "01088886666"),
    ("010 8888 6666", "01088886666"),
    ("（010）8888-6666", "01088886666"),
    ("(010)88886666", "01088886666"),
    ("0571-8888-666", "05718888666"),
    ("0755 888 6666", "07558886666"),
    ("+86-010-88886666", "01088886666"),
    ("+86 10 8888 6666", "01088886666"),
    ("+86 (10) 8888 6666", "01088886666"),
    ("+86-755-8888-6666", "075588886666"),
    ("0086 21 88886666", "02188886666"),
    ("010-88886666-8001", "01088886666-8001"),
    ("010-88886666转8001", "01088886666转8001"),
    ("400-810-1234", "4008101234"),
    ("400 810 1234", "4008101234"),
    ("400-8101-234", "4008101234"),
    ("4008-101-234", "4008101234"),
    ("400-8101234", "4008101234"),
    ("800-810-1234", "8008101234"),
    ("+86 400 810 1234", "4008101234"),
    ("0912-345-678", "0912345678"),
    ("+886 912 345 678", "886912345678"),
    ("+852 9123 4567", "85291234567"),
    ("(+852) 9123 4567", "85291234567"),
    ("(+852)91234567", "85291234567"),
    ("电话（+852）9123-4567。", "电话85291234567"),
    ("+1 (555) 123-4567", "15551234567"),
    ("+44 20 7946 0958", "442079460958"),
    # cards
    ("6222 0202 0011 2345 678", "6222020200112345678"),
    ("6222-0202-0011-2345", "6222020200112345"),
    ("卡号：4392 2588 1234 5678。", "4392258812345678"),
    ("1234 5678 9012 3456", "1234567890123456"),
    ("110101 19900307 123X", "11010119900307123x"),
    ("110101-19900307-1234", "110101199003071234"),
    ("110101 1990 0307 1234", "110101199003071234"),
    ("11010119900307 1234", "110101199003071234"),
    # amounts
    ("一共付了1,299元", "一共付了1299元"),
    ("1,299.50元", "1299.50元"),
    ("￥1,299", "¥1299"),
    ("12,345,678", "12345678"),
    ("299,000", "299000"),
    ("1，299元", "1299元"),
    ("1,299 元", "1299元"),
    ("100,200,300", "100200300"),  # a list that looks like an amount
    # identifiers
    ("KT-INS114-DRE", "ktins114dre"),
    ("型号ISO‑9001吗", "型号iso9001吗"),
    ("SF-1020-304050", "sf1020304050"),
    ("CA-1234", "ca1234"),
    ("T-34", "t34"),
    ("COVID-19", "covid19"),
    ("A4-5页", "a45页"),
    ("3-in-1", "3in1"),
    ("24-port", "24port"),
    ("550e8400-e29b-41d4-a716-446655440000", "550e8400e29b41d4a716446655440000"),
    ("12ab34cd-1234-5678-90ab-1234567890ab", "12ab34cd1234567890ab1234567890ab"),
    ("20190425ab-001", "20190425ab001"),
]  # fmt: skip
"""A text, and its fragments."""

APART = [
    "", "退款", "退款流程", "iPhone", "13811112222", "1299", "ktins114",
    "hello world", "I want my money back",
    "退款,物流", "退款。 物流", "你好！ 在吗", "(退款) (物流)",
    "退款 👍 谢谢", "退款 - 物流",
    "1 2 3", "100 200 300", "1 299", "12 34 56 78", "5 10 15 20", "2019 04 25", "20190425 080000",
    "第1 2 3", "100\n200\n300", "138\n1111\n2222", "6222\n0202\n0011\n2345", "1\n299", "1,\n299",
    "退款:100\n3天", "数量:15\n日期:5月", "数量15\n日期", "iPhone\n6", "6\niPhone", "¥\n20",
    "010\n88886666", "电话138\n11112222",
    "2016 2017 2018 2019", "1000 2000 3000 4000", "0800 0900 1000 1100", "1234 5678 9012",
    "1234 5678 9012 3456 7890", "2018-2019-2020-2021", "400 800 1200 1500",
    "138 1111", "138-1111", "1111-2222", "1381-111", "138 111 222", "138 1 1 1 1 2 2 2 2",
    "138 1111 22223", "4138 1111 2222", "12 1111 2222", "128-1111-2222", "138.1111.2222",
    "138,1111,2222", "138--1111--2222", "138/1111/2222",
    "010-1234", "010-888-666", "010/88886666", "11010-88886666", "0010-88886666", "010.88886666",
    "110101 19901307 1234", "110101 18900307 1234", "110101 19900307 12345",
    "95588", "955-88", "10086", "100-86",
    "1,29", "1,2999", "12,99", "1,299,1,399", "0,123", "1234,567", "1.299,00", "3.1,299",
    "101，102", "101，102，103", "1，2，3", "1、299", "1;299",
    "3.6.0", "v3.6.0", "3.14", "192.168.1.1", "192-168-1-1", "1-2-3", "1/2", "1:2",
    "8:00-22:00", "8:00 - 22:00", "2019-04-25", "2019-04-25 08:00", "2019-04-25T08", "04-25",
    "3-15", "5-10天", "6-8kg", "10kg-20kg", "4k-8k", "8am-5pm",
    "5star-6star", "2018-2019", "1-3", "0-100",
    "100-200元", "A-B", "wi-fi", "e-mail", "T-shirt", "-5", "--", "a-", "-1a", "a--1", "5月-6月",
    "+100 200 300", "a+1 2 3", "+10 20 30 40 50", "C++ 11", "1 + 1", "a # b",
]  # fmt: skip
"""Texts without a joint."""


@pytest.mark.parametrize(("text", "fragments"), [(row[0], list(row[1:])) for row in JOINED])
def test_what_people_write_apart_is_joined(text: str, fragments: list[str]) -> None:
    assert pieces(text) == fragments


@pytest.mark.parametrize("text", APART)
def test_what_belongs_apart_stays_apart(text: str) -> None:
    assert pieces(text) == []


@pytest.mark.parametrize(
    "text", [row[0] for row in JOINED if len(row) == 2 and len(row[1]) == len(row[1].strip("…"))]
)
def test_a_query_finds_the_text_that_is_written_as_it_is(text: str) -> None:
    """Where a text is one fragment, the same typed as a query is looked for in the same form."""
    if "\n" in text or "\r" in text or "\u2028" in text:
        return
    (fragment,) = pieces(text)
    assert fragment in joined_query(fold(text))


@pytest.mark.parametrize(
    ("chunk", "form"),
    [
        ("138-1111-2224", "13811112224"),
        ("+8613700001111", "13700001111"),
        ("008613700001111", "13700001111"),
        ("8613700001111", "13700001111"),
        ("+85291234567", "85291234567"),
        ("电话+85291234567", "电话85291234567"),
        ("a+85291234567", "a+85291234567"),
        ("+2019", "+2019"),
        ("1,299", "1299"),
        ("kt-ins114", "ktins114"),
        ("iphone 6", "iphone6"),
        ("13811112224", "13811112224"),
        ("114-dre", "114dre"),
        ("20%", "20%"),
        ("c++", "c++"),
        ("3.6.0", "3.6.0"),
        ("2019-04-25", "2019-04-25"),
        ("6-8kg", "6-8kg"),
        ("a@b.com", "a@b.com"),
        ("退款", "退款"),
    ],
)
def test_the_form_of_a_chunk_of_a_query(chunk: str, form: str) -> None:
    assert joined_query(chunk) == form
    assert joined_query(form) == form


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("138 1111 2222", ["138 1111 2222"]),
        ("退款 138 1111 2222 物流", ["138 1111 2222"]),
        ("电话138 1111 2222", ["138 1111 2222"]),
        ("(+86)138-1111-2222", ["(+86)138-1111-2222"]),
        ("（＋８６）１３８ １１１１ ２２２２ 退款", ["（＋８６）１３８ １１１１ ２２２２"]),
        ("+86 138 1111 2222", ["+86 138 1111 2222"]),
        ("0086-13811112222", ["0086-13811112222"]),
        ("6222 0202 0011 2345 678", ["6222 0202 0011 2345 678"]),
        ("010-8888 6666", ["010-8888 6666"]),
        ("（010）8888-6666", ["（010）8888-6666"]),
        ("110101 19900307 123X", ["110101 19900307 123X"]),
        ("1,299", ["1,299"]),
        ("1，299", ["1，299"]),
        ("138 1111 2222 OR 139 1111 2222", ["138 1111 2222", "139 1111 2222"]),
        ("(138 1111 2222 OR 退款)", ["138 1111 2222"]),
        ("-138 1111 2222", ["138 1111 2222"]),
        ("… 138 1111 2222", ["138 1111 2222"]),
        ("13811112222 13911112222", []),
        ("101，102", []),
        ("iPhone 6", []),
        ("5月1日 20% 3.6.0", []),
        ("1 2 3", []),
        ("100 200 300", []),
        ("date:2019-04-25..2019-05-01 退款", []),
        ("138\n1111\n2222", []),
        ("", []),
    ],
)
def test_a_number_that_was_typed_in_groups_is_one_word_of_a_query(
    query: str, numbers: list[str]
) -> None:
    assert [query[start:end] for start, end in number_spans(query)] == numbers


# -- an oracle in other words ------------------------------------------------------------------


def kind(character: str) -> str:
    """What a character is for a blank beside it, by its name in Unicode."""
    name = unicodedata.name(character, "")
    category = unicodedata.category(character)
    unspaced = {
        "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "MYANMAR", "KHMER", "IDEOGRAPHIC",
        "KANGXI", "HANGZHOU",
    }  # fmt: skip
    if character == " " or not name:
        return ""
    if unspaced & set(name.replace("-", " ").split()):
        return "word"
    if category == "Nd":
        return "digit"
    if category.startswith("L") or category in ("Nl", "No"):
        return "letter"
    return "sign" if character in "%‰°¥$€£₩#" else ""


def is_number(digits: str) -> bool:
    """Has a number that people write in groups this many digits, and this beginning?"""
    long = len(digits)
    return (
        (long == 11 and digits[0] == "1" and digits[1] in "3456789")
        or (10 <= long <= 12 and digits[0] == "0")
        or (long == 10 and digits.startswith(("400", "800")))
        or 16 <= long <= 19
        or (long >= 10 and digits[0] != "0")
    )


def wrong_joints(folded: str, fragment: Fragment) -> Iterator[str]:
    """The joints of a fragment that are of none of the stated kinds."""
    kept = {start: index for index, start in enumerate(fragment.starts)}
    for position in range(fragment.starts[0], fragment.ends[-1]):
        if position in kept:
            continue
        index = next(i for i, start in enumerate(fragment.starts) if start > position)
        before, after = fragment.text[index - 1], fragment.text[index]
        around = folded[max(0, position - 20) : position + 20]
        gone = folded[position]
        kinds = {kind(before), kind(after)}
        if gone == " " and "" not in kinds and kinds not in ({"letter"}, {"digit"}):
            continue
        start, end = index, index
        while start and (fragment.text[start - 1].isdigit()):
            start -= 1
        while end < len(fragment.text) and fragment.text[end].isdigit():
            end += 1
        digits = fragment.text[start:end]
        end_of_text = fragment.text[end : end + 1]
        is_card = end_of_text == "x" and len(digits) == 17
        if gone in " -()+0123456789" and (is_number(digits) or is_card):
            continue
        if gone == "," and before.isdigit() and folded[position + 1 : position + 4].isdigit():
            continue
        has_letter = any(c.isalpha() for c in around) and any(c.isdigit() for c in around)
        if gone == "-" and before.isalnum() and after.isalnum() and has_letter:
            continue
        yield f"{gone!r} in {around!r}"


def check(text: str) -> None:
    folded = fold(text)
    reached = 0
    for fragment in joined(folded, text):
        assert len(fragment.text) == len(fragment.starts) == len(fragment.ends)
        assert reached <= fragment.starts[0]
        reached = fragment.ends[-1]
        assert all(s < e for s, e in zip(fragment.starts, fragment.ends, strict=True))
        assert list(fragment.starts) == sorted(set(fragment.starts))
        assert fragment.text != folded[fragment.starts[0] : reached]
        for character, start in zip(fragment.text, fragment.starts, strict=True):
            assert folded[start] in (character, "+", "0", "(")
        assert not list(wrong_joints(folded, fragment))


@given(texts(40) | st.text("138 2-,()+0退款a\n，x", max_size=40))
def test_each_joint_of_any_text_is_of_a_stated_kind(text: str) -> None:
    check(text)


def test_each_joint_of_the_real_dialogues_is_of_a_stated_kind() -> None:
    for text in messages().texts:
        check(text)


@given(texts(40))
def test_a_fragment_leads_back_to_the_folded_text(text: str) -> None:
    folded = fold(text)
    for fragment in joined(folded, text):
        start, end = fragment.folded_range(0, len(fragment.text))
        assert (start, end) == (fragment.starts[0], fragment.ends[-1])
        assert fold(folded[start:end]) == folded[start:end].replace("  ", " ")


def test_few_of_the_real_messages_have_a_joint() -> None:
    real = messages().texts
    fragments = [joined(fold(text), text) for text in real]
    share = sum(map(bool, fragments)) / len(real)
    size = sum(len(f.text) for many in fragments for f in many) / sum(map(len, real))
    assert 0.001 < share < 0.08, share
    assert size < 0.08, size


# -- recall --------------------------------------------------------------------------------------


def found(query: str, text: str) -> bool:
    """Does an unquoted query of one number find a text, as `joined_query` says?"""
    folded = fold(text)
    chunk = fold(query)
    forms = {chunk, joined_query(chunk)}
    places = [folded, *(f.text for f in joined(folded, text))]
    return any(form in place for form in forms for place in places)


def grouped(number: str, sizes: tuple[int, ...], gap: str) -> str:
    groups = []
    for size in sizes:
        groups.append(number[:size])
        number = number[size:]
    return gap.join(filter(None, groups))


def writings(number: str, kind: str) -> list[str]:
    if kind == "mobile":
        sizes = [(11,), (3, 4, 4), (3, 8), (7, 4), (4, 3, 4), (4, 4, 3), (5, 6), (3, 3, 5)]
        bare = [grouped(number, s, gap) for s in sizes for gap in (" ", "-", "－", " - ")]
        country = ("", "+86", "+86 ", "+86-", "(+86)", "（+86）", "0086", "0086-", "86-", "86 ")
        return [c + b for c in country for b in bare]
    if kind == "fixed":
        area, local = number[:3], number[3:]
        locals_ = [local, f"{local[:4]} {local[4:]}", f"{local[:4]}-{local[4:]}"]
        areas = (
            f"{area}-",
            f"({area})",
            f"（{area}）",
            f"{area} ",
            f"+86-{area}-",
            f"+86 {area[1:]} ",
        )
        return [a + b for a in areas for b in locals_] + [number]
    if kind == "card":
        return [grouped(number, (4,) * (len(number) // 4 + 1), gap) for gap in (" ", "-", "—")]
    return [f"{int(number):,}", number, f"{int(number):,}.00"]


def numbers() -> Iterator[tuple[str, str]]:
    random = Random(13)
    for _ in range(20):
        rest = "".join(random.choices("0123456789", k=15))
        yield "mobile", f"1{random.choice('3456789')}{rest[:9]}"
        yield "fixed", f"0{random.choice(['10', '21', '28'])}{random.choice('2345678')}{rest[:7]}"
        yield "card", f"62{rest[:14]}{rest[: random.randrange(4)]}"
        yield "amount", str(random.randrange(1_000, 99_999_999))


@pytest.mark.slow
def test_a_number_in_any_grouping_finds_it_in_any_other_and_so_does_its_tail() -> None:
    random = Random(7)
    for kind, number in numbers():
        ways = writings(number, kind)
        for way in ways:
            text = random.choice(["我的是{}，麻烦", "{}", "查{}", "id {} ok", "a，{}。"]).format(
                way
            )
            for query in (*random.sample(ways, min(6, len(ways))), number):
                if query.endswith(".00") and not way.endswith(".00"):
                    continue
                assert found(query, text), (query, text)
            for tail in (4, 6, 8):
                wanted = number[-tail:]
                assert found(wanted, text), (wanted, text)
    assert not found("13811112222", "138 1111 2223")


def test_every_telephone_number_of_the_real_dialogues_is_found_by_its_digits() -> None:
    seen = 0
    for text in messages().texts:
        for start, end in number_spans(text):
            digits = "".join(c for c in text[start:end] if c.isdigit())
            seen += 1
            assert found(digits, text), text
            assert found(digits[-6:], text), text
    assert seen > 100 or len(messages().texts) < 10_000


def test_random_digits_are_found_only_where_a_number_has_them() -> None:
    """What the joined form adds stands within one number or word of the message."""
    random = Random(5)
    real = [text for text in messages().texts if joined(fold(text), text)]
    strings = {"".join(random.choices("0123456789", k=k)) for k in (2, 3, 4) for _ in range(60)}
    strings |= {a + b for a, b in permutations("的在有多店京酒馆区地", 2)}
    added = 0
    for text in real:
        folded = fold(text)
        for fragment in joined(folded, text):
            for wanted in strings:
                at = fragment.text.find(wanted)
                if at < 0 or wanted in folded:
                    continue
                added += 1
                start, end = fragment.folded_range(at, at + len(wanted))
                between = folded[start:end]
                assert len(between) <= len(wanted) + 6, between
                assert "".join(c for c in between if c not in " -,()+") == wanted, between
    assert added or len(messages().texts) < 10_000
