"""Large amounts: of conditions in a plan, of messages in a chat, of characters in a message.

Each is more than a server of an index takes in one piece.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from kchat_search.models.plan import (
    AllOf,
    AnyOf,
    Contains,
    Everything,
    FieldIs,
    HasWord,
    Messages,
    Near,
    Node,
    NoneOf,
    Plan,
    Related,
    Said,
)
from kchat_search.ports import Engine
from tests.engines.documents import make

MANY = 700
WORDS = ["".join(letters) for letters in product("abcdefghi", repeat=3)][:MANY]
VISITOR = Messages("visitor")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def index(engine_to_read: Engine) -> Engine:
    engine_to_read.write(
        [
            make(1, *(f"{word} 退款" for word in WORDS * 2), *["退款"] * 100, created=1),
            make(2, "退款 aah", agent="7", created=2),
            make(3, "7" * 1_000_100, created=3),
            make(4, "好", created=4),
        ]
    )
    return engine_to_read


def of_each(node: Callable[[str], Node]) -> tuple[Node, ...]:
    """A node for each of many words, of which chat 1 has all, and chat 2 one."""
    return tuple(map(node, WORDS))


def said(word: str) -> Node:
    return Contains(word, VISITOR, joined=True)


@pytest.mark.parametrize(
    ("node", "found"),
    [
        (AnyOf(of_each(Contains)), [1, 2]),
        (AllOf(of_each(Contains)), [1]),
        (NoneOf(AnyOf(of_each(Contains))), [3, 4]),
        (AnyOf(tuple(Contains(f"x{n}") for n in range(MANY))), []),
        (AnyOf(of_each(said)), [1, 2]),
        (AllOf((AnyOf(of_each(said)), AllOf(of_each(Contains)))), [1]),
        (AnyOf((AllOf(of_each(said)), Contains("好"))), [1, 4]),
        (AnyOf(of_each(HasWord)), [1, 2]),
        (AllOf(of_each(lambda word: HasWord(word[:2], prefix=True))), [1]),
        (FieldIs("id", tuple(map(str, range(2, 70_000)))), [2, 3, 4]),
        (FieldIs("agent_id", tuple(map(str, range(70_000)))), [2]),
        (Said(Messages(senders=tuple(map(str, range(70_000))))), []),
        (Near(tuple("ab" * 60 + str(n) for n in range(8)), 9), []),
        (Near(("7", "7", "77"), 0), [3]),
        (Near(("7", "7", "好"), 9), []),
        (Near(("777",) * 8, 0), [3]),
    ],
)
def test_what_matches(index: Engine, node: Node, found: list[int]) -> None:
    assert list(index.ids(Plan(node, sort="oldest"))) == found
    by_agent = {"agent_id": FieldIs("agent_id", ("7",)), "also": node}
    counted = index.search(Plan(Everything(), filters=by_agent, facets=("agent_id", "type")))
    assert counted.total == (2 in found)
    assert sum(number for _, number in counted.facets["agent_id"]) == len(found)


def test_a_chat_of_many_messages_is_ranked_by_many_words(index: Engine) -> None:
    answer = index.search(Plan(AnyOf(of_each(Contains)), words=tuple(WORDS), phrases=("aah 退款",)))
    assert [hit.id for hit in answer.hits] == [1, 2]


def test_a_long_number_is_ranked_by_its_tail(index: Engine) -> None:
    answer = index.search(Plan(Contains("777"), tails=("777",)))
    assert [(hit.id, hit.score) for hit in answer.hits] == [(3, 2)]


def test_related_chats_may_have_any_of_many_parts(index: Engine) -> None:
    parts = (*of_each(Contains), Contains("好"))
    plan = Plan(Contains("没有"), related=Related(Everything(), parts, 9), words=("好",))
    answer = index.search(plan)
    assert {one.hit.id: sum(one.has) for one in answer.related} == {4: 1, 1: MANY, 2: 1}
