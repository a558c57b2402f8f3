"""The benchmarks' Kchat answers what the demo's answers, and never too early."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from benchmarks import corpus
from benchmarks.pages import LOGIN, Pages, Rendered
from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL
from kchat_search.demo.api import ApiBehaviour, ServerData, answer
from kchat_search.kchat.client import KchatClient
from kchat_search.kchat.parse import ChatParser

COUNT, PER_PAGE, DELAY = 95, 10, 0.02


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Pages]:
    """Answers over loopback."""
    with Pages(Rendered(COUNT, tmp_path / "chats.json"), DELAY, PER_PAGE) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "target",
    [
        "/apiv2/chats.json",
        "/apiv2/chats.json?page=1&per_page=100",
        "/apiv2/chats.json?page=4&per_page=7",
        "/apiv2/chats.json?page=10",
        "/apiv2/chats.json?page=11",
        "/apiv2/kchat/history.json?page=2",
        "/apiv2/chats.json?start=2016-02-01",
        "/apiv2/chats.json?start=2016-02-01&end=2016-03-01&page=1",
        "/apiv2/chats.json?end=2015-01-01",
        "/apiv2/chats.json?start=2016-03-01&end=2016-02-01",
        "/apiv2/chats.json?start=2019-01-01",
        f"/apiv2/chats/{corpus.FIRST_ID}.json",
        f"/apiv2/chats/{corpus.FIRST_ID + COUNT - 1}.json",
        f"/apiv2/chats/{corpus.FIRST_ID + COUNT}.json",
        "/apiv2/users.json?role=admin,agent&page=2",
    ],
)
def test_it_answers_as_the_demo_does(server: Pages, target: str) -> None:
    chats = {chat["id"]: chat for chat in corpus.chats(COUNT)}
    demo = answer(
        target,
        ServerData(
            list(chats.values()), chats.get, corpus.agents(), server.url, ApiBehaviour(PER_PAGE)
        ),
    )
    status, body = server.body(target, f"Basic {LOGIN}")
    assert (status, json.loads(body)) == (demo.status, demo.body)


@pytest.mark.parametrize(
    ("target", "login", "status"),
    [
        ("/apiv2/chats.json", None, 401),
        ("/apiv2/chats.json", "Basic AAAA", 401),
        ("/apiv2/chats.json?visitor_id=5", f"Basic {LOGIN}", 400),
        ("/elsewhere.json", f"Basic {LOGIN}", 404),
    ],
)
def test_it_refuses_what_it_cannot_answer(
    server: Pages, target: str, login: str | None, status: int
) -> None:
    assert server.body(target, login)[0] == status


def test_the_client_reads_every_chat_and_no_answer_comes_too_early(server: Pages) -> None:
    client = KchatClient(
        base_url=server.url,
        user=f"{DEMO_EMAIL}/token",
        secret=DEMO_API_TOKEN,
        parser=ChatParser(ZoneInfo("Asia/Shanghai")),
        per_page=PER_PAGE,
    )
    pages = [client.page(number) for number in range(1, 11)]
    client.close()
    sent: list[dict[str, Any]] = [json.loads(f.raw) for page in pages for f in page.chats]
    assert sent == list(corpus.chats(COUNT))
    assert [page.last for page in pages] == [False] * 9 + [True]
    assert len(server.asked) >= 9  # the last one is logged after it was sent
    assert all(each.sent - each.read >= DELAY for each in server.asked)
