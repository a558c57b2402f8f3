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

_MAX_SOUND_ROWS = 8_192
_sound_rows: set[tuple[object, ...]] = set()
"""Rows that were found to be what was stored, each with the `hash` of its raw JSON in the place of
the text. They take some 10 MB."""

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
    stored.

    `remember`: a row that was read a moment ago, and is the same in every column, is not put
    through SHA-256 again, which is a third of the time of reading a chat. Its raw JSON is known by
    its `hash`: 64 bits, with a key that differs in each process, so that neither chance nor intent
    finds another text with the same one.
    """
    known = _known_by(table, row) if remember else None
    if known in _sound_rows:
        return None
    problem = _row_problem(table, row)
    if problem is None and known is not None:
        if len(_sound_rows) >= _MAX_SOUND_ROWS:
            _sound_rows.clear()
        _sound_rows.add(known)
    return problem


def raw_problem(raw: object, stored_sha256: object) -> str | None:
    """What is wrong with a raw JSON text; None if it is what was stored."""
    if isinstance(raw, str) and raw_sha256(raw) == stored_sha256:
        return None
    return RAW_DIFFERS


def columns_problem(table: Table, row: Sequence[Any]) -> str | None:
    """As `row_problem`, for a row without `raw`: the sealed columns in order, and the seal."""
    return _difference(table.name, tuple(row[:-1]), row[-1])


def _difference(name: str, values: Sequence[Any], seal: object) -> str | None:
    if seal is None:
        return NOT_SEALED
    return None if seal == seal_of(name, values) else COLUMNS_DIFFER


def _row_problem(table: Table, row: Sequence[Any]) -> str | None:
    at = _RAW_AT[table.name]
    if at is None:
        return _difference(table.name, tuple(row[:-1]), row[-1])
    problem = _difference(table.name, (*row[:at], *row[at + 1 : -1]), row[-1])
    return problem or raw_problem(row[at], row[-2])


def _known_by(table: Table, row: Sequence[Any]) -> tuple[object, ...] | None:
    """What a row is known by; None where equal rows may differ: 1 is equal to 1.0, and a text has
    the hash of its bytes. No column is a float."""
    at = _RAW_AT[table.name]
    if float in map(type, row):
        return None
    if at is None:
        return (table.name, *row)
    if not isinstance(row[at], str):
        return None
    return (table.name, *row[:at], hash(row[at]), *row[at + 1 :])
