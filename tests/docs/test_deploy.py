"""docs/deploy.md, and settings wherever a document writes them: what people are told to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from kchat_search.config import PREFIX, SettingsOfServe, only
from tests.deploy.compose_files import compose, environment, files_of_environment
from tests.docs import documents
from tests.docs.calls import understood
from tests.docs.documents import GUIDE, text

DEPLOY = text("docs/deploy.md")
_PLACED = re.compile(r"^ +((?:[A-Z][A-Z_]*=.*\n? *)+)$", re.MULTILINE)


def written_settings() -> Iterator[tuple[str, dict[str, str]]]:
    """Each block of settings in a document."""
    for path in GUIDE:
        for block in _PLACED.findall(path.read_text("utf-8")):
            pairs = [line.strip().partition("=") for line in block.splitlines() if line.strip()]
            yield documents.name(path), {name: value for name, _, value in pairs}


@pytest.mark.parametrize(("document", "written"), list(written_settings()))
def test_settings_that_are_written_are_taken(document: str, written: dict[str, str]) -> None:
    fields = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in written.items()
        if name.startswith(PREFIX)
    }
    assert fields.keys() <= SettingsOfServe.model_fields.keys()
    # Files of the reader's machine: here another one stands for them.
    only(**(fields | dict.fromkeys(fields.keys() & {"opensearch_ca", "user_dict"}, __file__)))


def lines() -> Iterator[str]:
    """What stands in indented blocks, a line for each command."""
    whole = DEPLOY.replace("\\\n", " ")
    yield from (line.strip() for line in re.findall(r"^ {4,}(.+)$", whole, re.MULTILINE))


def calls_of_compose() -> Iterator[tuple[str, list[str]]]:
    """(file, words after the options of `docker compose`) of each call."""
    for line in lines():
        for call in re.findall(r"docker compose (.+?)(?: [<>] .*)?$", line):
            found, file = shlex.split(call), "compose.yaml"
            while found[0].startswith("-"):
                option, value = found[:2]
                assert option in ("--file", "--profile"), option
                if option == "--file":
                    file = value
                else:
                    services = compose(file)["services"].values()
                    assert any(value in service.get("profiles", ()) for service in services)
                found = found[2:]
            yield file, found


def test_calls_of_compose_are_about_services_that_are_there() -> None:
    called = list(calls_of_compose())
    assert called
    for file, (name, *arguments) in called:
        words = [word for word in arguments if not word.startswith("--")]
        if name in ("run", "exec"):
            assert words[0] in compose(file)["services"], (name, words)
        elif words:
            assert set(words) <= compose(file)["services"].keys(), (name, words)


def calls_of_the_program() -> Iterator[list[str]]:
    for line in lines():
        found = re.search(r"(?:run|exec)\b.* (kchat-search .*)|(/opt/\S+/kchat-search .*)", line)
        if found:
            yield shlex.split(found[1] or found[2])[1:]


@pytest.mark.parametrize("call", list(calls_of_the_program()), ids=" ".join)
def test_calls_of_the_program_are_understood(call: list[str]) -> None:
    understood(call)


def test_the_files_of_settings_are_those_that_compose_and_systemd_read() -> None:
    rows = documents.rows(DEPLOY, "file")
    told = {documents.codes(row[0])[0]: documents.codes(row[1])[0] for row in rows}
    services = compose("compose.yaml")["services"].values()
    assert told.keys() == {file for each in services for file in files_of_environment(each)}
    units = text("deploy/kchat-search-web.service") + text("deploy/kchat-search-worker.service")
    assert all(file in units for file in told.values())


def test_addresses_that_are_copied_are_those_of_the_settings() -> None:
    """On one machine the defaults, on the cluster those of its Compose file."""
    settings = ("archive_url", "access_url")
    cluster = environment(compose("compose.cluster.yaml")["services"]["web1"])
    pairs = {
        (str(SettingsOfServe.model_fields[name].default), cluster[PREFIX + name.upper()])
        for name in settings
    }
    copied = [tuple(call[2:]) for call in calls_of_the_program() if call[:2] == ["archive", "copy"]]
    assert len(copied) == 4
    assert set(copied) == pairs | {(to, source) for source, to in pairs}
