"""The account at Kchat, as the web server knows it: it never has the account itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from kchat_search.models.reports import Reason


@dataclass(frozen=True, slots=True)
class AccountCheck:
    """One try of the account: Kchat was asked for one chat."""

    at: datetime
    """When it began, aware, in UTC."""
    done: bool = False
    problem: Reason | None = None
    """What is wrong with the account; None if it works, or as long as it is tried."""
    chats: int | None = None
    """How many chats Kchat counts, if it says so."""
    chat_url: str | None = None
    """Where a chat is at Kchat, with `{id}` for its id, if the account works."""

    def to_json(self) -> dict[str, Any]:
        """For a pipe."""
        return asdict(self) | {"at": self.at.isoformat()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> AccountCheck:
        """What `to_json` made."""
        problem = value["problem"]
        return cls(
            datetime.fromisoformat(value["at"]),
            value["done"],
            None if problem is None else Reason(**problem),
            value["chats"],
            value["chat_url"],
        )


@dataclass(frozen=True, slots=True)
class AccountDoor:
    """The way to whoever has the account: the process that started this one."""

    check: Callable[[], None]
    """Ask it to read the settings again and to try the account. Returns at once."""
    last: Callable[[], AccountCheck | None]
    """What it said last; None: it was not asked."""
    chat_url: Callable[[], str | None] = lambda: None
    """See `AccountCheck.chat_url`, of the last try that went well; None: there was none."""
