"""Draws how the figures grow with the number of chats.

    python -m benchmarks.plot results-10000.json results-100000.json results-1000000.json \\
        --out docs/pictures/growth.svg

Both axes are logarithmic, so linear growth is a straight line. Memory includes the mapped pages of
the index. SQLite reads into a small cache of its own, so its pages belong to the system and are not
included. A rival's searches are of the kinds that it can answer.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.engines import needs

_WHOLE = "the whole set"
_STYLES = {
    "ours": ("kchat-search", "#c2410c", "o", "-"),
    "whoosh": ("Whoosh, usual recipe", "#6b7280", "s", "--"),
    "fts5": ("FTS5, jieba words (no strings)", "#1d4ed8", "^", "--"),
    "trigram": ("FTS5, trigram (strings alone)", "#0e7490", "v", "--"),
    "tantivy": ("bare Tantivy", "#15803d", "D", "--"),
}
"""(label, colour, marker, line) by engine."""

Engine = dict[str, Any]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.plot", description="Growth with the number of chats."
    )
    parser.add_argument("results", type=Path, nargs="+", help="what engines --json wrote")
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/growth.svg"))
    chosen = parser.parse_args()
    needs("matplotlib")
    results = [json.loads(path.read_text("utf-8")) for path in chosen.results]
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    _draw(results, chosen.out)


def _draw(results: Sequence[dict[str, Any]], out: Path) -> None:
    matplotlib: Any = import_module("matplotlib")  # by name, so that mypy runs without it
    matplotlib.use("Agg")
    # The same figures give the same file.
    matplotlib.rcParams.update({"svg.hashsalt": "kchat-search", "font.size": 10})
    pyplot: Any = import_module("matplotlib.pyplot")
    figure, axes = pyplot.subplots(2, 2, figsize=(9.6, 7.2), facecolor="white")
    panels: list[tuple[str, str, Callable[[str, Engine], float]]] = [
        ("search, p95 over the query set", "milliseconds", _search),
        ("build", "seconds", lambda _, each: float(each["build"]["seconds"])),
        ("index", "megabytes", lambda _, each: each["build"]["bytes"] / 1e6),
        ("memory while serving", "megabytes", lambda _, each: each["ask"]["memory"]["pss"] / 1e6),
    ]
    for place, (title, unit, value) in zip(axes.flat, panels, strict=True):
        _panel(place, results, value)
        place.set_title(title, fontweight="bold")
        place.set_ylabel(unit)
        place.set_xlabel("chats")
    _ours_alone(axes.flat[0], results, "engine", "its engine alone", ":")
    _ours_alone(axes.flat[3], results, "building", "while building", ":")
    _legend(figure, axes.flat)
    figure.tight_layout(rect=(0, 0.09, 1, 1))
    figure.savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None)


def _panel(
    place: Any, results: Iterable[dict[str, Any]], value: Callable[[str, Engine], float]
) -> None:
    points: dict[str, list[tuple[float, float]]] = {name: [] for name in _STYLES}
    for result in results:
        for name, each in result["engines"].items():
            points[name].append((each["build"]["chats"], value(name, each)))
    for name, found in points.items():
        label, colour, marker, line = _STYLES[name]
        if found:
            # The recipe may have had the same number of chats in several runs.
            xs, ys = zip(*sorted(dict(found).items()), strict=True)
            width = 2.4 if name == "ours" else 1.4
            place.plot(
                xs, ys, color=colour, marker=marker, linestyle=line, linewidth=width, label=label
            )
    _axes(place, results)


def _axes(place: Any, results: Iterable[dict[str, Any]]) -> None:
    ticker: Any = import_module("matplotlib.ticker")
    place.set_xscale("log")
    place.set_yscale("log")
    place.set_xticks(sorted({result["chats"] for result in results}))
    for axis in (place.xaxis, place.yaxis):
        axis.set_major_formatter(ticker.FuncFormatter(lambda number, _: f"{number:,g}"))
        axis.set_minor_formatter(ticker.NullFormatter())
    place.xaxis.set_major_formatter(ticker.FuncFormatter(lambda number, _: f"{number:,.0f}"))
    place.grid(visible=True, which="major", color="#d1d5db", linewidth=0.8)
    place.set_axisbelow(True)
    for side in ("top", "right"):
        place.spines[side].set_visible(False)


def _search(name: str, each: Engine) -> float:
    """Milliseconds. Ours is the whole service, JSON included."""
    column = "service" if name == "ours" else name
    return float(each["ask"]["warm"][column][_WHOLE]["p95"]) * 1000


def _ours_alone(
    place: Any, results: Iterable[dict[str, Any]], what: str, label: str, line: str
) -> None:
    found = []
    for result in results:
        if each := result["engines"].get("ours"):
            building = each["build"]["peak"]["pss"] / 1e6
            searching = each["ask"]["warm"]["engine"][_WHOLE]["p95"] * 1000
            found.append((result["chats"], building if what == "building" else searching))
    if found:
        xs, ys = zip(*sorted(found), strict=True)
        _, colour, marker, _ = _STYLES["ours"]
        place.plot(
            xs, ys, color=colour, marker=marker, linestyle=line, markersize=4, linewidth=1.4,
            label=f"kchat-search, {label}",
        )  # fmt: skip


def _legend(figure: Any, places: Iterable[Any]) -> None:
    found: dict[str, Any] = {}
    for place in places:
        for handle, label in zip(*place.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    figure.legend(
        found.values(), found.keys(), loc="lower center", ncols=4, frameon=False, fontsize=9
    )


if __name__ == "__main__":
    main()
