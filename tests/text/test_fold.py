from __future__ import annotations

import re
import shutil
import unicodedata
from pathlib import Path

import opencc
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kchat_search.text import fold as fold_module
from kchat_search.text.fold import (
    Folded,
    fingerprint,
    fold,
    fold_many,
    fold_many_with_map,
    fold_with_map,
    without_surrogates,
)
from tests.text.difficult_texts import MARKS, texts

_T2S = opencc.OpenCC("t2s")


OTHER_IGNORABLE = "\u034f\u115f\u1160\u17b4\u17b5\u2065\u3164\uffa0" + "".join(
    map(chr, [*range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000)])
)
"""Unicode's property «Other_Default_Ignorable_Code_Point», with its unassigned code points."""
VISIBLE_FORMAT = [
    *range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, *range(0xFFF9, 0xFFFC),
    0x110BD, 0x110CD, *range(0x13430, 0x13440),
]  # fmt: skip
"""Characters of the category Cf that are seen: signs before numbers, and annotations."""


def ignorable(character: str) -> bool:
    """As Unicode derives «Default_Ignorable_Code_Point» from its other properties."""
    if unicodedata.category(character) == "Cf":
        return ord(character) not in VISIBLE_FORMAT
    return (
        character in OTHER_IGNORABLE
        or "VARIATION SELECTOR" in unicodedata.name(character, "")
        or character in "\u180b\u180c\u180d\u180f"
    )


APOSTROPHES = "`´‘’‚‛′‵‹›ʹʻʼʽꞌꞋ❛❜『』＇｀\u1ffd\u1fef\ufe43\ufe44\u0374"
QUOTES = "“”„‟«»″‶〝〞〟ʺˮ❝❞「」＂｢｣\ufe41\ufe42"
DASHES = "‐‑‒–—―−﹘﹣－⁃˗⸺⸻᠆֊⁻₋\ufe31\ufe32"
TILDES = "〜～∼〰⁓˜"
ONE_FORM = (
    dict.fromkeys(APOSTROPHES, "'")
    | dict.fromkeys(QUOTES, '"')
    | dict.fromkeys(DASHES, "-")
    | dict.fromkeys(TILDES, "~")
)


def plain_fold(text: str) -> str:
    """Folding as it is documented, in the simplest code: no pieces, no map, no tables."""
    text = "".join(character for character in text if not ignorable(character))
    text = "".join(ONE_FORM.get(character, character) for character in text)
    text = re.sub("[\ud800-\udfff\ufdd0-\ufdef]", "\ufffd", text)
    text = unicodedata.normalize("NFKC", text).casefold()
    text = unicodedata.normalize("NFKC", text)
    text = "".join(ONE_FORM.get(character, character) for character in text)
    return re.sub(r"\s+", " ", "".join(map(simplified, text)))


def simplified(character: str) -> str:
    """OpenCC's own answer for one character, converted again until it stays the same, because
    OpenCC's table has chains."""
    if character < "\u3400":
        return character
    seen = [character]
    while len(seen) < 10:
        following = _T2S.convert(seen[-1])
        if following in seen or len(following) != 1:
            break
        if not unicodedata.is_normalized("NFKC", following):
            break
        seen.append(following)
    return seen[-1]


KNOWN = [
    ("", ""),
    ("退款流程", "退款流程"),
    ("退款流程", "退款流程"),
    ("ABC", "abc"),
    ("ＡＢＣ１２３", "abc123"),
    ("Straße STRASSE", "strasse strasse"),
    ("İstanbul", "i̇stanbul"),
    ("ﬁle", "file"),
    ("ﬃ", "ffi"),
    ("Å", "å"),  # the Angstrom sign
    ("e\u0301", "é"),
    ("ﷺ", "صلى الله عليه وسلم"),
    ("ｶﾞ", "ガ"),
    ("ﾊﾟ", "パ"),
    ("か\u3099", "が"),
    ("\u1112\u1161\u11ab", "한"),
    ("ㅎㅏ", "하"),
    ("裡面", "里面"),
    ("頭髮", "头发"),
    ("申請退款", "申请退款"),
    ("發票", "发票"),
    ("臺灣", "台湾"),
    ("豈", "岂"),  # a compatibility ideograph, then traditional
    ("⼀", "一"),  # a Kangxi radical
    ("①②", "12"),
    ("½", "1⁄2"),
    ("㎡", "m2"),
    ("℃", "°c"),
    ("…", "..."),
    ("你好,在吗?", "你好,在吗?"),
    ("你好，在吗？", "你好,在吗?"),
    ("“退款”", '"退款"'),
    ("「退款」", '"退款"'),
    ("『退款』", "'退款'"),
    ("《退款》", "《退款》"),
    ("«退款»", '"退款"'),
    ("5′10″", "5'10\""),
    ("don’t don´t don`t donʼt don＇t", "don't don't don't don't don't"),
    ("ŉ", "'n"),
    ("ISO‑9001 ISO–9001 ISO—9001 ISO−9001", "iso-9001 iso-9001 iso-9001 iso-9001"),
    ("——", "--"),
    ("データ一", "データ一"),
    ("好〜好～", "好~好~"),
    ("退\u200b款", "退款"),
    ("\ufeff退款\u2060", "退款"),
    ("so\xadft", "soft"),
    ("e\u200d\u0301", "é"),
    ("か\u034f\u3099", "が"),
    ("a \u200b b", "a b"),
    ("ᄒ\u2060ᅡ", "하"),
    ("\u200b\u3164", ""),
    ("a \t\n\u3000 b", "a b"),
    (" \n ", " "),
    ("a\u00a0b", "a b"),
    ("a\u2028b", "a b"),
    ("\x00", "\x00"),
    ("\uffff", "\uffff"),
    ("\ud800", "\ufffd"),
    ("\ud83d\ude00", "\ufffd\ufffd"),
    ("😀", "😀"),
    ("👨\u200d👩\u200d👧", "👨👩👧"),
    ("❤\ufe0f", "❤"),
    ("ϒ\u0301", "ύ"),
    ("Σας", "σασ"),
    ("ᾳ", "αι"),
]


