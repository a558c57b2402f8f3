from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from kchat_search.chats.reader import Transcript
from kchat_search.chats.speakers import KnownAgents
from kchat_search.models.chats import Chat, Message, Speaker
from kchat_search.models.plan import (
    AllOf,
    AnyOf,
    Contains,
    FieldIs,
    HasWord,
    Messages,
    Near,
    NoneOf,
)
from kchat_search.models.search import Snippet
from kchat_search.search.marks import Needle, Range, highlights, needles_of
from kchat_search.search.snippets import LEAD, WIDTH, snippets
from kchat_search.text.fold import fold
from kchat_search.text.scripts import RunKind, runs
from tests.text.difficult_texts import texts


def chat(*said: str) -> Chat:
    messages = tuple(
        Message(1000 + i, i, "chat.msg", "访客5", text, None, None) for i, text in enumerate(said)
    )
    return Chat(1, "chat", "visitor", "close", None, None, "5", None, None, None, None, messages)


def shown(
    *said: str,
    wanted: Sequence[Needle],
    limit: int = 3,
    speakers: Sequence[Speaker] = (),
    phrases: Sequence[str] = (),
) -> tuple[Snippet, ...]:
    visitor: Speaker = "visitor"
    spoke = tuple(speakers) or (visitor,) * len(said)
    return snippets(
        Transcript(chat(*said), None, spoke, None), wanted, phrases=phrases, limit=limit
    )


def ranges_in(text: str, speaker: Speaker, needles: Sequence[Needle]) -> tuple[Range, ...]:
    """The ranges of a message that are marked, in code points."""
    return highlights(Transcript(chat(text), None, (speaker,), None), needles).get(0, ())


def marked(text: str, *needles: str) -> list[str]:
    """The texts that are marked."""
    ranges = ranges_in(text, "visitor", [Contains(needle) for needle in needles])
    return [text[start:end] for start, end in ranges]


@pytest.mark.parametrize(
    ("text", "needle", "expected"),
    [
        ("我要退款", "退款", ["退款"]),
        ("我要申請退款", "申请", ["申請"]),
        ("頭髮乾了", "头发干", ["頭髮乾"]),
        ("买 ｉＰｈｏｎｅ 吗", "iphone", ["ｉＰｈｏｎｅ"]),
        ("STRASSE Straße", "strasse", ["STRASSE", "Straße"]),
        ("aﬁb", "i", ["ﬁ"]),
        ("aﬁb", "fi", ["ﬁ"]),
        ("cafe\u0301!", "é", ["e\u0301"]),
        ("ｶﾞｽ", "ガ", ["ｶﾞ"]),
        ("你好…再见", ".", ["…"]),
        ("a \n\n b", " ", [" \n\n "]),
        ("a \n\n b", "a b", ["a \n\n b"]),
        ("😀退款😀", "款😀", ["款😀"]),
        ("5678-5678", "5678", ["5678", "5678"]),
        ("哈哈哈哈", "哈哈", ["哈哈哈哈"]),
        ("退款", "退货", []),
        ("", "退", []),
        ("\ud800退", "退", ["退"]),
    ],
)
def test_marks_lie_on_the_original(text: str, needle: str, expected: list[str]) -> None:
    assert marked(text, needle) == expected


def test_marks_that_touch_or_overlap_are_one() -> None:
    assert marked("退款流程说明", "退款", "流程") == ["退款流程"]
    assert marked("退款流程说明", "退款流", "流程") == ["退款流程"]
    assert marked("退款的流程", "流程", "退款") == ["退款", "流程"]


@pytest.mark.parametrize(
    ("needle", "expected"),
    [
        (HasWord("iphone"), ["iPhone", "iPhone"]),
        (HasWord("iph"), ["IPH"]),
        (HasWord("ip"), []),
        (HasWord("iph", prefix=True), ["iPhone", "iPhones", "iPhone", "IPH"]),
        (HasWord("phone"), []),
    ],
)
def test_a_word_is_marked_whole(needle: HasWord, expected: list[str]) -> None:
    text = "iPhone iPhones 买iPhone6 (IPH) x"
    found = ranges_in(text, "visitor", [needle])
    assert [text[start:end] for start, end in found] == expected


