"""docs/searching.md: its examples, run; its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from kchat_search.demo.server import DemoServer
from kchat_search.fields import OPERATORS
from kchat_search.models.plan import ENOUGH, MOST_DAYS
from kchat_search.models.search import MAX_CLAUSES, MAX_HITS_BY_PAGE, MAX_QUERY_CHARACTERS
from kchat_search.search import snippets
from kchat_search.search.tree import And, FieldCondition, Or, Tree
from tests.docs import documents
from tests.docs.documents import codes, rows, text
from tests.search.words import read
from tests.world import World, chat, message

README = text("README.md")
SEARCHING = text("docs/searching.md")


def written() -> list[tuple[str, str]]:
    """Each example of a query, and what is said of it."""
    told = rows(SEARCHING, "written") + rows(README, "written")
    return [(query, cells[1]) for cells in told for query in codes(cells[0])]


@pytest.mark.parametrize(("query", "says"), written())
def test_query_examples_are_read_as_they_are_meant(query: str, says: str) -> None:
    found = read(query)
    assert found.tree is not None
    assert bool(found.notes) == ("taken as text" in says or "ignored" in says)
    named = re.match(r"(\w+)[:：]", query)
    if named and not found.notes:
        assert named[1] in fields_in(found.tree)


def fields_in(tree: Tree | None) -> set[str]:
    match tree:
        case FieldCondition(name, _):
            return {name}
        case And(parts) | Or(parts):
            return set().union(*map(fields_in, parts))
        case _:
            return set()


def what_the_examples_are_about() -> Iterator[dict[str, Any]]:
    """Chats of which each example finds some, and none finds all."""
    texts = {
        201: ("退款流程", "怎么开发票"),
        202: ("退货流程", "谢谢"),
        203: ("电话是13800135678", "请退款"),
        204: ("我用iPhone6和iPad", "写信到a@b.com"),
        205: ("升级到3.6.0,用c++写的", "テスト 한국어"),
        206: ("那个color:red和date:color", "退款和退货的发票"),
        207: ("谢谢", "不客气,谢谢", "谢谢", "很快退款"),
        209: ("5月1日有20%的折扣", "C#的书和T恤", "iPhone 6"),
        210: ("电话138 1111 2222，付了1,299元", "我的帳號"),
        211: ("退款什么时候到账", "报错 FILE NOT FOUND status:200", "今天-20度"),
    }
    made: dict[int, dict[str, Any]] = {
        201: {"agent_id": 2192, "visitor_id": 547, "user_id": 45190},
        202: {"rating": 1, "created_at": "2015-04-01 10:00:00"},
        203: {"agent_id": None, "created_at": "2014-01-01 10:00:00"},
        207: {"created_at": "2016-03-20 10:00:00", "rating": 0},
    }
    for number, said in texts.items():
        yield chat(number, *said, **made.get(number, {}))
    file = {"id": 1, "name": "发票.pdf", "url": "https://example.com/1"}
    sent = message(9, 208, "访客208", "") | {"type": "chat.upload", "upload_id": 1, "upload": file}
    yield chat(208, messages=[sent], agent_id=None, started_by="agent", type="call", status="open")
    robot = message(1, 290, "小助手", "谢谢") | {"role": "robot"}
    yield chat(290, messages=[robot])
    earlier = message(1, 212, "访客212", "退款", created_at="2015-04-25 23:59:59")
    yield chat(212, messages=[earlier])


@pytest.mark.slow
def test_each_example_finds_some_chats_and_not_all(kchat: DemoServer, world: World) -> None:
    for each in what_the_examples_are_about():
        kchat.put(each)
    world.sync()
    kchat.delete(101)
    world.later(days=2).sync(reconcile=True)
    everything = world.found()
    odd = ("李 雷", "访客5")  # nobody there is called so
    for query, _ in written():
        found = world.found(query)
        assert found < everything, query
        assert found or any(name in query for name in odd), query


def test_every_condition_has_an_example() -> None:
    told = {name for query, _ in written() for name in fields_in(read(query).tree)}
    assert told == set(OPERATORS)


def test_queries_in_running_text_are_queries() -> None:
    for code in codes(documents.prose(SEARCHING)):
        for name in re.findall(r"\b([a-z]+):(?!/)", code):
            assert name in (*OPERATORS, "color"), code


def test_numbers_that_are_named_are_the_programs() -> None:
    for says in (
        f"fewer than {ENOUGH} chats",
        f"within {MOST_DAYS} days",
        f"at most {MAX_QUERY_CHARACTERS:,} characters and {MAX_CLAUSES} clauses",
        f"longer than {snippets.WIDTH} characters",
        f"first {MAX_HITS_BY_PAGE:,} hits",
    ):
        assert says in " ".join(SEARCHING.replace("**", "").split()), says
