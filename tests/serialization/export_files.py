"""Reads the file of an export as its reader would, and checks its form."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

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
