"""There is one JSON: what a command prints with `--json` is what the API answers."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from kchat_search.cli import commands
from kchat_search.demo.server import DemoServer
from kchat_search.gate import Gate
from kchat_search.web import create_app
from tests.world import World, chat, message

pytestmark = pytest.mark.slow

TOOK = re.compile(rb'"took_ms":[0-9.e-]+')
"""The one thing that differs from one answer to the next."""


@pytest.fixture
def client(world: World, kchat: DemoServer, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """The API over an archive of everything that can be shown: uploads, recalls, rejects, versions,
    and chats that are gone. The command line is set to the same archive."""
    upload = {"id": 9, "name": "发票.pdf", "size": 12, "type": "pdf", "url": "https://f.example/9"}
    kchat.put(chat(126, "发票在这里", status="open"))
    kchat.put(chat(127, "soon", created_at="soon"))
    world.sync()
    kchat.put(
        chat(126) | {"messages": [message(1, 126, "访客126", "", upload_id=9, upload=upload)]}
    )
    kchat.delete(101)
    world.later(hours=1).sync(reconcile=True)
    monkeypatch.setenv("KCHAT_BASE_URL", world.kchat.url)
    monkeypatch.setenv("KCHAT_ARCHIVE_URL", world.settings.archive_url)
    monkeypatch.setenv("KCHAT_INDEX_DIR", str(world.settings.index_dir))
    return create_app(Gate(owners=world.service)).test_client()


def printed(*arguments: str) -> bytes:
    """What a command prints; its addresses lead to where `serve` would answer."""
    result = CliRunner().invoke(commands, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return TOOK.sub(b'"took_ms":0', result.stdout_bytes)


def answered(client: FlaskClient, path: str) -> bytes:
    """What the API answers, asked at that address."""
    answer = client.get(path, base_url="http://127.0.0.1:5080")
    assert answer.status_code == 200, answer.text
    return TOOK.sub(b'"took_ms":0', answer.data)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (["search", "退款", "--json"], "/api/v1/search?q=退款"),
        (["search", "--json"], "/api/v1/search"),
        (["search", "火星", "from:agent", "--json"], "/api/v1/search?q=火星+from:agent"),
        (
            ["search", "退款", "--agent", "2192", "--agent", "none", "--no-upload", "--json"],
            "/api/v1/search?q=退款&agent_id=2192&agent_id=none&has_upload=false",
        ),
        (
            ["search", "--spoke", "agent", "--start", "2016-03-05", "--sort", "oldest", "--page",
             "2", "--per-page", "5", "--json"],
            "/api/v1/search?spoke=agent&start=2016-03-05&sort=oldest&page=2&per_page=5",
        ),
        (["show", "126", "--json"], "/api/v1/chats/126"),
        (["show", "101", "--json"], "/api/v1/chats/101"),
        (["show", "126", "--versions", "--json"], "/api/v1/chats/126/versions"),
        (["status", "--json"], "/api/v1/status"),
        (["status", "--rejects", "--json"], "/api/v1/rejects?per_page=100"),
    ],
    ids=str,
)  # fmt: skip
def test_a_command_prints_what_the_api_answers(
    client: FlaskClient, arguments: list[str], path: str
) -> None:
    assert printed(*arguments) == answered(client, path) + b"\n"


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_exported_file_is_what_the_api_sends(client: FlaskClient, form: str) -> None:
    query = ["退款", "--sort", "newest", "--format", form]
    sent = answered(client, f"/api/v1/export?q=退款&sort=newest&format={form}")
    assert printed("export", *query) == sent
    assert len(sent.splitlines()) > 1


def test_a_line_of_an_export_is_what_the_chat_answers(client: FlaskClient) -> None:
    (line,) = printed("export", "id:126").splitlines()
    assert json.loads(line) == json.loads(answered(client, "/api/v1/chats/126"))
