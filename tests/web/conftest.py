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

HOST = "http://127.0.0.1:5080"


def make_settings(*, demo: bool = False) -> Settings:
    return load_settings(_env_file=None, subdomain="acme", timezone="Asia/Shanghai", demo=demo)


def make_app(service: FakeService) -> Flask:
    return create_app(cast("Service", service), clock=lambda: NOW)


@pytest.fixture
def service() -> FakeService:
    return FakeService(chats.ordinary(), make_settings())


@pytest.fixture
def client(service: FakeService) -> FlaskClient:
    return make_app(service).test_client()


@pytest.fixture(autouse=True)
def _every_client_asks_by_a_loopback_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flask's test client says «localhost» already; this only keeps the environment out."""
    for name in ("KCHAT_SUBDOMAIN", "KCHAT_BASE_URL", "KCHAT_DEMO", "KCHAT_CHAT_URL"):
        monkeypatch.delenv(name, raising=False)
