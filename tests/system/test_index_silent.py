"""While the index can't be asked, all that the archive knows is still told: how the program is, and
every chat. Nobody sees a chat then of whom the index says what they may see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from kchat_search.access import policy
from kchat_search.demo.server import DemoServer
from kchat_search.errors import INDEX_SILENT, EngineUnreachable
from kchat_search.models.people import Principal
from kchat_search.models.search import ChatView, Within
from kchat_search.service import Service
from kchat_search.web.app import create_app
from tests.postgres import free_port
from tests.web.gates import OpenGate
from tests.web.markup import look
from tests.world import World, asked, chat

WORDS = "索引可以坏对话不能丢"
BEFORE, AFTER = 9001, 9002
VISITOR = "77001"


def whoosh_damaged(kchat: DemoServer, folder: Path) -> World:
    world = World(kchat, folder)
    world.sync()
    with world.later(minutes=1).service.indexing("test"):
        world.service.tick()  # so there is a scrub
    world.service.close()
    for file in world.settings.index_dir.rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    return World(kchat, folder)


def opensearch_away(kchat: DemoServer, folder: Path) -> World:
    nobody = f"http://127.0.0.1:{free_port()}"
    world = World(kchat, folder, engine="opensearch", opensearch_hosts=nobody)
    with world.service.indexing("test"), pytest.raises(EngineUnreachable):
        world.service.tick()
    return world


@pytest.fixture(params=[whoosh_damaged, opensearch_away])
def world(request: pytest.FixtureRequest, kchat: DemoServer, tmp_path: Path) -> Iterator[World]:
    for chat_id in (BEFORE, AFTER):
        kchat.put(chat(chat_id, WORDS, "好的", visitor_id=VISITOR))
    world = request.param(kchat, tmp_path)
    yield world
    world.service.close()


@pytest.fixture
def client(world: World) -> FlaskClient:
    with pytest.raises(INDEX_SILENT):
        world.search(WORDS)
    return create_app(OpenGate(world.service)).test_client()


def test_the_status_says_so_and_all_the_rest(world: World, client: FlaskClient) -> None:
    told = client.get("/api/v1/status").get_json()
    assert told["archive"]["chats"] == 27
    assert (told["index"], told["months"], told["coverage"]["complete"]) == (None, None, False)
    assert told["index_problem"]

    page = look(client, "/status?lang=zh").text
    assert "现在无法搜索" in page
    assert "27 已归档对话" in page
    assert "搜索照常" not in page
    english = look(client, "/status?lang=en").text
    assert "Nothing can be searched now" in english
    assert told["index_problem"] in english

    samples = client.get("/metrics").text
    assert 'kchat_search_up{part="archive"} 1.0' in samples
    assert 'kchat_search_up{part="index"} 0.0' in samples
    assert client.get("/readyz").status_code == 503, "searches can't be answered"
    assert client.get("/setup").status_code == 200


@pytest.mark.parametrize("q", [WORDS, f"{WORDS} status:close", f"{WORDS} -is:gone"])
def test_a_chat_is_read_with_its_matches(client: FlaskClient, q: str) -> None:
    opened = {"q": q, "at": "1"}
    told = client.get(f"/api/v1/chats/{BEFORE}", query_string={"q": q})
    assert told.status_code == 200
    assert WORDS in told.text
    page = client.get(f"/chats/{BEFORE}", query_string=opened | {"lang": "zh"})
    assert page.status_code == 200
    assert f"<mark>{WORDS}</mark>" in page.text
    assert "这个对话本身是完整的" in page.text
    assert f"/chats/{AFTER}" not in page.text


def test_its_place_and_the_visitors_other_chats_are_left_out(world: World) -> None:
    within = Within(asked(WORDS), 1)
    seen = world.service.chat(BEFORE, WORDS, within=within)
    assert (seen.index_silent, seen.others, seen.place) == (True, (), None)


def test_who_may_see_some_chats_alone_sees_none(world: World) -> None:
    agent = Principal("person", "person:1", "小王", frozenset({"agent"}), "2193")
    viewer = policy.viewer(agent, "own")
    assert not viewer.sees_all_chats
    service: Service = world.service
    restricted = replace(service, searcher=replace(service.searcher, viewer=viewer))
    shown: list[ChatView] = []
    with pytest.raises(INDEX_SILENT):
        shown.append(restricted.chat(BEFORE))
    assert not shown
