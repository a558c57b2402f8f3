"""Read the settings, and hand them on to a child process."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr, ValidationError

from kchat_search import private_files
from kchat_search.config.settings import (
    PREFIX,
    SECRETS,
    Settings,
    SettingsOfServe,
    SettingsOfWeb,
    SettingsWithAccount,
)
from kchat_search.errors import SettingsError

log = logging.getLogger(__name__)

Kind = TypeVar("Kind", bound=Settings)


def load_settings(**overrides: object) -> Settings:
    """The settings of this process, without the account. `overrides` take precedence over the
    environment and `.env`.

    Raises `SettingsError`, whose text names each wrong setting.
    """
    return _checked(lambda: Settings(**overrides))  # type: ignore[arg-type]  # pydantic checks


def load_settings_of_web(**overrides: object) -> SettingsOfWeb:
    """The same for the web server. Raises as `load_settings` does."""
    return _checked(lambda: SettingsOfWeb(**overrides))  # type: ignore[arg-type]  # as above


def load_settings_of_serve(**overrides: object) -> SettingsOfServe:
    """The same for the parent of web server and indexer. Raises as `load_settings` does."""
    return _checked(lambda: SettingsOfServe(**overrides))  # type: ignore[arg-type]  # as above


def load_settings_with_account(**overrides: object) -> SettingsWithAccount:
    """The same with the account, for a process that asks Kchat. Raises as `load_settings` does."""
    return _checked(lambda: SettingsWithAccount(**overrides))  # type: ignore[arg-type]  # as above


def only(**values: object) -> SettingsOfServe:
    """Settings of these values and the defaults. The environment and `.env` are not read.

    Raises `SettingsError`, as `load_settings` does.
    """
    return _only(SettingsOfServe, values)


def to_json(settings: Settings, kind: type[Settings]) -> str:
    """Settings as JSON, for a pipe to a child process, never for a log. `kind` says which: those
    with secrets have them in clear."""
    values = settings.model_dump(mode="json", include=set(kind.model_fields))
    for name, value in values.items():
        secret = getattr(settings, name)
        values[name] = secret.get_secret_value() if isinstance(secret, SecretStr) else value
    return json.dumps(values)


def from_json(text: str, kind: type[Kind]) -> Kind:
    """The settings that `to_json` wrote, of this kind."""
    return _only(kind, json.loads(text))


def environment_without_settings() -> dict[str, str]:
    """This process's environment for a child that gets its settings by a pipe."""
    # On Windows, and for pydantic, the case of a name does not count.
    return {name: value for name, value in os.environ.items() if not _is_ours(name)}


def drop_secrets(
    environment: MutableMapping[str, str], keep: type[Settings] = Settings
) -> list[str]:
    """Remove the secrets from an environment, but those that are settings of `keep`. Returns the
    names of those that were set."""
    kept = {PREFIX + field.upper() for field in keep.model_fields}
    found = [name for name in environment if name.upper() in SECRETS and name.upper() not in kept]
    for name in found:
        del environment[name]
    return found


def say_if_others_read_env() -> None:
    """Say in the log that other users of this machine can read `.env`, if they can. It is the
    user's own file, so its mode stays."""
    if private_files.readable_by_others(Path(".env")):
        log.warning(
            "%s can be read by other users of this machine, and holds the secrets of the account: "
            "run chmod 600 .env",
            Path(".env").absolute(),
        )


def _is_ours(name: str) -> bool:
    return name.upper().startswith(PREFIX)


def _only(kind: type[Kind], values: Mapping[str, Any]) -> Kind:
    defaults = {name: field.default for name, field in kind.model_fields.items()}
    return _checked(lambda: kind(**(defaults | dict(values))))


def _checked(make: Callable[[], Kind]) -> Kind:
    try:
        return make()
    except UnicodeDecodeError as error:
        raise SettingsError(".env is not UTF-8: save it in this encoding") from error
    except OSError as error:
        raise SettingsError(f".env can't be read: {error.strerror}") from error
    except ValidationError as error:
        problems = []
        for item in error.errors(include_input=False, include_url=False):
            name = "_".join(str(part) for part in item["loc"]).upper()
            text = item["msg"].removeprefix("Value error, ")
            problems.append(f"KCHAT_{name} {text}" if name else text)
        raise SettingsError("; ".join(problems)) from error
