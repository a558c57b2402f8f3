"""Two web servers and two workers of one installation, as they would be on four machines: each a
process in a folder of its own, over one PostgreSQL server and one cluster of OpenSearch. The web
servers stand behind a proxy, which is the test.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from http.cookies import SimpleCookie
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import quote

import psycopg
import requests

from kchat_search.archive import open_archive
from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.api import Answer
from kchat_search.demo.server import DemoServer
from tests import postgres
from tests.system.programs import SECONDS, Running, run, started
from tests.web.browsing import Value, form
from tests.web.markup import Page
from tests.world import agents

Found = TypeVar("Found")

WORDS = "four words of mine"
"""The password of everybody here."""
HOST = "chats.example.com"
_SECRETS = {
    "worker1": {"KCHAT_API_TOKEN": DEMO_API_TOKEN},
    "worker2": {"KCHAT_API_TOKEN": "", "KCHAT_PASSWORD": DEMO_PASSWORD},
}
"""Each worker has another form of the account's secret, so Kchat knows which of them asks."""


class Held:
    """An answer of Kchat's that is on its way for a while."""

    def __init__(self, worker: str, chat_id: int) -> None:
        self.worker, self.chat_id = worker, chat_id
        self.made, self.sent = threading.Event(), threading.Event()

    def wait(self, answer: Answer) -> None:
        """Hold it, if it is the one."""
        chats = answer.body.get("chats", ())
        if not self.made.is_set() and any(each["id"] == self.chat_id for each in chats):
            self.made.set()
            self.sent.wait(SECONDS)


class Kchat(DemoServer):
    """A Kchat server that knows which worker asks."""

    def __init__(self, chats: Sequence[dict[str, Any]]) -> None:
        self.askers: list[str] = []
        self._held: Held | None = None
        super().__init__(
            chats, agents(), email=DEMO_EMAIL, password=DEMO_PASSWORD, api_token=DEMO_API_TOKEN
        )
        self._by_token = requests.auth._basic_auth_str(f"{DEMO_EMAIL}/token", DEMO_API_TOKEN)

    def answer(self, method: str, target: str, authorization: str | None) -> Answer:
        asker = "worker1" if authorization == self._by_token else "worker2"
        self.askers.append(asker)
        made = super().answer(method, target, authorization)
        if self._held is not None and self._held.worker == asker:
            self._held.wait(made)
        return made

    @contextmanager
    def held(self, worker: str, chat_id: int) -> Iterator[None]:
        """The next list with this chat that this worker asks for is made before the block, and is
        sent after it."""
        self._held = Held(worker, chat_id)
        try:
            assert self._held.made.wait(SECONDS)
            yield
        finally:
            self._held.sent.set()
            self._held = None


class Watch:
    """What is written into an archive on PostgreSQL, noted by the server itself: in which term of
    an indexer, and by which process."""

    _TRIGGERS = """
        CREATE SCHEMA watch;
        CREATE TABLE watch.written (number bigserial PRIMARY KEY, what text, who text, term text);
        CREATE FUNCTION watch.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO watch.written (what, who, term) SELECT TG_ARGV[0],
                current_setting('application_name'),
                (SELECT value::json ->> 'term' FROM public.cursors WHERE name = 'indexer');
            RETURN NULL;
        END $$;
        CREATE TRIGGER watch AFTER INSERT OR UPDATE ON cursors FOR EACH ROW
            WHEN (NEW.name = 'indexer') EXECUTE FUNCTION watch.note('term')
    """
    _TABLES = ("chats", "changes", "reports")

    def __init__(self, url: str) -> None:
        self._url = url
        open_archive(url).close()
        with psycopg.connect(url) as connection:
            connection.execute(self._TRIGGERS)
            for table in self._TABLES:
                connection.execute(
                    f"CREATE TRIGGER watch AFTER INSERT OR UPDATE OR DELETE ON {table} "
                    f"FOR EACH STATEMENT EXECUTE FUNCTION watch.note('{table}')".encode()
                )

    def terms(self) -> list[str]:
        """Who was the indexer, in order. Fails where anything was written by another process than
        the one whose term it was: writers take turns, so the notes are in the order of commits."""
        terms: list[tuple[str, str]] = []
        with psycopg.connect(self._url) as connection:
            written = connection.execute(
                "SELECT what, who, term FROM watch.written ORDER BY number"
            ).fetchall()
        for what, who, term in written:
            if not terms or terms[-1][1] != term:
                assert what == "term", f"{who} wrote {what} outside of its term"
                assert term not in [before for _, before in terms], f"{who} came back"
                terms.append((who, term))
            assert terms[-1] == (who, term), f"{who} wrote {what} in a term of {terms[-1][0]}"
        return [who for who, _ in terms]


