"""Settings of the people who ask, and of what stands between them and the program."""

from __future__ import annotations

from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator, model_validator

from kchat_search.config.addresses import NETLOC, OWN_PORTS, networks
from kchat_search.hosts import host_of, is_loopback

OidcRole = Literal["agent", "compliance", "admin", "auditor"]
_WHO_SEES_WHAT = (
    *("agents_see", "public_url", "trusted_proxies", "session_idle_minutes", "session_hours"),
    *("requests_per_minute", "password_login", "remote_user_header", "oidc_configuration_url"),
    *("oidc_client_id", "oidc_groups_claim", "oidc_agent_group", "oidc_compliance_group"),
    *("oidc_admin_group", "oidc_auditor_group", "oidc_agent_id_claim"),
)


class OfPeople(BaseModel):
    """Who may sign in and how, and who sees what."""

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

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value.strip().lower())
        if parts.scheme not in OWN_PORTS or host_of(parts.netloc) is None:
            raise ValueError("must look like https://host or https://host:port")
        if parts.path.rstrip("/") or parts.query or parts.fragment:
            raise ValueError("must be https://host alone, without a path")
        if parts.scheme == "http" and not is_loopback(str(parts.hostname)):
            raise ValueError("must be https: over http everybody on the way reads the passwords")
        return f"{parts.scheme}://{parts.netloc.removesuffix(OWN_PORTS[parts.scheme])}"

    @field_validator("trusted_proxies")
    @classmethod
    def _check_trusted_proxies(cls, value: str) -> str:
        if any(network.prefixlen == 0 for network in networks(value)):
            raise ValueError("must not trust every address: whoever asks could say who they are")
        return value

    @field_validator("oidc_configuration_url")
    @classmethod
    def _check_oidc_configuration_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must look like https://host/.well-known/openid-configuration")
        if "@" in parts.netloc or not NETLOC.fullmatch(parts.netloc) or parts.port == 0:
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
        return networks(self.trusted_proxies)
