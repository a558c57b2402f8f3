"""In which order chats come: by relevance, and among equals by time."""

from __future__ import annotations

import pytest

from kchat_search.models.plan import (
    AllOf,
    AnyOf,
    Contains,
    Everything,
    HasWord,
    Passage,
    Plan,
)
from kchat_search.ports import Engine
from tests.engines.documents import make


def test_the_whole_phrase_ranks_before_scattered_words(engine: Engine) -> None:
    engine.write(
        [
            make(1, "退款退款退款 流程 流程"),
            make(2, "请问退款流程,以及很多很多别的事情要问一下"),
            make(3, "退款", "流程"),
        ]
    )
    both = AllOf((Contains("退款"), Contains("流程")))
    plan = Plan(match=both, words=("退款", "流程"), phrases=("退款流程",))
    assert engine.search(plan).hits[0].id == 2


def test_a_long_late_message_with_the_phrase_is_before_short_early_ones_with_its_words(
    engine: Engine,
) -> None:
    engine.write([make(i, "你好") for i in range(10, 70)])
    long = "很久以前的一件事情" * 30
    engine.write([make(1, *["你好"] * 80, f"{long} 退款流程 {long}"), make(2, *["流程,退款"] * 30)])
    both = AllOf((Contains("退款"), Contains("流程")))
    plan = Plan(match=both, words=("退款", "流程"), phrases=("退款流程",))
    assert [hit.id for hit in engine.search(plan).hits] == [1, 2]


@pytest.mark.parametrize(("apart", "together"), [(1, 2), (2, 1)])
def test_words_in_one_message_rank_before_words_far_apart(
    engine: Engine, apart: int, together: int
) -> None:
    chats = make(apart, "refund", "later on invoice"), make(together, "refund invoice", "later on")
    engine.write(chats)
    plan = Plan(match=AllOf((HasWord("refund"), HasWord("invoice"))), words=("refund", "invoice"))
    assert [hit.id for hit in engine.search(plan).hits] == [together, apart]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        # a shorter message in a chat of the same length; an earlier message
        (("refund please", "and so on " * 9), ("refund please " + "and so on " * 9,)),
        (("refund now then", "x", "y"), ("x", "y", "refund now then")),
    ],
)
def test_a_chat_about_it_says_so_in_a_short_message_and_early(
    engine: Engine, better: tuple[str, ...], worse: tuple[str, ...]
) -> None:
    engine.write([make(1, *better), make(2, *worse)])
    engine.write([make(3, *better), make(4, *worse)])
    order = [hit.id for hit in engine.search(Plan(HasWord("refund"), words=("refund",))).hits]
    assert order == [3, 1, 4, 2]


def test_a_word_within_another_of_the_query_counts_little(engine: Engine) -> None:
    """jieba's search mode makes three words of 手续费, but the query has it once."""
    engine.write([make(i, "好的") for i in range(10, 20)])
    engine.write([make(1, "手续费 手续 续费"), make(2, "退款 发票 好的"), make(3, "好的")])
    words = ("退款", "发票", "手续", "续费", "手续费")
    hits = engine.search(Plan(AnyOf((Contains("手续费"), Contains("退款"))), words=words)).hits
    assert [hit.id for hit in hits] == [2, 1]


def test_a_rarer_word_weighs_more(engine: Engine) -> None:
    common = [make(i, "hello world") for i in range(10, 30)]
    engine.write([*common, make(1, "hello there"), make(2, "hello refund")])
    plan = Plan(match=Everything(), words=("hello", "refund"))
    assert engine.search(plan).hits[0].id == 2


@pytest.mark.parametrize("limit", [3, 9, 100])
def test_of_the_same_score_the_newest_is_first_then_the_highest_id(
    engine: Engine, limit: int
) -> None:
    """Over two commits, and no matter how many hits are shown."""
    chats = [make(i, "refund", created=i % 4 if i % 5 else None) for i in range(1, 300)]
    engine.write(chats[:290])
    engine.write(chats[290:])
    hits = engine.search(Plan(HasWord("refund"), words=("refund",), limit=limit)).hits
    expected = sorted(chats, key=lambda c: (-1 if c.created is None else c.created, c.id))
    assert [hit.id for hit in hits] == [c.id for c in expected[::-1][:limit]]


@pytest.mark.parametrize("other", ["你好 22", "".join(map(chr, range(0x4E00, 0x5000))) * 2])
def test_the_tail_of_a_number_ranks_before_other_places_of_its_digits(
    engine: Engine, other: str
) -> None:
    """The whole number first, then numbers that end so, then numbers that go on. It makes no
    difference whether digits are frequent or the rarest characters of all."""
    others = [make(n, other, "再见") for n in range(100, 130)]
    engine.write(
        [
            *others,
            make(1, "订单2222"),
            make(2, "2222" + "很久以前的一件事情" * 20),
            make(3, "请打138-1111-2222吗"),
            make(4, "电话是 13811112222 吗"),
            make(5, "2222" * 9 + "1"),
            make(6, "x 22220", "y"),
            make(7, "单号922223"),
        ]
    )
    plan = Plan(Contains("2222"), words=("2222",), phrases=("2222",), tails=("2222",))
    order = [hit.id for hit in engine.search(plan).hits]
    assert set(order[:3]) == {1, 2, 3}
    assert order[3] == 4
    assert set(order[4:]) == {5, 6, 7}


def test_a_joined_number_ends_as_its_digits_do(engine: Engine) -> None:
    grouped = Passage("138 1111 2222吗", "visitor", joined=("13811112222吗",))
    longer = Passage("1381 1112 2225", "visitor", joined=("138111122225",))
    engine.write([make(n, "你好") for n in range(100, 130)])
    engine.write([make(1, passages=(longer,)), make(2, passages=(grouped,)), make(3, "x11112222")])
    plan = Plan(Contains("11112222", joined=True), words=("11112222",), tails=("11112222",))
    assert [hit.id for hit in engine.search(plan).hits] == [3, 2, 1]


@pytest.mark.parametrize("sort", ["newest", "oldest"])
def test_a_walk_by_date_is_complete_while_chats_are_added(engine: Engine, sort: str) -> None:
    engine.write([make(i, "x", created=i // 3 if i % 5 else None) for i in range(1, 31)])
    seen: list[int] = []
    after = None
    for step in range(40):
        plan = Plan(Everything(), sort=sort, limit=4, after=after)  # type: ignore[arg-type]
        hits = engine.search(plan).hits
        if not hits:
            break
        seen += [hit.id for hit in hits]
        last = hits[-1]
        after = (-(2**62) if last.created is None else last.created, last.id)
        # A new chat before the place that the walk has reached, whichever way it goes.
        engine.write([make(1000 + step, "x", created=100 if sort == "newest" else -100)])
    assert sorted(i for i in seen if i < 1000) == list(range(1, 31))
    assert len(seen) == len(set(seen))
