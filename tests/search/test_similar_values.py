"""«Did you mean» for conditions, over the whole program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.server import DemoServer
from tests.world import World, chat

NAMES = {1: "林小红", 2: "林大明", 3: "李雷", 4: "韩梅梅", 5: "张三", 6: "Kevin", 7: "Karen"}


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Agent N has N chats; the last one is open. One chat is rated."""
    chats = [
        chat(100 * n + i, "你好", "您好", agent_id=n, status="open" if i == n else "close")
        for n in NAMES
        for i in range(1, n + 1)
    ]
    for one in chats:
        one["messages"][1]["name"] = NAMES[one["agent_id"]]
    chats[0]["rating"] = 1
    people = [
        {"id": n, "name": name, "agent_display_name": name, "role": "agent"}
        for n, name in NAMES.items()
    ]
    server = DemoServer(
        chats, people, email=DEMO_EMAIL, password=DEMO_PASSWORD, api_token=DEMO_API_TOKEN
    )
    with server:
        world = World(server, tmp_path_factory.mktemp("staffed"))
        world.sync()
        yield world
        world.service.close()


@pytest.mark.parametrize(
    ("q", "first"),
    [
        ("agent:林", [("agent:林大明", 2), ("agent:林小红", 1)]),
        ("assigned:林", [("assigned:林大明", 2), ("assigned:林小红", 1)]),
        ("from:林", [("from:林大明", 2), ("from:林小红", 1)]),
        ("from:大明", [("from:林大明", 2)]),
        ("from:梅 您好", [("from:韩梅梅 您好", 4)]),
        ("agent:里雷", [("agent:李雷", 3)]),
        ("agent:lilei", [("agent:李雷", 3)]),
        ("agent:zhangsan", [("agent:张三", 5)]),
        ("agent:章三", [("agent:张三", 5)]),
        ("agent:韩妹妹", [("agent:韩梅梅", 4)]),
        ("agent:Kelvin", [("agent:kevin", 6)]),
        ("agent:kevn", [("agent:kevin", 6)]),
        ("您好 agent:里雷 status:close", [("您好 agent:李雷 status:close", 2)]),
        ("agent:Bob", [("agent:karen", 7), ("agent:kevin", 6), ("agent:张三", 5)]),
        ("status:进行时", [("status:进行中", 7)]),
        ("status:opened", [("status:open", 7)]),
        ("status:进行时 您好", [("status:进行中 您好", 7)]),
        ("rating:满意哦", [("rating:满意", 1)]),
    ],
)
def test_a_value_that_nothing_has_leads_to_those_that_there_are(
    staffed: World, q: str, first: list[tuple[str, int]]
) -> None:
    page = staffed.search(q)
    assert page.total == 0
    found = [(each.q.casefold(), each.total) for each in page.query.suggestions]
    assert sorted(found[: len(first)]) == sorted(first)
    for each in page.query.suggestions:
        assert staffed.search(each.q).total == each.total > 0


@pytest.mark.parametrize(
    "q",
    [
        "agent:李雷",
        "agent:6",
        "agent:梅",
        "status:open",
        "agent:none 火",
        "from:李雷 火",
        "from:客服 火",
    ],
)
def test_a_value_that_there_is_leads_to_no_other(staffed: World, q: str) -> None:
    assert staffed.search(q).query.suggestions == ()


@pytest.mark.parametrize(
    ("q", "filters", "offered"),
    [
        ("302", {}, ["id:302"]),
        ("#302", {}, ["id:302"]),
        (" ＃３０２ ", {}, ["id:302"]),
        ("0302", {}, ["id:302"]),
        ("302", {"status": ("close",)}, ["id:302"]),
        ("302", {"status": ("open",)}, []),
        ("999", {}, []),
        ("你好 302", {}, []),
        ("9" * 19, {}, []),
    ],
)
def test_the_number_of_a_chat_leads_to_the_chat(
    staffed: World, q: str, filters: dict[str, Any], offered: list[str]
) -> None:
    suggestions = staffed.search(q, **filters).query.suggestions
    assert [each.q for each in suggestions] == offered
    for each in suggestions:
        assert staffed.search(each.q, **filters).total == each.total == 1
