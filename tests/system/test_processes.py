"""Real processes: killed in the middle, two at the same time, parents that die, the demo."""

from __future__ import annotations

import json
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from time import monotonic
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import requests

from kchat_search.demo.server import DemoServer
from tests.system.programs import SECONDS, environment, run, started
from tests.web.browsing import form
from tests.web.markup import Page
from tests.world import World, chat

pytestmark = pytest.mark.slow
PAUSE = 0.1
"""Seconds between two looks at a process of which nothing else is heard."""


@pytest.fixture
def whole(kchat: DemoServer, folder: Path) -> World:
    """The same archive and index, opened by the test."""
    return World(kchat, folder, archive_url=f"sqlite:///{folder}/var/archive.sqlite3")


def test_a_second_indexer_says_who_is_the_first(
    kchat: DemoServer, folder: Path, whole: World
) -> None:
    with whole.service.indexing("the first"):
        ended = run("sync", kchat=kchat, folder=folder)
        assert ended.returncode == 75
        assert "the first" in ended.stderr
        assert str(os.getpid()) in ended.stderr
        assert "the first" in run("status", folder=folder).stdout
    assert run("sync", kchat=kchat, folder=folder).returncode == 0
    whole.service.close()


def test_the_lock_dies_with_its_holder(kchat: DemoServer, folder: Path) -> None:
    kchat.fail_next(delay=60, match=lambda target: "chats.json" in target)
    with started("sync", kchat=kchat, folder=folder) as running:
        while not any("chats.json" in target for target in kchat.requests):
            assert running.process.poll() is None
            threading.Event().wait(PAUSE)
    assert run("sync", kchat=kchat, folder=folder).returncode == 0


