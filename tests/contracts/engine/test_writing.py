"""Writing and rebuilding: what is visible when, and what a failure leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kchat_search.models.plan import Contains, Everything, IndexDocument, Plan
from kchat_search.models.reports import no_progress
from kchat_search.ports import Engine
from tests.contracts.engine.conftest import EngineUnderTest, build
from tests.engines.documents import make


def ids(engine: Engine) -> list[int]:
    """All chats of the index, oldest first."""
    return [hit.id for hit in engine.search(Plan(Everything(), sort="oldest")).hits]


def test_an_index_that_was_never_built_has_no_chats(
    engine_under_test: EngineUnderTest, tmp_path: Path
) -> None:
    engine = engine_under_test.open(tmp_path / "none")
    assert engine.search(Plan(Everything(), facets=("status",))).total == 0
    assert engine.describe().generation is None
    assert engine.describe().fingerprint is None
    assert engine.count(Contains("退款")) == 0
    assert dict(engine.id_revisions()) == {}
    assert engine.damage() is None
    assert not (tmp_path / "none").exists()


def test_another_process_sees_a_write_and_a_rebuild(
    engine_under_test: EngineUnderTest, tmp_path: Path
) -> None:
    writer, reader = engine_under_test.open(tmp_path), engine_under_test.open(tmp_path)
    build(writer, [[make(1, "退款")]], "a")
    assert ids(reader) == [1]
    writer.write([make(2, "退款")], [1])
    assert ids(reader) == [2]
    build(writer, [[make(3, "退款")]], "b")
    assert ids(reader) == [3]
    assert reader.describe().fingerprint == "b"
    writer.close()
    reader.close()


def test_the_name_of_the_form_and_the_size_of_a_batch_do_not_change(
    engine_under_test: EngineUnderTest, tmp_path: Path
) -> None:
    one, other = engine_under_test.open(tmp_path / "a"), engine_under_test.open(tmp_path / "b")
    build(one, [[make(1, "退款")]])
    assert one.schema == other.schema != ""
    assert one.batch_bytes == other.batch_bytes > 0
    one.close()


def test_of_a_chat_that_is_written_twice_the_last_stays(engine: Engine) -> None:
    build(engine, [[make(n, f"退款 {n}") for n in (1, 2, 3)]])
    engine.write([make(7, "退款", revision=1), make(7, "退款", revision=2)], [7])
    engine.write([make(2, "退款", revision=3)])
    assert list(engine.id_revisions()) == [(1, 1), (2, 3), (3, 1), (7, 2)]


def test_a_deleted_chat_is_nowhere(engine: Engine) -> None:
    engine.write([make(1, "退款", status="close"), make(2, "退款", status="open")])
    engine.write([], [1, 99])
    answer = engine.search(Plan(Contains("退款"), words=("退款",), facets=("status",)))
    assert [hit.id for hit in answer.hits] == [2]
    assert (answer.total, answer.documents) == (1, 1)
    assert answer.facets["status"] == (("open", 1),)
    assert engine.count(Contains("退款")) == 1
    assert list(engine.ids(Plan(Everything(), sort="newest"))) == [2]
    assert dict(engine.id_revisions()) == {2: 1}


@pytest.mark.parametrize("empty", [[], [[]], [[], [], []]])
def test_a_build_of_no_chats_is_an_empty_index(
    engine: Engine, empty: list[list[IndexDocument]]
) -> None:
    engine.write([make(5, "退款")])
    assert build(engine, empty, "new") == 0
    assert dict(engine.id_revisions()) == {}
    assert engine.search(Plan(Contains("退款"), facets=("status",))).total == 0
    engine.write([make(1, "退款")])
    assert dict(engine.id_revisions()) == {1: 1}


@pytest.mark.parametrize("low_memory", [False, True])
def test_a_rebuild_replaces_all_chats_and_reports_its_progress(
    engine: Engine, *, low_memory: bool
) -> None:
    engine.write([make(1, "old")])
    steps: list[tuple[str, int, int | None]] = []
    batches = [[make(2, "退款")], [make(3, "退款"), make(4, "退款")]]
    count = engine.rebuild(
        batches, "new", list, lambda *step: steps.append(step), low_memory=low_memory
    )
    assert count == engine.describe().documents == 3
    assert ids(engine) == [2, 3, 4]
    assert engine.describe().fingerprint == "new"
    assert [done for step, done, _ in steps if step == "index"] == [1, 3]


# -- failures ----------------------------------------------------------------------------------


def test_a_write_that_fails_changes_nothing(engine: Engine) -> None:
    engine.write([make(1, "退款")])
    broken = make(2, "x")
    object.__setattr__(broken, "words", (object(),))
    with pytest.raises((TypeError, ValueError, AttributeError)):
        engine.write([make(3, "y"), broken], [1])
    assert ids(engine) == [1]
    engine.write([make(4, "z")])  # the failed write holds no lock
    assert ids(engine) == [1, 4]


def breaking_batches() -> Iterator[Sequence[IndexDocument]]:
    yield [make(2, "x")]
    raise LookupError("no chat thirteen")


def refuse(batch: Sequence[IndexDocument]) -> Sequence[IndexDocument]:
    raise LookupError(f"no chat thirteen among {len(batch)}")


def test_what_a_rebuild_raises_reaches_the_caller_and_changes_nothing(engine: Engine) -> None:
    build(engine, [[make(1, "退款")]], "old")
    with pytest.raises(LookupError, match="no chat thirteen"):
        build(engine, breaking_batches(), "new")
    with pytest.raises(LookupError, match="no chat thirteen"):
        engine.rebuild([[make(2, "x")]], "new", refuse, no_progress)
    assert engine.describe().fingerprint == "old"
    assert ids(engine) == [1]
    build(engine, [[make(2, "x"), make(3, "x")]], "new")
    assert ids(engine) == [2, 3]


def test_a_rebuild_that_is_interrupted_leaves_the_present_index_answering(engine: Engine) -> None:
    def interrupted() -> Iterator[list[IndexDocument]]:
        yield [make(2, "x")]
        raise KeyboardInterrupt

    build(engine, [[make(1, "退款")]], "old")
    with pytest.raises(KeyboardInterrupt):
        build(engine, interrupted(), "new")
    assert engine.describe().fingerprint == "old"
    assert ids(engine) == [1]