def test_only_the_side_that_is_asked_for_is_marked() -> None:
    wanted = [Contains("退款", Messages("agent"))]
    assert ranges_in("退款", "visitor", wanted) == ()
    assert ranges_in("退款", "agent", wanted) == ((0, 2),)
    found = shown("退款", "退款吗", wanted=wanted, speakers=("visitor", "agent"))
    assert [(s.position, s.speaker) for s in found] == [(1, "agent")]


def test_what_is_looked_for_is_what_is_asked_not_what_is_excluded() -> None:
    a, b, c = Contains("a"), HasWord("b"), Contains("c")
    asked = AllOf((a, AnyOf((b, a)), NoneOf(c), FieldIs("status", ("close",))))
    assert needles_of(asked) == (a, b)
    assert needles_of(None) == needles_of(NoneOf(a)) == ()


@pytest.mark.parametrize(
    ("limit", "positions"), [(1, [1]), (2, [1, 5]), (3, [1, 4, 5]), (4, [1, 2, 4, 5])]
)
def test_where_words_are_spread_each_has_its_message(limit: int, positions: list[int]) -> None:
    said = ("退款", "退款和流程", "流程,退款!", "退款", "发票", "发货单,发货单", "流程")
    wanted = list(map(Contains, ("退款", "流程", "发票", "发货单")))
    assert [s.position for s in shown(*said, wanted=wanted, limit=limit)] == positions


def test_a_message_with_the_whole_phrase_is_better_than_one_with_its_words() -> None:
    said = ("流程,退款,流程,退款", "怎么退款,流程怎么走", "退款流程")
    wanted = [Contains("退款"), Contains("流程")]
    found = shown(*said, wanted=wanted, limit=1, phrases=["退款流程"])
    assert [s.position for s in found] == [2]


@given(st.lists(st.text("abcd ", max_size=6), max_size=9), st.integers(1, 5))
def test_no_word_is_left_out_while_there_is_room(said: list[str], limit: int) -> None:
    """As many different words are shown as by always taking the message that shows the most new
    words."""
    wanted = list(map(Contains, "abcd"))
    found = shown(*said, wanted=wanted, limit=limit)
    seen = {c for each in found for c in each.text if c in "abcd"}
    there = {c for text in said for c in text if c in "abcd"}
    assert seen == there or (len(found) == limit and len(seen) >= min(limit, len(there)))


def test_the_messages_with_most_of_the_words_come_in_the_order_of_the_chat() -> None:
    said = ("退款", "流程", "你好", "退款流程", "退款和流程")
    wanted = [Contains("退款"), Contains("流程")]
    assert [s.position for s in shown(*said, wanted=wanted, limit=2)] == [3, 4]
    assert [s.position for s in shown(*said, wanted=wanted, limit=3)] == [0, 3, 4]
    assert [s.position for s in shown(*said, wanted=wanted, limit=5)] == [0, 1, 3, 4]
    assert shown(*said, wanted=wanted, limit=0) == ()


def test_words_that_are_spread_are_shown_in_several_messages() -> None:
    found = shown("想退款", "好的", "流程是?", wanted=[Contains("退款"), Contains("流程")])
    assert [(s.text, s.highlights) for s in found] == [
        ("想退款", ((1, 3),)),
        ("流程是?", ((0, 2),)),
    ]


@pytest.mark.parametrize("wanted", [[], [Contains("没有")]])
def test_a_chat_found_by_a_field_shows_its_first_messages(wanted: list[Needle]) -> None:
    found = shown("", " \n", "你好", "在吗", "嗯", "好", wanted=wanted, limit=2)
    assert [(s.text, s.highlights, s.cut) for s in found] == [
        ("你好", (), False),
        ("在吗", (), False),
    ]


