"""Three servers of OpenSearch, one of which is killed (-9) at a bad moment, or all of them: nothing
that was archived is lost, each search is answered in full or with 503, and no hand is needed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain, repeat
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from opensearchpy import OpenSearch

from kchat_search.demo.server import DemoServer
from kchat_search.engines.opensearch import bulk, connection
from kchat_search.errors import EngineUnreachable, IndexUnwritable
from kchat_search.models.reports import Reason
from kchat_search.web.app import create_app
from tests import opensearch
from tests.conftest import KILLED
from tests.proxy import Proxy, Trap, proxy
from tests.system.searching import Searching, searching
from tests.web.gates import OpenGate
from tests.world import World, chat

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

_COUNT = 3
_BULK, _SEARCH, _SWAP = b"POST /_bulk", b"search", b"POST /_aliases"
_WANTED = "我想申请退款"
_TICKS = 5
_GIVEN_UP = 5
"""So often servers try to place a copy (`index.allocation.max_retries`)."""
_DISK = "cluster.routing.allocation.disk"
_MARKS = [f"{_DISK}.watermark.{name}" for name in ("low", "high", "flood_stage")]
_PATIENCE = {"timeout": "60s", "request_timeout": 90}


class Cluster:
    """The servers, each behind a proxy that knows what it is asked."""

    def __init__(self, servers: opensearch.Servers, proxies: list[Proxy]) -> None:
        self.servers, self.proxies = servers, proxies
        self.hosts = ",".join(f"http://127.0.0.1:{each.port}" for each in proxies)

    def asked(self, at: Proxy) -> int:
        return self.proxies.index(at)

    def states(self, number: int) -> int:
        """Of how many states of an index a server keeps a part."""
        client = OpenSearch([self.servers.hosts[number]])
        shown = client.transport.perform_request("GET", "/_nodes/_local/stats/indices/search")
        client.close()
        (node,) = shown["nodes"].values()
        return int(node["indices"]["search"]["point_in_time_current"])

    def again(self) -> None:
        """All servers run, with all that they have."""
        for number in range(_COUNT):
            if self.servers.process(number).poll() is not None:
                self.servers.start(number)
        self.servers.wait()


@contextmanager
def cluster() -> Iterator[Cluster]:
    with opensearch.servers(_COUNT) as servers, ExitStack() as stack:
        ports = [urlsplit(host).port or 0 for host in servers.hosts]
        yield Cluster(servers, [stack.enter_context(proxy(port)) for port in ports])


class Program:
    """The program over the cluster: its indexer, and somebody who searches all the time."""

    def __init__(self, world: World, people: Searching) -> None:
        self.world, self.people = world, people
        self._next = 1_000

    def tick(self) -> None:
        """What the indexer does each minute. Raises as that does."""
        with self.world.later(minutes=1).service.indexing("worker"):
            self.world.service.tick()

    def new_chats(self, count: int = 6) -> None:
        """Kchat has so many more."""
        for number in range(self._next, self._next + count):
            new = chat(number, f"新来的 {number}", created_at="2016-03-20 11:00:00")
            self.world.kchat.put(new)
        self._next += count

    def tick_in_trouble(self, *traps: Trap) -> None:
        """A tick with new chats, in which the traps are sprung. Whatever comes of it, the chats are
        archived, and the next tick is the last that is needed."""
        self.new_chats()
        with suppress(EngineUnreachable):
            self.tick()
        for trap in traps:
            trap.wait()
        assert self.world.archived().keys() >= {
            int(each["id"]) for each in self.world.kchat.shown()
        }

    def settles(self) -> None:
        """The indexer goes on by itself, and then the index is the archive, and both are what Kchat
        has. Servers that have just come back may take some ticks."""
        for _ in range(_TICKS):
            try:
                self.tick()
            except EngineUnreachable:
                continue
            break
        self.world.check_whole()


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few chats make many bulk requests. There is little patience: the test waits itself."""
    monkeypatch.setattr(bulk, "_MOST_BYTES", 4_000)
    monkeypatch.setattr(connection, "_LONGEST_PAUSE", 0.5)


