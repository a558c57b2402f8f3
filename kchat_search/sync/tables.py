"""The table of meanings that comes with the program, as the indexer sees it: to be used or not, and
whole or not. Where it is not, an index has no vectors, and all else goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable

from kchat_search.errors import TableDamaged
from kchat_search.meaning.table import Table

log = logging.getLogger(__name__)


class Tables:
    """Asks for the shipped table whenever it is needed, so that one that is put right is found."""

    def __init__(self, read: Callable[[], Table] | None) -> None:
        """`read` raises `TableDamaged`. None: no vectors are to be made."""
        self._read = read
        self._problem: str | None = None

    def shipped(self) -> Table | None:
        """None where none is to be used, or it is damaged; then the log says so, once."""
        if self._read is None:
            return None
        try:
            table = self._read()
        except TableDamaged as error:
            if self._problem != str(error):
                log.warning("%s", error)
            self._problem = str(error)
            return None
        self._problem = None
        return table

    def problem(self) -> str | None:
        """What is wrong with it, and what to do; None: nothing is, or it is not to be used."""
        self.shipped()
        return self._problem
