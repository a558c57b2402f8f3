"""The Compose files, read as Compose reads them: anchors followed, variables put in."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

from ruamel.yaml import YAML

from tests.docs.documents import ROOT, text

FILES = sorted(path.name for path in ROOT.glob("compose*.yaml"))
OURS = "kchat-search:"
"""How the name of our image begins."""
_VARIABLE = re.compile(r"\$\{(\w+)(?::(-|\?)([^}]*))?\}")


@cache
def compose(name: str) -> dict[str, Any]:
    """A Compose file in which each variable has its default, or `a-secret` where it has none and
    must be given."""
    found: dict[str, Any] = YAML(typ="safe").load(_VARIABLE.sub(_default, text(name)))
    return found


def _default(variable: re.Match[str]) -> str:
    name, kind, more = variable.groups()
    assert kind, f"{name} has neither a default nor words for when it is missing"
    return more if kind == "-" else "a-secret"


def our_services() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(file, name, service) of each that runs this program."""
    for file in FILES:
        for name, service in compose(file)["services"].items():
            if service["image"].startswith(OURS):
                yield file, name, service


def environment(service: dict[str, Any]) -> dict[str, str]:
    """What the file itself puts into the environment of a service."""
    return {name: str(value) for name, value in service.get("environment", {}).items()}


def files_of_environment(service: dict[str, Any]) -> list[str]:
    """The names of the files that are put into the environment of a service."""
    files = service.get("env_file", [])
    return [file if isinstance(file, str) else file["path"] for file in files]


def words(command: str | list[str]) -> list[str]:
    """A command as the words that Compose makes of it."""
    return shlex.split(command) if isinstance(command, str) else command
