"""What was copied from one database to another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """A table, which has the same rows in both databases."""

    name: str
    rows: int
    sha256: str
    """Of its rows: the sum of the SHA-256 of each row, modulo 2^256, in hex."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy that was proven, row by row."""

    noun: str
    """«archive», «database of people»."""
    setting: str
    """The setting that has its address."""
    tables: tuple[CopiedTable, ...]
    damaged: int
    """Rows that were not what was once stored. They were copied as they are."""

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(table.rows for table in self.tables)
