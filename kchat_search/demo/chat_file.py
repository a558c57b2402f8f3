"""Chats from a file: JSON Lines, one chat a line, UTF-8, plain or compressed with gzip.

The file has no list of agents, so the list is derived. In a chat, the first member who joins is who
started it. The name of the second `chat.memberjoin` therefore belongs to `agent_id`.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kchat_search.errors import SettingsError

_GZIP_MAGIC = b"\x1f\x8b"


def load(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The chats of a file, and their agents in the form of `users.json`.

    Raises `SettingsError` if the file cannot be read, or if a line is not a chat with a number as
    `id`.
    """
    try:
        chats = list(_read(path))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise SettingsError(f"The chats in {path} can't be read: {error}") from error
    return chats, derive_agents(chats)


def derive_agents(chats: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The agents that these chats name, ascending by id, in the form of `users.json`."""
    names: dict[str, tuple[Any, str]] = {}
    for chat in chats:
        agent = chat.get("agent_id")
        joined = [
            str(message["name"])
            for message in chat.get("messages") or ()
            if message.get("type") == "chat.memberjoin" and message.get("name")
        ]
        if agent is not None and len(joined) > 1:
            started_by_agent = chat.get("started_by") == "agent"
            names.setdefault(str(agent), (agent, joined[0 if started_by_agent else 1]))
    ordered = sorted(names.values(), key=lambda item: (len(str(item[0])), str(item[0])))
    return [
        {"id": agent, "name": name, "agent_display_name": name, "role": "agent"}
        for agent, name in ordered
    ]


def _read(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        zipped = file.read(2) == _GZIP_MAGIC
    opener = gzip.open if zipped else Path.open
    with opener(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                chat = json.loads(line)
            except ValueError as error:
                raise SettingsError(f"{path}, line {number} is no JSON: {error}") from error
            if not isinstance(chat, dict) or type(chat.get("id")) is not int:
                raise SettingsError(f"{path}, line {number} is no chat with a number as id")
            yield chat