@dataclass
class Web:
    """A web server."""

    name: str
    address: str
    """`http://host:port`."""
    folder: Path


class Visitor:
    """Somebody at a browser, which reaches either web server through the proxy; or a program with a
    token."""

    def __init__(self, address: str = "192.0.2.7", token: str = "") -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        # The cookie is for https, which the proxy speaks: it is kept here, as by the browser.
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self._cookies: dict[str, str] = {}
        self._headers = {
            "Host": HOST,
            "X-Forwarded-For": address,
            "X-Forwarded-Proto": "https",
            "User-Agent": "Mozilla/5.0 (X11; Linux) Chrome/156.0",
        }
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def ask(self, web: Web, path: str, data: dict[str, Value] | None = None) -> requests.Response:
        """One request to one of the web servers, and its answer; with `data` it sends a form."""
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        found = self.session.request(
            "GET" if data is None else "POST",
            web.address + path,
            data=data,
            headers=self._headers | ({"Cookie": cookie} if cookie else {}),
            allow_redirects=False,
            timeout=SECONDS,
        )
        for line in found.raw.headers.getlist("Set-Cookie"):
            self._cookies.update({n: each.value for n, each in SimpleCookie(line).items()})
        return found

    def get(self, web: Web, path: str, status: int = 200) -> requests.Response:
        """Open an address."""
        found = self.ask(web, path)
        assert found.status_code == status, (path, found.status_code, found.text)
        return found

    def fill_in(
        self, web: Web, page: requests.Response, action: str, **filled: Value
    ) -> requests.Response:
        """Fill in a form of a page, which may be from the other web server, and send it."""
        fields = {n: v for n, v in form(Page(page.text), action).items() if v is not None}
        return self.ask(web, action, fields | filled)

    def send(
        self, web: Web, page: requests.Response, action: str, status: int = 303, **filled: Value
    ) -> requests.Response:
        """The same, and it is taken."""
        found = self.fill_in(web, page, action, **filled)
        assert found.status_code == status, (action, found.status_code, found.text)
        return found

    def log_in(self, web: Web, name: str, password: str = WORDS, status: int = 303) -> None:
        """Log in by password."""
        page = self.get(web, "/login")
        self.send(web, page, "/login", status, username=name, password=password)

    def is_known(self, web: Web) -> bool:
        """Does this web server know who it is?"""
        found = self.ask(web, "/api/v1/me")
        assert found.status_code in (200, 401), found.text
        return found.status_code == 200


