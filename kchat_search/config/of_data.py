"""Settings of archive and index."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from kchat_search.config.addresses import NETLOC, OWN_PORTS
from kchat_search.hosts import is_loopback

_PATH = re.compile(r"(?:/[\w.~-]*)*")
"""Before which a proxy puts what it hands on."""
_KEY = re.compile(r"[!-~]*")


class OfData(BaseModel):
    """Where archive and index are, and how the index is made."""

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
    """`https://host:9200`, divided by commas: the servers that may be asked. A proxy may have them
    under a path."""
    opensearch_user: str | None = None
    opensearch_password: SecretStr | None = None
    opensearch_api_key: SecretStr | None = None
    """Sent as «Authorization: ApiKey …», in place of user and password."""
    opensearch_ca: Path | None = None
    """A file of the certificates that are trusted; if not set, those that the system trusts."""
    opensearch_prefix: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")] = "kchat"
    """The alias of the index; every index begins so."""
    opensearch_shards: Annotated[int, Field(ge=1, le=1024)] = 1
    """Of a new generation."""
    opensearch_replicas: Annotated[int, Field(ge=0, le=16)] = 1
    """Copies of each shard beside the first, of a new generation."""
    opensearch_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    """What one request may take."""
    opensearch_refresh_seconds: Annotated[float, Field(ge=0, le=60)] = 1.0
    """How old the state of the index may be that a search reads; 0: each asks for the newest."""

    user_dict: Path | None = None
    """A file of words for jieba: «word [frequency] [tag]» a line, UTF-8."""
    meaning: bool = True
    """Are chats found by their meaning too? False: no vectors are made, and none is shown."""

    @field_validator("opensearch_hosts")
    @classmethod
    def _check_opensearch_hosts(cls, value: str) -> str:
        for part in value.replace(",", " ").split():
            parts = urlsplit(part)
            if "@" in parts.netloc:
                raise ValueError("must not contain credentials; use KCHAT_OPENSEARCH_USER")
            if parts.scheme not in OWN_PORTS or not NETLOC.fullmatch(parts.netloc):
                raise ValueError("must look like https://host:9200")
            if parts.port == 0 or parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
                raise ValueError("must be https://host:9200, with the path of a proxy at most")
        return value

    @model_validator(mode="after")
    def _check_opensearch(self) -> Self:
        secret = self.opensearch_password or self.opensearch_api_key
        if self.engine == "opensearch" and not self.opensearch_addresses:
            raise ValueError("KCHAT_ENGINE=opensearch needs KCHAT_OPENSEARCH_HOSTS")
        if ":" in (self.opensearch_user or ""):
            raise ValueError("KCHAT_OPENSEARCH_USER must have no colon: no server could tell")
        key = self.opensearch_api_key.get_secret_value() if self.opensearch_api_key else ""
        if not _KEY.fullmatch(key):
            raise ValueError("KCHAT_OPENSEARCH_API_KEY has characters that no key has")
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

    @field_validator("user_dict")
    @classmethod
    def _check_user_dict(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"names a file that does not exist: {value}")
        return value

    @property
    def opensearch_addresses(self) -> tuple[str, ...]:
        """`opensearch_hosts`, read."""
        return tuple(part.rstrip("/") for part in self.opensearch_hosts.replace(",", " ").split())
