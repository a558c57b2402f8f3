"""Settings of the way to Kchat, and of what Kchat shows."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator

from kchat_search.config.addresses import NETLOC, origins
from kchat_search.hosts import is_loopback


class OfKchat(BaseModel):
    """Where Kchat is, and how it is asked."""

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
        if not NETLOC.fullmatch(parts.netloc) or parts.port == 0:
            raise ValueError("must be https://host or https://host:port")
        if parts.path.rstrip("/") or parts.query or parts.fragment:
            raise ValueError("must be https://host alone, without /apiv2 or any other path")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("must be https: over http the password would be sent unencrypted")
        return f"{parts.scheme}://{parts.netloc}"

    @field_validator("image_origins")
    @classmethod
    def _check_image_origins(cls, value: str) -> str:
        origins(value)
        return value

    @field_validator("chat_url")
    @classmethod
    def _check_chat_url(cls, value: str | None) -> str | None:
        if value is not None and not (
            value.startswith(("https://", "http://")) and "{id}" in value
        ):
            raise ValueError("must be an http(s) address with {id} in it")
        return value

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
    def allowed_image_origins(self) -> tuple[str, ...]:
        """`image_origins`, read: without their default ports, each once."""
        return origins(self.image_origins)