def test_a_snippet_says_which_message_it_is_and_where_it_begins() -> None:
    text = "前" * 300 + "退款" + "后" * 300
    (found,) = shown("你好", text, wanted=[Contains("退款")])
    assert (found.message_id, found.position, found.name, found.speaker) == (
        1001,
        1,
        "访客5",
        "visitor",
    )
    assert found.start == 300 - LEAD
    assert found.cut
    assert len(found.text) == WIDTH
    assert found.text == text[found.start : found.start + WIDTH]
    assert [found.text[s:e] for s, e in found.highlights] == ["退款"]


@pytest.mark.parametrize(
    ("text", "start", "cut"),
    [
        ("退" * WIDTH, 0, False),
        ("退款" + "后" * WIDTH, 0, True),
        ("前" * WIDTH + "退款", 2, False),
    ],
)
def test_a_long_message_is_cut_where_there_is_more(text: str, start: int, *, cut: bool) -> None:
    (found,) = shown(text, wanted=[Contains("退")])
    assert (found.start, found.cut) == (start, cut)


def test_the_cut_shows_where_most_of_the_match_stands() -> None:
    text = "退款" + "。" * 500 + "退款的流程是退款吗" + "。" * 500 + "退款"
    (found,) = shown(text, wanted=[Contains("退款"), Contains("流程")])
    assert "退款的流程是退款吗" in found.text
    (found,) = shown("退款" + "。" * 500 + "退款", wanted=[Contains("退款")])
    assert found.start == 0, "of equals the first"
    # A match that ends behind the shown part is counted as far as it is shown.
    text = "退" + "。" * 130 + "退退退" + "。" * 200 + "退退" + "。" * 300
    (found,) = shown(text, wanted=[Contains("退")])
    assert "退退退" in found.text


@given(texts(60), st.data())
@example("a \n b", None)
def test_every_mark_shows_the_needle_and_every_place_is_marked(
    text: str, data: st.DataObject | None
) -> None:
    folded = fold(text)
    assume(folded)
    start = data.draw(st.integers(0, len(folded) - 1)) if data else 0
    end = data.draw(st.integers(start + 1, len(folded))) if data else len(folded)
    needle = folded[start:end]
    found = ranges_in(text, "visitor", [Contains(needle)])
    assert found, "what is there is marked"
    apart(found, text)
    for first, last in found:
        assert needle in fold(text[first:last])
    rest = [*found, (len(text), len(text))]
    gaps = [text[a[1] : b[0]] for a, b in zip([(0, 0), *found], rest, strict=True)]
    if len(needle) == 1:
        assert not any(needle in fold(gap) for gap in gaps if needle != " ")


@given(texts(60), st.lists(st.text("ab退款 .", min_size=1, max_size=3).map(fold), max_size=4))
def test_marks_are_ascending_apart_and_inside(text: str, wanted: list[str]) -> None:
    found = ranges_in(text, "visitor", [Contains(needle) for needle in wanted])
    apart(found, text)
    assert bool(found) == any(needle in fold(text) for needle in wanted)


@given(texts(40), st.text("abcdé", min_size=1, max_size=3))
def test_words_are_marked_exactly_where_they_are(text: str, word: str) -> None:
    text = f"{text} {word.upper()} {text}{word}{text}"

    def matching(part: str) -> list[str]:
        words = [run.text for run in runs(fold(part)) if run.kind is RunKind.LETTERS]
        return [each for each in words if each.startswith(word)]

    # Words that touch, such as those on both sides of a combining mark, have one mark together.
    ranges = ranges_in(text, "visitor", [HasWord(word, prefix=True)])
    marked = [matching(text[start:end]) for start, end in ranges]
    assert all(marked)
    assert list(chain.from_iterable(marked)) == matching(text)


