"""The settings. Only this file reads the environment, and `.env` through `env_file`.

Settings are read once, at the composition root. The rooms get plain values.

Each process has the secrets that it needs and no others. `Settings` have those of archive, people
and index, without which no process can do anything; `SettingsOfWeb` have the secret that the web
server shows to the provider of OpenID Connect, `SettingsWithAccount` those of the account, for a
process that asks Kchat. Reading settings leaves no other secret in memory: in the file's bytes the
values of the others are overwritten before anything is made of them. Secrets are `SecretStr`, so a
repr or a log shows stars in their place.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Mapping, MutableMapping
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from kchat_search import env_file, private_files
from kchat_search.errors import SettingsError
from kchat_search.hosts import host_of, http_url, is_loopback

log = logging.getLogger(__name__)

# What no address contains does not match: blanks, backslashes, brackets without an address.
_NETLOC = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")

_OWN_PORTS = {"https": ":443", "http": ":80"}

TRY_THE_DEMO = "To look around without an account: kchat-search demo"
PREFIX = "KCHAT_"
OidcRole = Literal["agent", "compliance", "admin", "auditor"]
_SECRETS = ("KCHAT_API_TOKEN", "KCHAT_PASSWORD", "KCHAT_OIDC_CLIENT_SECRET")

_WHO_SEES_WHAT = (
    *("agents_see", "public_url", "trusted_proxies", "session_idle_minutes", "session_hours"),
    *("requests_per_minute", "password_login", "remote_user_header", "oidc_configuration_url"),
    *("oidc_client_id", "oidc_groups_claim", "oidc_agent_group", "oidc_compliance_group"),
    *("oidc_admin_group", "oidc_auditor_group", "oidc_agent_id_claim"),
)


class Settings(BaseSettings):
    """What every process needs, each setting with its environment name `KCHAT_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # a chained traceback would show the token
    )

    subdomain: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$")] = (
        None
    )
    """The account's address is `https://{subdomain}.kf5.com`."""
    base_url: str | None = None
    """`https://host`, without `/apiv2`. Used in place of the subdomain. http only on loopback."""
    chats_path: Annotated[str, Field(pattern=r"^/[\w./-]+\.json$")] = "/apiv2/chats.json"
    """Or `/apiv2/kchat/history.json`, which has the same form."""
    per_page: Annotated[int, Field(ge=1, le=1000)] = 100
    """Chats that are requested for a page. The API's default is 100; its maximum is not
    documented."""
    requests_in_flight: Annotated[int, Field(ge=1, le=32)] = 4
    """How many requests a sync has running at one time."""
    request_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    """Limits the connection and each silence of the server. A whole answer may take four times as
    long."""
    request_retries: Annotated[int, Field(ge=0, le=20)] = 5
    """Attempts after the first."""
    max_requests_per_minute: Annotated[int | None, Field(ge=1, le=60_000)] = None
    """Limits all requests together, retries included. None: no limit but the server's own."""
    chat_url: str | None = None
    """Where an agent reads a chat in Kchat. `{id}` stands for the chat's id."""

    image_origins: str = ""
    """`https://host`, divided by commas: the sites whose images a page may show. Each image is
    loaded when somebody asks for it."""

    # Not in the repr: the address of a PostgreSQL database contains a password.
    archive_url: Annotated[str, Field(repr=False)] = "sqlite:///var/archive.sqlite3"
    database_pool_size: Annotated[int, Field(ge=1, le=1000)] = 10
    """On PostgreSQL: connections that a process keeps, to the archive and to the people each."""
    database_statement_seconds: Annotated[float, Field(ge=1, le=86_400)] = 300.0
    """On PostgreSQL: how long one statement may take."""
    index_dir: Path = Path("index")
    engine: Literal["whoosh", "opensearch"] = "whoosh"
    index_processes: Annotated[int, Field(ge=0, le=256)] = 0
    """Processes that build the index. 0: as many as there are processors."""
    index_memory_mb: Annotated[int, Field(ge=64, le=65_536)] = 512
    """MiB for building the index: all processes together, without their dictionaries."""
    opensearch_hosts: str = ""
    """`https://host:9200`, divided by commas: the servers that may be asked."""
    opensearch_user: str | None = None
    opensearch_password: SecretStr | None = None
    opensearch_api_key: SecretStr | None = None
    """Sent as «Authorization: ApiKey …», in place of user and password."""
    opensearch_ca: Path | None = None
    """A file of the certificates that are trusted; if not set, those that Python trusts."""
    opensearch_prefix: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")] = "kchat"
    """The alias of the index; every index begins so."""
    opensearch_shards: Annotated[int, Field(ge=1, le=1024)] = 1
    """Of a new generation."""
    opensearch_replicas: Annotated[int, Field(ge=0, le=16)] = 1
    """Copies of each shard beside the first, of a new generation."""
    opensearch_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    """What one request may take."""
    timezone: str = "Asia/Shanghai"
    """The zone of Kchat's times, which name none, and of the days in queries and pages."""
    user_dict: Path | None = None
    """A file of words for jieba: «word [frequency] [tag]» a line, UTF-8."""
    meaning: bool = True
    """Are chats found by their meaning too? False: no vectors are made, and none is shown."""

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

    access_url: Annotated[str, Field(repr=False)] = "sqlite:///var/access.sqlite3"
    """The database of people, tokens, sessions and the audit."""
    agents_see: Literal["all", "own"] = "all"
    """Which chats an agent sees: all, or those they took part in."""
    public_url: str | None = None
    """`https://host` under which people reach the pages, where a proxy stands in front."""
    trusted_proxies: Annotated[str, Field(pattern=r"^[0-9A-Fa-f:./, ]*$")] = ""
    """Addresses and networks, divided by commas, of the proxies whose forwarding headers count."""
    session_idle_minutes: Annotated[int, Field(ge=1, le=60 * 24 * 30)] = 120
    """A session ends after so long without a request."""
    session_hours: Annotated[int, Field(ge=1, le=24 * 365)] = 24 * 7
    """A session ends after so long in any case."""
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    """Of one person or token."""
    password_login: bool = True
    """False: people sign in by OpenID Connect or by a proxy alone."""
    remote_user_header: Annotated[str | None, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*$")] = None
    """The header in which a trusted proxy names who has signed in, such as `X-Remote-User`."""
    oidc_configuration_url: str | None = None
    """`https://provider/.well-known/openid-configuration`."""
    oidc_client_id: str | None = None
    oidc_scopes: str = "openid profile email"
    oidc_groups_claim: str = "groups"
    """The claim that lists a person's groups."""
    oidc_agent_group: str | None = None
    oidc_compliance_group: str | None = None
    oidc_admin_group: str | None = None
    oidc_auditor_group: str | None = None
    """Who is in these groups has these roles."""
    oidc_agent_id_claim: str | None = None
    """The claim that says which Kchat agent a person is."""
    oidc_provider_name: str = "OpenID Connect"
    """What the button of the log-in page calls the provider."""
    oidc_auto_redirect: bool = False
    """The log-in page leads to the provider at once."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    """json: one object a line, for a program that collects logs."""
    demo: bool = False
    """The pages say that the conversations are made up. `kchat-search demo` sets it."""

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must look like https://host")
        if "@" in parts.netloc:
            raise ValueError("must not contain credentials; use KCHAT_EMAIL and KCHAT_API_TOKEN")
        if not _NETLOC.fullmatch(parts.netloc) or parts.port == 0:
            raise ValueError("must be https://host or https://host:port")
        if parts.path.rstrip("/") or parts.query or parts.fragment:
            raise ValueError("must be https://host alone, without /apiv2 or any other path")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("must be https: over http the password would be sent unencrypted")
        return f"{parts.scheme}://{parts.netloc}"

    @field_validator("opensearch_hosts")
    @classmethod
    def _check_opensearch_hosts(cls, value: str) -> str:
        for part in value.replace(",", " ").split():
            parts = urlsplit(part)
            if "@" in parts.netloc:
                raise ValueError("must not contain credentials; use KCHAT_OPENSEARCH_USER")
            if parts.scheme not in _OWN_PORTS or not _NETLOC.fullmatch(parts.netloc):
                raise ValueError("must look like https://host:9200")
            if parts.path.rstrip("/") or parts.query or parts.fragment:
                raise ValueError("must be https://host:9200 alone, without a path")
        return value

    @model_validator(mode="after")
    def _check_opensearch(self) -> Self:
        secret = self.opensearch_password or self.opensearch_api_key
        if self.engine == "opensearch" and not self.opensearch_addresses:
            raise ValueError("KCHAT_ENGINE=opensearch needs KCHAT_OPENSEARCH_HOSTS")
        if (self.opensearch_user is None) != (self.opensearch_password is None):
            raise ValueError("set KCHAT_OPENSEARCH_USER and KCHAT_OPENSEARCH_PASSWORD together")
        if self.opensearch_password and self.opensearch_api_key:
            raise ValueError("set KCHAT_OPENSEARCH_PASSWORD or KCHAT_OPENSEARCH_API_KEY, not both")
        for address in self.opensearch_addresses if secret else ():
            parts = urlsplit(address)
            if parts.scheme == "http" and not is_loopback(str(parts.hostname)):
                raise ValueError(
                    "KCHAT_OPENSEARCH_HOSTS must be https: over http the password or the key would "
                    "be sent unencrypted"
                )
        if self.opensearch_ca is not None and not self.opensearch_ca.is_file():
            raise ValueError(f"KCHAT_OPENSEARCH_CA names no file: {self.opensearch_ca}")
        return self

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value.strip().lower())
        if parts.scheme not in _OWN_PORTS or host_of(parts.netloc) is None:
            raise ValueError("must look like https://host or https://host:port")
        if parts.path.rstrip("/") or parts.query or parts.fragment:
            raise ValueError("must be https://host alone, without a path")
        if parts.scheme == "http" and not is_loopback(str(parts.hostname)):
            raise ValueError("must be https: over http everybody on the way reads the passwords")
        return f"{parts.scheme}://{parts.netloc.removesuffix(_OWN_PORTS[parts.scheme])}"

    @field_validator("trusted_proxies")
    @classmethod
    def _check_trusted_proxies(cls, value: str) -> str:
        networks = _networks(value)
        if any(network.prefixlen == 0 for network in networks):
            raise ValueError("must not trust every address: whoever asks could say who they are")
        return value

    @field_validator("image_origins")
    @classmethod
    def _check_image_origins(cls, value: str) -> str:
        _origins(value)
        return value

    @field_validator("chat_url")
    @classmethod
    def _check_chat_url(cls, value: str | None) -> str | None:
        if value is not None and not (
            value.startswith(("https://", "http://")) and "{id}" in value
        ):
            raise ValueError("must be an http(s) address with {id} in it")
        return value

    @field_validator("oidc_configuration_url")
    @classmethod
    def _check_oidc_configuration_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must look like https://host/.well-known/openid-configuration")
        if "@" in parts.netloc or not _NETLOC.fullmatch(parts.netloc) or parts.port == 0:
            raise ValueError("must be https://host or https://host:port, and a path")
        if parts.fragment or parts.query:
            raise ValueError("must have neither «?» nor «#» in it")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("must be https: over http anybody could sign in as anybody")
        return value.strip()

    @field_validator("oidc_scopes")
    @classmethod
    def _check_oidc_scopes(cls, value: str) -> str:
        if "openid" not in value.split():
            raise ValueError("must have «openid» in it: without it the provider names nobody")
        return " ".join(value.split())

    @model_validator(mode="after")
    def _check_oidc(self) -> Self:
        if self.oidc_configuration_url is None:
            if self.oidc_client_id:
                raise ValueError("KCHAT_OIDC_CLIENT_ID needs KCHAT_OIDC_CONFIGURATION_URL")
            return self
        if not self.oidc_client_id:
            raise ValueError("KCHAT_OIDC_CONFIGURATION_URL needs KCHAT_OIDC_CLIENT_ID")
        if not self.oidc_groups:
            raise ValueError(
                "nobody could sign in by OpenID Connect: set at least one of "
                "KCHAT_OIDC_AGENT_GROUP, _COMPLIANCE_GROUP, _ADMIN_GROUP, _AUDITOR_GROUP"
            )
        return self

    @property
    def oidc_groups(self) -> dict[OidcRole, str]:
        """Role: the group whose members have it. Without the roles that no group gives."""
        groups: dict[OidcRole, str | None] = {
            "agent": self.oidc_agent_group,
            "compliance": self.oidc_compliance_group,
            "admin": self.oidc_admin_group,
            "auditor": self.oidc_auditor_group,
        }
        return {role: group for role, group in groups.items() if group}

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("is not a known time zone; an example is Asia/Shanghai") from error
        return value

    @field_validator("user_dict")
    @classmethod
    def _check_user_dict(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"names a file that does not exist: {value}")
        return value

    @cached_property
    def zone(self) -> ZoneInfo:
        """The configured time zone."""
        return ZoneInfo(self.timezone)

    @property
    def kchat_url(self) -> str | None:
        """`https://host` of the Kchat account, or None where none is configured."""
        if self.base_url:
            return self.base_url
        return f"https://{self.subdomain}.kf5.com" if self.subdomain else None

    @property
    def kchat_chat_url(self) -> str | None:
        """The address of a chat in Kchat, with `{id}` for its id: `KCHAT_CHAT_URL` if it is set,
        else the documented API address. None where no account is configured."""
        if self.chat_url:
            return self.chat_url
        if self.kchat_url is None:
            return None
        return f"{self.kchat_url}{self.chats_path.removesuffix('.json')}/{{id}}.json"

    @property
    def opensearch_addresses(self) -> tuple[str, ...]:
        """`opensearch_hosts`, read."""
        return tuple(part.rstrip("/") for part in self.opensearch_hosts.replace(",", " ").split())

    @property
    def who_sees_what(self) -> str:
        """The settings that decide who may see what, without secrets, for the audit."""
        given = ((name, getattr(self, name)) for name in _WHO_SEES_WHAT)
        return " ".join(
            f"KCHAT_{name.upper()}={value}" for name, value in given if value not in (None, "")
        )

    @cached_property
    def trusted_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """`trusted_proxies`, read."""
        return _networks(self.trusted_proxies)

    @property
    def allowed_image_origins(self) -> tuple[str, ...]:
        """`image_origins`, read: without their default ports, each once."""
        return _origins(self.image_origins)

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
        hidden = [name for name in _SECRETS if name.removeprefix(PREFIX).lower() not in fields]
        values = env_file.values(Path(".env"), hidden)
        found = {name: values.get(PREFIX + name.upper()) for name in fields}
        return {name: value for name, value in found.items() if value}


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
    found = [name for name in environment if name.upper() in _SECRETS and name.upper() not in kept]
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


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Raises `ValueError` for what is no address and no network."""
    found = []
    for part in text.replace(",", " ").split():
        try:
            network = ip_network(part, strict=False)
        except ValueError:
            raise ValueError(f"has «{part}», which is no address and no network") from None
        if "/" in part and network.network_address != ip_address(part.partition("/")[0]):
            raise ValueError(f"has «{part}», which is no network: write {network}")
        found.append(network)
    return tuple(found)


def _origins(text: str) -> tuple[str, ...]:
    """Raises `ValueError` for what is no origin. They stand in a header, so nothing else passes."""
    found = []
    for part in text.replace(",", " ").split():
        parts = urlsplit(part.lower())
        if parts.scheme not in _OWN_PORTS or host_of(parts.netloc) is None:
            raise ValueError(f"has «{part}», which does not look like https://host")
        if parts.path.rstrip("/") or parts.query or parts.fragment:
            raise ValueError(f"has «{part}»: write https://host alone, without a path")
        if parts.scheme == "http" and not is_loopback(str(parts.hostname)):
            raise ValueError(f"has «{part}», which must be https: anybody could change the images")
        found.append(f"{parts.scheme}://{parts.netloc.removesuffix(_OWN_PORTS[parts.scheme])}")
    return tuple(dict.fromkeys(found))


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
