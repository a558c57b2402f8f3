from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kchat_search.models.reports import Presentation
from kchat_search.web import create_app
from tests.web import chats
from tests.web.fake_service import NOW, FakeService


def make_presentation(*, demo: bool = False) -> Presentation:
    """The settings that the pages of the tests show."""
    return Presentation(
        ZoneInfo("Asia/Shanghai"),
        demo=demo,
        kchat_chat_url="https://acme.kf5.com/apiv2/chats/{id}.json",
    )


def make_app(service: FakeService) -> Flask:
    return create_app(service, clock=lambda: NOW)


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
