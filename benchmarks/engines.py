"""Measures all engines over the same chats, each step in a new process. Prints Markdown.

    python -m benchmarks.engines --chats 100000 [--only ours,fts5] [--json FILE]
    OPENSEARCH_HOSTS=http://127.0.0.1:9200 python -m benchmarks.engines --only ours,opensearch
    python -m benchmarks.engines --only ours,opensearch-1,opensearch-3

`opensearch` is our own engine over the servers that `OPENSEARCH_HOSTS` names; `opensearch-3` starts
three servers on this machine, as the tests do (see `cluster`).
The usual recipe builds some 200 chats a second, so it gets only `--whoosh-chats` of them; the table
says so. With `--folder`, the indexes stay there, and the next run uses the archive that is there.
Remove `DIR/<engine>` to make it again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import cluster, measure, queries, rivals, tables
from benchmarks.measure import say
from kchat_search.text.segmentation import Segmenter

ENGINES = ("ours", *rivals.PLACES)
_WHOOSH_CHATS = 20_000
_EXTRAS = {"tantivy": "tantivy"}
_PACKAGES = ("whoosh3", "jieba", "rjieba", "numpy", "tantivy")


def main() -> None:
    """The command."""
    chosen = _arguments()
    for name in chosen.only:
        needs(_EXTRAS.get(name))
    if chosen.folder is None:
        with TemporaryDirectory(prefix="kchat-benchmark-") as folder:
            _run(chosen, Path(folder))
    else:
        chosen.folder.mkdir(parents=True, exist_ok=True)
        _run(chosen, chosen.folder.resolve())


def needs(package: str | None) -> None:
    """Ends the command with one line if an optional package is missing."""
    if package is not None and find_spec(package) is None:
        raise SystemExit(f"This needs {package}: pip install -e '.[bench]'")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.engines",
        description="Build and search the same chats with every engine.",
    )
    parser.add_argument("--chats", type=int, default=100_000)
    parser.add_argument(
        "--only", type=names_among(*ENGINES), default=ENGINES, metavar="NAMES",
        help=",".join(ENGINES),
    )  # fmt: skip
    parser.add_argument(
        "--whoosh-chats", type=int, help=f"for the usual recipe; else at most {_WHOOSH_CHATS:,}"
    )
    parser.add_argument("--ticks", type=int, default=0, help="then simulate so many ticks of ten")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="build there, and keep it")
    parser.add_argument(
        "--against", type=Path, metavar="FILE", help="figures of fewer chats, for linearity"
    )
    return parser.parse_args()


def names_among(*known: str) -> Callable[[str], tuple[str, ...]]:
    """Reads some of these names, divided by commas; and those of ours over servers."""

    def read(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if unknown := {n for n in names if n not in known and not cluster.is_cluster(n)}:
            raise argparse.ArgumentTypeError(f"there is no {', '.join(sorted(unknown))}")
        return names

    return read


def _run(chosen: argparse.Namespace, folder: Path) -> None:
    bench = Bench(chosen.chats, folder)
    bench.prepare()
    figures: dict[str, Any] = {"chats": chosen.chats, "machine": machine(), "engines": {}}

    def keep() -> None:
        if chosen.json:
            chosen.json.write_text(json.dumps(tables.without_runs(figures), indent=1), "utf-8")

    for name in chosen.only:
        count = chosen.chats
        if name == "whoosh":
            count = min(chosen.whoosh_chats or _WHOOSH_CHATS, count)
        try:
            figures["engines"][name] = bench.contender(name, count)
        except subprocess.CalledProcessError as error:
            say(f"{name} failed ({error}); the others go on.")
        keep()  # a long run that is stopped keeps the figures so far
    if chosen.ticks and "ours" in figures["engines"]:
        try:
            figures["growth"] = bench.growth(chosen.ticks)
        except subprocess.CalledProcessError as error:
            say(f"The ticks failed: {error}.")
    against = json.loads(chosen.against.read_text("utf-8")) if chosen.against else None
    figures["targets"] = tables.targets(figures, against)
    keep()
    print(tables.markdown(figures))  # noqa: T201  # a command's answer


def machine() -> dict[str, Any]:
    """The machine, Python and packages that gave the figures."""
    models = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        if line.startswith("model name")
    ]
    packages = {name: version(name) for name in _PACKAGES if _installed(name)}
    return {
        "cores": os.cpu_count(),
        "processor": models[0] if models else platform.machine(),
        "python": platform.python_version(),
        "packages": packages,
    }


def _installed(name: str) -> bool:
    try:
        return bool(version(name))
    except ModuleNotFoundError:  # PackageNotFoundError is one
        return False


@dataclass(frozen=True)
class Bench:
    """Runs the steps of each engine, below one folder."""

    chats: int
    folder: Path

    @property
    def _queries(self) -> Path:
        return self.folder / "queries.json"

    def prepare(self) -> None:
        """Draw the queries."""
        segmenter = Segmenter()
        segmenter.load()
        say(f"Drawing queries for {self.chats:,} chats")
        queries.save(queries.draw(self.chats, segmenter), self._queries)

    def contender(self, name: str, count: int) -> dict[str, Any]:
        """All figures of one engine over `count` chats."""
        found: dict[str, Any] = {}
        if cluster.is_cluster(name):
            return self._on_servers(name, count)
        if name == "ours":
            found["fill"] = self._step("fill", name, count)
            say(f"ours: archived at {found['fill']['rate']:,.0f} chats/s")
        else:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        found["build"] = self._step("build", name, count)
        say(f"{name}: built at {found['build']['rate']:,.0f} chats/s")
        found["ask"] = self._step("ask", name, count)
        if name == "ours":
            found["tick"] = self._step("tick", name, count)
        return found

    def _on_servers(self, name: str, count: int) -> dict[str, Any]:
        """The same over servers, and the archive of ours."""
        place = self.folder / "ours"
        if not (place / "archive.sqlite3").exists():
            raise SystemExit(f"{name} needs the archive of ours: --only ours,{name}")
        found: dict[str, Any] = {}
        with cluster.servers(name) as pids:
            for step in ("build", "ask", "tick"):
                found[step] = self._step(step, name, count, place)
                found[step]["servers"] = cluster.memory(pids)
        return found

    def growth(self, ticks: int) -> dict[str, Any]:
        """Ticks on a copy of ours, half of their chats new; then a fresh build of the same."""
        count, name = self.chats, "grown"
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for part in (self.folder / "ours").iterdir():
            copy: Callable[..., Any] = shutil.copytree if part.is_dir() else shutil.copy2
            copy(part, place / part.name)
        self._step("build", "ours", count, place)  # the ticks begin on a fresh index
        found = {
            "ticked": self._step("tick", "ours", count, place, "--ticks", str(ticks), "--new", "5"),
            "asked_grown": self._step("ask", "ours", count, place),
            "build": self._step("build", "ours", count, place),
            "asked_fresh": self._step("ask", "ours", count, place),
        }
        shutil.rmtree(place)
        return found

    def _step(
        self, step: str, name: str, count: int, place: Path | None = None, *more: str
    ) -> dict[str, Any]:
        say(f"{name}: {step}, {count:,} chats")
        out = self.folder / "step.json"
        place = place or self.folder / name
        command = [sys.executable, "-m", "benchmarks.step", step, name]
        command += [str(place), str(count), str(out), "--queries", str(self._queries), *more]
        peak = measure.watched(command)
        found: dict[str, Any] = json.loads(out.read_text("utf-8"))
        return {**found, "peak": asdict(peak)}


if __name__ == "__main__":
    main()
