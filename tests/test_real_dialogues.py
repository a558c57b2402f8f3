"""Real Chinese dialogues (CrossWOZ), where they lie beside the repository: all of them arrive, and
all that is in them is found."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.files import load
from kchat_search.demo.server import DemoServer
from kchat_search.text.fold import fold
from tests.world import World

DATA = Path(__file__).parent.parent.parent / "shared" / "data"
CHATS = DATA / "crosswoz.jsonl.gz"
JUDGED = DATA / "relevance" / "crosswoz-entity.jsonl.gz"

pytestmark = pytest.mark.skipif(not CHATS.exists(), reason=f"there is no {CHATS}")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, dictionary_cache: Path) -> Iterator[World]:
    chats, agents = load(CHATS)
    server = DemoServer(
        chats, agents, email=DEMO_EMAIL, password=DEMO_PASSWORD, api_token=DEMO_API_TOKEN
    )
    with server:
        folder = tmp_path_factory.mktemp("crosswoz")
        world = World(server, folder, dictionary_cache, per_page=100)
        report = world.sync()
        assert (report.new, report.rejected, report.complete) == (1_000, 0, True)
        yield world
        world.service.close()


def test_every_chat_arrives_as_it_was_sent(archive: World) -> None:
    archive.check_whole()


def test_200_random_strings_are_found_everywhere_and_nowhere_else(archive: World) -> None:
    report = archive.service.verify(strings=200, seed=20160320)
    assert report.strings == 200
    assert report.clean, report


def test_names_are_found_in_exactly_the_chats_that_have_them(archive: World) -> None:
    texts = {
        chat_id: [fold(message["msg"]) for message in each["messages"]]
        for chat_id, each in archive.archived().items()
    }
    with gzip.open(JUDGED, "rt", encoding="utf-8") as lines:
        for line in lines:
            judged = json.loads(line)
            name = judged["query"]
            found = archive.found(f'"{name}"')
            assert found >= set(judged["literal"])  # it leaves aside the case alone
            assert found == {i for i, said in texts.items() if any(fold(name) in t for t in said)}


def test_an_agents_chats_of_one_month(archive: World) -> None:
    name = next(iter(archive.service.agents().values()))
    ids = {key for key, value in archive.service.agents().items() if value == name}
    expected = {
        each["id"]
        for each in archive.archived().values()
        if str(each["agent_id"]) in ids and each["created_at"].startswith("2015-04")
    }
    assert archive.found(f"agent:{name} date:2015-04") == expected
    by_filter = archive.found("", agent_id=tuple(ids), start="2015-04-01", end="2015-04-30")
    assert by_filter == expected
