"""Chats from a file."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from kchat_search.demo.chat_file import derive_agents, load
from kchat_search.errors import SettingsError
from tests.demo.conftest import small_chat


def join(name: str) -> dict[str, str]:
    return {"type": "chat.memberjoin", "name": name, "msg": ""}


@pytest.mark.parametrize("zipped", [True, False])
def test_chats_are_read_line_by_line_compressed_or_not(tmp_path: Path, *, zipped: bool) -> None:
    chats = [small_chat(1), small_chat(2)]
    text = "".join(json.dumps(chat, ensure_ascii=False) + "\n" for chat in chats).encode()
    path = tmp_path / "chats.jsonl"
    path.write_bytes(gzip.compress(text) if zipped else text + b"\n")
    assert load(path) == (chats, [])


def test_the_second_member_who_joins_gives_the_name_of_the_agent() -> None:
    agents = derive_agents(
        [
            {"id": 1, "agent_id": 12, "messages": [join("访客1"), join("李雷")]},
            {"id": 2, "agent_id": "9", "started_by": "agent", "messages": [join("马"), join("K")]},
            {"id": 3, "agent_id": 12, "messages": [join("访客1"), join("别人")]},
            {"id": 4, "agent_id": 13, "messages": [join("访客1")]},
            {"id": 5, "agent_id": None, "messages": [join("访客1"), join("无")]},
            {"id": 6, "agent_id": 14},
        ]
    )
    assert [(agent["id"], agent["name"]) for agent in agents] == [("9", "马"), (12, "李雷")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{}\n", "line 1 is no chat"),
        (b'{"id": 1}\n{"id": "x"}\n', "line 2 is no chat"),
        (b'{"id": 1}\n{', "line 2 is no JSON"),
        (b"\xff\xfe\n", "can't be read"),
        (gzip.compress(b'{"id": 1}\n' * 99, mtime=0)[:-9], "can't be read"),
    ],
)
def test_a_file_that_is_no_list_of_chats_is_refused_and_the_error_names_the_line(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "chats.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=reason):
        load(path)


def test_a_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        load(tmp_path / "none")
