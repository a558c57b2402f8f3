"""The README is held to what the program does."""

from __future__ import annotations

import re
from pathlib import Path

from kchat_search.cli.commands import commands
from kchat_search.config import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_settings_table_is_the_settings() -> None:
    rows = dict(re.findall(r"^\| `KCHAT_([A-Z_]+)` \| (?:`(.*?)` )?\|", README, re.MULTILINE))
    expected = {
        name.upper(): "" if field.default is None else str(field.default)
        for name, field in Settings.model_fields.items()
    }
    assert rows == expected


def test_every_command_is_told_and_no_other() -> None:
    told = set(re.findall(r"^\| `kchat-search ([a-z]+)", README, re.MULTILINE))
    assert told == set(commands.commands)
    row = r"^\| `kchat-search ([a-z]+)[^|]*\| (.*?) \|$"
    for command, does in re.findall(row, README, re.MULTILINE):
        known = {name for each in commands.commands[command].params for name in each.opts}
        assert set(re.findall(r"`(--[a-z-]+)", does)) <= known


def test_the_two_commands_stand_there_as_they_are_run() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    install = ".venv/bin/pip install -e '.[test]' && .venv/bin/pytest"
    assert f"python3 -m venv .venv && {install}" in README
    assert (
        "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/kchat-search demo"
        in README
    )
    assert "-e '.[test]'" in script
    assert ".venv/bin/pytest" in script


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)h][^)]*)\)", README):
        assert (ROOT / target).exists(), target
