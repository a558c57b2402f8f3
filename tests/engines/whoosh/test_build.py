"""Builds: any number of batches, processes and files makes one segment, and every failure can be
repaired by building again."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from kchat_search.engines.whoosh import engine as engine_module
from kchat_search.engines.whoosh.array_file import ArrayFile
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.engines.whoosh.schema import TERM_FIELDS
from kchat_search.errors import IndexUnwritable
from kchat_search.models.plan import AllOf, Contains, Everything, HasWord, Plan
from tests.engines.builders import chats, die, refuse
from tests.engines.documents import make
from tests.oracle import matches

ROOT = Path(__file__).parents[3]
NUMBERS = [7, 3, 90, *range(100, 145), 1]
"""Not ascending, because the documents must stay in the order of the batches."""
ASKED = (
    Everything(),
    Contains("退款"),
    Contains("7919"),
    AllOf((HasWord("refund"), Contains("订单 1"))),
    HasWord("ple", prefix=True),
)


def batches(size: int) -> list[tuple[int, ...]]:
    return [tuple(NUMBERS[n : n + size]) for n in range(0, len(NUMBERS), size)]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[WhooshEngine]:
    """An engine with two processes and one chat in its present generation."""
    made = WhooshEngine(tmp_path / "index", processes=2)
    made.rebuild([[make(5, "退款")]], "old")
    yield made
    made.close()


def check_present(engine: WhooshEngine) -> None:
    """The old generation still answers, and no process is left."""
    assert engine.describe().fingerprint == "old"
    assert dict(engine.id_revisions()) == {5: 1}
    assert multiprocessing.active_children() == []


def check_built(engine: WhooshEngine) -> None:
    """All chats are there, in their order, and only the files of the segment are left."""
    made = chats(NUMBERS)
    assert [chat_id for chat_id, _ in engine.id_revisions()] == sorted(NUMBERS)
    with engine._reading() as (segment,):
        assert segment.ids.tolist() == NUMBERS
    for node in ASKED:
        hits = engine.search(Plan(node, limit=100)).hits
        assert {hit.id for hit in hits} == {d.id for d in made if matches(d, node)}
    assert engine.damage() is None
    folder = arrays_of(engine).path.parent
    assert {path.suffix for path in folder.iterdir()} <= {".arrays", ".json", ".lock"}
    assert len(list(engine._generations.root.glob("generation-*"))) == 1
    assert multiprocessing.active_children() == []


def arrays_of(engine: WhooshEngine) -> ArrayFile:
    (path,) = engine._generations.root.glob("generation-*/*.arrays")
    return ArrayFile(path)


def check_same(engine: WhooshEngine, other: WhooshEngine) -> None:
    """The segments of both have the same arrays, byte for byte."""
    one, two = arrays_of(engine), arrays_of(other)
    assert one.keys() == two.keys()
    for name, array in one.items():
        assert one.kind(name) == two.kind(name)
        assert array.tobytes() == two[name].tobytes(), name


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[WhooshEngine]:
    """An engine that built all chats in one batch, in this process."""
    made = WhooshEngine(tmp_path / "plain", processes=1)
    made.rebuild([NUMBERS], "new", chats)
    check_built(made)
    yield made
    made.close()


@pytest.mark.slow
def test_two_processes_build_what_one_does(engine: WhooshEngine, plain: WhooshEngine) -> None:
    seen: list[tuple[str, int, int | None]] = []
    built = engine.rebuild(batches(7), "new", chats, lambda *said: seen.append(said))
    assert built == len(NUMBERS)
    check_built(engine)
    check_same(engine, plain)
    done = [*range(7, len(NUMBERS), 7), len(NUMBERS)]
    assert seen[:7] == [("index", count, None) for count in done]
    assert seen[7:] == [("merge", n, 3) for n in range(3)]


@pytest.mark.parametrize("size", [1, 7, 25, 100])
def test_any_number_of_batches_makes_one_segment(
    tmp_path: Path, plain: WhooshEngine, size: int
) -> None:
    engine = WhooshEngine(tmp_path / "index", processes=1)
    seen: list[tuple[str, int, int | None]] = []
    assert engine.rebuild(batches(size), "new", chats, lambda *said: seen.append(said)) == 49
    check_built(engine)
    check_same(engine, plain)
    assert [said for said in seen if said[0] == "index"] == [
        ("index", min(size * n, 49), None) for n in range(1, len(batches(size)) + 1)
    ]
    assert seen[-1] == ("merge", len(TERM_FIELDS), len(TERM_FIELDS) + 1)
    engine.close()


@pytest.mark.parametrize("size", [25, 17, 13, 10, 8, 4, 1])
def test_more_files_than_may_be_open_are_merged_in_groups(
    tmp_path: Path, plain: WhooshEngine, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(engine_module, "_LOW_MEMORY_INPUTS", 3)
    engine = WhooshEngine(tmp_path / "index", processes=2)
    assert engine.rebuild(batches(size), "new", chats, low_memory=True) == len(NUMBERS)
    check_built(engine)
    check_same(engine, plain)
    engine.close()


@pytest.mark.slow
def test_more_files_than_may_be_open_are_merged_after_other_processes_made_them(
    engine: WhooshEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "MAX_MERGE_INPUTS", 3)
    assert engine.rebuild(batches(8), "new", chats) == len(NUMBERS)
    check_built(engine)


def test_an_empty_batch_among_others_changes_nothing(tmp_path: Path, plain: WhooshEngine) -> None:
    engine = WhooshEngine(tmp_path / "index", processes=1)
    assert engine.rebuild([[], NUMBERS[:9], [], NUMBERS[9:], []], "new", chats) == len(NUMBERS)
    check_built(engine)
    check_same(engine, plain)
    engine.close()


# -- what goes wrong ---------------------------------------------------------------------------


def breaking() -> Iterator[Sequence[int]]:
    yield from batches(9)[:3]
    raise LookupError("no chat thirteen")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("read", "documents"),
    [(lambda: [*batches(9), [13], [14]], refuse), (breaking, chats)],
    ids=["in a process", "while batches are read"],
)
def test_what_a_build_raises_reaches_the_caller(
    engine: WhooshEngine,
    read: Callable[[], Iterator[Sequence[int]]],
    documents: Callable[[Sequence[int]], list[object]],
) -> None:
    with pytest.raises(LookupError, match="no chat thirteen"):
        engine.rebuild(read(), "new", documents)  # type: ignore[arg-type]
    check_present(engine)


@pytest.mark.slow
def test_a_killed_process_is_reported_and_the_next_build_is_whole(engine: WhooshEngine) -> None:
    with pytest.raises(IndexUnwritable, match="KCHAT_INDEX_PROCESSES=1") as raised:
        engine.rebuild([*batches(9), [13], [14]], "new", die)
    assert raised.value.retry
    check_present(engine)
    engine.processes = 1
    engine.rebuild(batches(9), "new", chats)
    check_built(engine)


BUILDER = """
import sys
from pathlib import Path
from kchat_search.engines.whoosh.engine import WhooshEngine
from tests.engines.builders import hang

WhooshEngine(Path(sys.argv[1]), processes=2).rebuild([[n] for n in range(9)], "new", hang)
"""


@pytest.mark.slow
def test_a_builder_that_is_killed_leaves_no_process_and_no_trace_after_the_next_build(
    engine: WhooshEngine,
) -> None:
    root = engine._generations.root
    builder = subprocess.Popen(
        [sys.executable, "-c", BUILDER, root], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert builder.stdout is not None
    workers = []
    try:
        workers = [int(builder.stdout.readline()) for _ in range(2)]
        builder.send_signal(signal.SIGKILL)
        # This ends only when all processes that could write to the pipe are gone, workers included.
        rest, _ = builder.communicate(timeout=60)
    finally:
        builder.kill()
        builder.wait()
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
    assert rest == b""
    check_present(engine)
    assert len(list(root.glob("generation-*"))) == 2
    engine.processes = 1
    engine.rebuild(batches(9), "new", chats)
    check_built(engine)
