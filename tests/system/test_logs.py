"""The log of whole programs: every line has the same form, and nobody's words are in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from kchat_search.demo import DEMO_API_TOKEN
from kchat_search.demo.server import DemoServer
from tests.system.programs import ROOT, SECONDS, environment, started
from tests.world import chat

pytestmark = pytest.mark.slow


def ask(url: str) -> int:
    try:
        with urlopen(url, timeout=SECONDS) as answer:  # noqa: S310  # our own address
            answer.read()
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_server_and_indexer_log_alike_and_neither_logs_anybodys_words(
    kchat: DemoServer, tmp_path: Path
) -> None:
    (tmp_path / "index").mkdir()
    private = ("秘密口令", quote("秘密"), "\\u79d8", "nobodys-query", DEMO_API_TOKEN)
    kchat.put(chat(126, "秘密口令在此", created_at="2016-03-20 11:00:00"))
    kchat.put(chat(127, "秘密口令在此", created_at="2016-03-20 soon"))  # becomes a reject
    settings = {"KCHAT_LOG_LEVEL": "DEBUG", "KCHAT_LOG_FORMAT": "json"}
    with started("serve", "--port", "0", kchat=kchat, folder=tmp_path, **settings) as running:
        asked = "/apiv2/chats"  # the indexer asks Kchat, and its HTTP library logs that
        address = running.wait_for_all("Open http", asked)[0].split()[1]
        for path in ("api/v1/search?q=", "?q=", "api/v1/export?q=", "chats/126?q=", "status?x="):
            for q in ("秘密口令", "nobodys-query", "nobodys-query " * 100):
                ask(address + path + quote(q))
        ask(address + "status")
        running.process.terminate()
        running.process.wait(SECONDS)
        running.end()
        found = [json.loads(line) for line in running.lines if not line.startswith("Open http")]
    assert len({line["process"] for line in found}) == 2
    for line in found:
        assert set(line) >= {"time", "level", "logger", "message", "process"}
        assert not [word for word in private if word in str(line)], line


def test_any_wsgi_server_logs_in_the_form_of_the_setting(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir(mode=0o700)
    ended = subprocess.run(
        [sys.executable, "-c", "import wsgi, logging; logging.getLogger('waitress').error('full')"],
        cwd=tmp_path,
        env=environment(None, KCHAT_LOG_FORMAT="json", PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    (found,) = map(json.loads, ended.stderr.splitlines())
    assert (found["logger"], found["message"]) == ("waitress", "full")
