from __future__ import annotations

from typing import cast

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kchat_search.config import Settings, load_settings
from kchat_search.service import Service
from kchat_search.web import create_app
from tests.web import chats
from tests.web.fake_service import NOW, FakeService


def make_settings(*, demo: bool = False) -> Settings:
    """Settings that no environment can change."""
    return load_settings(
        _env_file=None,
        subdomain="acme",
        base_url=None,
        chat_url=None,
        timezone="Asia/Shanghai",
        demo=demo,
    )


def make_app(service: FakeService) -> Flask:
    return create_app(cast("Service", service), clock=lambda: NOW)


@pytest.fixture(scope="session")
def shared() -> tuple[FakeService, Flask]:
    """One application for all tests (its templates are compiled once), over one service."""
    service = FakeService([], make_settings())
    return service, make_app(service)


@pytest.fixture
def service(shared: tuple[FakeService, Flask]) -> FakeService:
    """The service, as new: ordinary chats, nothing wrong."""
    fresh = FakeService(chats.ordinary(), make_settings())
    vars(shared[0]).clear()
    vars(shared[0]).update(vars(fresh))
    return shared[0]


@pytest.fixture
def client(service: FakeService, shared: tuple[FakeService, Flask]) -> FlaskClient:
    """A client without cookies; it asks by the name «localhost»."""
    return shared[1].test_client()
