"""A folder that somebody else made: nothing in it runs, and nothing outside it is touched."""

from __future__ import annotations

import json
import marshal
import os
import pickle
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from whoosh.fields import KEYWORD, Schema
from whoosh.index import create_in

from kchat_search.engines.whoosh.array_file import ArrayFile
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.errors import IndexDamaged, KchatSearchError
from kchat_search.models.plan import Contains, Everything, Plan
from tests.engines.documents import make
from tests.engines.whoosh.edits import generation, segments

CHATS = [make(n, f"退款 {n}", f"order {n}") for n in range(1, 9)]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    engine = WhooshEngine(folder, processes=1)
    engine.rebuild([CHATS], "a")
    engine.write([make(1, "退款 1"), make(9, "退款")], [2])
    engine.close()
    return folder


class Bomb:
    """Unpickled, it makes a folder."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.made),)


def use(folder: Path) -> None:
    """Do everything that is done with an index. Only errors of ours may be raised."""
    engine = WhooshEngine(folder, processes=1)

    def search() -> None:
        engine.search(Plan(Contains("退款"), words=("退款",), facets=("status", "created_month")))

    def write() -> None:
        engine.write([make(3, "x")], [4])

    for step in (engine.describe, engine.damage, search, engine.id_revisions, write):
        with suppress(KchatSearchError):
            step()
    with suppress(KchatSearchError):
        engine.similar("odrer", 3)
    engine.rebuild([CHATS], "a")
    search()
    assert engine.count(Everything()) == len(CHATS)
    engine.close()


def test_pickles_in_the_place_of_any_file_are_never_run(index: Path, tmp_path: Path) -> None:
    made = tmp_path / "it ran"
    bomb = pickle.dumps(Bomb(made))
    pickle.loads(bomb)  # noqa: S301  # to see that it is one
    made.rmdir()
    marshalled = marshal.dumps((({"退款": 5}, 5), compile("1", "x", "eval")))
    for path in sorted(index.rglob("*")):
        if path.is_file():
            for content in (bomb, marshalled, _old_contents(bomb)):
                folder = index.with_name("attacked")
                use(_copied(index, folder, lambda f, p=path, c=content: _put(f, index, p, c)))  # type: ignore[misc]
                assert not made.exists(), path


def _copied(index: Path, folder: Path, attack: Callable[[Path], object]) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(index, folder)
    attack(folder)
    return folder


def _put(folder: Path, index: Path, path: Path, content: bytes) -> None:
    """Put this content at the file, and at every name that an index ever had."""
    (folder / path.relative_to(index)).write_bytes(content)
    for name in ("_MAIN_0.toc", "_MAIN_1.toc", "_MAIN_99.toc"):
        (generation(folder) / name).write_bytes(content)
    for name in ("jieba.cache", "_MAIN_1.toc", "index.pkl"):
        (folder / name).write_bytes(content)


def _old_contents(bomb: bytes) -> bytes:
    """What Whoosh reads before it unpickles the schema."""
    return b"\x04\x08\x04" + b"\xff\xff\xcf\xc7" + b"\xff\xff\xff\x91" + b"\x03\x36\x00" + bomb


def test_an_index_of_an_earlier_version_is_not_read_and_a_new_build_replaces_it(
    tmp_path: Path,
) -> None:
    old = tmp_path / "index" / "generation-000001"
    old.mkdir(parents=True)
    create_in(str(old), Schema(words=KEYWORD()))
    (tmp_path / "index" / "CURRENT").write_text(
        json.dumps({"generation": old.name, "fingerprint": "whoosh 3", "build": "x"})
    )
    engine = WhooshEngine(tmp_path / "index", processes=1)
    for ask in (engine.describe, engine.id_revisions, lambda: engine.write([make(1, "x")])):
        with pytest.raises(IndexDamaged, match="written by an earlier version"):
            ask()
    engine.rebuild([CHATS], "new")
    assert engine.describe().fingerprint == "new"
    assert not (old / "_MAIN_0.toc").exists()
    assert [path.name for path in engine._generations.root.glob("gen*")] == ["generation-000002"]
    engine.close()


def test_a_pipe_in_the_place_of_any_file_makes_nobody_wait(index: Path) -> None:
    for path in sorted(index.rglob("*")):
        if path.is_file():
            folder = _copied(index, index.with_name("attacked"), lambda _: None)
            place = folder / path.relative_to(index)
            place.unlink()
            os.mkfifo(place)
            working = threading.Thread(target=use, args=(folder,), daemon=True)
            working.start()
            working.join(60)
            assert not working.is_alive(), path.name


def test_nothing_is_written_or_removed_behind_a_link(index: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("here")
    for path in sorted(index.rglob("*")):
        folder = _copied(index, index.with_name("attacked"), lambda _: None)
        place = folder / path.relative_to(index)
        if place.is_dir():
            place.rename(folder / "aside")
            place.symlink_to(outside)
        else:
            place.unlink()
            place.symlink_to(outside / "precious")
        (folder / "generation-000077").symlink_to(outside)
        (folder / "CURRENT.new").symlink_to(outside / "precious")
        use(folder)
        assert [(p.name, p.read_text()) for p in outside.iterdir()] == [("precious", "here")]


def test_a_file_that_is_cut_while_it_is_open_is_damage_and_no_signal(index: Path) -> None:
    engine = WhooshEngine(index, processes=1)
    assert engine.count(Contains("退款")) == len(CHATS)
    for path in segments(index):
        os.truncate(path, 100)  # a page that is gone ends the process that reads it
    with pytest.raises(IndexDamaged, match="cut off"):
        engine.search(Plan(Contains("退款"), facets=("status",)))
    engine.close()


def test_an_error_of_ours_is_no_damage(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers that no writer wrote make numpy raise anything. Then the files are checked; if all
    of them are right, the error is a bug, and flies."""
    engine = WhooshEngine(index, processes=1)

    def broken(*_: object, **__: object) -> None:
        raise IndexError("a bug")

    monkeypatch.setattr("kchat_search.engines.whoosh.reader.matching", broken)
    checks: list[str | None] = []
    checked = engine.damage

    def counted() -> str | None:
        checks.append(checked())
        return checks[-1]

    monkeypatch.setattr(engine, "damage", counted)
    for _ in range(3):
        with pytest.raises(IndexError, match="a bug"):
            engine.count(Contains("退款"))
    assert checks == [None]
    path = segments(index)[-1]
    content = bytearray(path.read_bytes())
    content[ArrayFile(path).offset("text")] ^= 1
    path.write_bytes(content)
    with pytest.raises(IndexDamaged, match="another checksum"):
        WhooshEngine(index).count(Contains("退款"))
    engine.close()


@pytest.mark.parametrize("which", ["CURRENT", "contents.json", "*.arrays"])
def test_a_check_reads_the_disk_and_not_what_is_open(index: Path, which: str) -> None:
    engine = WhooshEngine(index, processes=1)
    engine.count(Everything())
    assert engine.check("", 1 << 40).damage is None
    for path in index.rglob(which):
        changed = path.with_name("changed")
        changed.write_bytes(path.read_bytes()[:-1] + b"x")
        changed.replace(path)
    assert engine.check("", 100).damage is not None
    engine.close()
