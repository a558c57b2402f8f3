"""The settings. Only this room reads the environment, and `.env` through `env_file`.

Settings are read once, at the composition root. The rooms get plain values.

Each process has the secrets that it needs and no others. `Settings` have those of archive, people
and index, without which no process can do anything; `SettingsOfWeb` have the secret that the web
server shows to the provider of OpenID Connect, `SettingsWithAccount` those of the account, for a
process that asks Kchat. Reading settings leaves no other secret in memory: in the file's bytes the
values of the others are overwritten before anything is made of them. Secrets are `SecretStr`, so a
repr or a log shows stars in their place.

    addresses.py   hosts, networks and sites
    of_kchat.py    where Kchat is, and how it is asked
    of_data.py     archive and index
    of_people.py   who may sign in, who sees what
    settings.py    all of them together, for each kind of process
    loading.py     read them, and hand them on
"""

from __future__ import annotations

from kchat_search.config.loading import (
    drop_secrets,
    environment_without_settings,
    from_json,
    load_settings,
    load_settings_of_serve,
    load_settings_of_web,
    load_settings_with_account,
    only,
    say_if_others_read_env,
    to_json,
)
from kchat_search.config.settings import (
    PREFIX,
    TRY_THE_DEMO,
    Settings,
    SettingsOfServe,
    SettingsOfWeb,
    SettingsWithAccount,
)

__all__ = [
    "PREFIX", "TRY_THE_DEMO", "Settings", "SettingsOfServe", "SettingsOfWeb", "SettingsWithAccount",
    "drop_secrets", "environment_without_settings", "from_json", "load_settings",
    "load_settings_of_serve", "load_settings_of_web", "load_settings_with_account", "only",
    "say_if_others_read_env", "to_json",
]  # fmt: skip
