"""Commits: there are never many segments, and a write that fails or is killed leaves all of it or
nothing."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from kchat_search.engines.whoosh import contents, generations, writer
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.engines.whoosh.merge import merge
from kchat_search.engines.whoosh.writer import MAX_DELETED_SHARE, MERGE_FACTOR, segments_to_merge
from kchat_search.errors import IndexDamaged, IndexUnwritable, KchatSearchError
from kchat_search.models.plan import Contains, Everything, Plan
from tests.engines.documents import make

ROOT = Path(__file__).parents[3]

Sizes = list[tuple[int, int]]
"""For each segment: how many documents are (live, deleted)."""

# -- which segments to merge -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ([], set()),
        ([(10, 0)], set()),
        ([(200, 0), (10, 0)], set()),
        ([(199, 0), (10, 0)], {0, 1}),
        ([(10, 0), (10, 0)], {0, 1}),
        ([(400, 0), (10, 0), (10, 0)], {1, 2}),
        ([(10, 0), (400, 0), (10, 0)], {0, 2}),
        ([(399, 0), (10, 0), (10, 0)], {0, 1, 2}),
        (
            [(4100, 0), (200, 0), (10, 0)],
            {0, 1, 2},
        ),  # 200 is large enough beside 10, but 4,100 is not beside 210
        ([(4200, 0), (200, 0), (10, 0)], set()),
        ([(4200, 0), (200, 0), (10, 0), (1, 0)], {0, 1, 2, 3}),
        ([(75, 25)], set()),
        ([(74, 26)], {0}),
        ([(0, 5)], {0}),
        ([(200, 0), (7, 3)], {1}),
        ([(300, 101), (7, 0)], {0, 1}),
        ([(7000, 0), (300, 101), (7, 0)], {1, 2}),
    ],
)
def test_segments_are_merged_when_they_are_too_many_or_too_much_is_deleted(
    sizes: Sizes, chosen: set[int]
) -> None:
    found = segments_to_merge(sizes)
    assert set(found) == chosen
    assert len(found) == len(chosen)


def after(sizes: Sizes) -> Sizes:
    """The sizes after the segments that should be merged were merged."""
    chosen = set(segments_to_merge(sizes))
    live = sum(sizes[n][0] for n in chosen)
    return [s for n, s in enumerate(sizes) if n not in chosen] + ([(live, 0)] if live else [])


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 3_000)), max_size=20))
def test_after_one_merge_nothing_is_left_to_merge(sizes: Sizes) -> None:
    left = after(sizes)
    assert segments_to_merge(left) == []
    assert sum(live for live, _ in left) == sum(live for live, _ in sizes)
    ascending = sorted(left)
    for rank, (live, deleted) in enumerate(ascending):
        assert not rank or live >= MERGE_FACTOR * sum(smaller for smaller, _ in ascending[:rank])
        assert deleted <= MAX_DELETED_SHARE * (live + deleted)


@pytest.mark.parametrize("start", [0, 100_000])
@pytest.mark.parametrize("changed", [0, 5])
def test_ten_thousand_ticks_keep_the_segments_few_and_the_copying_little(
    start: int, changed: int
) -> None:
    """Ten chats a tick. Some of them are in the index already: in the newest and in the oldest
    segment."""
    sizes: Sizes = [(start, 0)] if start else []
    most = copied = 0
    for tick in range(10_000):
        if changed and sizes:
            place = -1 if tick % 2 else 0
            live, deleted = sizes[place]
            gone = min(changed, live)
            sizes[place] = (live - gone, deleted + gone)
        sizes = [each for each in (*sizes, (10, 0)) if each[0]]
        before = {id(each) for each in sizes}
        sizes = after(sizes)
        copied += sum(live for live, _ in (each for each in sizes if id(each) not in before))
        most = max(most, len(sizes))
        assert segments_to_merge(sizes) == []
    assert most <= 4
    assert sum(live for live, _ in sizes) == start + 10_000 * (10 - changed) + (
        0 if start or not changed else changed
    )
    assert copied <= 10_000 * 10 * 50  # each chat some fifty times at most, in the long run


# -- commits -----------------------------------------------------------------------------------


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[WhooshEngine]:
    made = WhooshEngine(tmp_path, processes=1)
    made.rebuild([[make(n, f"退款 {n}") for n in (1, 2, 3)]], "a")
    yield made
    made.close()


def ids(engine: WhooshEngine) -> list[int]:
    """The ids of all chats in the index, found in three ways that must agree."""
    found = [hit.id for hit in engine.search(Plan(Everything(), sort="oldest")).hits]
    assert sorted(dict(engine.id_revisions())) == sorted(found)
    assert engine.count(Contains("退款")) == len(found)
    return sorted(found)


def folder_of(engine: WhooshEngine) -> Path:
    (folder,) = engine._generations.root.glob("generation-*")
    return folder


def check_no_stray(engine: WhooshEngine) -> None:
    """Every file of arrays belongs to a segment of the present commit."""
    folder = folder_of(engine)
    current = engine._generations.current()
    assert current is not None
    _, table = contents.read(folder, current.build)
    named = {f"{segment.name}.arrays" for segment in table.segments}
    assert {path.name for path in folder.glob("*.arrays")} == named
    assert not list(folder.glob("*.run"))


def test_a_write_is_visible_before_segments_are_merged(
    engine: WhooshEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[int], int]] = []
    merging = writer._merge_segments

    def look(*arguments: Any) -> None:
        seen.append((ids(engine), engine.describe().segments))
        merging(*arguments)

    monkeypatch.setattr(writer, "_merge_segments", look)
    engine.write([make(4, "退款"), make(5, "退款")], [1])
    assert seen == [([2, 3, 4, 5], 2)]
    assert engine.describe().segments == 1
    assert ids(engine) == [2, 3, 4, 5]
    check_no_stray(engine)


def test_an_error_in_a_merge_leaves_the_commit(
    engine: WhooshEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    merging = merge
    calls: list[int] = []

    def full(path: Path, parts: Sequence[Any], *more: Any) -> int:
        calls.append(len(parts))
        if len(calls) == 2:
            path.write_bytes(b"half of it")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return merging(path, parts, *more)

    with monkeypatch.context() as patch:
        patch.setattr(writer, "merge", full)
        with pytest.raises(IndexUnwritable, match="no room left"):
            engine.write([make(4, "退款"), make(5, "退款")], [1])
    assert calls == [1, 2]
    assert ids(engine) == [2, 3, 4, 5]
    check_no_stray(engine)
    engine.write([make(6, "退款")])
    assert ids(engine) == [2, 3, 4, 5, 6]
    assert engine.describe().segments == 1
    check_no_stray(engine)


def test_a_segment_without_live_documents_is_removed(engine: WhooshEngine) -> None:
    engine.write([], [1, 2, 3])
    assert ids(engine) == []
    assert engine.describe().segments == 0
    assert not list(folder_of(engine).glob("*.arrays"))
    engine.write([make(1, "退款")])
    assert ids(engine) == [1]


@pytest.mark.parametrize("deletes", [[], [99], [-5, 2**62]])
def test_a_write_of_nothing_changes_nothing(engine: WhooshEngine, deletes: list[int]) -> None:
    engine.write([], deletes)
    assert ids(engine) == [1, 2, 3]
    check_no_stray(engine)


def test_a_few_new_chats_beside_many_are_a_second_segment(engine: WhooshEngine) -> None:
    chats = [make(n, "退款") for n in range(1, 300)]
    engine.write(chats[:290])
    assert engine.describe().segments == 1
    engine.write(chats[290:])
    assert engine.describe().segments == 2


def test_a_commit_and_a_rebuild_leave_one_generation(engine: WhooshEngine) -> None:
    engine.write([make(4, "退款")], [1])
    engine.rebuild([[make(3, "退款")]], "b")
    assert folder_of(engine).name == "generation-000002"


def test_nothing_is_written_while_another_process_writes(
    engine: WhooshEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_LOCK_SECONDS", 0.0)
    lock = FileLock(folder_of(engine) / "write.lock", is_singleton=False)
    lock.acquire()
    with pytest.raises(IndexUnwritable, match="Another process"):
        engine.write([make(4, "退款")])
    assert ids(engine) == [1, 2, 3]
    lock.release()
    engine.write([make(4, "退款")])
    assert ids(engine) == [1, 2, 3, 4]


# -- what goes wrong ---------------------------------------------------------------------------


@contextmanager
def failing(what: str, number: int) -> Iterator[list[str]]:
    """Let call `number` (from 0) of `os.fsync` or `os.replace` fail, and all calls after it."""
    calls: list[str] = []
    plain = getattr(os, what)

    def broken(*args: Any) -> None:
        calls.append(what)
        if len(calls) > number:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        plain(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, what, broken)
        yield calls


# A write and its merge sync the segment, the table of contents and the folder, twice; and the old
# segment.
@pytest.mark.parametrize(
    ("what", "number"),
    [*(("fsync", n) for n in range(7)), *(("replace", n) for n in range(2))],
)
def test_a_disk_that_fails_at_any_point_leaves_all_of_a_write_or_nothing(
    engine: WhooshEngine, what: str, number: int
) -> None:
    with failing(what, number) as calls, pytest.raises(IndexUnwritable):
        engine.write([make(4, "退款"), make(5, "退款")], [1])
    assert len(calls) == number + 1
    assert ids(engine) in ([1, 2, 3], [2, 3, 4, 5])
    assert engine.damage() is None
    engine.write([make(4, "退款"), make(5, "退款")], [1])
    assert ids(engine) == [2, 3, 4, 5]
    check_no_stray(engine)


def test_a_rebuild_on_a_disk_that_fails_leaves_the_present_generation(
    engine: WhooshEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", broken)
        with pytest.raises(IndexUnwritable):
            engine.rebuild([[make(9, "退款")]], "b")
    with monkeypatch.context() as patch:
        patch.setattr(generations, "sync_file", broken)
        with pytest.raises(KchatSearchError):
            engine.rebuild([[make(9, "退款")]], "b")
    assert engine.describe().documents in (1, 3)
    engine.rebuild([[make(9, "退款")]], "b")
    assert ids(engine) == [9]
    assert [p.name for p in folder_of(engine).parent.glob("generation-*")] == [
        folder_of(engine).name
    ]


def test_what_a_killed_write_left_goes_with_the_next_commit(engine: WhooshEngine) -> None:
    folder = folder_of(engine)
    stray = [folder / f"segment-{1:032x}{ending}" for ending in (".arrays", ".000001.run")]
    for path in stray:
        path.write_bytes(b"half of it")
    assert ids(engine) == [1, 2, 3]
    engine.write([make(4, "退款")])
    assert ids(engine) == [1, 2, 3, 4]
    assert not any(path.exists() for path in stray)
    check_no_stray(engine)


KILLED = """
import os, signal, sys
from pathlib import Path
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.engines.whoosh.merge import merge
from tests.engines.documents import make

