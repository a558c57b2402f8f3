"""What gunicorn makes of a command line."""

from __future__ import annotations

from typing import Any

from gunicorn.config import Config


def options(command: list[str]) -> dict[str, Any]:
    """The options that are given, checked by gunicorn, and the application (`app`)."""
    assert command[0].rpartition("/")[2] == "gunicorn"
    config = Config(prog="gunicorn")
    given = vars(config.parser().parse_args(command[1:]))
    (app,) = given.pop("args")
    given = {name: value for name, value in given.items() if value is not None}
    for name, value in given.items():
        config.set(name, value)
    return {name: config.settings[name].get() for name in given} | {"app": app}