@pytest.mark.parametrize(("text", "folded"), KNOWN)
def test_known_texts_fold_as_expected(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold_with_map(text).text == folded


@pytest.mark.parametrize(
    ("traditional", "simple"),
    [("後悔", "后悔"), ("皇后", "皇后"), ("乾淨", "干净"), ("麵條", "面条"), ("鐘錶", "钟表")],
)
def test_traditional_and_simplified_text_fold_to_the_same(traditional: str, simple: str) -> None:
    assert fold(traditional) == fold(simple)


def test_a_character_folds_the_same_whatever_stands_beside_it() -> None:
    # OpenCC's phrases keep 乾 in 乾坤. But a literal must not depend on its neighbours.
    assert fold("乾坤") == fold("乾") + fold("坤")


@given(texts())
@example("ΐ" + "\u0323" * 40)
@example(" \u0308\n")
@example("\uffff \uffff")
def test_folding_equals_the_simple_oracle(text: str) -> None:
    assert fold(text) == plain_fold(text)


@given(texts())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.lists(texts(8), max_size=6))
def test_many_texts_fold_as_each_of_them_does_alone(many: list[str]) -> None:
    assert fold_many(many) == [fold(text) for text in many]
    assert fold_many_with_map(many) == [fold_with_map(text) for text in many]


@given(texts())
def test_folding_with_a_map_is_folding(text: str) -> None:
    assert fold_with_map(text).text == fold(text)


@given(texts())
def test_folded_text_has_no_line_break_no_surrogate_and_no_two_blanks(text: str) -> None:
    folded = fold(text)
    assert len(f".{folded}.".splitlines()) == 1
    assert not re.search(r"[^\S ]|  |[\ud800-\udfff]", folded)


@given(texts())
@example("")
@example("e\u0301  \n ﷺ")
@example("\u200b退\u200b款\u200b")
def test_the_map_covers_the_original_from_end_to_end(text: str) -> None:
    folded = fold_with_map(text)
    ranges = [folded.original_range(i, i + 1) for i in range(len(folded.text))]
    if not folded.text:
        assert all(map(ignorable, text))
        return
    reached = 0
    for start, end in ranges:
        assert 0 <= start < end <= len(text)
        assert start <= reached <= end, "a gap, or going back"
        reached = end
    assert reached == len(text)
    if folded.starts is not None and folded.ends is not None:
        assert len(folded.starts) == len(folded.ends) == len(folded.text)
        assert list(folded.starts) == sorted(folded.starts)
        assert list(folded.ends) == sorted(folded.ends)


@given(texts(), st.data())
def test_the_original_range_of_folded_text_folds_to_text_that_contains_it(
    text: str, data: st.DataObject
) -> None:
    folded = fold_with_map(text)
    if not folded.text:
        return
    start = data.draw(st.integers(0, len(folded.text) - 1))
    end = data.draw(st.integers(start + 1, len(folded.text)))
    first, last = folded.original_range(start, end)
    assert folded.text[start:end] in fold(text[first:last])


@given(texts(12), texts(12))
def test_texts_joined_by_a_line_break_fold_as_each_does_alone(left: str, right: str) -> None:
    apart = fold(f"{left}x\nx{right}")
    assert apart == fold(left + "x") + " " + fold("x" + right)


