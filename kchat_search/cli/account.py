"""The account of `serve`, in the process that holds it: it starts the indexer where there is one,
and tries it when an administrator asks for that on a page.

The web server asks through its pipe and hears the result, never the account. What is tried is what
the settings say at that moment, so whoever has just written them into `.env` need not start again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from kchat_search.config import SettingsOfServe
from kchat_search.errors import KchatSearchError, SettingsError
from kchat_search.models.account import AccountCheck
from kchat_search.models.reports import Alert, Reason

_OF_ACCOUNT = ("subdomain", "base_url", "chats_path", "email", "api_token", "password")
_LONGEST_TEXT = 1_000
"""Characters."""


class Told(Protocol):
    """Who hears of the account: the web server's process."""

    def tell(self, alert: Alert | None) -> None: ...  # noqa: D102
    def tell_account(self, check: AccountCheck) -> None: ...  # noqa: D102


class AccountKeeper:
    """Keeps an indexer for the account. Use it as a context manager."""

    def __init__(
        self,
        settings: SettingsOfServe,
        web: Told,
        *,
        reload: Callable[[], SettingsOfServe],
        count: Callable[[SettingsOfServe], int | None],
        indexer: Callable[[SettingsOfServe], AbstractContextManager[object]],
        now: Callable[[], datetime],
    ) -> None:
        """`reload` reads the settings again; `count` asks Kchat with them, and says how many chats
        it counts; `indexer` keeps an indexer with them. Both raise `KchatSearchError`."""
        self._settings = settings
        self._web = web
        self._reload = reload
        self._count = count
        self._indexer = indexer
        self._now = now
        self._kept: AbstractContextManager[object] | None = None

    def __enter__(self) -> Self:
        try:
            self._settings.credentials()
        except SettingsError as error:
            reason = Reason(str(error), "NoAccount")
            self._web.tell(Alert("not_connected", reason, self._now()))
        else:
            self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def check(self) -> None:
        """Try the account that the settings name now, and tell how that went. If it works, the
        indexer goes on with it."""
        begun = AccountCheck(self._now())
        self._web.tell_account(begun)
        try:
            read = self._reload()
            account = {name: getattr(read, name) for name in _OF_ACCOUNT}
            settings = self._settings.model_copy(update=account)
            settings.credentials()
            chats = self._count(settings)
        except KchatSearchError as error:
            problem = Reason(str(error)[:_LONGEST_TEXT], error.kind)
            self._web.tell_account(replace(begun, done=True, problem=problem))
            return
        if self._kept is None or settings != self._settings:
            self._stop()
            self._settings = settings
            self._web.tell(None)
            self._start()
        self._web.tell_account(
            replace(begun, done=True, chats=chats, chat_url=settings.kchat_chat_url)
        )

    def _start(self) -> None:
        self._kept = self._indexer(self._settings)
        self._kept.__enter__()

    def _stop(self) -> None:
        if self._kept is not None:
            self._kept.__exit__(None, None, None)
            self._kept = None
