"""Which request is answered next."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from kchat_search.web.server.threads import Queue


def coming(*requests: str) -> Any:
    """A connection with these requests, the newest last."""
    parts = [one.split() for one in requests]
    return SimpleNamespace(
        requests=[SimpleNamespace(command=command, path=path) for command, path in parts],
        service=lambda: None,
        cancel=lambda: None,
    )


def path_of(task: Any) -> str:
    return str(getattr(task, "task", task).requests[-1].path)


@pytest.fixture
def queue() -> Queue:
    return Queue(2, threading.Condition())


def test_first_come_first_served_but_for_log_ins_beyond_two(queue: Queue) -> None:
    for path in ("/a", "/login1", "/b", "/login2", "/login3", "/c"):
        queue.append(coming(f"{'POST' if 'login' in path else 'GET'} {path}"))
    assert len(queue) == 5
    taken = [queue.popleft() for _ in range(5)]
    assert [path_of(one) for one in taken] == ["/a", "/login1", "/b", "/login2", "/c"]
    assert not len(queue)
    taken[1].service()
    assert path_of(queue.popleft()) == "/login3"
    assert not len(queue)


def test_a_log_in_that_fails_makes_room_too(queue: Queue) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    for _ in range(3):
        task = coming("POST /login")
        task.service = fail
        queue.append(task)
    first, _ = queue.popleft(), queue.popleft()
    assert len(queue) == 0
    with pytest.raises(ZeroDivisionError):
        first.service()
    assert len(queue) == 1


def test_log_ins_beyond_those_that_may_wait_are_answered_as_others_are(queue: Queue) -> None:
    for _ in range(100):
        queue.append(coming("POST /login/code"))
    assert len(queue) == 2 + 100 - 64


@pytest.mark.parametrize(
    "requests", [(), ("GET /login",), ("POST /logout",), ("POST /login", "GET /a")], ids=str
)
def test_what_is_no_log_in(queue: Queue, requests: tuple[str, ...]) -> None:
    for _ in range(5):
        queue.append(coming(*requests))
    assert len(queue) == 5
