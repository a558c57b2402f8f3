"""What of a passage not everybody sees: who finds it, by what, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from kchat_search.fields import ONLY_RECALLED
from kchat_search.models.plan import (
    EVERYTHING_SEEN,
    HIDDEN_DIGIT,
    HIDDEN_LETTER,
    WHOLE_BEGINS,
    WHOLE_ENDS,
    Contains,
    Everything,
    FieldIs,
    FileNamed,
    HasWord,
    Hidden,
    Messages,
    Near,
    Node,
    Passage,
    Plan,
    Said,
    Sight,
)
from kchat_search.ports import Engine
from tests.engines.documents import make

MASKED = Sight(masked=True)
DIGITS = HIDDEN_DIGIT * 4
LETTERS = HIDDEN_LETTER * 3


def whole(number: str) -> str:
    return WHOLE_BEGINS + number + WHOLE_ENDS


def number(text: str, **more: Any) -> Passage:
    """A passage of this text, in which «13800138845» is private."""
    return Passage(
        text.replace("13800138845", f"138{DIGITS}8845"),
        more.pop("speaker", "visitor"),
        hidden=Hidden(text, (), text.replace("13800138845", whole("13800138845"))),
        **more,
    )


NUMBER = number("电话13800138845吗", speaker="agent", sender="#1", said=50)
ADDRESS = Passage(
    f"z{LETTERS}@x.com 谢谢",
    "visitor",
    "5",
    99,
    hidden=Hidden("zhang.san@x.com 谢谢", (), f"{whole('zhang.san@x.com')} 谢谢"),
)
RECALLED = Passage("", "visitor", "5", 70, hidden=Hidden("退款 secret 8845"))
GROUPED = Passage(
    f"138 {DIGITS} 8845",
    "visitor",
    joined=(f"138{DIGITS}8845", "88 45"),
    hidden=Hidden("138 0013 8845", ("13800138845",), whole("13800138845")),
)


CHATS = [
    make(1, passages=(NUMBER,)),
    make(2, passages=(ADDRESS,)),
    make(3, passages=(RECALLED,)),
    make(4, passages=(GROUPED,)),
    make(5, "138 x 13912348845 z", files=("138.pdf",), hidden_files=("13800138845.pdf",)),
]


@pytest.fixture(scope="module")
def index(engine_to_read: Engine) -> Engine:
    engine_to_read.write(CHATS)
    return engine_to_read


@pytest.mark.parametrize(
    ("node", "clear", "masked"),
    [
        (Contains("8845"), [1, 3, 4, 5], [1, 4, 5]),
        (Contains("13800138845"), [1], []),
        (Contains("13800138845", joined=True), [1, 4], []),
        (Contains("1380013"), [1], []),
        (Contains("0013"), [1, 4], []),
        (Contains("00"), [1, 4], []),
        (Contains("0"), [1, 4], []),
        (Contains("013"), [1, 4], []),
        (Contains("电话138"), [1], [1]),
        (Contains("话1380"), [1], []),
        (Contains("8845吗"), [1], [1]),
        (Contains("5吗"), [1], [1]),
        (Contains("38 0"), [4], []),
        (Contains("88 45", joined=True), [], [4]),  # joined where the hidden digits say otherwise
        (Contains(whole("13800138845")), [], [1, 4]),
        (Contains(f"电话{whole('13800138845')}吗"), [], [1]),
        (Contains(f"话{whole('13800138845')}"), [], [1]),
        (Contains(f"x{whole('13800138845')}"), [], []),
        (Contains(whole("1380013884")), [], []),
        (Contains(WHOLE_BEGINS + "1380"), [], []),
        (Contains("845" + WHOLE_ENDS), [], []),
        (Contains(WHOLE_BEGINS), [], []),
        (Contains(WHOLE_ENDS + "吗"), [], []),
        (Contains(whole("zhang.san@x.com") + " 谢"), [], [2]),
        (Contains("zhang"), [2], []),
        (Contains("n@x.com"), [2], []),
        (Contains("@x.com"), [2], [2]),
        (HasWord("zhang"), [2], []),
        (HasWord("z"), [5], [5]),
        (HasWord("z", prefix=True), [2, 5], [5]),
        (HasWord("z", prefix=True, messages=Messages("visitor")), [2, 5], [5]),
        (HasWord("zh", prefix=True), [2], []),
        (HasWord("san", messages=Messages(senders=("5",))), [2], []),
        (HasWord("san", messages=Messages("agent")), [], []),
        (HasWord("com"), [2], [2]),
        (HasWord("secret"), [3], []),
        (Contains("退款"), [3], []),
        (Contains("款 s"), [3], []),
        (Contains("退款", Messages("visitor", ("5",), 70, 71)), [3], []),
        (Contains("退款", Messages("visitor", ("5",), 71)), [], []),
        (Contains("退款", Messages("agent")), [], []),
        (Contains("00138", Messages("agent", ("#1",), 50, 51)), [1], []),
        (Contains("00138", Messages("visitor")), [], []),
        (Contains(whole("13800138845"), Messages("agent", ("#1",), 50, 51)), [], [1]),
        (Contains(whole("13800138845"), Messages("visitor", start=0)), [], []),
        (Near(("z", "谢谢"), 10), [], [2]),  # shown as if it had three hidden letters
        (Near(("z", "谢谢"), 15), [2], [2]),
        (Near(("zhang", "谢谢"), 11), [2], []),
        (Near(("zhang", "谢谢"), 9), [], []),
        (Near(("电话", "吗"), 11), [1], [1]),
        (Near(("0013", "吗"), 4), [1], []),
        (Near(("0013", "吗"), 4, Messages("visitor")), [], []),
        (Near((whole("13800138845"), "吗"), 0), [], [1]),
        (Near(("电话", "吗", whole("13800138845")), 0), [], [1]),
        (Near((whole("13800138845"), "吗"), 0, Messages("agent", ("#1",), 50, 51)), [], [1]),
        (Near((whole("13800138845"), "吗"), 0, Messages("visitor")), [], []),
        (Near((whole("13800138845"), "8845"), 50), [], []),
        (Near((whole("13800138845"), "x"), 50), [], []),
        (Near((whole("1380013884"), "吗"), 9), [], []),
        (Near((WHOLE_BEGINS, "吗"), 99), [], []),
        (Near((whole("zhang.san@x.com"), "谢谢"), 1), [], [2]),
        (Near((whole("zhang.san@x.com"), "谢谢"), 0), [], []),
        (FileNamed("138.pdf"), [5], [5]),
        (FileNamed("45.pdf"), [5], []),
        (Said(Messages(start=70, end=71)), [3], [3]),
    ],
)  # fmt: skip
def test_who_finds_what(index: Engine, node: Node, clear: list[int], masked: list[int]) -> None:
    for sight, expected in ((EVERYTHING_SEEN, clear), (MASKED, masked)):
        reader = index.seen(sight)
        assert sorted(reader.ids(Plan(node, sort="oldest"))) == expected, sight
        assert reader.count(node) == len(expected)


@pytest.mark.parametrize(
    ("node", "masked"),
    [
        (Contains(HIDDEN_DIGIT), [1, 4]),
        (Contains("8" + HIDDEN_DIGIT), [1]),
        (Contains(f"138{DIGITS}8845"), [1]),
        (Contains(f"138{DIGITS}8845", joined=True), [1, 4]),
        (Contains(f"138{DIGITS}8845", Messages("agent", ("#1",), 50, 51)), [1]),
        (Contains(f"138{DIGITS}8845", Messages("visitor")), []),
        (Contains(f"138{DIGITS}{HIDDEN_DIGIT}8845"), []),
        (Contains(f"138 {DIGITS} 8845"), [4]),
        (Contains(f"z{LETTERS}@x.com"), [2]),
        (Contains(HIDDEN_LETTER + "z"), []),
        (Near((f"138{DIGITS}8845", "吗"), 0), [1]),
    ],
)
def test_who_sees_masked_finds_what_is_shown(index: Engine, node: Node, masked: list[int]) -> None:
    """A number as a page shows it («138****8845») is looked for with hidden characters in it."""
    assert sorted(index.seen(MASKED).ids(Plan(node, sort="oldest"))) == masked


def test_former_passages_are_not_looked_into_by_who_sees_masked(engine: Engine) -> None:
    former = (Passage("退款 13800138845", "visitor"),)
    engine.write([make(1, "你好", former=former), make(2, "退款")])
    seen = engine.seen(MASKED)
    for history in (False, True):
        plan = Plan(Contains("退款"), history=history)
        assert seen.count(Contains("退款"), history=history) == 1
        assert [hit.id for hit in seen.search(plan).hits] == [2]
        assert seen.search(plan).former is None
        assert list(seen.ids(plan)) == [2]
    assert engine.search(Plan(Contains("退款"))).former == 1


def test_a_recalled_file_is_one_to_who_sees_all_alone(engine: Engine) -> None:
    for n, value in enumerate(("true", "false", ONLY_RECALLED, ONLY_RECALLED), start=1):
        engine.write([make(n, "退款", has_upload=(value,), status=value)])
    for sight, counts in (
        (EVERYTHING_SEEN, {"true": 3, "false": 1}),
        (MASKED, {"false": 3, "true": 1}),
    ):
        reader = engine.seen(sight)
        for filters in ({}, {"has_upload": FieldIs("has_upload", ("true",))}):
            plan = Plan(Contains("退款"), filters=filters, facets=("has_upload", "status"))
            answer = reader.search(plan)
            assert answer.facets["has_upload"] == tuple(counts.items())
            assert answer.total == (counts["true"] if filters else 4)
            assert (ONLY_RECALLED, 2) in answer.facets["status"] or filters
        for value, count in counts.items():
            assert reader.count(FieldIs("has_upload", (value,))) == count
        assert reader.count(FieldIs("has_upload", ("true", "false"))) == 4
        assert reader.count(FieldIs("has_upload", (ONLY_RECALLED, None))) == 0


def test_a_hidden_digit_is_a_digit_where_the_tails_of_numbers_rank(engine: Engine) -> None:
    """A whole number ranks before the end of one, and this before other places. Who sees all and
    who sees masked have one order, and one score for each chat."""
    beginning = Hidden("8845001", (), whole("8845001"))
    engine.write(
        [
            make(1, "订单8845"),
            make(2, passages=(number("13800138845"),)),
            make(3, passages=(Passage(f"8845{DIGITS[:3]}", "agent", hidden=beginning),)),
            make(4, "x 88450"),
            make(5, passages=(GROUPED,)),  # a blank before it, as where it is not masked
        ]
    )
    answer = engine.search(Plan(Contains("8845"), tails=("8845",)))
    scores = {hit.id: hit.score for hit in answer.hits}
    assert scores == {1: 4, 2: 2, 3: 0, 4: 0, 5: 4}
    plan = Plan(Contains("8845"), words=("8845",), phrases=("8845",), tails=("8845",))
    assert engine.seen(MASKED).search(plan).hits == engine.search(plan).hits


def test_no_view_sees_what_another_may_see(engine: Engine) -> None:
    """Views are kept, so that each restriction is evaluated once. They are kept apart."""
    engine.write(CHATS)
    for _ in range(2):
        for chat_id in range(1, 6):
            for masked in (False, True):
                one = engine.seen(Sight(FieldIs("id", (str(chat_id),)), masked))
                assert list(one.ids(Plan(Everything(), sort="newest"))) == [chat_id]
                assert one.count(Contains("0013")) == (chat_id in (1, 4) and not masked)
                assert one.search(Plan(Everything())).documents == 1
    engine.write([make(1, "13800138845")], [2])
    assert engine.seen(Sight(FieldIs("id", ("1",)), masked=True)).count(Contains("0013")) == 1
    assert engine.seen(Sight(FieldIs("id", ("2",)))).count(Everything()) == 0


def test_near_words_are_those_of_the_chats_that_are_seen(engine: Engine) -> None:
    engine.write(
        [make(1, "退款机"), make(2, "退款卷", agent="1"), make(3, "退款卷"), make(4, "退款圈")]
    )
    engine.write([make(5, "iphone"), make(6, "西安", agent="1")], [4])
    assert engine.similar("退款鸡", 9) == ("退款机", "退款卷")
    seen = engine.seen(Sight(FieldIs("agent_id", ("1",))))
    assert seen.similar("退款鸡", 9) == ("退款卷",)
    assert seen.similar("iphonee", 9) == ()
    assert seen.similar("xian", 9) == ("西安",)


def test_pinyin_finds_a_word_whatever_other_words_there_are(engine: Engine) -> None:
    """Letters may be split into syllables in thousands of ways, where short syllables are known."""
    engine.write([make(1, "西安西安西安西安"), make(2, "啊哦额嗯恩一五无西先", "ai en an a xi")])
    assert engine.similar("xianxianxianxian", 9) == ("西安西安西安西安",)
