"""The table of meanings that the vectors of a generation were made with. It stands beside them, so
that a query is always compared with the vectors of its own kind."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from kchat_search.engines.whoosh.damage import Damaged
from kchat_search.errors import TableDamaged
from kchat_search.meaning.table import Table

FILE = "meaning.table"


class GenerationTable:
    """The table in the folder of a generation, read at the first use."""

    def __init__(self, folder: Path, digest: str | None) -> None:
        """`digest`: what the table of contents says; None where the generation has no table."""
        self._path = folder / FILE
        self.digest = digest

    @property
    def table(self) -> Table | None:
        """None where there is none, or it can't be read."""
        return self._read[0]

    @property
    def problem(self) -> str | None:
        """Why it can't be read."""
        return self._read[1]

    @property
    def damage(self) -> str | None:
        """The same in few words, as damage of the index."""
        return None if self.problem is None else f"its {FILE} is missing or damaged"

    def needed(self) -> Table | None:
        """The table for who writes vectors. Raises `Damaged` where it can't be read."""
        if self.damage is not None:
            raise Damaged(self.damage)
        return self.table

    @cached_property
    def _read(self) -> tuple[Table | None, str | None]:
        if self.digest is None:
            return None, None
        try:
            table = Table.read(self._path)
        except TableDamaged as error:
            return None, str(error)
        if table.digest != self.digest:
            return None, (
                f"The table of meanings {self._path} is not the one that the index was built with. "
                "Nothing is found by meaning; all else works: run `kchat-search reindex`, which "
                "makes a new one."
            )
        return table, None


NO_TABLE = GenerationTable(Path(), None)
