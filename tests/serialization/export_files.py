"""Reads the file of an export as its reader would, and checks its form."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

from kchat_search.serialization.csv_cells import SEPARATORS, UNSEEN
from kchat_search.serialization.export_formats import COLUMNS


def lines(data: bytes) -> list[Any]:
    assert not data or data.endswith(b"\n")
    return [json.loads(line) for line in data.decode().splitlines()]


def rows(data: bytes) -> list[dict[str, str]]:
    text = data.decode("utf-8-sig")
    assert data.startswith("\ufeff".encode())
    assert text.endswith("\r\n")
    read = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    parsed = list(read)
    assert tuple(read.fieldnames or ()) == COLUMNS
    return parsed


def unguarded(cell: str) -> str:
    """The text without the apostrophes that guard it, as docs/searching.md says."""
    return re.sub(rf"""(\A|[{SEPARATORS}])([{UNSEEN}"\\]*)'""", r"\1\2", cell)
