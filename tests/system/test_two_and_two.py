"""Two web servers and two workers are one program: whichever of them is asked, killed or frozen."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from time import monotonic
from urllib.parse import quote

import psycopg
import pytest

from kchat_search.access.sign_ins import FREE_FAILURES
from tests.engines.opensearch.cluster import Prefixes
from tests.system.two_and_two import (
    HOST,
    WORDS,
    Installation,
    Visitor,
    Web,
    frozen,
    installation,
)
from tests.world import chat

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals"),
]

CHATS = range(101, 141)
ROLES = ("compliance", "admin", "auditor")
TAKE_OVER_SECONDS = 15
"""What is promised; a kill is noticed at once."""


@pytest.fixture(scope="module")
def both(
    opensearch_hosts: Sequence[str], postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("two")
    prefixes = Prefixes(opensearch_hosts)
    prefix = prefixes.cluster(folder).prefix
    chats = [chat(number) for number in CHATS]
    with installation(folder, postgres_server, opensearch_hosts, prefix, chats) as made:
        roles = [word for role in ROLES for word in ("--role", role)]
        made.call("user", "add", "all", *roles, "--password-stdin", stdin=WORDS)
        made.token = json.loads(made.call("token", "add", "all", *roles, "--json").stdout)["token"]
        for name in ("worker1", "worker2"):
            made.start_worker(name)
        for name in ("web1", "web2"):
            made.start_web(name)
        made.wait_for(len(CHATS))
        yield made
    prefixes.remove()


API = (
    "search", f"search?q={quote('退款')}", f"search?q={quote('退款 OR 发票')}&per_page=7&page=2",
    f"search?q={quote('agent:李雷 12345')}&sort=newest", "search?q=5678&related=5&agent_id=2192",
    f"search?q={quote('没有这样的')}", f"search?q={quote('5678')}&sort=oldest&per_page=100",
    f"related?q={quote('申请退款 发票')}", "hot", "chats/103", "chats/103?q=5678",
    "chats/103/similar", "chats/103/versions", "agents", "status", "rejects", "me",
    f"export?q={quote('退款')}", "export?format=csv",
)  # fmt: skip
PAGES = (
    "/", f"/?q={quote('退款')}", f"/?q={quote('5678')}&page=2", "/chats/103", "/chats/103/versions",
    "/chats/103/similar", "/hot", "/status", "/saved", "/account", "/people", "/tokens", "/setup",
    f"/suggest?q={quote('agent:李')}&at=8",
)  # fmt: skip


def test_both_web_servers_give_the_same_answers(both: Installation) -> None:
    """To the letter, but for how long it took, and what is random in each answer."""
    program, person = Visitor(token=both.token), Visitor()
    person.log_in(both.webs[0], "all")
    with frozen(*both.workers.values()):
        for visitor, path in [
            *((program, f"/api/v1/{path}") for path in API),
            *((person, path) for path in PAGES),
        ]:
            one, other = (visitor.get(web, path) for web in both.webs)
            assert the_same_part(one.text) == the_same_part(other.text), path
        assert program.get(both.webs[0], "/api/v1/status").json()["alerts"] == []
        asked = "/api/v1/search?sort=newest&per_page="
        (whole,) = pages(program, both.webs[:1], f"{asked}100")
        parts = pages(program, both.webs, f"{asked}7")  # page by page, from either in turn
        assert [hit for part in parts for hit in part] == whole


def pages(visitor: Visitor, webs: Sequence[Web], path: str) -> list[list[object]]:
    """The hits of all pages of a search, from these web servers in turn."""
    found: list[list[object]] = []
    while path:
        answer = visitor.get(webs[len(found) % len(webs)], path).json()
        found.append(answer["hits"])
        path = (answer["next"] or "").removeprefix(f"https://{HOST}")
    return found


_OF_ITS_OWN = re.compile(
    r'"took_ms":[0-9.]+|class="took">[^<]+|name="csrf_token" value="[^"]+'
    r'|id="as-of">[^<]+'
)


def the_same_part(text: str) -> str:
    """An answer without the time that it took, the present time, and the random masks of forms."""
    return _OF_ITS_OWN.sub("", text)


def test_who_signs_in_at_one_is_known_at_the_other_until_they_sign_out_anywhere(
    both: Installation,
) -> None:
    """People, roles, tokens and saved searches too; a form of the one is taken by the other."""
    one, other = both.webs
    admin, visitor = Visitor(), Visitor()
    admin.log_in(one, "all")
    form = admin.get(other, "/people")
    admin.send(one, form, "/people", name="lin", password=WORDS, role="compliance")
    visitor.log_in(other, "lin")
    visitor.get(one, "/api/v1/search")
    page = visitor.get(one, f"/saved?search={quote('q=退款')}")
    visitor.send(other, page, "/saved", name="我的退款")
    assert "我的退款" in visitor.get(one, "/saved").text

    made = admin.send(
        other, admin.get(one, "/tokens"), "/tokens", 200, name="robot", role="compliance"
    )
    token = re.findall(r"kchat_[\w-]{43}", made.text)[0]
    program = Visitor(token=token)
    assert all(program.is_known(web) for web in both.webs)
    number = json.loads(both.call("token", "list", "--json").stdout)["tokens"][0]["id"]
    admin.send(one, admin.get(other, "/tokens"), f"/tokens/{number}/revoke")
    assert not any(program.is_known(web) for web in both.webs)

    (lin,) = [
        person["id"]
        for person in json.loads(both.call("user", "list", "--json").stdout)["people"]
        if person["name"] == "lin"
    ]
    visitor.send(other, visitor.get(one, "/"), "/logout")
    assert not any(visitor.is_known(web) for web in both.webs)
    visitor.log_in(one, "lin")
    admin.send(one, admin.get(other, f"/people/{lin}"), f"/people/{lin}/disable")
    assert not any(visitor.is_known(web) for web in both.webs)


def test_failures_to_sign_in_at_one_count_at_the_other(both: Installation) -> None:
    """The waits grow with all failures, of which each web server sees every other one."""
    visitor, failures = Visitor("198.51.100.9"), 0
    for number in range(60):
        web = both.webs[number % 2]
        page = visitor.get(web, "/login")
        answer = visitor.fill_in(web, page, "/login", username="all", password="no")
        if answer.status_code == 429:
            break
        assert answer.status_code == 401, answer.text
        failures += 1
    else:
        pytest.fail("nobody is ever told to wait")
    assert failures >= FREE_FAILURES
    with psycopg.connect(both.settings["KCHAT_ACCESS_URL"]) as connection:
        counted = connection.execute("SELECT max(times) FROM failed_log_ins").fetchone()
    assert counted == (failures,)
    Visitor("198.51.100.10").log_in(both.webs[0], "all")  # from elsewhere nobody has to wait


def test_all_write_one_chain_of_the_audit_at_once(both: Installation) -> None:
    before = json.loads(both.call("audit", "--check", "--json").stdout)
    texts = [f"一起写的 {number:02}" for number in range(24)]

    def ask(number: int) -> None:
        path = f"/api/v1/search?per_page=1&related=0&q={quote(texts[number])}"
        if number % 8:
            Visitor(token=both.token).get(both.webs[number % 2], path)
        else:
            both.call("search", texts[number], at=f"worker{1 + number // 8 % 2}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(len(texts))))
    checked = json.loads(both.call("audit", "--check", "--head", before["head"], "--json").stdout)
    assert checked["ok"], checked
    assert checked["rows"] == before["rows"] + len(texts)
    rows = json.loads(both.call("audit", "--limit", str(len(texts)), "--json").stdout)["rows"]
    asked = sorted(re.findall("一起写的 [0-9]{2}", str([row["query"] for row in rows])))
    assert asked == texts
    numbers = [row["number"] for row in rows]
    assert numbers == list(range(checked["rows"], before["rows"], -1))


def test_a_web_server_keeps_nothing_of_its_own(both: Installation) -> None:
    program = Visitor(token=both.token)
    for web in both.webs:
        for form in ("jsonl", "csv", "xlsx"):
            program.get(web, f"/api/v1/export?format={form}")
        program.get(web, f"/api/v1/search?q={quote('退款')}")
        assert [path for path in web.folder.rglob("*") if path.is_file()] == []


def led_by(both: Installation) -> tuple[str, str]:
    """(who is the indexer, the other one, which waits for that)."""
    leader = both.leader()
    (other,) = both.workers.keys() - {leader}
    both.workers[other].forget()
    return leader, other


def test_a_killed_indexer_is_replaced_in_time(both: Installation) -> None:
    took = []
    for number in range(3):
        leader, other = led_by(both)
        asked = len(both.kchat.askers)
        began = monotonic()
        os.kill(both.workers[leader].process.pid, signal.SIGKILL)
        both.workers[other].wait_for("tick done")
        took.append(monotonic() - began)
        assert both.leader() == other
        since = both.kchat.askers[asked:]
        assert leader not in since[since.index(other) :]
        pid = both.workers[other].process.pid
        both.kchat.put(chat(300 + number, f"接替之后 {number}", created_at="2016-03-20 11:00:00"))
        both.wait_for(1, f'"接替之后 {number}"')
        program = Visitor(token=both.token)
        for web in both.webs:
            assert f"process {pid} " in program.get(web, "/api/v1/status").json()["indexer"]
        both.start_worker(leader).wait_for("takes over")
    assert max(took) < TAKE_OVER_SECONDS
    tell("killed", took)
    terms = both.watch.terms()
    assert all(one != other for one, other in pairwise(terms[-4:])), terms


def test_an_indexer_that_lost_its_connection_is_replaced_and_writes_nothing_more(
    both: Installation,
) -> None:
    """Every second one stands still, and wakes up when the other has done its work. The others are
    in the middle of a sync: they get an answer of Kchat's that is no longer true."""
    took = []
    for number in range(400, 404):
        leader, other = led_by(both)
        before, after = (f"{when}断线 {number}" for when in ("之前", "之后"))
        both.kchat.put(chat(number, before, created_at="2016-03-20 11:00:00"))
        both.wait_for(1, f'"{before}"')
        both.workers[leader].forget()
        with frozen(both.workers[leader]) if number % 2 else both.kchat.held(leader, number):
            both.kchat.put(chat(number, after, created_at="2016-03-20 11:00:00"))
            began = monotonic()
            both.cut(leader)
            both.workers[other].wait_for("tick done")
            took.append(monotonic() - began)
            both.wait_for(1, f'"{after}"')
        both.workers[leader].wait_for("waits until it can be the indexer again")
        both.workers[other].forget()
        both.workers[other].wait_for("tick done")  # what the former one had sent has arrived
        both.workers[other].forget()
        asked = len(both.kchat.askers)
        both.workers[other].wait_for("tick done")
        assert {*both.kchat.askers[asked:]} == {other}
        assert both.leader() == other
        both.wait_for(0, f'"{before}"')
    assert max(took) < TAKE_OVER_SECONDS
    tell("cut off", took)
    terms = both.watch.terms()
    assert all(one != other for one, other in pairwise(terms[-5:])), terms
    both.call("verify", "--strings", "20")


def tell(how: str, took: Sequence[float]) -> None:
    """With `-s`: how long it took until the other's first sync was done."""
    seconds = " ".join(f"{each:.2f}" for each in took)
    print(f"\nindexer {how}: the other's first tick done after {seconds} s")  # noqa: T201
