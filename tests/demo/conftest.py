"""Shared by the tests of the demo: one set of conversations, and servers on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.conversations import agents, conversations
from kchat_search.demo.server import DemoServer

NOW = datetime(2026, 3, 18, 6, 30, tzinfo=UTC)
Chats = list[dict[str, Any]]
MakeServer = Callable[..., DemoServer]
Get = Callable[..., requests.Response]
CHATS = "/apiv2/chats.json"


@pytest.fixture(scope="session")
def made() -> Chats:
    """2,000 conversations. A test must not change them."""
    return conversations(7, NOW)


@pytest.fixture
def make_server() -> Iterator[MakeServer]:
    """Starts demo servers, and closes them after the test."""
    with ExitStack() as stack:

        def start(chats: Chats | None = None, **options: Any) -> DemoServer:
            server = DemoServer(
                chats if chats is not None else [small_chat(n) for n in range(1, 8)],
                agents(),
                email=DEMO_EMAIL,
                password=DEMO_PASSWORD,
                api_token=DEMO_API_TOKEN,
                **options,
            )
            return stack.enter_context(server)

        yield start


@pytest.fixture
def client() -> Iterator[requests.Session]:
    """A client with the valid login."""
    with requests.Session() as session:
        session.trust_env = False
        session.auth = (DEMO_EMAIL, DEMO_PASSWORD)
        yield session


@pytest.fixture
def server(make_server: MakeServer) -> DemoServer:
    """Chats 1 to 7, all closed, and a clock that stands still."""
    return make_server(clock=lambda: NOW)


@pytest.fixture
def get(server: DemoServer, client: requests.Session) -> Get:
    def ask(path: str = CHATS, **parameters: object) -> requests.Response:
        texts = {name: str(value) for name, value in parameters.items()}
        return client.get(server.url + path, params=texts, timeout=60)

    return ask


def single(get: Get, chat_id: int) -> Any:
    return get(f"/apiv2/chats/{chat_id}.json").json()["chat"]


def small_chat(number: int) -> dict[str, Any]:
    """A short chat; number n begins on day n of April 2015 and belongs to visitor 500 + n % 2."""
    created = f"2015-04-{number:02d} 08:04:12"
    message = {"id": number * 10, "chat_id": number, "type": "chat.msg", "name": "访客5"}
    return {
        "id": number,
        "type": "chat",
        "started_by": "visitor",
        "status": "close",
        "visitor_id": 500 + number % 2,
        "user_id": None if number % 3 else "45190",
        "created_at": created,
        "messages": [{**message, "msg": "你好,在吗?", "created_at": created, "upload": None}],
    }
