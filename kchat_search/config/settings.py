"""The settings of each kind of process."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from kchat_search import env_file
from kchat_search.config.of_data import OfData
from kchat_search.config.of_kchat import OfKchat
from kchat_search.config.of_people import OfPeople
from kchat_search.errors import SettingsError
from kchat_search.hosts import http_url

TRY_THE_DEMO = "To look around without an account: kchat-search demo"
PREFIX = "KCHAT_"
SECRETS = ("KCHAT_API_TOKEN", "KCHAT_PASSWORD", "KCHAT_OIDC_CLIENT_SECRET")


class Settings(OfPeople, OfData, OfKchat, BaseSettings):
    """What every process needs, each setting with its environment name `KCHAT_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # a chained traceback would show the token
    )

    timezone: str = "Asia/Shanghai"
    """The zone of Kchat's times, which name none, and of the days in queries and pages."""
    sync_interval_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    """Seconds from the beginning of one tick to the next."""
    reconcile_interval_hours: Annotated[int, Field(ge=1, le=24 * 31)] = 24
    recheck_days: Annotated[int, Field(ge=0, le=366)] = 7
    """Chats that were closed in the last so many days are fetched again: ratings and recalls come
    late."""
    recheck_per_tick: Annotated[int, Field(ge=0, le=10_000)] = 50
    """How many chats a tick fetches again, at most: open ones, and those of `recheck_days`."""
    reconcile_days: Annotated[int, Field(ge=1, le=3660)] = 30
    """Each reconcile lists again the chats that were created in the last so many days."""
    scrub_days: Annotated[int, Field(ge=1, le=366)] = 7
    """Everything in archive and index is read again and checked within so many days."""
    scrub_cpu_percent: Annotated[float, Field(gt=0, le=100)] = 10.0
    """Of one processor, for that, on average."""
    reconcile_pages_per_tick: Annotated[int, Field(ge=1, le=10_000)] = 20
    """While a reconcile lists all chats again, each tick reads so many pages."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 5080
    """0: any free port."""
    request_processor_seconds: Annotated[float, Field(ge=0.01, le=3600)] = 0.8
    """Processor time that one request to `serve` may use. One that needs more is refused; what it
    is doing at that moment is finished."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    """json: one object a line, for a program that collects logs."""
    demo: bool = False
    """The pages say that the conversations are made up. `kchat-search demo` sets it."""

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("is not a known time zone; an example is Asia/Shanghai") from error
        return value

    @cached_property
    def zone(self) -> ZoneInfo:
        """The configured time zone."""
        return ZoneInfo(self.timezone)

    @property
    def served_url(self) -> str:
        """The address at which `serve` answers."""
        return http_url(self.host, self.port)

    def credentials(self) -> tuple[str, str, str]:
        """See `SettingsWithAccount.credentials`. Raises `SettingsError`: here is no account."""
        raise SettingsError("This process has no account at Kchat: it only reads the archive.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments go before the environment, and that before `.env`."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _EnvFile(settings_cls)


class SettingsOfWeb(Settings):
    """The same, and what the web server alone needs."""

    oidc_client_secret: SecretStr | None = None
    """What this program shows to the provider of OpenID Connect; None for a public client."""


class SettingsWithAccount(Settings):
    """Those, and the account: for a process that asks Kchat, and for no other."""

    email: str | None = None
    """The account's e-mail address, for basic auth."""
    api_token: SecretStr | None = None
    """An API token, for basic auth as `email/token:api_token`."""
    password: SecretStr | None = None
    """A password, for basic auth as `email:password`. Set either this or `api_token`."""

    @field_validator("email")
    @classmethod
    def _check_email(cls, value: str | None) -> str | None:
        email = (value or "").strip()
        if ":" in email or not email.isprintable():
            # In basic auth, the user ends at the first colon. The rest would be sent as the
            # password.
            raise ValueError("must be an e-mail address, without a colon")
        return email or None

    @model_validator(mode="after")
    def _check_credentials(self) -> SettingsWithAccount:
        if self.api_token is not None and self.password is not None:
            raise ValueError("set KCHAT_API_TOKEN or KCHAT_PASSWORD, not both")
        return self

    def credentials(self) -> tuple[str, str, str]:
        """(address, user, secret) for basic auth, in one of Kchat's two forms: `email:password` or
        `email/token:api_token`.

        Raises `SettingsError`, which names the settings that are missing.
        """
        missing = []
        if self.kchat_url is None:
            missing.append("KCHAT_SUBDOMAIN (or KCHAT_BASE_URL)")
        if not self.email:
            missing.append("KCHAT_EMAIL")
        if self.api_token is None and self.password is None:
            missing.append("KCHAT_API_TOKEN (or KCHAT_PASSWORD)")
        if missing or self.kchat_url is None:
            raise SettingsError(
                f"Not connected to Kchat yet: set {', '.join(missing)} in the environment or "
                f"in .env. {TRY_THE_DEMO}"
            )
        if self.api_token is not None:
            return self.kchat_url, f"{self.email}/token", self.api_token.get_secret_value()
        assert self.password is not None
        return self.kchat_url, str(self.email), self.password.get_secret_value()


class SettingsOfServe(SettingsWithAccount, SettingsOfWeb):
    """All of them: for the process that starts the web server and the indexer."""


class _EnvFile(PydanticBaseSettingsSource):
    """The file `.env` in the present folder, if there is one."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Of the library's protocol; `__call__` reads all fields together."""
        del field
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The values of our fields, by name; empty ones are left out."""
        fields = self.settings_cls.model_fields
        hidden = [name for name in SECRETS if name.removeprefix(PREFIX).lower() not in fields]
        values = env_file.values(Path(".env"), hidden)
        found = {name: values.get(PREFIX + name.upper()) for name in fields}
        return {name: value for name, value in found.items() if value}