@given(st.lists(texts(300), max_size=4), st.lists(st.sampled_from("ab退款 .你"), max_size=3))
def test_snippets_lie_inside_their_messages(said: list[str], wanted: list[str]) -> None:
    for found in shown(*said, wanted=[Contains(needle) for needle in wanted], limit=5):
        whole = said[found.position]
        assert found.text == whole[found.start : found.start + len(found.text)]
        assert len(found.text) <= WIDTH
        assert found.cut == (found.start + len(found.text) < len(whole))
        apart(found.highlights, found.text)


def apart(found: Sequence[tuple[int, int]], text: str) -> None:
    reached = -1
    for start, end in found:
        assert reached < start < end <= len(text)
        reached = end


HUGE = 300_000


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a" * HUGE, [Contains("a" * n) for n in range(1, 65)]),
        ("ab" * (HUGE // 2), [Contains("a"), Contains("b" * 500)]),
        ("退 " * (HUGE // 2), [Contains("退")]),
        ("a " * (HUGE // 2), [HasWord("a", prefix=True), HasWord("b")]),
        ("abc " * (HUGE // 4), [HasWord("abc"[: 1 + n % 3], prefix=True) for n in range(64)]),
        ("\n" * HUGE, [Contains(" ")]),
    ],
    ids=["one letter", "two letters", "spread", "words", "wildcards", "line breaks"],
)
def test_a_huge_message_is_marked_in_bounded_time(text: str, wanted: list[Needle]) -> None:
    began = time.process_time()
    (found,) = shown(text, wanted=wanted, limit=1)
    assert found.highlights
    assert time.process_time() - began < 6
    assert len(ranges_in(text, "visitor", wanted)) <= 20_000


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("我的电话 138 1111 2222,谢谢", "13811112222", ["138 1111 2222"]),
        ("我的电话138-1111-2222", "13811112222", ["138-1111-2222"]),
        ("(+86)13811112222", "13811112222", ["13811112222"]),
        ("13811112222", "13811112222", ["13811112222"]),
        ("138 1111 2222 或 13811112222", "13811112222", ["138 1111 2222", "13811112222"]),
        ("一共1,299元", "1299", ["1,299"]),
        ("+86 21 5555 6666", "02155556666", ["+86 21 5555 6666"]),
        ("型号KT-INS114-DRE", "ktins114", ["KT-INS114"]),
        ("我要退 款", "退款", ["退 款"]),
        ("我要退\n款", "退款", ["退\n款"]),
        ("iPhone 6 多少钱", "iphone6", ["iPhone 6"]),
        ("版本3.6.0", "360", []),
        ("1 2 3", "123", []),
    ],
)
def test_a_text_is_marked_where_it_is_written_with_separators(
    text: str, wanted: str, expected: list[str]
) -> None:
    ranges = ranges_in(text, "visitor", [Contains(wanted, joined=True)])
    assert [text[start:end] for start, end in ranges] == expected
    exact = ranges_in(text, "visitor", [Contains(wanted)])
    assert [text[start:end] for start, end in exact] == [e for e in expected if fold(e) == wanted]
    many = "好" * 5_000 + text
    long = ranges_in(many, "visitor", [Contains(wanted, joined=True)])
    assert [many[start:end] for start, end in long] == expected


@pytest.mark.parametrize(
    ("text", "distance", "expected"),
    [
        ("退款什么时候到账", 8, ["退款", "到账"]),
        ("到账的退款", 1, ["到账", "退款"]),
        ("退款什么时候到账", 4, ["退款", "到账"]),
        ("退款什么时候到账", 3, []),
        ("退款啊啊啊啊啊啊啊啊啊到账", 8, []),
        ("退款啊啊啊啊啊啊啊啊啊到账退款", 8, ["到账退款"]),
        ("退款", 8, []),
    ],
)
def test_near_texts_are_marked_where_they_are_near(
    text: str, distance: int, expected: list[str]
) -> None:
    ranges = ranges_in(text, "visitor", [Near(("退款", "到账"), distance)])
    assert [text[start:end] for start, end in ranges] == expected


def test_only_what_was_said_in_time_is_marked() -> None:
    at = datetime(2019, 7, 2, 10, 0, 0, 500_000, tzinfo=UTC)
    said = int(at.timestamp())
    one = chat("退款", "退款")
    messages = (one.messages[0]._replace(created_at=at), one.messages[1])
    transcript = Transcript(replace(one, messages=messages), None, ("visitor", "agent"), None)
    for messages_, expected in (
        (Messages(start=said), {0}),
        (Messages(start=said + 1), set()),
        (Messages(end=said + 1), {0}),
        (Messages(end=said), set()),
        (Messages(start=said - 5, end=said + 5), {0}),
        (Messages("agent", start=said), set()),
        (Messages(), {0, 1}),
    ):
        assert set(highlights(transcript, [Contains("退款", messages_)])) == expected, messages_


def test_only_what_these_people_said_is_marked() -> None:
    one = chat("退款", "退款", "退款")
    names = ("李雷", "李雷", "访客5")
    messages = tuple(m._replace(name=n) for m, n in zip(one.messages, names, strict=True))
    agents = KnownAgents({"2192": "李雷"})
    speakers: tuple[Speaker, ...] = ("agent", "visitor", "visitor")
    transcript = Transcript(replace(one, messages=messages), None, speakers, None, agents)
    for senders, expected in (
        (("#2192",), {0}),
        (("#2192", "李雷"), {0, 1}),
        (("访客5",), {2}),
        (("韩梅梅",), set()),
    ):
        wanted = [Contains("退款", Messages(senders=senders))]
        assert set(highlights(transcript, wanted)) == expected, senders


V, A, R, U = "visitor", "agent", "robot", "unknown"


@pytest.mark.parametrize(
    ("said", "speakers", "expected"),
    [
        (["退款多久", "三天"], [V, A], [(0, False), (1, True)]),
        (["退款多久", "三天", "好"], [V, R, V], [(0, False), (1, True)]),
        (["退款多久", "在吗", "?", "三天"], [V, V, V, A], [(0, False), (3, True)]),
        (["退款多久", "", " ", "三天"], [V, A, R, A], [(0, False), (3, True)]),
        (["退款多久", "三天", "四天"], [V, U, A], [(0, False), (2, True)]),
        (["退款多久", "退款三天"], [V, A], [(0, False), (1, True)]),
        (["退款多久", "好", "退款", "三天"], [V, A, A, A], [(0, False), (1, True), (2, False)]),
        (["退款三天", "多久"], [A, V], [(0, False)]),
        (["退款多久"], [V], [(0, False)]),
        (["退款", "退款多久", "三天"], [V, V, A], [(0, False), (1, False), (2, True)]),
        (["退款", "一天", "x", "退款", "二"], [V, A, V, V, A], [(0, False), (1, True), (3, False)]),
        (["x", "y"], [V, A], [(0, False), (1, False)]),
    ],
)  # fmt: skip
def test_the_reply_to_the_best_message_of_the_visitor_follows_it(
    said: list[str], speakers: list[Speaker], expected: list[tuple[int, bool]]
) -> None:
    wanted = [Contains("退款")]
    found = shown(*said, wanted=wanted, speakers=speakers)
    assert [(each.position, each.reply) for each in found] == expected
    for each in found:
        marked_ = [each.text[start:end] for start, end in each.highlights]
        assert marked_ == ["退款"] * said[each.position].count("退款")
    assert len(shown(*said, wanted=wanted, speakers=speakers, limit=1)) == 1
    assert shown(*said, wanted=wanted, speakers=speakers, limit=0) == ()


def test_the_reply_is_to_the_best_message_and_comes_besides_the_others() -> None:
    said = ["退款", "一天", "退款到账了吗", "二天", "到账"]
    speakers: list[Speaker] = ["visitor", "agent", "visitor", "agent", "visitor"]
    wanted = [Contains("退款"), Contains("到账")]
    found = shown(*said, wanted=wanted, speakers=speakers, limit=2)
    assert [(each.position, each.reply) for each in found] == [(0, False), (2, False), (3, True)]
