"""An archive on a real disk for every test, and chats to put into it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kchat_search.archive import SqlArchive, open_archive
from kchat_search.models.chats import Chat, FetchedChat, RejectedChat

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """So many minutes after the tests' beginning."""
    return START + timedelta(minutes=minutes)


def fetched(chat_id: int, text: str = "你好", **fields: Any) -> FetchedChat:
    """A chat as it came; another `text` or another field gives another digest."""
    known: dict[str, Any] = {
        "id": chat_id,
        "type": "chat",
        "started_by": "visitor",
        "status": "close",
        "agent_id": "2192",
        "rating": None,
        "visitor_id": "547",
        "user_id": None,
        "created_at": START,
        "assigned_at": None,
        "end_at": None,
        "messages": (),
    }
    chat = Chat(**{**known, **fields})
    raw = json.dumps({"text": text, **known, **fields}, default=str)
    return FetchedChat(chat, raw, hashlib.sha256(raw.encode()).hexdigest(), has_messages=True)


def rejected(key: str, chat_id: int | None = None, reason: str = "no id") -> RejectedChat:
    return RejectedChat(key, chat_id, '{"odd": 1}', reason)


def url_of(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated archive without chats, to be copied."""
    file = tmp_path_factory.mktemp("archive") / "empty.sqlite3"
    open_archive(url_of(file)).close()
    return file


@pytest.fixture
def file(tmp_path: Path, empty_file: Path) -> Path:
    return Path(shutil.copyfile(empty_file, tmp_path / "archive.sqlite3"))


@pytest.fixture
def archive(file: Path) -> Iterator[SqlArchive]:
    opened = open_archive(url_of(file))
    yield opened
    opened.close()
