"""The account of `serve`: an indexer for the one that works, and words about the one that does
not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from kchat_search.cli.account import AccountKeeper
from kchat_search.config import SettingsOfServe, only
from kchat_search.errors import KchatRefused, KchatSearchError, SettingsError
from kchat_search.models.account import AccountCheck
from kchat_search.models.reports import Alert

NOW = datetime(2016, 3, 20, 4, tzinfo=UTC)
WHOLE = {"subdomain": "acme", "email": "a@acme.example", "api_token": "secret"}


class Place:
    """A web server that hears, settings that change, and indexers that say which run."""

    def __init__(self, **settings: Any) -> None:
        self.alerts: list[Alert | None] = []
        self.checks: list[AccountCheck] = []
        self.running: list[str | None] = []
        self.read: SettingsOfServe | KchatSearchError = only(**settings)
        self.kchat: int | KchatSearchError = 7
        self.keeper = AccountKeeper(
            only(**settings),
            self,
            reload=lambda: self.get(self.read),
            count=lambda _settings: self.get(self.kchat),
            indexer=lambda settings: Indexer(self.running, settings.subdomain),
            now=lambda: NOW,
        )

    def get(self, value: Any) -> Any:
        if isinstance(value, KchatSearchError):
            raise value
        return value

    def tell(self, alert: Alert | None) -> None:
        self.alerts.append(alert)

    def tell_account(self, check: AccountCheck) -> None:
        self.checks.append(AccountCheck.from_json(json.loads(json.dumps(check.to_json()))))


class Indexer:
    def __init__(self, running: list[str | None], name: str | None) -> None:
        self.running, self.name = running, name

    def __enter__(self) -> None:
        self.running.append(self.name)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.running.remove(self.name)


def test_without_an_account_it_is_said_what_is_missing_and_nothing_runs() -> None:
    place = Place(subdomain="acme")
    with place.keeper:
        (alert,) = place.alerts
        assert alert is not None
        assert alert.code == "not_connected"
        assert "KCHAT_EMAIL, KCHAT_API_TOKEN" in alert.reason.text
        assert place.running == []


def test_an_account_that_is_written_later_is_tried_and_then_used() -> None:
    place = Place()
    with place.keeper:
        place.keeper.check()
        begun, ended = place.checks
        assert begun == AccountCheck(NOW)
        assert ended.problem is not None
        assert ended.problem.kind == "SettingsError"
        place.read = only(**WHOLE, index_dir="elsewhere")
        place.keeper.check()
        at = "https://acme.kf5.com/apiv2/chats/{id}.json"
        assert place.checks[-1] == AccountCheck(NOW, done=True, chats=7, chat_url=at)
        assert place.running == ["acme"]
        assert place.alerts[-1] is None, "what was missing is not missing any more"
        place.keeper.check()
        assert place.running == ["acme"], "it runs already"
        place.read = only(**WHOLE | {"subdomain": "other"})
        place.keeper.check()
        assert place.running == ["other"]
    assert place.running == []


def test_an_account_that_kchat_refuses_changes_nothing() -> None:
    place = Place(**WHOLE)
    with place.keeper:
        assert place.running == ["acme"]
        for error in (KchatRefused("no secret here").because("401"), SettingsError("KCHAT_EMAIL")):
            place.kchat = error
            place.read = only(**WHOLE | {"subdomain": "other"})
            place.keeper.check()
            problem = place.checks[-1].problem
            assert problem is not None
            assert (problem.kind, problem.text) == (error.kind, str(error))
            assert "secret" not in str(place.checks[-1].to_json()).replace(str(error), "")
        assert place.running == ["acme"]
        assert place.alerts == []
