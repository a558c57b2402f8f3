"""Settings, commands, exit codes, metrics: the documents name what there is, and nothing else."""

from __future__ import annotations

import re
from typing import get_args

import click
import pytest
from click.testing import CliRunner

from kchat_search.cli import commands as group
from kchat_search.cli.exit_codes import EXIT_DIFFERENCE, EXIT_NOT_NOW, EXIT_USAGE
from kchat_search.config import SettingsOfServe
from kchat_search.models.damage import RepairOutcome
from tests.docs import documents
from tests.docs.calls import understood
from tests.docs.documents import ALL, codes, commands, rows, text
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import FakeService

OPERATIONS = text("docs/operations.md")


def test_the_settings_table_is_the_settings() -> None:
    found = {
        codes(setting)[0]: "".join(codes(default))
        for setting, default, _ in rows(text("docs/settings.md"), "setting")
    }
    assert found == {
        f"KCHAT_{name.upper()}": "" if field.default is None else str(field.default)
        for name, field in SettingsOfServe.model_fields.items()
    }


def options(command: click.Command) -> set[str]:
    """Its options, and those of the commands below it."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return set().union(*map(options, below)) | {
        option
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for option in (*parameter.opts, *parameter.secondary_opts)
    }


def test_every_command_and_option_is_told_and_no_other() -> None:
    told = {codes(cells[0])[0].split()[1]: cells[1] for cells in rows(OPERATIONS, "command")}
    assert told.keys() == set(group.commands)
    named = set()
    for command, does in told.items():
        there = set(re.findall(r"`(--?[a-z-]+)", does))
        assert there <= options(group.commands[command]), command
        named |= there
    of_all = set().union(*(options(command) for command in group.commands.values()))
    assert of_all - named == {"--json"}


def test_commands_in_prose_have_the_options_that_they_are_given() -> None:
    for code in codes(documents.prose(ALL)):
        name, *rest = code.removeprefix("kchat-search ").split()
        if code.startswith("kchat-search ") and name in group.commands:
            given = {word for word in rest if word.startswith("--")}
            assert given <= options(group.commands[name]), code


def calls() -> list[list[str]]:
    return [call[1:] for call in commands(ALL, "kchat-search")]


@pytest.mark.parametrize("call", calls(), ids=" ".join)
def test_commands_in_blocks_are_understood(call: list[str]) -> None:
    understood(call)


def test_the_outcomes_of_a_repair_are_the_programs() -> None:
    told = {codes(cells[0])[0] for cells in rows(OPERATIONS, "outcome")}
    assert told == {*get_args(RepairOutcome)} - {"planned"}


def test_exit_codes_are_the_programs() -> None:
    told = {int(cells[0]) for cells in rows(OPERATIONS, "code")}
    assert told == {0, 1, EXIT_USAGE, EXIT_DIFFERENCE, EXIT_NOT_NOW}
    assert CliRunner().invoke(group, ["search", "--sort", "best"]).exit_code == 2


def test_every_metric_is_told_and_no_other() -> None:
    web = make_app(FakeService([], make_presentation())).test_client()
    there = set(re.findall(r"^# TYPE (\w+)", web.get("/metrics").text, re.MULTILINE))
    there = {name for name in there if not name.endswith("_created")}
    assert {codes(cells[0])[0] for cells in rows(OPERATIONS, "metric")} == there
    assert set(re.findall(r"\bkchat_search_[a-z_]+[a-z]\b", ALL)) - there == set()
