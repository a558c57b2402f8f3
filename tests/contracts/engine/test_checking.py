"""Checking the bytes of the index, a part at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from kchat_search.ports import Engine
from tests.contracts.engine.conftest import EngineUnderTest, build
from tests.engines.documents import make

CHATS = [make(n, f"退款 {n} 的流程", "请稍等") for n in range(1, 40)]


def parts(engine: Engine, max_bytes: int, position: str = "") -> list[int]:
    """How many bytes each part read, until all was read and nothing was damaged."""
    read = []
    while True:
        checked = engine.check(position, max_bytes)
        assert checked.damage is None
        read.append(checked.read)
        if checked.position is None:
            return read
        assert checked.position != position
        position = checked.position


@pytest.mark.parametrize("max_bytes", [1, 7, 1_000, 1 << 40])
def test_every_part_is_as_small_as_asked_and_together_they_are_all(
    engine: Engine, max_bytes: int
) -> None:
    build(engine, [CHATS[:3]])
    engine.write(CHATS[3:5])
    (whole,) = parts(engine, 1 << 40)
    read = parts(engine, max_bytes)
    assert sum(read) == whole > 500
    assert max(read) <= max_bytes


def test_a_position_is_good_in_another_process_and_after_commits_and_rebuilds(
    engine_under_test: EngineUnderTest, engine: Engine, tmp_path: Path
) -> None:
    build(engine, [CHATS])
    position = engine.check("", 500).position
    assert position
    other = engine_under_test.open(tmp_path)
    assert sum(parts(other, 500, position)) == parts(engine, 1 << 40)[0] - 500
    engine.write([make(1, "other")])
    parts(engine, 500, position)
    build(engine, [CHATS[:20]])
    parts(engine, 500, position)
    other.close()


@pytest.mark.parametrize("position", ["x", "1 2", "MAIN_a -1 0", "../x 0 0", "x" * 1_000_000])
def test_a_position_that_is_none_means_a_beginning(engine: Engine, position: str) -> None:
    build(engine, [CHATS])
    assert parts(engine, 1 << 40, position) == parts(engine, 1 << 40)


def test_an_index_that_was_never_built_has_nothing_to_check(
    engine_under_test: EngineUnderTest, tmp_path: Path
) -> None:
    engine = engine_under_test.open(tmp_path / "none")
    assert parts(engine, 1) == [0]
