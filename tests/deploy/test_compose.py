"""The Compose files against the specification, the settings and the program."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

import pytest

from kchat_search.cli import commands as group
from kchat_search.config import PREFIX, SettingsOfServe, only
from tests.deploy import image
from tests.deploy.compose_files import (
    FILES,
    OURS,
    compose,
    environment,
    files_of_environment,
    our_services,
    words,
)
from tests.deploy.gunicorn_options import options
from tests.docs.documents import ROOT, text

VERSION = tomllib.loads(text("pyproject.toml"))["project"]["version"]
RESERVED = 3
"""Connections that PostgreSQL keeps for its superuser."""
SERVICES = [(file, name) for file, name, _ in our_services()]
WEB = [(file, service) for file, name, service in our_services() if name.startswith("web")]


def service_of(file: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = compose(file)["services"][name]
    return found


def command(service: dict[str, Any]) -> list[str]:
    return words(service["command"]) if "command" in service else image.command()


def test_the_files_are_of_the_specifications_form() -> None:
    """The schema of the compose specification comes with check-jsonschema."""
    checker = [sys.executable, "-m", "check_jsonschema"]
    schema = ["--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run(
        [*checker, *schema, *FILES], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("file", FILES)
def test_every_image_has_its_version(file: str) -> None:
    for name, service in compose(file)["services"].items():
        repository, _, tag = service["image"].rpartition(":")
        assert repository, name
        assert re.fullmatch(r"\d+(\.\d+)+(-[a-z]+)?", tag), name
        if service["image"].startswith(OURS):
            assert tag == VERSION
            assert service["build"] == "."


@pytest.mark.parametrize(("file", "name"), SERVICES)
def test_settings_are_settings_and_their_values_are_taken(file: str, name: str) -> None:
    given = {
        key: value
        for key, value in environment(service_of(file, name)).items()
        if key.startswith(PREFIX)
    }
    fields = {key.removeprefix(PREFIX).lower(): value for key, value in given.items()}
    assert fields.keys() <= SettingsOfServe.model_fields.keys()
    only(**fields)


@pytest.mark.parametrize(("file", "name"), SERVICES)
def test_commands_are_the_programs(file: str, name: str) -> None:
    program, *arguments = command(service_of(file, name))
    assert program in ("gunicorn", "kchat-search")
    if program == "kchat-search":
        assert arguments[0] in group.commands


@pytest.mark.parametrize(("file", "name"), SERVICES)
def test_a_container_writes_its_data_alone_and_gains_no_right(file: str, name: str) -> None:
    service = service_of(file, name)
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"user", "privileged", "cap_add", "devices"} & service.keys()
    places = [volume.split(":")[1] for volume in service.get("volumes", [])]
    assert set(places) <= {image.last("WORKDIR")}
    user = image.last("USER").split(":")
    for place in service["tmpfs"]:
        path, _, options = place.partition(":")
        owned = [f"uid={user[0]}", f"gid={user[1]}", "mode=0700"]
        assert path == "/tmp" or options.split(",") == owned, place  # noqa: S108  # in a container


@pytest.mark.parametrize(("file", "service"), WEB)
def test_several_processes_of_a_web_server_share_their_counts(
    file: str, service: dict[str, Any]
) -> None:
    folder = environment(service)["PROMETHEUS_MULTIPROC_DIR"]
    assert folder in [place.partition(":")[0] for place in service["tmpfs"]], "empty at each start"


@pytest.mark.parametrize(("file", "service"), WEB)
def test_the_proxy_that_is_trusted_is_caddy(file: str, service: dict[str, Any]) -> None:
    """The network that it shares with the web servers is trusted, and nobody else is in it."""
    caddy = service_of(file, "caddy")
    (shared,) = set(caddy["networks"]) & set(service["networks"])
    (subnet,) = [each["subnet"] for each in compose(file)["networks"][shared]["ipam"]["config"]]
    assert environment(service)["KCHAT_TRUSTED_PROXIES"] == subnet
    assert ip_network(subnet).is_private
    for name, other in compose(file)["services"].items():
        assert shared not in other["networks"] or name == "caddy" or name.startswith("web"), name


@pytest.mark.parametrize("file", FILES)
def test_caddy_finds_every_web_server_and_what_its_file_asks_for(file: str) -> None:
    caddy = service_of(file, "caddy")
    asked = set(re.findall(r"\{\$(\w+)\}", text("deploy/Caddyfile")))
    given = environment(caddy)
    assert given.keys() == asked
    assert given["WEB_SERVERS"].split() == [
        f"{name}:{image.last('EXPOSE')}" for at, name in SERVICES if at == file and "web" in name
    ]
    assert caddy["depends_on"].keys() == {
        each.split(":")[0] for each in given["WEB_SERVERS"].split()
    }
    for volume in caddy["volumes"]:
        source = volume.split(":")[0]
        assert (ROOT / source).is_file() or source in compose(file)["volumes"]


@pytest.mark.parametrize(("file", "name"), SERVICES)
def test_the_account_is_the_workers_alone(file: str, name: str) -> None:
    own = {"web": [".env", ".env.web"], "worker": [".env", ".env.worker"]}
    read = files_of_environment(service_of(file, name))
    assert read == own.get(name.rstrip("0123456789"), [])


@pytest.mark.parametrize(("file", "name"), SERVICES)
def test_servers_that_are_named_are_services_in_the_same_network(file: str, name: str) -> None:
    service, others = service_of(file, name), compose(file)["services"]
    given = environment(service)
    hosts = [
        str(urlsplit(address).hostname)
        for setting in ("KCHAT_ARCHIVE_URL", "KCHAT_ACCESS_URL", "KCHAT_OPENSEARCH_HOSTS")
        for address in given.get(setting, "").split(",")
        if address
    ]
    for host in hosts:
        assert set(others[host]["networks"]) & set(service["networks"])
    if hosts:
        assert [host for host in others if host.startswith("opensearch")] == hosts[2:]
        assert given["PGPASSWORD"] == environment(others["postgres"])["POSTGRES_PASSWORD"]


def test_the_database_takes_as_many_connections_as_all_processes_may_open() -> None:
    """gunicorn's first process has loaded the program too. Beside the services one command runs."""
    services = [(name, each) for file, name, each in our_services() if "cluster" in file]
    webs = [each for name, each in services if name.startswith("web")]
    workers = [each for name, each in services if name.startswith("worker")]
    processes = len(webs) * (options(image.command())["workers"] + 1) + len(workers) + 1
    pool = SettingsOfServe.model_fields["database_pool_size"].default
    databases = ("archive", "people")
    given = " ".join(service_of("compose.cluster.yaml", "postgres")["command"])
    (most,) = re.findall(r"max_connections=(\d+)", given)
    assert processes * len(databases) * 2 * pool + len(workers) <= int(most) - RESERVED


def test_the_servers_of_the_index_are_of_the_version_that_ci_runs() -> None:
    services = compose("compose.cluster.yaml")["services"]
    tags = {each["image"] for name, each in services.items() if name.startswith("opensearch")}
    (version,) = re.findall(r"^version=(.+)$", text(".ci/opensearch"), re.MULTILINE)
    assert tags == {f"opensearchproject/opensearch:{version}"}


@pytest.mark.parametrize("file", FILES)
def test_nothing_but_caddy_is_open_to_other_machines(file: str) -> None:
    for name, service in compose(file)["services"].items():
        for port in service.get("ports", []):
            assert name == "caddy" or port.startswith("127.0.0.1:"), name


def test_files_with_secrets_get_neither_into_the_repository_nor_into_the_image() -> None:
    ignored = text(".gitignore").splitlines()
    assert {".env", ".env.*"} <= set(ignored)
    rules = [line for line in text(".dockerignore").splitlines() if not line.startswith("#")]
    assert rules[0] == "*", "nothing but what is named"
    copied = {
        source
        for stage in image.stages()
        for each in stage
        if each.name == "COPY" and not each.value.startswith("--from")
        for source in each.value.split()[:-1]
    }
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == copied
    assert all((ROOT / source).exists() for source in copied)
