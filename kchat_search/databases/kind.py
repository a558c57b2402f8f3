"""What one kind of database is: its tables, its migrations, its errors and their words."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import MetaData

from kchat_search.errors import KchatSearchError


@dataclass(frozen=True, slots=True)
class Kind:
    """The archive, or the database of people."""

    noun: str
    """What messages call it: «archive» for «The archive var/archive.sqlite3 is damaged»."""
    setting: str
    """The setting that has its address."""
    example: str
    """An address on SQLite."""
    metadata: MetaData
    """The tables as they are now."""
    migration: str
    """The number of the migration that leads to them."""
    newest_table: str
    """A table that the last migration made."""
    migrations: str
    """The package of its migrations, as Alembic wants it: «kchat_search.archive:migrations»."""
    version_table: str
    """Where Alembic keeps the number of the last migration."""
    error: type[KchatSearchError]
    full: type[KchatSearchError]
    """Where its disk has no room."""
    remedy: str
    """What a person can do about damage: «Put a backup in its place»."""

    @property
    def forms(self) -> str:
        """How an address looks."""
        return f"{self.example} or postgresql://user:password@host/database"