def test_servers_are_killed_at_bad_moments(
    kchat: DemoServer,
    tmp_path: Path,
    subtests: pytest.Subtests,
    record_property: Callable[[str, object], None],
) -> None:
    with cluster() as there:
        world = World(
            kchat,
            tmp_path,
            engine="opensearch",
            opensearch_hosts=there.hosts,
            opensearch_prefix=f"kchat-{secrets.token_hex(4)}",
            opensearch_shards=2,
            opensearch_replicas=1,
            opensearch_timeout_seconds=10.0,
        )
        world.sync()
        world.check_whole()
        total = world.search(_WANTED).total
        assert 0 < total < 25
        app = create_app(OpenGate(world.service))
        with searching(app.test_client, _WANTED, total) as people:
            program = Program(world, people)
            for scenario in (
                copies_are_given_up,
                servers_are_emptied_one_after_another,
                settings_of_the_cluster_forbid_searches,
                no_writes_are_taken,
                all_disks_are_full,
                a_server_is_slow,
                the_manager_dies_while_chats_are_indexed,
                a_server_dies_while_it_searches,
                a_server_dies_while_a_generation_is_built,
                the_manager_dies_at_the_swap,
                all_die_in_the_middle_of_a_tick,
            ):
                with subtests.test(scenario.__name__):
                    scenario(program, there)
                there.again()
        world.service.close()
        assert there.servers.killed >= 7
        record_property(KILLED, there.servers.killed)


def copies_are_given_up(program: Program, there: Cluster) -> None:
    """No server can keep one for a moment. That moment over, the next tick has them made."""
    client = OpenSearch([there.servers.hosts[0]])
    index = f"{program.world.settings.opensearch_prefix}-new"
    client.indices.create(index=index, body={"settings": {"number_of_replicas": 0}})
    with there.servers.no_new_shards():
        client.indices.put_settings(index=index, body={"number_of_replicas": 1})
        assert any(map(gave_up, repeat(client, 1_000)))
    assert client.cluster.health()["status"] == "yellow"
    program.tick()
    mended = client.cluster.health(wait_for_status="green", params=_PATIENCE)
    assert mended["status"] == "green"
    client.indices.delete(index=index)
    client.close()


def gave_up(client: OpenSearch) -> bool:
    """Will the servers not try again by themselves to place the copies that lack? They answer when
    none is being made at that moment."""
    client.cluster.health(wait_for_no_initializing_shards="true", params=_PATIENCE)
    shown = client.cluster.state(metric="routing_table")["routing_table"]["indices"]
    copies = chain.from_iterable(chain(*(index["shards"].values() for index in shown.values())))
    tries = [
        copy["unassigned_info"].get("failed_attempts", 0)
        for copy in copies
        if copy["state"] == "UNASSIGNED"
    ]
    return bool(tries) and min(tries) >= _GIVEN_UP


def servers_are_emptied_one_after_another(program: Program, there: Cluster) -> None:
    """As somebody does who replaces them: all that they have moves to the others, and what is read
    there moves with it. Nobody who searches gets another answer for it."""
    client = OpenSearch([there.servers.hosts[0]])
    others = sum(n for status, n in program.people.statuses.items() if status != 200)
    for name in ("n0", "n1", "n2", ""):
        setting = {"transient": {"cluster.routing.allocation.exclude._name": name}}
        client.cluster.put_settings(body=setting)
        client.cluster.health(wait_for_no_relocating_shards="true", params=_PATIENCE)
        program.people.wait_for(200, more=10)
    assert sum(n for status, n in program.people.statuses.items() if status != 200) == others
    client.close()


def the_manager_dies_while_chats_are_indexed(program: Program, there: Cluster) -> None:
    manager = there.servers.manager()
    trap = Trap(there.proxies, _BULK, lambda _: there.servers.kill(manager), number=2)
    program.tick_in_trouble(trap)
    program.people.wait_for(200)
    program.settles()


def a_server_dies_while_it_searches(program: Program, there: Cluster) -> None:
    """It keeps a part of the state that is read."""
    victim = max(range(_COUNT), key=there.states)
    trap = Trap(
        there.proxies, _SEARCH, lambda _: there.servers.kill(victim), number=3, moment="answered"
    )
    trap.wait()
    assert program.world.search(_WANTED).total == program.people.total
    program.people.wait_for(200)
    program.tick_in_trouble()
    program.settles()


def a_server_dies_while_a_generation_is_built(program: Program, there: Cluster) -> None:
    """It is started again at once: it may have a part of the new index that no other one has."""

    def die(at: Proxy) -> None:
        there.servers.kill(there.asked(at))
        there.servers.start(there.asked(at))

    trap = Trap(there.proxies, _BULK, die, number=3, moment="answered")
    with program.world.service.indexing("reindex"), suppress(EngineUnreachable):
        program.world.service.reindex()
    trap.wait()
    program.people.wait_for(200)
    program.settles()


