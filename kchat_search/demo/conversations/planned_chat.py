"""A chat with all that will happen in it, and how the API shows it at any time.

Invariant: a snapshot contains only what has happened by its time. Two snapshots differ exactly if
one of the chat's `moments` lies between their times.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

STAMP = "%Y-%m-%d %H:%M:%S"


@dataclass(slots=True)
class PlannedMessage:
    """A complete message, with the local times at which it is sent and, if ever, recalled."""

    at: datetime
    raw: dict[str, Any]
    agent_id: int | None
    recalled_at: datetime | None = None


@dataclass(slots=True)
class PlannedChat:
    """One chat. Times are local and naive. `end` is None if nobody ever closes it."""

    raw: dict[str, Any]
    start: datetime
    assigned: datetime | None
    end: datetime | None
    rating: int | str | None
    rated: datetime | None
    situation: str
    """The code of what it is about, in the script of its trade. The API does not tell it."""
    modern: bool
    """Made after the API got the fields `role`, `user_id` and `recalled`."""
    messages: list[PlannedMessage] = field(default_factory=list)

    def moments(self) -> list[datetime]:
        """The times at which something about the chat changes, ascending."""
        times = {message.at for message in self.messages}
        times |= {m.recalled_at for m in self.messages if m.recalled_at is not None}
        times |= {time for time in (self.start, self.assigned, self.end, self.rated) if time}
        return sorted(times)

    def snapshot(self, at: datetime) -> dict[str, Any]:
        """The chat as `GET /apiv2/chats/{id}.json` shows it at `at`. Each call makes new
        objects."""
        assigned = self.assigned is not None and self.assigned <= at
        ended = self.end is not None and self.end <= at
        seen = [message for message in self.messages if message.at <= at]
        agents = [m.agent_id for m in seen if m.agent_id is not None]
        chat = {
            **self.raw,
            "status": "close" if ended else ("open" if assigned else "wait"),
            "agent_id": agents[-1] if agents else None,
            "rating": self.rating if self.rated is not None and self.rated <= at else None,
            "created_at": self.start.strftime(STAMP),
            "assigned_at": self.assigned.strftime(STAMP) if self.assigned and assigned else None,
            "end_at": self.end.strftime(STAMP) if self.end and ended else None,
        }
        if self.modern:
            chat["message_count"] = len(seen)
            chat["duration"] = (
                int((self.end - self.start).total_seconds()) if self.end and ended else None
            )
        last = len(seen) - 1
        chat["messages"] = [
            self._message(message, at, read=ended or number < last)
            for number, message in enumerate(seen)
        ]
        return chat

    def _message(self, message: PlannedMessage, at: datetime, *, read: bool) -> dict[str, Any]:
        raw = dict(message.raw)
        if raw["upload"] is not None:
            raw["upload"] = dict(raw["upload"])
        raw["is_read"] = int(read and self.assigned is not None)
        if self.modern:
            recalled = message.recalled_at is not None and message.recalled_at <= at
            raw["recalled"] = recalled
            if recalled:
                raw["msg"] = ""
        return raw
