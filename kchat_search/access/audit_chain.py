"""The hash of a row of the audit, and the commitment to a text (pure).

A row's hash is SHA-256 over canonical bytes of all its columns, the hash of the row before it
among them. So whoever changes a row must change the hash of every later one. A text that may have
to be erased is not among the columns: a commitment to it is, SHA-256 over a salt and the text. It
says nothing of the text to whoever lacks the salt, and no other text fulfils it.

Invariant: canonical bytes of two rows are equal only if all columns are, types included. Each field
has its type and its length before it, so nothing can move from one into the next.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from typing import Any

BEFORE_THE_FIRST = "0" * 64
"""In place of the hash of the row before the first."""
_SALT_BYTES = 16
_FORM = "kchat-search audit 1"
_TYPES = {type(None): "n", bytes: "b", float: "f"}
"""What a column of a database can hold besides a text and a number, after damage too, and how each
type is marked."""


def row_hash(chain: str, columns: Iterable[object]) -> str:
    """The hash (hex) of a row. `chain` is the id of its chain, so that a row of another one does
    not fit; `columns` are the values of all columns but the hash, in the order of the table."""
    # A hundred thousand of these are a check, so that most texts and numbers cost no call.
    fields = [
        f"s{len(v)}:{v}"
        if type(v) is str
        else f"i{len(str(v))}:{v}"
        if type(v) is int
        else _rare(v)
        for v in columns
    ]
    return sha256(_bytes(f"{_beginning(chain)}{''.join(fields)}")).hexdigest()


@lru_cache(maxsize=8)
def _beginning(chain: str) -> str:
    return f"s{len(_FORM)}:{_FORM}s{len(chain)}:{chain}"


def new_salt() -> str:
    """A salt (hex) for one text."""
    return os.urandom(_SALT_BYTES).hex()


def commitment(salt: str, text: str) -> str:
    """What a row has in place of a text (hex)."""
    return sha256(bytes.fromhex(salt) + _bytes(text)).hexdigest()


def fulfils(text: Any, salt: Any, promised: object) -> bool:
    """Is this the text that the commitment `promised` is of? Takes whatever a damaged column may
    hold."""
    try:
        salted = bytes.fromhex(salt)
        hashed = sha256(salted + text.encode("utf-8", "surrogatepass")).hexdigest()
    except (AttributeError, TypeError, ValueError):
        return False
    # A longer salt with the beginning of the text at its end would give the same bytes.
    return hashed == promised and salted.hex() == salt and len(salted) == _SALT_BYTES


def _rare(value: object) -> str:
    text = "" if value is None else value.hex() if isinstance(value, bytes) else str(value)
    return f"{_TYPES[type(value)]}{len(text)}:{text}"


def _bytes(text: str) -> bytes:
    # A damaged text may have lone surrogates: it must have a hash, too.
    return text.encode("utf-8", "surrogatepass")
