"""What every command does first: read the settings, and begin to log."""

from __future__ import annotations

from typing import TypeVar

from kchat_search import logs
from kchat_search.config import Settings, load_settings, say_if_others_read_env

AnySettings = TypeVar("AnySettings", bound=Settings)


def settings_of_command() -> Settings:
    """The settings, without the account. Raises `SettingsError`."""
    return set_up(load_settings())


def set_up(settings: AnySettings) -> AnySettings:
    """Log as these settings say, and say who can read their file."""
    logs.setup(settings.log_level, settings.log_format)
    say_if_others_read_env()
    return settings