@dataclass
class Installation:
    """All of it. What is started here ends with it."""

    folder: Path
    kchat: Kchat
    archive_url: str
    settings: dict[str, str]
    stack: ExitStack
    watch: Watch
    token: str = ""
    """A token that sees everything."""
    workers: dict[str, Running] = field(default_factory=dict)
    webs: list[Web] = field(default_factory=list)

    def own(self, name: str) -> tuple[Path, dict[str, str]]:
        """The folder and the settings of one process, by its name. PostgreSQL knows it by it."""
        folder = self.folder / name
        (folder / "tmp").mkdir(parents=True, exist_ok=True)
        url = f"{self.archive_url}?application_name={name}"
        return folder, self.settings | {"KCHAT_ARCHIVE_URL": url, "TMPDIR": str(folder / "tmp")}

    def start_worker(self, name: str) -> Running:
        """Start one of the two workers."""
        folder, settings = self.own(name)
        secret = _SECRETS[name]
        worker = started("worker", kchat=self.kchat, folder=folder, **settings | secret)
        self.workers[name] = self.stack.enter_context(worker)
        return self.workers[name]

    def start_web(self, name: str) -> Web:
        """Start a web server, which has no account at Kchat."""
        folder, settings = self.own(name)
        serve = started("serve", "--port", "0", kchat=None, folder=folder, **settings)
        process = self.stack.enter_context(serve)
        address = process.wait_for("Open http").split()[1].rstrip("/")
        self.webs.append(Web(name, address, folder))
        return self.webs[-1]

    def call(
        self, *arguments: str, at: str = "worker1", stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command where a process of this name is."""
        folder, settings = self.own(at)
        done = run(*arguments, kchat=None, folder=folder, stdin=stdin, **settings)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done

    def wait_for(self, found: int, q: str = "") -> None:
        """Until each web server finds so many chats: one may know of them a second earlier."""
        asked = Visitor(token=self.token)
        path = f"/api/v1/search?per_page=1&q={quote(q)}"

        def totals() -> bool | None:
            return {asked.get(web, path).json()["total"] for web in self.webs} == {found} or None

        soon(totals, f"an answer with {found} chats")

    def leader(self) -> str:
        """Which worker is the indexer; waits until one is."""
        with psycopg.connect(self.archive_url) as connection:
            return soon(lambda: _leader(connection), "an indexer")[0]

    def cut(self, name: str) -> None:
        """End all connections of a process to the archive; it lives on."""
        with psycopg.connect(self.archive_url) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = %s",
                [name],
            )


def _leader(connection: psycopg.Connection) -> tuple[str] | None:
    found: tuple[str] | None = connection.execute(
        "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE "
        "l.locktype = 'advisory' AND l.granted AND l.classid = %s AND l.objid = %s AND a.datname "
        "= current_database()",
        [0x6B6368617478 >> 32, 0x6B6368617478 & 0xFFFFFFFF],
    ).fetchone()
    connection.rollback()
    return found


def soon(look: Callable[[], Found | None], what: str) -> Found:
    """What it finds, as soon as it does."""
    deadline = monotonic() + SECONDS
    while (found := look()) is None:
        assert monotonic() < deadline, f"there is never {what}"
        threading.Event().wait(0.05)
    return found


@contextmanager
def frozen(*running: Running) -> Iterator[None]:
    """These processes stand still for the block."""
    for each in running:
        os.kill(each.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in running:
            if each.process.poll() is None:
                os.kill(each.process.pid, signal.SIGCONT)


@contextmanager
def installation(
    folder: Path, postgres_server: str, hosts: Sequence[str], prefix: str, chats: Sequence[Any]
) -> Iterator[Installation]:
    """Databases and index of an installation, empty, and Kchat. No process of it runs yet."""
    with ExitStack() as stack:
        archive_url, access_url = (
            stack.enter_context(postgres.database(postgres_server, f"two_{name}"))
            for name in ("archive", "access")
        )
        kchat = stack.enter_context(Kchat(chats))
        settings = {
            "KCHAT_BASE_URL": kchat.url,
            "KCHAT_EMAIL": DEMO_EMAIL,
            "KCHAT_ACCESS_URL": access_url,
            "KCHAT_ENGINE": "opensearch",
            "KCHAT_OPENSEARCH_HOSTS": ",".join(hosts),
            "KCHAT_OPENSEARCH_PREFIX": prefix,
            "KCHAT_OPENSEARCH_REPLICAS": "0",
            "KCHAT_SYNC_INTERVAL_SECONDS": "1",
            "KCHAT_PUBLIC_URL": f"https://{HOST}",
            "KCHAT_TRUSTED_PROXIES": "127.0.0.1",
        }
        yield Installation(folder, kchat, archive_url, settings, stack, Watch(archive_url))
