"""Ask for a new password, without showing it."""

from __future__ import annotations

import sys

import click

from kchat_search.access.passwords import MOST_BYTES
from kchat_search.errors import BadRequest

password_stdin_option = click.option(
    "--password-stdin",
    "from_stdin",
    is_flag=True,
    help="Read the password from standard input, one line, instead of asking for it.",
)


def new_password(name: str, *, from_stdin: bool) -> str:
    """The password that somebody types twice, or that a program gives in one line. It is never an
    argument, which other users of the machine could see.

    Raises `BadRequest` for what can't be one.
    """
    if from_stdin:
        return _line()
    if not sys.stdin.isatty():
        raise click.UsageError(
            "There is no terminal to ask for the password: give it with --password-stdin."
        )
    asked: str = click.prompt(
        f"New password of {name}",
        hide_input=True,
        confirmation_prompt="The same again",
        default="",
        show_default=False,
        err=True,
    )
    return asked


def _line() -> str:
    data = sys.stdin.buffer.readline(4 * MOST_BYTES)
    try:
        return data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise BadRequest(
            "The password is not UTF-8: give it in this encoding.", "password"
        ) from error
