"""The steps of docs/deploy.md, done as they are written, but without Docker.

A service of a Compose file is a process with that service's settings, in a folder of its own or in
the one that stands for the volume. Servers of others are those of the tests: PostgreSQL,
OpenSearch; and who asks stands for Caddy.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.deploy.compose_files import (
    OURS,
    compose,
    environment,
    files_of_environment,
    words,
)
from tests.docs.documents import text
from tests.system.programs import SECONDS, Running, run, started
from tests.system.two_and_two import Web, soon

_FILE = "compose.yaml"
_VOLUMES = ("data", "one-machine")
"""What the volume of one machine is called in the two files."""
_DATABASES = ("kchat_archive", "kchat_access")


def steps(heading: str) -> Iterator[tuple[str, list[list[str]]]]:
    """Each step below a heading of docs/deploy.md: what it says, and its commands."""
    section = re.split(rf"^### {heading}$", text("docs/deploy.md"), flags=re.MULTILINE)[1]
    section = re.split(r"^### ", section, flags=re.MULTILINE)[0]
    for step in re.split(r"^(?=[0-9]+\. )", section, flags=re.MULTILINE)[1:]:
        lines = re.findall(r"^ {7,}(.+)$", step.replace("\\\n", " "), re.MULTILINE)
        yield step, [shlex.split(line) for line in lines]


@dataclass
class Machine:
    """A machine with Docker, as far as the program can tell."""

    folder: Path
    postgres: str
    """The address of a database on the server that stands for the service `postgres`."""
    shared: dict[str, str]
    """What stands in `.env`."""
    secrets: dict[str, dict[str, str]]
    """What stands in the files beside it, by their names."""
    hosts: str
    stack: ExitStack
    running: dict[tuple[str, str], Running] = field(default_factory=dict)
    """By file and service."""
    webs: list[Web] = field(default_factory=list)
    """Those that answer."""

    @property
    def volume(self) -> Path:
        """The folder that stands for the volume of compose.yaml."""
        return self._folder(compose(_FILE)["services"]["worker"], "data")

    def do(self, call: list[str]) -> str:
        """One line of a step. Returns what it prints."""
        assert call[:2] == ["docker", "compose"], call
        rest, file = call[2:], _FILE
        while rest[0].startswith("-"):
            if rest[0] == "--file":
                file = rest[1]
            rest = rest[2:]
        verb, *given = rest
        given = [word for word in given if word not in ("--detach", "--wait", "--rm", "--follow")]
        match verb:
            case "build":
                return ""
            case "up":
                return self._up(file, given)
            case "stop":
                return self._stop(file, given)
            case "run" | "exec":
                return self._call(file, given[0], given[1:])
            case "logs":
                return self._logs(file, given)
            case "down":
                assert given == ["--volumes"]
                return self._down(file)
        raise AssertionError(f"{verb} is not understood")

    def _up(self, file: str, names: list[str]) -> str:
        services = compose(file)["services"]
        for name in names or [n for n, each in services.items() if "profiles" not in each]:
            service = services[name]
            if service["image"].startswith(OURS) and (file, name) not in self.running:
                self._start(file, name, service)
            elif name == "postgres":
                self._make_databases()
        return ""

    def _start(self, file: str, name: str, service: dict[str, Any]) -> None:
        command = words(service.get("command", []))
        worker = command == ["kchat-search", "worker"]
        assert worker or not command, "a web server is what the image starts by itself"
        folder, settings = self._folder(service, name), self._settings(service)
        arguments = ["worker"] if worker else ["serve", "--port", "0"]
        process = self.stack.enter_context(
            started(*arguments, kchat=None, folder=folder, **settings)
        )
        self.running[file, name] = process
        if not worker:
            address = process.wait_for("Open http").split()[1].rstrip("/")
            self.webs.append(Web(name, address, folder))

    def _stop(self, file: str, names: list[str]) -> str:
        for name in names:
            process = self.running.pop((file, name), None)
            if process is None:
                assert not compose(file)["services"][name]["image"].startswith(OURS), name
                continue
            self.webs[:] = [web for web in self.webs if web.name != name]
            process.process.terminate()
            process.process.wait(SECONDS)
        return ""

    def _call(self, file: str, name: str, command: list[str]) -> str:
        service = compose(file)["services"][name]
        folder, settings = self._folder(service, name), self._settings(service)
        if command[0] != "kchat-search":
            subprocess.run(command, cwd=folder, check=True, timeout=SECONDS)
            return ""
        command = [self._reached(word) for word in command[1:]]
        done = run(*command, kchat=None, folder=folder, **settings)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def _logs(self, file: str, names: list[str]) -> str:
        """Until one of them has said `tick done`, which is what a step waits for."""
        said = [self.running[file, name].lines for name in names]
        soon(lambda: any("tick done" in line for lines in said for line in lines) or None, "a tick")
        return ""

    def _down(self, file: str) -> str:
        self._stop(file, [name for where, name in [*self.running] if where == file])
        if "postgres" in compose(file)["services"]:
            self._remove_databases()
        return ""

    def _folder(self, service: dict[str, Any], name: str) -> Path:
        volumes = [str(volume).partition(":")[0] for volume in service.get("volumes", ())]
        own = self.folder / ("volume" if {*volumes} & {*_VOLUMES} else name)
        own.mkdir(exist_ok=True)
        return own

    def _settings(self, service: dict[str, Any]) -> dict[str, str]:
        given = {name: self._reached(value) for name, value in environment(service).items()}
        if "PGPASSWORD" in given:
            given["PGPASSWORD"] = str(urlsplit(self.postgres).password)
        if "KCHAT_OPENSEARCH_HOSTS" in given:
            given["KCHAT_OPENSEARCH_HOSTS"] = self.hosts
        if "KCHAT_TRUSTED_PROXIES" in given:
            given["KCHAT_TRUSTED_PROXIES"] = "127.0.0.1"
        given.pop("PROMETHEUS_MULTIPROC_DIR", None)
        files = files_of_environment(service)
        assert not files or files[0] == ".env"
        of_files: Mapping[str, str] = self.shared if files else {}
        for file in files[1:]:
            of_files = {**of_files, **self.secrets.get(file, {})}
        return {**of_files, **given}

    def _reached(self, word: str) -> str:
        """An address on the service `postgres`, as it is reached here."""
        at = urlsplit(self.postgres)
        return word.replace("kchat@postgres/", f"{at.username}@{at.hostname}:{at.port}/")

    def _make_databases(self) -> None:
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            there = connection.execute("SELECT datname FROM pg_database").fetchall()
            for name in _DATABASES:
                if (name,) not in there:
                    connection.execute(f"CREATE DATABASE {name}".encode())

    def _remove_databases(self) -> None:
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            for name in _DATABASES:
                connection.execute(f"DROP DATABASE IF EXISTS {name} (FORCE)".encode())