def get(url: str) -> tuple[int, str]:
    try:
        with urlopen(url, timeout=SECONDS) as answer:  # noqa: S310  # our own address
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def children(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task").glob("*/children")  # a thread starts the indexer
    return [int(word) for task in tasks for word in task.read_text().split()]


def indexer_of(serve: int) -> int:
    """The indexer's process, of the two that `serve` has started."""
    for _ in range(SECONDS * 10):
        for child in children(serve):
            with suppress(FileNotFoundError):
                if b"worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return child
        threading.Event().wait(PAUSE)
    raise AssertionError("there is no indexer")


def ended(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def wait_until_ended(process: int) -> None:
    for _ in range(SECONDS * 10):
        if ended(process):
            return
        threading.Event().wait(PAUSE)
    raise AssertionError(f"{process} goes on")


def wait_for_total(address: str, q: str, total: int) -> None:
    """Wait until a search finds `total` chats. The indexer's process needs seconds to begin."""
    deadline = monotonic() + SECONDS
    found = None
    while found != total:
        assert monotonic() < deadline, found
        threading.Event().wait(PAUSE)  # the server leaves the processor to the indexer
        found = json.loads(get(f"{address}api/v1/search?q={quote(q)}")[1])["total"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at /proc")
def test_serve_fetches_in_a_process_that_ends_with_it(kchat: DemoServer, folder: Path) -> None:
    more = {"KCHAT_SYNC_INTERVAL_SECONDS": "1"}
    with started("serve", "--port", "0", kchat=kchat, folder=folder, **more) as running:
        address = running.wait_for("Open http").split()[1]
        assert get(address + "healthz")[0] == 200
        wait_for_total(address, "", 25)
        kchat.put(chat(126, "新来的 保修", created_at="2016-03-20 11:00:00"))
        wait_for_total(address, "保修", 1)
        web, worker = children(running.process.pid)
        running.process.kill()
        wait_until_ended(worker)
        wait_until_ended(web)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at /proc")
def test_an_indexer_that_dies_is_started_again(kchat: DemoServer, folder: Path) -> None:
    with started("serve", "--port", "0", kchat=kchat, folder=folder) as running:
        running.wait_for("Open http")
        worker = indexer_of(running.process.pid)
        os.kill(worker, signal.SIGKILL)
        running.wait_for("SIGKILL ended it")
        new = indexer_of(running.process.pid)
        assert new != worker
        running.process.terminate()
        running.process.wait(SECONDS)
        wait_until_ended(new)


def test_a_user_dictionary_that_changes_is_used_and_no_search_fails(
    kchat: DemoServer, folder: Path
) -> None:
    words = folder / "words.txt"
    words.write_text("火星 100 n\n")
    settings = {"KCHAT_USER_DICT": str(words), "KCHAT_SYNC_INTERVAL_SECONDS": "1"}
    run("sync", kchat=kchat, folder=folder, **settings)
    with started("serve", "--port", "0", kchat=kchat, folder=folder, **settings) as running:
        address = running.wait_for("Open http").split()[1]
        search = address + "api/v1/search?q=" + quote("申请退款")
        before = json.loads(get(address + "api/v1/status")[1])["index"]["generation"]
        total = json.loads(get(search)[1])["total"]
        words.write_text("申请退款 100 n\n")
        long_ago = words.stat().st_mtime - 60
        os.utime(words, (long_ago, long_ago))
        index = {"generation": before, "current": True}
        deadline = monotonic() + SECONDS
        while index["generation"] == before or not index["current"]:
            assert monotonic() < deadline, index
            status, answer = get(search)
            assert (status, json.loads(answer)["total"]) == (200, total)
            index = json.loads(get(address + "api/v1/status")[1])["index"]


def kchat_link(address: str) -> str | None:
    """Where the program says that a chat is at Kchat."""
    links = json.loads(get(address + "api/v1/chats/101")[1])["links"]
    return None if links["kchat"] is None else str(links["kchat"])


def test_serve_without_an_account_shows_what_there_is_and_connects_without_a_restart(
    kchat: DemoServer, folder: Path
) -> None:
    run("sync", kchat=kchat, folder=folder)
    with started("serve", "--port", "0", folder=folder) as running, requests.Session() as person:
        running.wait_for("KCHAT_EMAIL")
        address = running.wait_for("Open http").split()[1]
        assert json.loads(get(address + "api/v1/search")[1])["total"] == 25
        assert kchat_link(address) is None
        account = environment(kchat).items()
        lines = [f"{name}={value}\n" for name, value in account if name.startswith("KCHAT_")]
        (folder / ".env").write_text("".join(lines))
        filled = form(Page(person.get(address + "setup").text), "/setup/check")
        person.post(address + "setup/check", filled, headers={"Origin": address.rstrip("/")})
        deadline = monotonic() + SECONDS
        while kchat_link(address) is None:
            assert monotonic() < deadline, person.get(address + "setup").text
            threading.Event().wait(PAUSE)
        assert kchat_link(address) == f"{kchat.url}/apiv2/chats/101.json"
        kchat.put(chat(126, "新来的 保修", created_at="2016-03-20 11:00:00"))
        wait_for_total(address, "", 26)


def test_the_demo_is_the_whole_program(folder: Path) -> None:
    with started("demo", "--port", "0", "--count", "150", folder=folder) as running:
        address = running.wait_for("Open http").split()[1]
        status, page = get(address + "?q=" + quote("退款"))
        assert status == 200
        assert "退款" in page
        answer = json.loads(get(address + "api/v1/search?q=" + quote("退款"))[1])
        assert answer["total"] > 0
        agent = answer["facets"]["agent_id"][0]["value"]
        month = answer["facets"]["created_month"][0]["value"]
        days = f"start={month}-01&end={month}-28"
        status, page = get(f"{address}api/v1/search?agent_id={agent}&{days}")
        assert {hit["chat"]["agent_id"] for hit in json.loads(page)["hits"]} <= {agent}
        hit = answer["hits"][0]
        status, page = get(hit["links"]["html"])
        assert status == 200
        assert f'id="m{hit["snippets"][0]["message_id"]}"' in page
        second = run("demo", folder=folder)
        assert second.returncode == 2
        assert "running" in second.stderr


def test_the_demo_serves_a_file_of_chats(folder: Path) -> None:
    file = folder / "chats.jsonl"
    file.write_text("\n".join(json.dumps(chat(number)) for number in range(1, 31)))
    arguments = ("demo", "--server-only", "--chats", str(file))
    with started(*arguments, folder=folder) as running:
        url = running.wait_for("KCHAT_BASE_URL").strip().partition("=")[2]
        email = running.wait_for("KCHAT_EMAIL").strip().partition("=")[2]
        token = running.wait_for("KCHAT_API_TOKEN").strip().partition("=")[2]
        ended = run(
            "sync",
            folder=folder,
            KCHAT_BASE_URL=url,
            KCHAT_EMAIL=email,
            KCHAT_API_TOKEN=token,
        )
        assert ended.stdout.startswith("backfill: 30 chats seen, 30 new"), ended.stderr
