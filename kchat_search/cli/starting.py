"""What every command does first: read the settings, begin to log, make the program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

from kchat_search import logs
from kchat_search.cli.owner import owner
from kchat_search.composition import make_gate, owners_recorder
from kchat_search.config import (
    Settings,
    SettingsWithAccount,
    load_settings,
    load_settings_with_account,
    say_if_others_read_env,
)
from kchat_search.serialization.links import Links
from kchat_search.service import Service

AnySettings = TypeVar("AnySettings", bound=Settings)


def settings_of_command() -> Settings:
    """The settings, without the account. Raises `SettingsError`."""
    return set_up(load_settings())


def set_up(settings: AnySettings) -> AnySettings:
    """Log as these settings say, and say who can read their file."""
    logs.setup(settings.log_level, settings.log_format)
    say_if_others_read_env()
    return settings


def settings_with_account() -> SettingsWithAccount:
    """The settings, with the account. Raises `SettingsError`."""
    return set_up(load_settings_with_account())


@contextmanager
def service_of_command(settings: Settings) -> Iterator[Service]:
    """The program for its owner. Once there are people, what it does is recorded.
    Raises as `make_gate` does."""
    with closing(make_gate(settings)) as gate:
        asks = owner()
        yield gate.for_(asks, owners_recorder(settings, gate, asks))


def links(settings: Settings) -> Links:
    """Addresses at which `serve` would answer."""
    return Links(settings.served_url, settings.kchat_chat_url)
