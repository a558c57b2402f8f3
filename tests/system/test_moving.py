"""Who does what docs/deploy.md says moves a running archive to a cluster and back."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Self
from urllib.parse import quote

import pytest
import requests

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL
from tests.deploy.moving import Machine, steps
from tests.engines.opensearch.cluster import Prefixes
from tests.system.two_and_two import HOST, Kchat, Visitor, soon
from tests.world import chat, says_the_same

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals"),
]

ROLES = ("compliance", "admin", "auditor")


class Client:
    """Asks whichever web server answers, all the time, as a proxy does for everybody."""

    def __init__(self, machine: Machine, token: str) -> None:
        self._machine, self._visitor = machine, Visitor(token=token)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.answers: list[tuple[str, int]] = []
        """(who answered, how many chats were found); («», 0) while no server ran."""
        self.wrong: list[str] = []
        """What went wrong while the server that was asked went on running."""
        self.unanswered = 0
        """Requests to a server that ended meanwhile."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def answered(self) -> int:
        return sum(1 for who, _ in self.answers if who)

    def waited_once(self) -> None:
        """Asserts that nobody had to wait but for one time, and found no fewer chats after it.
        Of two web servers, one may know of a new chat a second before the other."""
        assert self.wrong == []
        phases = [[*each] for _, each in groupby(self.answers, lambda one: bool(one[0]))]
        before, waited, after = phases
        assert not waited[0][0]
        for phase in (before, after):
            for name in {who for who, _ in phase}:
                found = [total for who, total in phase if who == name]
                assert found == sorted(found), name
        assert max(total for _, total in before) <= min(total for _, total in after)

    def _ask(self) -> None:
        turn = 0
        while not self._over.wait(0.05):
            webs = list(self._machine.webs)
            if not webs:
                self.answers.append(("", 0))
                continue
            turn += 1
            web = webs[turn % len(webs)]
            try:
                answer = self._visitor.get(web, "/api/v1/search?per_page=1")
            except (requests.RequestException, AssertionError) as problem:
                self.unanswered += 1
                if web in self._machine.webs:
                    self.wrong.append(str(problem))
            else:
                self.answers.append((web.name, answer.json()["total"]))


@contextmanager
def one_machine(
    folder: Path, postgres_server: str, hosts: Sequence[str], prefix: str, kchat: Kchat
) -> Iterator[Machine]:
    with ExitStack() as stack:
        machine = Machine(
            folder,
            postgres_server,
            shared={
                "KCHAT_BASE_URL": kchat.url,
                "KCHAT_PUBLIC_URL": f"https://{HOST}",
                "KCHAT_SYNC_INTERVAL_SECONDS": "1",
                "KCHAT_OPENSEARCH_PREFIX": prefix,
                "KCHAT_OPENSEARCH_REPLICAS": "0",
            },
            secrets={".env.worker": {"KCHAT_EMAIL": DEMO_EMAIL, "KCHAT_API_TOKEN": DEMO_API_TOKEN}},
            hosts=",".join(hosts),
            stack=stack,
        )
        try:
            yield machine
        finally:
            machine.do(["docker", "compose", "--file", "compose.cluster.yaml", "down", "--volumes"])


class Move:
    """One installation, with people and a past, and Kchat, which has new chats all the time."""

    def __init__(self, machine: Machine, kchat: Kchat) -> None:
        self.machine, self.kchat = machine, kchat
        self.ever = {each["id"]: each for each in kchat.chats()}
        self.head = ""
        self.compose("run worker kchat-search sync")
        self.ever[101] |= {"rating": 1}
        kchat.put(self.ever[101])
        kchat.delete(104)
        self.compose("run worker kchat-search sync --reconcile")
        roles = [word for role in ROLES for word in ("--role", role)]
        self.compose("run web kchat-search user add ada --no-password", *roles)
        self.program, self.client = (
            json.loads(self.compose(f"run web kchat-search token add {name} --json", *roles))
            for name in ("program", "client")
        )
        code = json.loads(self.compose("run web kchat-search user code ada --json"))["code"]
        self.compose("up")
        self.visitor = Visitor()
        (web,) = machine.webs
        self.visitor.send(web, self.visitor.get(web, "/login/code"), "/login/code", code=code)

    def compose(self, call: str, *more: str) -> str:
        return self.machine.do(["docker", "compose", *call.split(), *more])

    def ask(self, path: str) -> requests.Response:
        """One of the web servers, as a program."""
        return Visitor(token=self.program["token"]).get(self.machine.webs[-1], f"/api/v1/{path}")

    def follow(self, heading: str) -> Client:
        """Take the steps below this heading, while somebody asks."""
        with Client(self.machine, self.client["token"]) as client:
            for _, calls in steps(heading):
                number = 1 + max(self.ever)
                self.ever[number] = chat(number, f"路上 {number}", created_at="2016-03-20 11:00:00")
                self.kchat.put(self.ever[number])
                for call in calls:
                    words = [self.head if word == "HASH" else word for word in call]
                    said = self.machine.do(words)
                    if "--check" in words:
                        self.head = re.findall("[0-9a-f]{64}", said)[0]
            soon(self.finds_all, "an answer with all chats")
        client.waited_once()
        return client

    def finds_all(self) -> bool | None:
        return self.ask("search?per_page=1").json()["total"] == len(self.ever) or None

    def lost_nothing(self) -> None:
        """Every chat is there, those that Kchat has no more and earlier versions too."""
        exported = [json.loads(line)["chat"] for line in self.ask("export").text.splitlines()]
        assert {each["id"]: says_the_same(each, self.ever[each["id"]]) for each in exported} == (
            dict.fromkeys(self.ever, True)
        )
        assert self.ask("search?q=is:gone").json()["total"] == 1
        assert len(self.ask("chats/101/versions").json()["versions"]) == 2


def test_a_running_archive_moves_to_a_cluster_and_back_and_nothing_is_lost(
    opensearch_hosts: Sequence[str], postgres_server: str, tmp_path: Path
) -> None:
    """Searches are answered all the while but for one restart each way. People stay signed in, with
    the searches that they saved; tokens hold; the audit is one chain and has every search."""
    prefixes = Prefixes(opensearch_hosts)
    prefix = prefixes.cluster(tmp_path).prefix
    with (
        Kchat([chat(number) for number in range(101, 131)]) as kchat,
        one_machine(tmp_path, postgres_server, opensearch_hosts, prefix, kchat) as machine,
    ):
        move = Move(machine, kchat)
        clients = []
        for heading in ("The way over", "The way back"):
            page = move.visitor.get(machine.webs[0], f"/saved?search={quote('q=退款')}")
            clients.append(move.follow(heading))
            move.visitor.send(machine.webs[0], page, "/saved", name=heading)
            saved = move.visitor.get(machine.webs[-1], "/saved").text
            assert all(name in saved for name in ("The way over", heading))
            move.lost_nothing()
            move.compose("exec worker kchat-search audit --check --head", move.head)
        rows = move.ask("audit?action=search&who=client&per_page=1").json()["total"]
        answered = sum(client.answered for client in clients)
        assert answered <= rows <= answered + sum(client.unanswered for client in clients)
        operated = move.ask("audit?action=operate&per_page=100").json()["rows"]
        assert [row["object"] for row in operated].count("archive copy") == 4
    prefixes.remove()
