"""The Dockerfile, read: its stages and their instructions."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import NamedTuple

from tests.docs.documents import text


class Instruction(NamedTuple):
    """One instruction, on one line."""

    name: str
    value: str


def stages() -> list[list[Instruction]]:
    """Each stage begins with its FROM."""
    lines = [line for line in text("Dockerfile").splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found = [Instruction(*line.split(maxsplit=1)) for line in whole.splitlines() if line.strip()]
    starts = [at for at, each in enumerate(found) if each.name == "FROM"]
    return [found[start:end] for start, end in pairwise([*starts, len(found)])]


def last(name: str) -> str:
    """The value of an instruction that stands in the last stage once."""
    (found,) = [each.value for each in stages()[-1] if each.name == name]
    return found


def command() -> list[str]:
    """What a container runs where it is told nothing else."""
    words: list[str] = json.loads(last("CMD"))
    return words


def healthcheck() -> list[str]:
    """What says whether a container is healthy."""
    words: list[str] = json.loads(last("HEALTHCHECK").partition(" CMD ")[2])
    return words
