"""Vectors in the files of the index: which are looked at, and what becomes of a damaged table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kchat_search.engines.whoosh import meant as meant_module
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.engines.whoosh.generation_table import FILE
from kchat_search.engines.whoosh.meant import _nearest
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.errors import IndexDamaged
from kchat_search.meaning.codes import signs
from kchat_search.models.plan import Contains, Everything, IndexDocument, Meant, MeantHit, Plan
from tests.engines.documents import make
from tests.meaning.tables import random_table

CHARACTERS = "退款流程几天到账发票"
TABLE = random_table(CHARACTERS)
SIZE = 150


def document(chat_id: int, *said: str) -> IndexDocument:
    made = make(chat_id, *said, created=chat_id)
    return replace(made, openings=tuple(range(len(said))))


def meant(engine: WhooshEngine, text: str = "退款") -> tuple[MeantHit, ...]:
    return engine.search(Plan(Contains("没有"), meant=Meant(text, Everything(), 0.1))).meant


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    """Chats with none to three vectors, many of them equal."""
    random = np.random.default_rng(1)
    engine = WhooshEngine(tmp_path_factory.mktemp("index"), processes=1)
    said = [
        ["".join(random.choice(list(CHARACTERS), random.integers(1, 4))) for _ in range(n % 4)]
        for n in range(SIZE)
    ]
    engine.rebuild([[document(n, *texts) for n, texts in enumerate(said)]], "x", table=TABLE)
    with engine._reading() as segments:
        return segments[0]


@given(
    docs=st.sets(st.integers(0, SIZE - 1)) | st.just(set(range(SIZE))),
    picked=st.booleans(),
    text=st.text(st.sampled_from(CHARACTERS), min_size=1, max_size=3),
    sizes=st.tuples(st.sampled_from((1, 7, 40, 1_000)), st.sampled_from((1, 5, 90))),
)
def test_the_nearest_by_their_signs_are_found(
    segment: Segment, docs: set[int], picked: bool, text: str, sizes: tuple[int, int]
) -> None:
    """Whatever a sample of them says, and those of no other document."""
    many, sampled = sizes
    columns = segment.file.vectors
    allowed = np.array(sorted(docs), np.int64)
    rows = columns.rows(allowed)
    vector = TABLE.vectors([text])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(meant_module, "_NEAR", many)
        patch.setattr(meant_module, "_SAMPLED", sampled)
        found, how_far = _nearest(segment, allowed, rows if picked else None, vector)
    distances = np.bitwise_count(columns.codes(rows).signs ^ signs(vector)).sum(axis=1)
    farthest = sorted(distances)[:many][-1] if len(rows) else 0
    assert found.tolist() == rows[distances <= farthest].tolist()
    assert how_far.tolist() == distances[distances <= farthest].tolist()


def test_many_that_are_nearer_but_say_little_leave_room_for_what_scores_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meant_module, "_DECODED", 10)
    monkeypatch.setattr(meant_module, "_FEW", 10)
    engine = WhooshEngine(tmp_path, processes=1)
    short = [document(n, "退") for n in range(1, 60)]
    engine.rebuild([[*short, document(99, "退退退退退退款")]], "x", table=TABLE)
    plan = Plan(Contains("没有"), meant=Meant("退", Everything(), 0, limit=2))
    assert [each.hit.id for each in engine.search(plan).meant] == [99, 59]
    engine.close()


def test_a_cosine_is_the_same_in_any_company(segment: Segment) -> None:
    """So that it does not depend on the segment that a chat is in."""
    columns = segment.file.vectors
    vector = TABLE.vectors(["退款几天"])
    every = columns.cosines(np.arange(len(columns)), vector)[:, 0]
    for first, last in ((0, 1), (3, 4), (5, 22), (100, 117), (90, len(columns))):
        some = columns.cosines(np.arange(first, last), vector)[:, 0]
        assert (some == every[first:last]).all()


def test_an_index_that_has_grown_answers_as_one_that_was_built(tmp_path: Path) -> None:
    """The cosines too."""
    chats = [document(n, "退款", "几天到账"[: n % 4 + 1]) for n in range(1, 20)]
    engines = [WhooshEngine(tmp_path / name, processes=1) for name in ("whole", "grown")]
    engines[0].rebuild([chats], "x", table=TABLE)
    engines[1].rebuild([chats[:3], chats[3:5]], "x", table=TABLE)
    engines[1].write(chats[4:])
    assert meant(engines[0]) == meant(engines[1]) != ()
    for engine in engines:
        engine.close()


def _edit(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(Path.unlink, id="missing"),
        pytest.param(_edit(lambda content: content[:-9]), id="cut off"),
        pytest.param(_edit(lambda content: content[:-9] + bytes(9)), id="changed"),
        pytest.param(lambda path: random_table("退", seed=9).write(path), id="another"),
    ],
)
def test_with_a_damaged_table_all_but_meaning_goes_on(
    tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    WhooshEngine(tmp_path, processes=1).rebuild([[document(1, "退款")]], "x", table=TABLE)
    (file,) = tmp_path.glob(f"generation-*/{FILE}")
    harm(file)
    engine = WhooshEngine(tmp_path, processes=1)
    assert engine.search(Plan(Contains("退"))).total == 1
    assert meant(engine) == ()
    problem = engine.describe().table_problem
    assert problem is not None
    assert str(file) in problem
    assert "kchat-search reindex" in problem
    damage = engine.damage()
    assert damage is not None
    assert FILE in damage
    with pytest.raises(IndexDamaged, match=FILE):
        engine.write([document(2, "退款")])
    engine.write([], [1])  # what is erased goes away all the same
    assert dict(engine.id_revisions()) == {}
    engine.rebuild([[document(1, "退款")]], "x", table=TABLE)
    assert engine.describe().table_problem is engine.damage() is None
    assert [each.hit.id for each in meant(engine)] == [1]
    engine.close()
