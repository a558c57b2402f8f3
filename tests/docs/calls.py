"""Calls of the program in the documents, held to the program."""

from __future__ import annotations

from kchat_search.cli import commands as group


def understood(call: list[str]) -> None:
    """Asserts that the program takes these words, as far as click reads them. Nothing is
    started."""
    with group.make_context("kchat-search", call, resilient_parsing=True) as context:
        name, command, rest = group.resolve_command(context, call)
        assert name is not None
        assert command is not None
        command.make_context(name, rest, parent=context).close()
