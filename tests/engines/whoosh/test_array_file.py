"""The file of arrays: what was written is read back, and every damage is noticed."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kchat_search.engines.whoosh.array_file import (
    VERSION,
    ArrayFile,
    ArrayFileDamaged,
    ArrayFileWriter,
    smallest_dtype,
)

CONTENT: dict[str, list[int]] = {
    "none": [],
    "small": [0, 1, 255],
    "middling": [256, 65_535],
    "large": [65_536, 2**32 - 1, 0],
    "huge": [2**32, 2**64 - 1],
}
META = {"size": 3, "fields": ["状态"], "nothing": None}
_TAIL = 32
_PADDING = range(20, 24)
"""Bytes of the tail that mean nothing."""


def write(path: Path, content: dict[str, list[int]]) -> Path:
    with ArrayFileWriter(path) as writer:
        for name, numbers in content.items():
            writer.add(name, np.array(numbers, np.uint64))
        writer.finish(META)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "a", CONTENT)


def read(path: Path) -> dict[str, list[int]]:
    return {name: array.tolist() for name, array in ArrayFile(path).items()}


numbers = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 300), max_size=20)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=5), numbers, max_size=5))
def test_arrays_come_back_as_they_were_written(content: dict[str, list[int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a", content)
        assert read(path) == content
        arrays = ArrayFile(path)
        assert arrays.meta == META
        assert arrays.damage() is None
        for name, array in arrays.items():
            assert arrays.kind(name) == smallest_dtype(np.array(content[name], np.uint64))
            assert arrays.offset(name) % 8 == 0
            begin = arrays.offset(name)
            assert path.read_bytes()[begin : begin + array.nbytes] == array.tobytes()


@pytest.mark.parametrize(
    ("most", "kind"),
    [
        (0, "u1"), (255, "u1"), (256, "u2"), (65_535, "u2"), (65_536, "u4"), (2**32 - 1, "u4"),
        (2**32, "u8"), (2**64 - 1, "u8"),
    ],
)  # fmt: skip
def test_the_type_is_the_smallest_that_holds_the_numbers(most: int, kind: str) -> None:
    assert smallest_dtype(np.array([0, most, 0], np.uint64)) == kind
    assert smallest_dtype(np.empty(0, np.int64)) == "u1"


def test_values_appended_in_parts_are_one_array_and_negative_numbers_keep_their_type(
    tmp_path: Path,
) -> None:
    with ArrayFileWriter(tmp_path / "a") as writer:
        writer.begin("x", "i8")
        for values in ([-5, 2], [], [7]):
            writer.append(np.array(values, np.int64))
        writer.finish({})
    arrays = ArrayFile(tmp_path / "a")
    assert arrays["x"].tolist() == [-5, 2, 7]
    assert arrays["x"].dtype == np.dtype("<i8")
    assert arrays.damage() is None


@pytest.mark.parametrize("at_once", [1, 2, 1_000])
def test_arrays_copied_from_another_file_keep_their_types(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("kchat_search.engines.whoosh.array_file._AT_ONCE", at_once)
    with ArrayFileWriter(tmp_path / "b") as writer:
        writer.add("own", np.array([1, -1]), "i8")
        writer.copy_from(ArrayFile(file))
        writer.finish({})
    arrays = ArrayFile(tmp_path / "b")
    assert {name: arrays[name].tolist() for name in CONTENT} == CONTENT
    assert arrays.damage() is None
    assert arrays.kind("own") == "i8"
    assert {n: arrays.kind(n) for n in CONTENT} == {n: ArrayFile(file).kind(n) for n in CONTENT}


def test_an_existing_file_is_never_overwritten(file: Path) -> None:
    with pytest.raises(FileExistsError):
        ArrayFileWriter(file)


def test_a_file_that_was_not_finished_is_damaged(tmp_path: Path) -> None:
    with ArrayFileWriter(tmp_path / "a") as writer:
        writer.add("x", np.arange(1000))
    with pytest.raises(ArrayFileDamaged):
        ArrayFile(tmp_path / "a")


# -- damage ----------------------------------------------------------------------------------


def test_a_file_of_any_other_length_is_damaged(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    broken = tmp_path / "broken"
    for length in range(len(whole)):
        broken.write_bytes(whole[:length])
        with pytest.raises(ArrayFileDamaged, match="broken"):
            ArrayFile(broken)
    for more in (b"\0", b"\0" * 32, whole[-_TAIL:]):
        broken.write_bytes(whole + more)
        with pytest.raises(ArrayFileDamaged, match="broken"):
            ArrayFile(broken)


@pytest.mark.parametrize("bits", [0b1, 0b1000_0000, 0xFF])
def test_every_changed_byte_is_noticed(file: Path, tmp_path: Path, bits: int) -> None:
    """Opening notices it, or `damage` if the byte belongs to an array. Bytes between arrays mean
    nothing."""
    whole = file.read_bytes()
    arrays = ArrayFile(file)
    inside = {
        arrays.offset(name) + n for name, array in arrays.items() for n in range(array.nbytes)
    }
    directory = struct.unpack_from("<Q", whole, len(whole) - _TAIL)[0]
    gaps = set(range(16, directory)) - inside
    gaps |= {len(whole) - _TAIL + n for n in _PADDING}
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= bits
        broken = tmp_path / "broken"
        broken.write_bytes(changed)
        if place in gaps:
            assert read(broken) == CONTENT
        elif place in inside:
            found = ArrayFile(broken).damage()
            assert found is not None
            assert "checksum" in found
        else:
            with pytest.raises(ArrayFileDamaged):
                ArrayFile(broken)


def test_another_version_is_named(file: Path) -> None:
    whole = bytearray(file.read_bytes())
    whole[8:16] = struct.pack("<Q", VERSION + 6)
    file.write_bytes(whole)
    with pytest.raises(
        ArrayFileDamaged, match=f"version {VERSION + 6}; this program reads version {VERSION}"
    ):
        ArrayFile(file)


@pytest.mark.parametrize(
    "entry",
    [
        ["u3", 1, 16, 0],
        ["f8", 1, 16, 0],
        ["O", 1, 16, 0],
        ["u1", -1, 16, 0],
        ["u1", 1, 0, 0],
        ["u1", 1, 17, 0],
        ["u8", 2**40, 16, 0],
        ["u1", 1, 2**40, 0],
    ],
)
def test_an_impossible_array_is_damage(tmp_path: Path, entry: list[Any]) -> None:
    """Even if the checksum of the directory is right."""
    with ArrayFileWriter(tmp_path / "a") as writer:
        writer._entries["x"] = entry
        writer.finish({})
    with pytest.raises(ArrayFileDamaged, match="array 'x'"):
        ArrayFile(tmp_path / "a")
