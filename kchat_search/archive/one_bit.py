"""Undo one flipped bit: what a disk or a memory does to a row most often.

The seal (or the SHA-256) of a row says whether a guess is right, so every bit is tried. A guess
that fits is what was stored, as surely as two texts with one SHA-256 don't exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from sqlalchemy import Table

from kchat_search.archive import seals
from kchat_search.archive.sealed_rows import Row

MAX_RAW_BYTES = 100_000
"""A longer raw JSON is not tried: each byte takes eight times the SHA-256 of the whole."""


def undo(table: Table, row: Row) -> Row | None:
    """The row as it was before one bit of its columns, and one bit of its raw JSON, were flipped;
    None if that does not explain the damage. `row`: all columns."""
    columns = _with_sound_columns(table, row)
    if columns is None or "raw" not in columns:
        return columns
    if seals.raw_problem(columns["raw"], columns["sha256"]) is None:
        return columns
    raw = _sound_raw(columns["raw"], columns["sha256"])
    return None if raw is None else columns | {"raw": raw}


def _with_sound_columns(table: Table, row: Row) -> Row | None:
    names = [column.name for column in seals.sealed_columns(table)]
    values = [row[name] for name in names]
    seal = seals.seal_of(table.name, values)
    if row["seal"] == seal:
        return row
    if isinstance(row["seal"], str) and seal in _neighbours(row["seal"]):
        return row | {"seal": seal}
    for place, value in enumerate(values):
        for guess in _neighbours(value):
            if (
                seals.seal_of(table.name, [*values[:place], guess, *values[place + 1 :]])
                == (row["seal"])
            ):
                return row | {names[place]: guess}
    return None


def _neighbours(value: object) -> Iterator[Any]:
    """The values that differ from this one in one bit."""
    if isinstance(value, int):
        for bit in range(63):
            yield value ^ (1 << bit)
    elif isinstance(value, str):
        for changed in _flipped(value.encode("utf-8", "surrogateescape")):
            yield bytes(changed).decode("utf-8", "surrogateescape")


def _sound_raw(raw: object, stored_sha256: str) -> str | None:
    if not isinstance(raw, str):
        return None
    found = raw.encode("utf-8", "surrogateescape")
    if len(found) > MAX_RAW_BYTES:
        return None
    for changed in _flipped(found):
        if sha256(changed).hexdigest() == stored_sha256:
            return bytes(changed).decode("ascii", "replace")
    return None


def _flipped(text: bytes) -> Iterator[bytearray]:
    """The text with each of its bits flipped in turn. It is one object, changed in place."""
    changed = bytearray(text)
    for place in range(len(changed)):
        for bit in range(8):
            changed[place] ^= 1 << bit
            yield changed
            changed[place] ^= 1 << bit
