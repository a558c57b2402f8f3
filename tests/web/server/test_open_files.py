"""How many connections the process may have."""

from __future__ import annotations

import select

import pytest

from kchat_search.web.server import open_files

resource = pytest.importorskip("resource", reason="Windows has no such limit")


@pytest.mark.parametrize(
    ("soft", "hard", "allowed", "raised"),
    [
        (20_000, 20_000, 1_000, None),
        (2_000, 2_000, 1_000, None),
        (256, 20_000, 1_000, 2_000),
        (256, 512, 256, 512),
        (256, 256, 128, 256),
        (256, resource.RLIM_INFINITY, 1_000, 2_000),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 1_000, None),
        (1, 1, 1, 1),
    ],
)
def test_connections_get_half_of_the_files_and_the_limit_is_raised(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, allowed: int, raised: int | None
) -> None:
    changed: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: changed.append(limits))
    assert open_files.connections_allowed(1_000) == allowed
    assert changed == ([] if raised is None else [(raised, hard)])


def test_a_limit_that_can_not_be_raised_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int, limits: tuple[int, int]) -> None:
        raise ValueError(limits)

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert open_files.connections_allowed(1_000) == 128


def test_where_the_system_has_select_alone_there_are_fewer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(select, "poll", raising=False)
    monkeypatch.setattr(open_files, "resource", None)
    assert open_files.connections_allowed(1_000) == 400