plain, calls = os.fsync, []
def killing(descriptor):
    calls.append(descriptor)
    if len(calls) > {number}:
        os.kill(os.getpid(), signal.SIGKILL)
    plain(descriptor)
os.fsync = killing
WhooshEngine(Path(sys.argv[1]), processes=1).write([make(4, "退款"), make(5, "退款")], [1])
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "found"),
    [(0, [1, 2, 3]), (2, [1, 2, 3]), (3, [2, 3, 4, 5]), (5, [2, 3, 4, 5])],
)
def test_of_a_killed_write_all_is_there_or_nothing(
    engine: WhooshEngine, number: int, found: list[int]
) -> None:
    """Before the table of contents is written, after it, and in the merge that follows."""
    engine.close()
    done = subprocess.run(
        [sys.executable, "-c", KILLED.format(number=number), engine._generations.root],
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert done.returncode == -9
    assert ids(engine) == found
    engine.write([make(4, "退款"), make(5, "退款")], [1])
    assert ids(engine) == [2, 3, 4, 5]
    check_no_stray(engine)


def test_damage_is_never_copied_under_a_new_checksum(engine: WhooshEngine) -> None:
    """A merge reads every byte and reports damage; then the index is rebuilt from the archive."""
    (file,) = folder_of(engine).glob("*.arrays")
    content = bytearray(file.read_bytes())
    content[64] ^= 1  # a byte of an array, which opening does not read
    file.write_bytes(content)
    engine.close()
    with pytest.raises(IndexDamaged, match="reindex"):
        engine.write([make(10, "退款"), make(11, "退款")], [1])


def test_an_index_that_was_removed_and_rebuilt_is_seen(engine: WhooshEngine) -> None:
    """The names of generations begin anew with the folder. Still, builds are distinguished."""
    root = folder_of(engine).parent
    assert ids(engine) == [1, 2, 3]
    shutil.rmtree(root)
    other = WhooshEngine(root)
    other.rebuild([[make(9, "退款")]], "a")
    assert ids(engine) == [9]


def test_what_a_killed_build_left_goes_with_the_next_write(engine: WhooshEngine) -> None:
    ruins = folder_of(engine).parent / "generation-000007"
    ruins.mkdir()
    (ruins / "MAIN_x.000001.run").write_bytes(b"half")
    engine.write([make(4, "退款")])
    assert not ruins.exists()
