"""One request uses a bounded time of the processor; the command line may take its time."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from kchat_search import processor_time
from kchat_search.errors import RequestTooExpensive
from kchat_search.gate import Gate
from kchat_search.models.search import SearchRequest
from kchat_search.web import create_app
from tests.world import World


def use(seconds: float) -> None:
    """Use so many seconds of processor time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_without_a_limit_nothing_is_refused() -> None:
    processor_time.check()
    assert processor_time.left() == math.inf


def test_a_limit_ends_what_runs_inside_and_nothing_else() -> None:
    with processor_time.limited(0.002):
        assert 0 < processor_time.left() <= 0.002
        processor_time.check()
        use(0.003)
        assert processor_time.left() == 0
        with pytest.raises(RequestTooExpensive, match=r"0\.002 s"):
            processor_time.check()
    processor_time.check()


@pytest.mark.parametrize(("outer", "inner"), [(0.002, 60.0), (60.0, 0.002)])
def test_of_two_limits_the_one_that_ends_earlier_holds(outer: float, inner: float) -> None:
    with processor_time.limited(outer), processor_time.limited(inner):
        use(0.003)
        with pytest.raises(RequestTooExpensive, match=r"0\.002 s"):
            processor_time.check()


def test_the_limit_is_of_one_thread_and_waiting_is_free() -> None:
    with processor_time.limited(0.05):
        other = threading.Thread(target=lambda: use(0.06))
        other.start()
        other.join()
        processor_time.check()


ASKED = (
    "/api/v1/search?q=%E9%80%80%E6%AC%BE",
    "/api/v1/search?q=nothing+has+this",
    "/api/v1/chats/101",
    "/?q=from:visitor+a*",
    "/chats/101?q=a",
)


@pytest.fixture
def hurried(make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> World:
    """A world where every request has used up its time when it begins."""
    world = make_world()
    world.sync()
    presentation = replace(world.service.presentation, request_processor_seconds=0.0)
    object.__setattr__(world.service, "presentation", presentation)
    return world


@pytest.mark.parametrize("path", ASKED)
def test_a_request_that_takes_too_long_is_refused_with_words(hurried: World, path: str) -> None:
    client = create_app(Gate(owners=hurried.service)).test_client()
    answer = client.get(path, base_url="http://localhost")
    assert answer.status_code == 422
    assert "Retry-After" not in answer.headers
    if path.startswith("/api"):
        problem = answer.get_json()
        assert problem["type"].endswith(":too-expensive")
        assert "fewer" in problem["detail"]
        chinese = client.get(
            path, base_url="http://localhost", headers={"Accept-Language": "zh"}
        ).get_json()["detail"]
        assert "处理器时间" in chinese
    else:
        assert "这个请求太费时" in answer.text
        english = client.get(f"{path}{'&' if '?' in path else '?'}lang=en").text
        assert "takes too long" in english


def test_the_command_line_and_health_are_not_limited(hurried: World) -> None:
    page = hurried.service.search(SearchRequest(q="退款"))
    assert page.total
    client = create_app(Gate(owners=hurried.service)).test_client()
    assert client.get("/healthz", base_url="http://localhost").status_code == 200