def the_manager_dies_at_the_swap(program: Program, there: Cluster) -> None:
    manager = there.servers.manager()
    before = program.world.service.engine.describe().generation
    trap = Trap(there.proxies, _SWAP, lambda _: there.servers.kill(manager), moment="answered")
    with program.world.service.indexing("reindex"), suppress(EngineUnreachable):
        program.world.service.reindex()
    trap.wait()
    program.people.wait_for(200)
    program.settles()
    assert program.world.service.engine.describe().generation != before


def a_server_is_slow(program: Program, there: Cluster) -> None:
    with ThreadPoolExecutor(1) as pool:
        with there.servers.stopped((there.servers.manager() + 1) % _COUNT):
            ticking = pool.submit(program.tick_in_trouble)
            program.people.wait_for(200, 503)
        ticking.result()
    program.people.wait_for(200)
    program.settles()


def settings_of_the_cluster_forbid_searches(program: Program, there: Cluster) -> None:
    """Whoever looks after the servers is told which."""
    client = OpenSearch([there.servers.hosts[0]])
    for name, value, said in (
        ("search.allow_expensive_queries", "false", "allow_expensive_queries"),
        ("search.max_buckets", "2", "too_many_buckets"),
    ):
        client.cluster.put_settings(body={"transient": {name: value}})
        program.new_chats()
        program.tick()
        program.people.wait_for(503)
        with pytest.raises(EngineUnreachable, match=f"A setting of the .*{said}"):
            program.world.search("退款 OR 包裹")
        client.cluster.put_settings(body={"transient": {name: None}})
        program.people.wait_for(200)
    client.close()


def no_writes_are_taken(program: Program, there: Cluster) -> None:
    """Searches are answered all the time. It is what servers say whose disks are full."""
    client = OpenSearch(there.servers.hosts)
    index = program.world.service.engine.describe().generation
    full = {"index.blocks.read_only_allow_delete": True}
    closed = {"persistent": {"cluster.blocks.read_only": True}}
    before = program.people.statuses[503]
    for path, body in ((f"/{index}/_settings", full), ("/_cluster/settings", closed)):
        client.transport.perform_request("PUT", path, body=body)
        program.new_chats()
        with pytest.raises(
            IndexUnwritable, match=r"OpenSearch (takes no writes|does not take a chat)"
        ):
            program.tick()
        program.people.wait_for(200)
        again = json.loads(json.dumps(body).replace("true", "null"))
        client.transport.perform_request("PUT", path, body=again)
        program.settles()
    assert program.people.statuses[503] == before
    client.close()


def all_disks_are_full(program: Program, there: Cluster) -> None:
    """As servers see it who want more room than any disk has. They take writes again by themselves
    when there is enough."""
    client = OpenSearch(there.servers.hosts)
    index = program.world.service.engine.describe().generation
    before = program.people.statuses[503]

    def wait_until_full(*, full: bool) -> None:
        for _ in range(200):
            blocks = client.cluster.state(metric="blocks")["blocks"]
            # of the index, and one that no index may be made
            if (bool(blocks), index in blocks.get("indices", {})) == (full, full):
                return
            program.people.wait_for(200)
        pytest.fail("no server looks at its disk")

    look = {f"{_DISK}.threshold_enabled": "true"}
    much, little = (dict.fromkeys(_MARKS, room) for room in ("1000pb", "1b"))
    client.cluster.put_settings(body={"transient": look | much})
    wait_until_full(full=True)
    program.new_chats()
    with pytest.raises(IndexUnwritable, match="takes no writes"):
        program.tick()
    program.people.wait_for(200)
    client.cluster.put_settings(body={"transient": little})
    wait_until_full(full=False)
    program.settles()
    client.cluster.put_settings(body={"transient": dict.fromkeys(look | little)})
    assert program.people.statuses[503] == before
    client.close()


def all_die_in_the_middle_of_a_tick(program: Program, there: Cluster) -> None:
    def die(_: Proxy) -> None:
        for number in range(_COUNT):
            there.servers.kill(number)

    trap = Trap(there.proxies, _BULK, die, number=2)
    program.tick_in_trouble(trap)
    program.people.wait_for(503)
    assert isinstance(program.world.service.status().index, Reason), "the rest is told"
    program.tick_in_trouble()
    there.again()
    program.people.wait_for(200)
    program.settles()
