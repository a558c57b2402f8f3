from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kchat_search.access.opening import open_access
from kchat_search.models.reports import Presentation
from kchat_search.ports.access import Access
from kchat_search.web import create_app
from tests.web import chats
from tests.web.doors import Doors, Time, hire
from tests.web.fake_service import NOW, FakeService
from tests.web.gates import ENTRANCE, ROLES, OpenGate


def make_presentation(*, demo: bool = False) -> Presentation:
    """The settings that the pages of the tests show."""
    return Presentation(
        ZoneInfo("Asia/Shanghai"),
        demo=demo,
        kchat_chat_url="https://acme.kf5.com/apiv2/chats/{id}.json",
        request_processor_seconds=20.0,  # a busy machine makes no test red
    )


def make_app(service: FakeService) -> Flask:
    return create_app(OpenGate(service), clock=lambda: NOW)


@pytest.fixture(scope="session")
def shared() -> tuple[FakeService, Flask]:
    """One service, and one application over it for all tests: templates are compiled once."""
    service = FakeService([], make_presentation())
    return service, make_app(service)


@pytest.fixture
def service(shared: tuple[FakeService, Flask]) -> FakeService:
    """The shared service in its first state: ordinary chats, and nothing fails."""
    fresh = FakeService(chats.ordinary(), make_presentation())
    vars(shared[0]).clear()
    vars(shared[0]).update(vars(fresh))
    return shared[0]


@pytest.fixture
def client(service: FakeService, shared: tuple[FakeService, Flask]) -> FlaskClient:
    """A client without cookies. Its `Host` is localhost."""
    return shared[1].test_client()


@pytest.fixture
def past(service: FakeService) -> list[dict[str, Any]]:
    """The versions of chat 290. In the last one, a message is recalled and has no text."""
    refund = service.chats[0]
    messages = list(refund.messages)
    messages[6] = messages[6]._replace(text="")
    service.chats[0] = replace(refund, messages=tuple(messages))
    service.past[290] = chats.refund_versions()
    return service.past[290]


def access_in(path: Path, clock: Time) -> Access:
    """The database of people in a file."""
    return cast("Access", open_access(f"sqlite:///{path}", clock))


@pytest.fixture(scope="session")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with one person for each role. It is made once, since a password takes a while."""
    path = tmp_path_factory.mktemp("access") / "staffed.sqlite3"
    with closing(access_in(path, Time())) as access:
        hire(access)
        access.signing_key()
    return path


@pytest.fixture(scope="session")
def shared_doors(staffed: Path) -> tuple[Doors, Flask]:
    """One gate, and one application behind it for all tests: templates are compiled once."""
    access = access_in(staffed, Time())
    doors = Doors(FakeService([], make_presentation()), access, Time())
    return doors, doors.app()


@pytest.fixture
def doors(
    shared_doors: tuple[Doors, Flask], service: FakeService, staffed: Path, tmp_path: Path
) -> Iterator[Doors]:
    """The shared gate in its first state: one person for each role, and nothing is recorded."""
    clock = Time()
    path = tmp_path / "access.sqlite3"
    shutil.copy(staffed, path)
    with closing(access_in(path, clock)) as access:
        vars(shared_doors[0]).update(vars(Doors(service, access, clock)))
        yield shared_doors[0]


@pytest.fixture
def app(doors: Doors, shared_doors: tuple[Doors, Flask]) -> Flask:
    """The application behind `doors`."""
    return shared_doors[1]


@pytest.fixture
def empty_doors(service: FakeService, tmp_path: Path) -> Iterator[Doors]:
    """A gate with a database of people that has none."""
    clock = Time()
    with closing(access_in(tmp_path / "empty.sqlite3", clock)) as access:
        yield Doors(service, access, clock)


@pytest.fixture
def gate(staffed: Path, tmp_path: Path) -> Iterator[Doors]:
    """A gate with trusted proxies, and somebody who has two roles: what `app` stands behind."""
    path = tmp_path / "access.sqlite3"
    shutil.copy(staffed, path)
    with closing(access_in(path, Time())) as access:
        access.people.add("both", ROLES["both"], agent_id="2192")
        presentation = replace(make_presentation(), entrance=ENTRANCE)
        yield Doors(FakeService(chats.ordinary(), presentation), access, Time())


@pytest.fixture
def guarded(gate: Doors) -> Flask:
    """The application behind `gate`."""
    return gate.app()
