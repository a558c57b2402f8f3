"""Seals: each row of the archive proves that it is what was stored.

The seal of a row is the SHA-256 of its table's name and all its columns. A raw JSON text is in it
by its own SHA-256, the column `sha256`, which was made where the text was parsed. So a row that
was changed by a disk, by memory or by hand is noticed when it is read. Whoever changes a row *and*
computes its seal again is not noticed: a seal is no signature.

A table is held by the sum of its seals, which is in the tally: so a row that was deleted, added, or
replaced by what it was earlier is noticed too (by `checking`, since the sum needs every row).

Invariant: a row that does not agree with its seal is never sealed again as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, Table

from kchat_search.archive.tables import metadata
from kchat_search.models.chats import raw_sha256

log = logging.getLogger(__name__)

MODULUS = 2**256
"""The sum of a table's seals is modulo this."""

_RAW_AT = {
    table.name: list(table.c.keys()).index("raw") if "raw" in table.c else None
    for table in metadata.tables.values()
}
"""Where a row has its raw JSON. `sha256` and `seal` are always the last two columns then."""

_MAX_SOUND_TEXTS = 20_000
_sound_texts: set[tuple[object, int]] = set()
"""(SHA-256, `hash`) of texts that were found to agree."""

NOT_SEALED = "it was never sealed"
COLUMNS_DIFFER = "its columns are not what was stored"
RAW_DIFFERS = "its raw JSON is not what was stored"


@cache
def say_left_out(table: str) -> None:
    """Log that a damaged row of this table is taken as if it were not there. Once in a process,
    because some are read with every search."""
    log.warning("A row of %s in the archive is damaged: kchat-search verify names it.", table)


def seal_of(table: str, values: Sequence[Any]) -> str:
    """The seal of a row. `values`: its columns in the order of the table, without `raw` and `seal`.

    SHA-256 (hex) of Python's `ascii` of the tuple (table, *values), which is another text for any
    other value and for the same digits as a text or as a number.
    """
    return sha256(ascii((table, *values)).encode()).hexdigest()


def sealed_columns(table: Table) -> list[Column[Any]]:
    """The columns that a seal covers, in order: all but `raw` and `seal`."""
    return [column for column in table.columns if column.name not in ("raw", "seal")]


def row_problem(table: Table, row: Sequence[Any], *, remember: bool = False) -> str | None:
    """What is wrong with a whole row, all columns in the order of the table; None if it is what was
    stored. `remember`: see `raw_problem`."""
    at = _RAW_AT[table.name]
    if at is None:
        return _difference(table.name, tuple(row[:-1]), row[-1])
    problem = _difference(table.name, (*row[:at], *row[at + 1 : -1]), row[-1])
    return problem or raw_problem(row[at], row[-2], remember=remember)


def raw_problem(raw: object, stored_sha256: object, *, remember: bool = False) -> str | None:
    """What is wrong with a raw JSON text; None if it is what was stored.

    `remember`: a text that was just shown is not put through SHA-256 again, which is most of the
    time of reading a chat. It is known by its `hash`: 64 bits, with a key that differs in each
    process, so that neither chance nor intent finds another text with the same one.
    """
    if not isinstance(raw, str):
        return RAW_DIFFERS
    known = (stored_sha256, hash(raw)) if remember else None
    if known is not None and known in _sound_texts:
        return None
    if raw_sha256(raw) != stored_sha256:
        return RAW_DIFFERS
    if known is not None:
        if len(_sound_texts) >= _MAX_SOUND_TEXTS:
            _sound_texts.clear()
        _sound_texts.add(known)
    return None


def columns_problem(table: Table, row: Sequence[Any]) -> str | None:
    """As `row_problem`, for a row without `raw`: the sealed columns in order, and the seal."""
    return _difference(table.name, tuple(row[:-1]), row[-1])


def _difference(name: str, values: Sequence[Any], seal: object) -> str | None:
    if seal is None:
        return NOT_SEALED
    return None if seal == seal_of(name, values) else COLUMNS_DIFFER
