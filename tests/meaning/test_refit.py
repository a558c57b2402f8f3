"""A table fitted on an archive's own chats: what it learns, what it keeps, when it is taken."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest

from kchat_search.meaning import refit as module
from kchat_search.meaning.codes import SIZE
from kchat_search.meaning.features import bags, run_key
from kchat_search.meaning.refit import Talk, refit
from kchat_search.meaning.table import Table

MATTERS = ("退款", "物流", "发票", "尺码", "登录", "积分", "电池", "保修")
GOODS = tuple(f"good{number}" for number in range(len(MATTERS)))
"""The name of what each matter is about; the shipped table does not know it."""


@pytest.fixture(scope="module")
def shipped() -> Table:
    """Knows the words of all matters, and 天气, and nothing else."""
    keys = np.unique(bags([*MATTERS, "天气"]).keys)
    vectors = np.random.default_rng(5).standard_normal((len(keys), SIZE)).astype(np.float32)
    return Table.made(keys, np.full(len(keys), 3, np.float32), vectors)


def talks(count: int = 400) -> Iterator[Talk]:
    """In each chat, a visitor names goods and says what is the matter with them."""
    draw = random.Random(7)
    for number in range(count):
        of = draw.randrange(len(MATTERS))
        yield Talk(
            (f"{GOODS[of]} x{number}", f"{GOODS[of]}{'的' * draw.randrange(3)}"),
            (f"{MATTERS[of]} {GOODS[of]}",),
            (f"您的{MATTERS[of]}",),
        )


def cosine(table: Table, one: str, other: str) -> float:
    first, second = table.vectors([one, other])
    return float(first @ second)


def test_a_word_that_the_table_does_not_know_gets_the_meaning_of_what_stands_beside_it(
    shipped: Table,
) -> None:
    result = refit(list(talks()), shipped)
    assert result.table.fitted
    assert result.fitted > 2 * result.shipped
    assert not shipped.vectors([GOODS[0]]).any()
    for goods, matter in zip(GOODS, MATTERS, strict=True):
        near = {each: cosine(result.table, goods, each) for each in MATTERS}
        assert max(near, key=lambda each: near[each]) == matter
        assert near[matter] > 0.5


def test_what_the_archive_does_not_say_keeps_its_meaning(shipped: Table) -> None:
    table = refit(list(talks()), shipped).table
    assert table.fitted
    assert table.vectors(["天气"])[0] @ shipped.vectors(["天气"])[0] > 0.99


@pytest.mark.parametrize(("chats", "is_in"), [(4, False), (5, True)], ids=["4 chats", "5 chats"])
def test_what_few_chats_say_is_in_no_table(shipped: Table, chats: int, is_in: bool) -> None:
    said = list(talks())
    for number in range(1, 1 + chats):  # no tenth one: those teach nothing
        said[number] = said[number]._replace(further=("李雷 secret9",) * 3)
    table = refit(said, shipped).table
    assert table.fitted
    assert (np.uint64(run_key("secret9")) in table.keys) is is_in
    assert bool(np.isin(bags(["李雷"]).keys, table.keys).all()) is is_in


def test_the_shipped_table_stays_where_the_chats_teach_nothing(shipped: Table) -> None:
    draw = random.Random(3)
    words = [*MATTERS, *GOODS]

    def any_words() -> tuple[str, ...]:
        return tuple(" ".join(draw.sample(words, 3)) for _ in range(2))

    result = refit([Talk(any_words(), any_words(), any_words()) for _ in range(300)], shipped)
    assert result.table is shipped
    assert result.talks == 30


@pytest.mark.parametrize(
    "said",
    [
        [],
        [Talk(("退款",), (), ())],
        [Talk((), (), ("您好",))] * 30,
        [Talk(("退款",), (), ())] * 30,
        [Talk(("x",), (), ("y",))] * 30,
        [Talk(("退款",), (), ("退款",))] * 30,
        [Talk((chr(0x6000 + number),), (), ("您好",)) for number in range(30)],
    ],
    ids=["none", "one", "no visitor", "no answer", "nothing known", "all the same", "none alike"],
)
def test_too_little_is_no_error(shipped: Table, said: list[Talk]) -> None:
    assert refit(said, shipped).table is shipped


def test_a_fitted_table_is_no_larger_than_it_may_be(
    shipped: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_FEATURES", len(shipped.keys) + 4)
    result = module._fitted([talk for talk in talks() if talk.messages], shipped, lambda: None)
    assert len(result.keys) == len(shipped.keys) + 4
    assert set(shipped.keys.tolist()) < set(result.keys.tolist())


def test_the_same_chats_give_the_same_table(shipped: Table) -> None:
    digests = {refit(list(talks()), shipped).table.digest for _ in range(2)}
    assert len(digests) == 1


def test_the_work_can_be_ended(shipped: Table) -> None:
    def enough() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        refit(list(talks()), shipped, enough)
