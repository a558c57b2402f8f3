"""Small inputs from public bug reports of other systems, each over the whole program: chats of a
real server, a sync, a search. They stand beside the repository, in `../shared/cases`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.server import DemoServer
from tests.world import World

CASES = Path(__file__).parent.parent.parent.parent / "shared" / "cases"
FILES = sorted(CASES.glob("*.json"))
TODAY = datetime(2026, 11, 29, 4, tzinfo=UTC)
"""The day on which the case of «today» has its chat."""


def changed(chat: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The chat after some of its messages were recalled: each is replaced by a notice."""
    recalled = change["patch"]["recall"]
    messages = [
        message | {"msg": recalled[str(message["id"])], "recalled": True}
        if str(message["id"]) in recalled
        else message
        for message in chat["messages"]
    ]
    return chat | {"messages": messages}


def world(case: dict[str, Any], kchat: DemoServer, folder: Path) -> World:
    """The program with the chats of a case, archived and indexed."""
    made = World(kchat, folder)
    made.now = TODAY
    by_id = {chat["id"]: chat for chat in case["chats"]}
    made.sync()
    for change in case.get("then", ()):
        kchat.put(changed(by_id[change["patch"]["id"]], change))
        made.later(minutes=5).sync(reconcile=True)
    return made


@pytest.mark.skipif(not FILES, reason="the cases are not beside this repository")
@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_a_reported_case_is_answered_as_people_mean_it(file: Path, tmp_path: Path) -> None:
    case = json.loads(file.read_text("utf-8"))
    if case.get("do") == "xlsx":
        pytest.skip("tests/serialization reads the workbook of this case")
    names = case.get("agents", {"2200": "客服小林"})
    agents = [{"id": int(i), "name": name, "role": "agent"} for i, name in names.items()]
    with DemoServer(
        case["chats"],
        agents,
        email=DEMO_EMAIL,
        password=DEMO_PASSWORD,
        api_token=DEMO_API_TOKEN,
    ) as kchat:
        asked = world(case, kchat, tmp_path)
        page = asked.search(case["query"])
        assert sorted(hit.chat.id for hit in page.hits) == case["expected"], page.query
        assert asked.found(case["query"]) == set(case["expected"])
        if case["kind"] == "recall":
            without = asked.search(case["query"].replace("in:history", ""))
            assert (without.total, without.former) == (0, 1)
