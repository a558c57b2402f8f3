"""Fixtures for all tests: a Kchat server, and the whole program over it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.server import DemoServer
from kchat_search.search import zero_results
from tests import opensearch, postgres
from tests.archive_on_postgres import EmptyOnPostgres
from tests.world import World, agents, chat

# A busy machine makes no test red: how long something takes is what benchmarks measure.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# A shell starts what it runs in the background with SIGINT ignored, and what we start would inherit
# that. The handler is this process's own: what it starts has the system's default.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


KILLED = "servers killed"
"""The property of a test that says how many servers it has killed (-9)."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many servers were killed, by the tests of all processes."""
    reports = [report for each in terminalreporter.stats.values() for report in each]
    kills = [
        int(str(value))
        for report in reports
        if getattr(report, "when", None) == "teardown"
        for name, value in report.user_properties
        if name == KILLED
    ]
    if kills:
        terminalreporter.write_line(f"{sum(kills)} servers were killed (-9).")


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, dict[str, Any], dict[str, Any]]:
    """Reports go from pytest-xdist's workers to the main process as UTF-8. What a test logs or
    compares may have lone surrogates, which UTF-8 does not have: they are sent as `\\ud800`."""
    data = yield
    return {name: _without_surrogates(value) for name, value in data.items()}


def _without_surrogates(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        case list() | tuple():
            return type(value)(map(_without_surrogates, value))
        case dict():
            return {key: _without_surrogates(each) for key, each in value.items()}
    return value


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the settings of whoever runs it."""
    for name in os.environ:
        if name.startswith("KCHAT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """All reasons for zero results are given, however busy this machine is."""
    monkeypatch.setattr(zero_results, "PATIENCE", 60.0)


@pytest.fixture(scope="session", autouse=True)
def _one_rjieba() -> Iterator[None]:
    """rjieba's dictionary takes 0.2 s to load. It is loaded once, not in each of 400 tests."""
    try:
        import rjieba  # noqa: PLC0415  # optional
    except ImportError:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rjieba, "Jieba", cache(rjieba.Jieba))
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server's database `postgres`, which is for people; the tests of
    others make databases of their own there."""
    with postgres.server() as url:
        yield url


@pytest.fixture(scope="session")
def opensearch_hosts(tmp_path_factory: pytest.TempPathFactory) -> Sequence[str]:
    """The hosts of the cluster that all tests of a run share, each with prefixes of its own."""
    base = tmp_path_factory.getbasetemp()
    return opensearch.shared(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture(scope="session")
def archive_on_postgres(postgres_server: str) -> Iterator[EmptyOnPostgres]:
    """An archive for one test at a time."""
    with postgres.database(postgres_server, "archives") as url:
        yield EmptyOnPostgres(url)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to start the program in."""
    (tmp_path / "index").mkdir()
    return tmp_path


@pytest.fixture
def kchat() -> Iterator[DemoServer]:
    """A Kchat server with 25 chats, in pages of ten."""
    server = DemoServer(
        [chat(i) for i in range(101, 126)],
        agents(),
        email=DEMO_EMAIL,
        password=DEMO_PASSWORD,
        api_token=DEMO_API_TOKEN,
        max_per_page=10,
    )
    with server:
        yield server


@pytest.fixture
def make_world(kchat: DemoServer, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes programs over the same server, archive and index, with these settings."""
    made: list[World] = []

    def make(**settings: object) -> World:
        world = World(kchat, tmp_path, **settings)
        made.append(world)
        return world

    yield make
    for world in made:
        world.service.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """The program over the server `kchat`."""
    return make_world()