def test_every_character_of_the_basic_plane_folds_idempotently_with_and_without_a_map() -> None:
    wrong = [
        hex(code)
        for code in range(0x10000)
        if (c := chr(code)) and not fold(fold(c)) == fold(c) == fold_with_map(c).text
    ]
    assert wrong == []


def test_the_ignorable_characters_are_those_that_unicode_derives_and_no_others_vanish() -> None:
    vanished = [code for code in range(0x110000) if not fold(chr(code))]
    assert vanished == [code for code in range(0x110000) if ignorable(chr(code))]


@pytest.mark.parametrize(("mark", "form"), ONE_FORM.items(), ids=map(ascii, ONE_FORM))
def test_marks_that_mean_the_same_have_one_form(mark: str, form: str) -> None:
    assert fold(f"a{mark}b") == f"a{form}b"
    assert fold_with_map(f"a{mark}b") == Folded(f"a{form}b")


@pytest.mark.parametrize("character", "ー一ｰ_=|/《》〈〉<>¯°·•,.:;!?")
def test_what_is_no_dash_and_no_quote_stays_apart(character: str) -> None:
    assert fold(character) not in ("-", "'", '"', "~")


@pytest.mark.parametrize(
    ("text", "found", "marked"),
    [
        ("我要退\u200b款吗", "退款", "退\u200b款"),
        ("\ufeff退款", "退款", "\ufeff退款"),
        ("❤\ufe0f好", "❤", "❤\ufe0f"),
        ("好❤\ufe0f好", "好", "好"),
        ("SF10\u200b20", "1020", "10\u200b20"),
        ("…\u200b退\u2060\n\u200b款", "退 款", "退\u2060\n\u200b款"),
    ],
)
def test_a_mark_covers_the_characters_that_were_dropped_inside(
    text: str, found: str, marked: str
) -> None:
    folded = fold_with_map(text)
    at = folded.text.index(found)
    start, end = folded.original_range(at, at + len(found))
    assert text[start:end] == marked


def test_every_character_between_neighbours_folds_as_the_oracle_says() -> None:
    # Each character stands between a letter that takes marks and a mark.
    text = "".join(f"e{chr(code)}\u0301" for code in range(0x10000))
    assert fold(text) == plain_fold(text) == fold_with_map(text).text


@pytest.mark.parametrize("code", [0x3400, 0x4E00, 0xF900, 0x20000, 0x2F800])
def test_simplification_agrees_with_opencc_at_the_start_of_each_block(code: int) -> None:
    text = "".join(map(chr, range(code, code + 256)))
    assert fold(text) == plain_fold(text)


@given(st.text(MARKS, min_size=33, max_size=120), st.text("aeか각 ", max_size=2))
def test_a_long_run_of_marks_folds_as_the_oracle_says(marks: str, base: str) -> None:
    text = base + marks + base + marks
    assert fold(text) == plain_fold(text) == fold_with_map(text).text == fold(fold(text))


@pytest.mark.slow
@pytest.mark.parametrize(
    "hostile",
    [
        "a" + "\u0315\u0300" * 200_000,
        "a" + "\u0315" * 200_000 + "\u0300" * 200_000,
        "\n…" * 200_000,
        "a\u200b\u0315\ufe0f\u0300" * 100_000,
    ],
    ids=["alternating marks", "marks in the wrong order", "nothing but expansions", "much ignored"],
)
def test_a_hostile_message_folds_in_linear_time(hostile: str) -> None:
    # In linear time this takes a second. In quadratic time the marks take eight minutes
    # (50,000 of them took half a minute), so the time limit of the suite ends the test.
    assert fold_with_map(hostile).text == fold(hostile)


@given(texts())
def test_each_lone_surrogate_is_replaced_and_nothing_else(text: str) -> None:
    clean = without_surrogates(text)
    assert len(clean) == len(text)
    clean.encode()
    for before, after in zip(text, clean, strict=True):
        lone = "\ud800" <= before <= "\udfff"
        assert after == ("\ufffd" if lone else before)


def test_the_fingerprint_changes_with_the_tables_that_folding_uses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = fingerprint()
    assert unicodedata.unidata_version in before
    monkeypatch.setattr(fold_module, "version", lambda _: "0.0")
    assert fingerprint() != before


def test_a_table_of_opencc_in_the_current_folder_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name alone, OpenCC takes the table that lies here. It turns everything around."""
    for file in Path(opencc.__file__).parent.rglob("opencc/*.*"):
        shutil.copy(file, tmp_path)
    shutil.copy(tmp_path / "s2t.json", tmp_path / "t2s.json")
    monkeypatch.chdir(tmp_path)
    assert opencc.OpenCC("t2s").convert("发票") == "發票"
    table = fold_module._simplified_table.__wrapped__()
    assert table == fold_module._simplified_table()
    assert table[ord("發")] == "发"
