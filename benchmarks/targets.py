"""The targets of section 12 of the design, compared with the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.measure import quantile

Figures = Mapping[str, Any]

SMALL = 100_000
"""Up to this number of chats, the first column of section 12 applies; above it, the second."""


@dataclass(frozen=True, slots=True)
class Limits:
    """A column of section 12. Times are seconds, memory is bytes."""

    p95: float
    first: float
    building: float
    serving: float
    found: float


LIMITS = (
    Limits(p95=0.015, first=0.100, building=1e9, serving=0.5e9, found=1.0),
    Limits(p95=0.060, first=0.300, building=2e9, serving=1.5e9, found=2.0),
)
TEXT_SHARE, OWN_SHARE, COMMIT = 1.5, 0.003, 0.100
RECIPE_BUILD, FTS5_SEARCH, TANTIVY_SEARCH, LINEAR, GROWN = 10, 0.2, 5, 0.9, 1.5


@dataclass(frozen=True, slots=True)
class Target:
    """A target and what was measured. `reached` is None if it could not be measured."""

    name: str
    wanted: str
    measured: str
    reached: bool | None


def targets(figures: Figures, against: Figures | None = None) -> list[dict[str, Any]]:
    """All targets that this run can answer. `against` has the figures of fewer chats."""
    ours = figures["engines"].get("ours")
    if ours is None:
        return []
    limits = LIMITS[figures["chats"] > SMALL]
    found = [*_alone(ours, limits), *_beside(figures["engines"])]
    if figures["chats"] > SMALL and against is not None:
        rate, before = ours["build"]["rate"], against["engines"]["ours"]["build"]["rate"]
        name = f"build, against {against['chats']:,} chats"
        found.append(_least(name, LINEAR, rate / before, "× the rate"))
    if "growth" in figures:
        found += _grown(figures["growth"])
    return [asdict(target) for target in found]


def _alone(ours: Mapping[str, Any], limits: Limits) -> list[Target]:
    build, ask, tick = ours["build"], ours["ask"], ours["tick"]["times"]
    p95 = {column: _p95(ask, column) for column in ("service", "share")}
    first = ask["first_seconds"]["service"]
    return [
        _most("search, p95 over the set, through the service", limits.p95, p95["service"]),
        _most("first search after start", limits.first, first),
        _most("the service's own share, p95", OWN_SHARE, p95["share"]),
        _most("memory, building", limits.building, build["peak"]["pss"], "MB"),
        _most("memory, serving", limits.serving, ask["memory"]["pss"], "MB"),
        _most("index", TEXT_SHARE, build["bytes"] / build["text_bytes"], "× the text"),
        _most("a tick of ten commits, median", COMMIT, quantile(tick["commit"], 0.5)),
        _most(
            "changed chats are found after the tick, p95",
            limits.found,
            quantile(tick["found"], 0.95),
        ),
    ]


def _beside(engines: Mapping[str, Any]) -> list[Target]:
    build, ask = engines["ours"]["build"], engines["ours"]["ask"]
    found = []
    wanted = {
        "whoosh": (RECIPE_BUILD, None),
        "fts5": (1.0, FTS5_SEARCH),
        "trigram": (1.0, FTS5_SEARCH),
        "tantivy": (None, TANTIVY_SEARCH),
    }
    for name, (faster, slower) in wanted.items():
        if name not in engines:
            continue
        if faster is not None:
            ratio = build["rate"] / engines[name]["build"]["rate"]
            found.append(_least(f"build, against {name}", faster, ratio, "× its rate"))
        if slower is not None:
            theirs = engines[name]["ask"]
            kinds = list(theirs["warm"][name])
            for column in ("service", "engine"):
                ratio = _p95(ask, column, kinds) / _p95(theirs, name, kinds)
                label = f"search, {column}, against {name}, p95 of the kinds it answers"
                target = _most(label, slower, ratio, "× its time")
                found.append(target)
    return found


def _grown(growth: Mapping[str, Any]) -> list[Target]:
    size = growth["ticked"]["bytes"] / growth["build"]["bytes"]
    now, was = (_p95(growth[name], "service") for name in ("asked_grown", "asked_fresh"))
    ticks = f"after {growth['ticked']['ticks']:,} ticks"
    return [
        _most(f"index, {ticks}", GROWN, size, "× a fresh one"),
        _most(f"search, p95, {ticks}", GROWN, now / was, "× a fresh one's"),
    ]


def _p95(ask: Mapping[str, Any], column: str, kinds: Sequence[str] | None = None) -> float:
    by_kind = ask["warm"][column]
    chosen = by_kind if kinds is None else kinds
    return quantile([s for kind in chosen for runs in by_kind[kind] for s in runs], 0.95)


def _most(name: str, limit: float, value: float, unit: str = "ms") -> Target:
    return Target(name, f"at most {_shown(limit, unit)}", _shown(value, unit), value <= limit)


def _least(name: str, limit: float, value: float, unit: str) -> Target:
    return Target(name, f"at least {_shown(limit, unit)}", _shown(value, unit), value >= limit)


def _shown(value: float, unit: str) -> str:
    scaled = value * 1000 if unit == "ms" else value / 1e6 if unit == "MB" else value
    return f"{scaled:,.0f} {unit}" if scaled >= 100 else f"{scaled:.3g} {unit}"
