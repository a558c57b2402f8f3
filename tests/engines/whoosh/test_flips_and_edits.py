"""Changed bits and changed files: what changes an answer is named, and nothing crashes."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kchat_search.engines.whoosh.array_file import ArrayFile
from kchat_search.engines.whoosh.contents import FILE
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.engines.whoosh.segment_file import EXTENSION
from kchat_search.errors import IndexDamaged
from tests.engines.whoosh.edits import VALUE_EDITS, every
from tests.engines.whoosh.hostile import answered, answers, document, make_index, named

SEED = 12
ARRAYS, FILES = 100, 20
"""So many bits are flipped: one in each of so many arrays, and in files wherever they are."""
PARTS = 4
EDITS = 50
EVERY = dict(every())
"""All edits. So many of them are tried here; all of them were tried by hand."""


class Made(NamedTuple):
    """An index that is not touched, and what it answers."""

    folder: Path
    held: dict[int, int]
    answers: list[Any]

    def copy(self, name: str) -> Path:
        """A copy to attack."""
        return Path(shutil.copytree(self.folder, self.folder.with_name(name)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("attacked") / "index"
    held = make_index(folder)
    engine = WhooshEngine(folder, processes=1)
    made = Made(folder, held, answers(engine))
    assert engine.damage() is None
    engine.close()
    assert answered(WhooshEngine(folder)) == made.answers
    assert not named(folder, held)
    return made


def files(folder: Path) -> list[Path]:
    """Everything that an index reads, in a fixed order: CURRENT, the table of contents, the
    segments by size."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return sorted(found, key=lambda path: (path.stat().st_size, path.name == FILE))


def check(made: Made, attacked: Path, attack: Callable[[], object], *, forged: bool = False) -> str:
    """Attack a copy, beside an engine that has it open; what became of it. `forged`: all checksums
    are right, so a wrong answer can't be named."""
    warm, cold = WhooshEngine(attacked, processes=1), WhooshEngine(attacked, processes=1)
    warm.describe()
    what = attack()
    found = answered(cold)
    if found != made.answers:
        answered(warm)  # it may still answer from what it has open
    if found != made.answers and not forged:
        assert named(attacked, made.held), f"{what} changed an answer, and verify was content"
    with suppress(IndexDamaged):
        cold.write([document(7, 9)], [1])
    cold.rebuild([[document(n, r) for n, r in made.held.items()]], "made")
    assert not named(attacked, made.held), f"{what} was not mended by a new build"
    warm.close()
    cold.close()
    shutil.rmtree(attacked)
    return "refused" if found is None else "the same" if found == made.answers else "another"


def flip(folder: Path, name: str | None, rnd: random.Random) -> str:
    """Flip one bit, in place: in this array of a segment, or in some file. Where it was."""
    if name is None:
        path = rnd.choice(files(folder))
        place = rnd.randrange(path.stat().st_size)
    else:
        path, arrays = rnd.choice(with_array(folder, name))
        place = arrays.offset(name) + rnd.randrange(arrays[name].nbytes)
    bit = rnd.randrange(8)
    change(path, place, 1 << bit)
    return f"bit {bit} of byte {place} of {path.name} {name or ''}"


def with_array(folder: Path, name: str) -> list[tuple[Path, ArrayFile]]:
    """The segments that have something in this array."""
    segments = [(path, ArrayFile(path)) for path in files(folder) if path.suffix == EXTENSION]
    return [(path, arrays) for path, arrays in segments if name in arrays and arrays[name].nbytes]


def array_names(folder: Path) -> list[str]:
    """The arrays of all segments by name, in a fixed order that follows no rule."""
    segments = [ArrayFile(path) for path in files(folder) if path.suffix == EXTENSION]
    names = {name for arrays in segments for name, array in arrays.items() if array.nbytes}
    return random.Random(SEED).sample(sorted(names), len(names))


def change(path: Path, place: int, bits: int) -> None:
    """Change some bits of one byte, in place."""
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ bits]))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_flipped_bit_that_changes_an_answer_is_named_and_none_crashes(
    made: Made, part: int
) -> None:
    rnd = random.Random(part)
    of_arrays = array_names(made.folder)[:ARRAYS]
    became = set()
    for number, name in enumerate([*of_arrays[part::PARTS], *[None] * (FILES // PARTS)]):
        attacked = made.copy(f"flip {part} {number}")
        became.add(
            check(made, attacked, lambda at=attacked, name=name: flip(at, name, rnd))  # type: ignore[misc]
        )
    assert became == {"refused", "the same", "another"}


@pytest.mark.slow
@pytest.mark.parametrize("what", random.Random(SEED).sample(sorted(EVERY), EDITS))
def test_every_edit_that_changes_an_answer_is_named_and_none_crashes(made: Made, what: str) -> None:
    attacked = made.copy("edited")

    def attack() -> str:
        EVERY[what](attacked)
        return what

    check(made, attacked, attack)


@pytest.mark.slow
@pytest.mark.parametrize("what", random.Random(SEED).sample(sorted(VALUE_EDITS), 20))
def test_arrays_that_no_writer_wrote_under_right_checksums_crash_nothing(
    made: Made, what: str
) -> None:
    attacked = made.copy("forged")
    check(made, attacked, lambda: VALUE_EDITS[what](attacked), forged=True)
