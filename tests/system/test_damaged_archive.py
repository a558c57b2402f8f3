"""Flips and edits of an archive: any that changes an answer is named, and none ends the program.

Everything that can be asked is asked of the damaged archive and compared with the answers of the
sound one. What changes nothing (a bit in the free part of a page) may pass in silence.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.damaged import Target, edit, flip, problem

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    return Target(tmp_path_factory.mktemp("damaged"))


@pytest.mark.parametrize(("damage", "times", "at_least"), [(flip, 200, 80), (edit, 50, 40)])
def test_damage_that_changes_an_answer_is_named(
    target: Target,
    damage: Callable[[Path, random.Random], str],
    times: int,
    at_least: int,
) -> None:
    wrong: list[str] = []
    named = 0
    for seed in range(times):
        file = target.copy()
        what = damage(file, random.Random(seed))
        outcome = target.outcome(file)
        named += outcome.named
        if (why := problem(target, outcome)) is not None:
            wrong.append(f"seed {seed}, {what}: {why}")
    assert not wrong, "\n".join(wrong)
    assert named >= at_least  # else the damage did not reach what is asked
