"""Generations: the marker is written last, killed builds are cleaned up, damage is reported."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from kchat_search.engines.whoosh import writer
from kchat_search.engines.whoosh.array_file import ArrayFile
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.errors import IndexDamaged, IndexUnwritable
from kchat_search.models.plan import Everything, IndexDocument, Plan
from tests.engines.documents import make


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[WhooshEngine]:
    made = WhooshEngine(tmp_path)
    made.rebuild([[make(1, "退款")]], "a")
    yield made
    made.close()


def total(engine: WhooshEngine) -> int:
    return engine.search(Plan(Everything())).total


def test_a_build_that_breaks_off_leaves_the_present_generation_answering(
    engine: WhooshEngine, tmp_path: Path
) -> None:
    def breaking() -> Iterator[list[IndexDocument]]:
        yield [make(2, "x")]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.rebuild(breaking(), "b")
    assert engine.describe().fingerprint == "a"
    assert total(engine) == 1
    engine.rebuild([[make(2, "x"), make(3, "x")]], "b")
    assert total(engine) == 2
    assert len(list(tmp_path.glob("generation-*"))) == 1  # the broken one is gone


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"generation": "../../etc"}', b'{"generation": 5}', b"null", b"\xff\xfe"],
)
def test_an_unreadable_marker_is_reported_and_a_rebuild_replaces_it(
    engine: WhooshEngine, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "CURRENT").write_bytes(content)
    with pytest.raises(IndexDamaged, match="reindex"):
        total(engine)
    engine.rebuild([[make(5, "x")]], "b")
    assert total(engine) == 1


@pytest.mark.parametrize("how", ["truncate", "remove", "garbage", "empty"])
@pytest.mark.parametrize("which", ["*.arrays", "contents.json"])
def test_a_damaged_file_is_an_error_that_names_the_way_out(
    engine: WhooshEngine, tmp_path: Path, which: str, how: str
) -> None:
    engine.close()
    (file,) = (tmp_path / "generation-000001").glob(which)
    if how == "truncate":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif how == "empty":  # a loss of power may leave this
        file.write_bytes(b"")
    elif how == "garbage":
        file.write_bytes(b"\x00" * file.stat().st_size)
    else:
        file.unlink()
    with pytest.raises(IndexDamaged, match="kchat-search reindex"):
        engine.search(Plan(Everything(), words=("退款",), facets=("status",)))
    engine.rebuild([[make(1, "退款")]], "a")
    assert total(engine) == 1


@pytest.mark.parametrize(
    ("name", "byte"), [("status.ordinals", 1), ("status.terms", 0xFF), ("agent_id.ordinals", 9)]
)
def test_a_value_that_no_document_can_have_is_damage(
    engine: WhooshEngine, tmp_path: Path, name: str, byte: int
) -> None:
    engine.close()
    (file,) = (tmp_path / "generation-000001").glob("*.arrays")
    content = bytearray(file.read_bytes())
    content[ArrayFile(file).offset(name)] = byte
    file.write_bytes(content)
    with pytest.raises(IndexDamaged, match="kchat-search reindex"):
        engine.search(Plan(Everything(), facets=("status",)))


@pytest.mark.parametrize("seed", range(8))
def test_no_table_of_contents_crashes_the_program(
    engine: WhooshEngine, tmp_path: Path, seed: int
) -> None:
    engine.close()
    (file,) = (tmp_path / "generation-000001").glob("contents.json")
    content = bytearray(file.read_bytes())
    rnd = random.Random(seed)
    for _ in range(40):
        content[rnd.randrange(len(content))] = rnd.randrange(256)
    file.write_bytes(content)
    with pytest.raises(IndexDamaged, match="kchat-search reindex"):
        total(engine)
    with pytest.raises(IndexDamaged, match="kchat-search reindex"):
        engine.write([make(2, "x")])
    engine.rebuild([[make(1, "退款")]], "a")
    assert total(engine) == 1


@pytest.mark.parametrize(
    ("number", "message"), [(errno.ENOSPC, "no room left"), (errno.EROFS, "can't be written")]
)
def test_a_full_disk_is_reported_and_changes_nothing(
    engine: WhooshEngine, monkeypatch: pytest.MonkeyPatch, number: int, message: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(IndexUnwritable, match=message):
            engine.rebuild([[make(2, "x")]], "b")
    with monkeypatch.context() as patch:
        patch.setattr(writer, "invert", full)
        with pytest.raises(IndexUnwritable, match=message):
            engine.write([make(2, "x")], [1])
    assert dict(engine.id_revisions()).keys() == {1}
    engine.write([make(2, "x")])
    assert dict(engine.id_revisions()).keys() == {1, 2}


def test_a_missing_generation_is_damage(engine: WhooshEngine, tmp_path: Path) -> None:
    engine.close()
    (tmp_path / "generation-000001").rename(tmp_path / "elsewhere")
    with pytest.raises(IndexDamaged, match="reindex"):
        total(engine)


def test_a_build_that_fails_takes_no_room(engine: WhooshEngine, tmp_path: Path) -> None:
    def breaking() -> Iterator[list[IndexDocument]]:
        yield [make(2, "x")]
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(IndexUnwritable, match="no room left"):
        engine.rebuild(breaking(), "b")
    assert [path.name for path in tmp_path.glob("generation-*")] == ["generation-000001"]
    assert total(engine) == 1
